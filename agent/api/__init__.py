from .certificates import Certificate
from .conversations import Conversations, OneConversation
from .exports import ExportFile, WorkspaceExport
from .runs import Ask, OneRun, RunEvents, RunFeedback, StopRun
from .workspace import OneWorkspace, RestoreWorkspace

__all__ = [
    "Ask",
    "Certificate",
    "Conversations",
    "ExportFile",
    "OneConversation",
    "OneRun",
    "OneWorkspace",
    "RestoreWorkspace",
    "RunEvents",
    "RunFeedback",
    "StopRun",
    "WorkspaceExport",
]
