from .changes import Change
from .ended import Disconnection
from .index import Chunk, Page, Source
from .runs import Conversation, Run, Step
from .sync import SyncRun

__all__ = ["Change", "Chunk", "Conversation", "Disconnection", "Page", "Run", "Source", "Step", "SyncRun"]
