import uuid
from typing import Any, ClassVar

from django.db import models
from django.utils import timezone
from django_tenants.models import TenantMixin

from accounts.roles import MAY, Action, Role

from .user import User


class WorkspaceSchema(models.Model):
    """A Postgres schema with its role: built ahead of time, then claimed for good by one workspace."""

    class State(models.TextChoices):
        WARM = "warm"
        CLAIMED = "claimed"
        ERASING = "erasing"

    name = models.CharField(primary_key=True, max_length=63)
    state = models.CharField(max_length=8, choices=State.choices, default=State.WARM)
    # The migrations it has, as one fingerprint; a schema of another head is never handed out.
    head = models.CharField(max_length=64)
    error = models.TextField(blank=True)
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        indexes: ClassVar[list[models.Index]] = [
            models.Index(fields=["head", "created_at"], condition=models.Q(state="warm"), name="schema_warm")
        ]

    def __str__(self) -> str:
        return self.name


class Workspace(TenantMixin):
    class State(models.TextChoices):
        ACTIVE = "active"
        SUSPENDED = "suspended"
        # Deleted, and to be erased at `erases_at`; until then its owners may take that back.
        CLOSING = "closing"
        ERASING = "erasing"

    class WritePolicy(models.TextChoices):
        """Whether the agent may write what nobody has approved."""

        ASK = "ask"
        ALLOW = "allow"
        NEVER = "never"

    # Schemas come from the pool and go by the erasing job; a save or a delete never makes or drops one.
    auto_create_schema = False
    auto_drop_schema = False

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    name = models.CharField(max_length=120)
    state = models.CharField(max_length=9, choices=State.choices, default=State.ACTIVE)
    erases_at = models.DateTimeField(null=True, blank=True)
    # What it was when it was deleted, and is again if that is taken back.
    closed_from = models.CharField(max_length=9, choices=State.choices, blank=True)
    # The user with whose account it was deleted: they stay or go together.
    closed_with = models.UUIDField(null=True, blank=True)
    created_at = models.DateTimeField(default=timezone.now)
    members = models.ManyToManyField(User, through="Membership", related_name="workspaces")
    # How often Notion is read by itself; nothing: as often as the plan allows, and never more often than that.
    sync_interval_minutes = models.PositiveSmallIntegerField(null=True, blank=True)
    write_policy = models.CharField(max_length=5, choices=WritePolicy.choices, default=WritePolicy.ASK)
    # The kinds of proposals that `allow` allows.
    write_kinds = models.JSONField(default=list, blank=True)

    # Until then our staff, seeing it as a member, may do more than look: `accounts.impersonation`.
    staff_may_act_until = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.CheckConstraint(
                condition=models.Q(sync_interval_minutes=None) | models.Q(sync_interval_minutes__range=(1, 1440)),
                name="sync_interval_is_within_a_day",
            ),
            models.CheckConstraint(
                condition=models.Q(write_policy__in=("ask", "allow", "never")), name="write_policy_is_known"
            ),
            models.CheckConstraint(
                condition=models.Q(schema_name__regex=r"^ws_[a-z2-7]{20}$"), name="workspace_schema_is_opaque"
            ),
            models.CheckConstraint(
                condition=models.Q(state="closing", erases_at__isnull=False)
                | models.Q(state="erasing")
                | (~models.Q(state__in=["closing", "erasing"]) & models.Q(erases_at=None)),
                name="who_closes_knows_when",
            ),
        ]
        indexes: ClassVar[list[models.Index]] = [
            models.Index(fields=["erases_at"], condition=models.Q(state="closing"), name="workspace_to_erase")
        ]

    def __str__(self) -> str:
        return self.name

    def save(self, *args: Any, **kwargs: Any) -> None:
        # django-tenants would compare the name with every other one, ignoring case: a scan that the constraints spare.
        models.Model.save(self, *args, **kwargs)

    @property
    def is_active(self) -> bool:
        return self.state == self.State.ACTIVE


# Members who can sign in and decide. Whose account is to be erased is no owner to count on.
PRESENT = models.Q(user__is_active=True, user__erases_at=None)


class Membership(models.Model):
    workspace = models.ForeignKey(Workspace, on_delete=models.CASCADE, related_name="memberships")
    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="memberships")
    role = models.CharField(max_length=6, choices=Role.choices, default=Role.MEMBER)
    joined_at = models.DateTimeField(default=timezone.now)
    last_active_at = models.DateTimeField(null=True, blank=True)
    # Below the plan's limits when set (Teams).
    request_cap = models.PositiveIntegerField(null=True, blank=True)
    token_cap = models.PositiveBigIntegerField(null=True, blank=True)

    class Meta:
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(fields=["workspace", "user"], name="membership_is_unique")
        ]

    def __str__(self) -> str:
        return f"{self.user_id} in {self.workspace_id} as {self.role}"

    def may(self, action: Action) -> bool:
        return self.role in MAY[action]
