from .changes import Change
from .index import Chunk, Page, Source
from .runs import Conversation, Run, Step
from .sync import SyncRun

__all__ = ["Change", "Chunk", "Conversation", "Page", "Run", "Source", "Step", "SyncRun"]
