from .index import Chunk, Page, Source
from .runs import Conversation, Run, Step
from .sync import SyncRun

__all__ = ["Chunk", "Conversation", "Page", "Run", "Source", "Step", "SyncRun"]
