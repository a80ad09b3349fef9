import uuid
from datetime import datetime, timedelta
from typing import ClassVar

from django.db import models
from django.utils import timezone

from .user import User
from .workspace import Membership, Workspace

FIRST_LOOK = timedelta(hours=1)


def first_look() -> datetime:
    return timezone.now() + FIRST_LOOK


class ConnectionQuerySet(models.QuerySet["Connection"]):
    def readable_by(self, membership: Membership) -> "ConnectionQuerySet":
        """The member's own connections and those shared with the workspace; none that was disconnected."""
        return self.filter(
            models.Q(owner_id=membership.user_id) | models.Q(is_shared=True), workspace_id=membership.workspace_id
        ).exclude(status=Connection.Status.DISCONNECTED)


class Connection(models.Model):
    """One authorization of a Notion workspace: whose it is, what it may see, and its sealed tokens."""

    class Status(models.TextChoices):
        ACTIVE = "active"
        REAUTHORIZE = "reauthorize"
        DISCONNECTED = "disconnected"

    class Kind(models.TextChoices):
        OAUTH = "oauth"
        TOKEN = "token"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    workspace = models.ForeignKey(Workspace, on_delete=models.CASCADE, related_name="connections")
    owner = models.ForeignKey(User, on_delete=models.CASCADE, related_name="connections")
    is_shared = models.BooleanField(default=False)
    kind = models.CharField(max_length=5, choices=Kind.choices)
    status = models.CharField(max_length=12, choices=Status.choices, default=Status.ACTIVE)
    bot_id = models.CharField(max_length=64)
    notion_workspace_id = models.CharField(max_length=64, blank=True)
    notion_workspace_name = models.CharField(max_length=200, blank=True)
    sealed_access_token = models.TextField()
    sealed_refresh_token = models.TextField(blank=True)
    connected_at = models.DateTimeField(default=timezone.now)
    last_synced_at = models.DateTimeField(null=True, blank=True)
    # The sync that is open: whoever looks for stuck ones reads this table alone, not every workspace.
    open_sync = models.UUIDField(null=True, blank=True)
    is_paused = models.BooleanField(default=False)
    # When the schedule looks at it next, whether or not its plan has one.
    sync_due_at = models.DateTimeField(default=first_look)
    # When Notion last told of a change by somebody else than ourselves.
    last_event_at = models.DateTimeField(null=True, blank=True)

    objects: ClassVar[models.Manager["Connection"]] = ConnectionQuerySet.as_manager()

    class Meta:
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(fields=["workspace", "bot_id", "owner"], name="connection_once_per_member"),
            models.CheckConstraint(
                condition=models.Q(is_paused=False) | models.Q(open_sync__isnull=False),
                name="only_an_open_sync_is_paused",
            ),
        ]
        indexes: ClassVar[list[models.Index]] = [
            models.Index(
                fields=["sync_due_at"], condition=models.Q(status="active", is_paused=False), name="connection_due"
            ),
            models.Index(
                fields=["open_sync"], condition=models.Q(open_sync__isnull=False), name="connection_open_sync"
            ),
        ]

    def __str__(self) -> str:
        return self.notion_workspace_name or str(self.id)

    def place(self, column: str) -> str:
        """Where a sealed value belongs: it opens nowhere else."""
        return f"accounts_connection.{column}:{self.id}"


class OAuthState(models.Model):
    """One outgoing authorization, good once, for the session and workspace that began it."""

    digest = models.CharField(primary_key=True, max_length=64)
    workspace = models.ForeignKey(Workspace, on_delete=models.CASCADE)
    user = models.ForeignKey(User, on_delete=models.CASCADE)
    session_digest = models.CharField(max_length=64, blank=True)
    is_shared = models.BooleanField(default=False)
    expires_at = models.DateTimeField()

    def __str__(self) -> str:
        return self.digest[:8]
