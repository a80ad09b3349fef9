from accounts.roles import Role

from .api_key import ApiKey
from .audit import ActorKind, AuditAction, AuditEvent
from .connection import Connection, OAuthState
from .erasure import ErasureCertificate
from .health import ConnectionHealth
from .idempotency import IdempotentAnswer
from .impersonation import Impersonation
from .invitation import Invitation
from .job import Job
from .mail import Mail
from .model_choice import ModelChoice
from .notion_events import NotionEvent, NotionHook, NotionNotice
from .user import User
from .workspace import PRESENT, Membership, Workspace, WorkspaceSchema

__all__ = [
    "PRESENT",
    "ActorKind",
    "ApiKey",
    "AuditAction",
    "AuditEvent",
    "Connection",
    "ConnectionHealth",
    "ErasureCertificate",
    "IdempotentAnswer",
    "Impersonation",
    "Invitation",
    "Job",
    "Mail",
    "Membership",
    "ModelChoice",
    "NotionEvent",
    "NotionHook",
    "NotionNotice",
    "OAuthState",
    "Role",
    "User",
    "Workspace",
    "WorkspaceSchema",
]
