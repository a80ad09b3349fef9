import uuid
from typing import ClassVar

from django.db import models
from django.utils import timezone

from .workspace import Workspace


class AuditAction(models.TextChoices):
    """What the audit log tells of, in words that follow somebody's name."""

    SIGNED_IN = "sign_in.succeeded", "signed in"
    SIGN_IN_REFUSED = "sign_in.refused", "was refused: wrong password or code"
    PASSWORD_CHANGED = "password.changed", "chose a new password"
    EMAIL_CHANGED = "email.changed", "changed their e-mail address"
    SECOND_FACTOR_SET_UP = "second_factor.set_up", "set up a second factor"
    SECOND_FACTOR_REMOVED = "second_factor.removed", "removed a second factor"
    RECOVERY_CODES_RENEWED = "recovery_codes.renewed", "made new recovery codes"
    SIGNED_OUT = "sessions.ended", "signed out another browser, or all others"
    KEY_MADE = "api_key.made", "made an API key"
    KEY_DELETED = "api_key.deleted", "deleted an API key"
    ACCESS_REFUSED = "access.refused", "was refused access"
    INVITED = "invitation.sent", "invited somebody"
    INVITED_AGAIN = "invitation.sent_again", "sent an invitation again"
    INVITATION_REVOKED = "invitation.revoked", "took an invitation back"
    JOINED = "member.joined", "joined"
    ROLE_CHANGED = "member.role_changed", "changed a role"
    OWNERS_CHANGED = "member.owners_changed", "changed who owns the workspace"
    CAPS_SET = "member.caps_set", "set a member's limits"
    REMOVED = "member.removed", "removed a member"
    LEFT = "member.left", "left"
    SETTINGS_CHANGED = "workspace.settings_changed", "changed the workspace's settings"
    WORKSPACE_DELETED = "workspace.deleted", "deleted the workspace"
    CONTENT_ERASED = "workspace.content_erased", "erased what was kept, after the plan's end"
    CONNECTED = "connection.made", "connected Notion"
    RECONNECTED = "connection.renewed", "connected Notion again"
    CONNECTION_SHARED = "connection.shared", "shared a connection, or made it private"
    DISCONNECTED = "connection.ended", "disconnected Notion"
    SOURCES_CHOSEN = "connection.sources_chosen", "chose what is read from Notion"
    TASKS_MAPPED = "connection.tasks_mapped", "chose which database holds tasks, or its columns"
    PLAN_ASKED = "plan.asked", "asked for a plan"
    PLAN_REQUEST_DECIDED = "plan.request_decided", "decided about a plan that was asked for"
    PLAN_CHANGED = "plan.changed", "changed the plan"
    PLAN_CHANGE_PLANNED = "plan.change_planned", "chose a smaller plan for later"
    PLAN_CANCELLED = "plan.cancelled", "cancelled the plan for its end"
    PLAN_RESUMED = "plan.resumed", "took a planned change back"
    CONVERSATION_SHARED = "conversation.shared", "shared a conversation, or made it private"
    EXPORT_ASKED = "export.asked", "asked for an export"
    EXPORT_DOWNLOADED = "export.downloaded", "downloaded an export"
    USAGE_DOWNLOADED = "usage.downloaded", "downloaded the usage"
    AUDIT_DOWNLOADED = "audit.downloaded", "downloaded the audit log"


class ActorKind(models.TextChoices):
    MEMBER = "member"
    STAFF = "staff"
    PROVIDER = "payment_provider"
    SYSTEM = "system"


class AuditEvent(models.Model):
    """Something that happened in a workspace, written once. Triggers of the table refuse every change of it, and its
    deletion while its workspace is there; `accounts.audit` writes it."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    # The database deletes events with their workspace: no role may, so the framework must not try.
    workspace = models.ForeignKey(Workspace, on_delete=models.DO_NOTHING, db_constraint=False, related_name="+")
    at = models.DateTimeField(default=timezone.now)
    action = models.CharField(max_length=40)
    # An address rather than an account: it stays when the account is gone.
    actor_kind = models.CharField(max_length=16, choices=ActorKind.choices)
    actor_id = models.UUIDField(null=True)
    actor_email = models.EmailField(max_length=254, blank=True)
    # Who did it in the actor's name, if that was somebody else.
    real_actor_kind = models.CharField(max_length=16, choices=ActorKind.choices, blank=True)
    real_actor_id = models.UUIDField(null=True)
    real_actor_email = models.EmailField(max_length=254, blank=True)
    # Whom or what it was done to: an e-mail address or an id.
    about = models.CharField(max_length=254, blank=True)
    before = models.JSONField(null=True)
    after = models.JSONField(null=True)
    address = models.GenericIPAddressField(null=True)

    class Meta:
        indexes: ClassVar[list[models.Index]] = [
            models.Index(fields=["workspace", "-at", "id"], name="audit_newest"),
            models.Index(fields=["workspace", "actor_id", "-at", "id"], name="audit_of_actor"),
            models.Index(fields=["workspace", "action", "-at", "id"], name="audit_of_action"),
        ]

    def __str__(self) -> str:
        return f"{self.action} in {self.workspace_id}"
