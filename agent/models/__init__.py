from .changes import Change
from .ended import Disconnection
from .exports import Export, ExportPart
from .index import Chunk, Page, Source
from .runs import Conversation, Run, Step
from .sync import SyncRun

__all__ = [
    "Change",
    "Chunk",
    "Conversation",
    "Disconnection",
    "Export",
    "ExportPart",
    "Page",
    "Run",
    "Source",
    "Step",
    "SyncRun",
]
