from .certificates import Certificate
from .conversations import Conversations, OneConversation
from .exports import ExportFile, WorkspaceExport
from .proposals import Approve, Edit, OneProposal, Reject, Undo
from .runs import Ask, OneRun, RunEvents, RunFeedback, StopRun
from .workspace import OneWorkspace, RestoreWorkspace

__all__ = [
    "Approve",
    "Ask",
    "Certificate",
    "Conversations",
    "Edit",
    "ExportFile",
    "OneConversation",
    "OneProposal",
    "OneRun",
    "OneWorkspace",
    "Reject",
    "RestoreWorkspace",
    "RunEvents",
    "RunFeedback",
    "StopRun",
    "Undo",
    "WorkspaceExport",
]
