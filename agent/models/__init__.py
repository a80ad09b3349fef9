from .changes import Change
from .ended import Disconnection
from .exports import Export, ExportPart
from .index import Chunk, Loss, Page, Source
from .proposals import Proposal
from .runs import Conversation, Run, Step
from .sync import SyncRun

__all__ = [
    "Change",
    "Chunk",
    "Conversation",
    "Disconnection",
    "Export",
    "ExportPart",
    "Loss",
    "Page",
    "Proposal",
    "Run",
    "Source",
    "Step",
    "SyncRun",
]
