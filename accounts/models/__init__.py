from accounts.roles import Role

from .api_key import ApiKey
from .audit import ActorKind, AuditAction, AuditEvent
from .connection import Connection, OAuthState
from .health import ConnectionHealth
from .idempotency import IdempotentAnswer
from .invitation import Invitation
from .job import Job
from .mail import Mail
from .model_choice import ModelChoice
from .notion_events import NotionEvent, NotionHook, NotionNotice
from .user import User
from .workspace import Membership, Workspace, WorkspaceSchema

__all__ = [
    "ActorKind",
    "ApiKey",
    "AuditAction",
    "AuditEvent",
    "Connection",
    "ConnectionHealth",
    "IdempotentAnswer",
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
