from .conversations import Conversations, OneConversation
from .exports import ExportFile, WorkspaceExport
from .proposals import Approve, Edit, OneProposal, Reject, Undo
from .runs import Ask, OneRun, RunEvents, RunFeedback, StopRun
from .workspace import OneWorkspace

__all__ = [
    "Approve",
    "Ask",
    "Conversations",
    "Edit",
    "ExportFile",
    "OneConversation",
    "OneProposal",
    "OneRun",
    "OneWorkspace",
    "Reject",
    "RunEvents",
    "RunFeedback",
    "StopRun",
    "Undo",
    "WorkspaceExport",
]
