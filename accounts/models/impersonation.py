import uuid
from datetime import UTC
from typing import ClassVar

from django.db import models

from .user import User
from .workspace import Workspace


class Impersonation(models.Model):
    """One of our staff sees a workspace as one of its members does, from `began_at` until `ends_at` at the latest."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    workspace = models.ForeignKey(Workspace, on_delete=models.CASCADE, related_name="+")
    member = models.ForeignKey(User, on_delete=models.CASCADE, related_name="+")
    staff = models.ForeignKey(User, on_delete=models.CASCADE, related_name="+")
    reason = models.TextField()
    began_at = models.DateTimeField()
    ends_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(
                fields=["staff"], condition=models.Q(ended_at=None), name="one_impersonation_at_a_time"
            ),
            models.CheckConstraint(condition=~models.Q(reason=""), name="who_impersonates_says_why"),
            models.CheckConstraint(condition=~models.Q(staff=models.F("member")), name="nobody_impersonates_themself"),
        ]
        indexes: ClassVar[list[models.Index]] = [
            models.Index(fields=["ends_at"], condition=models.Q(ended_at=None), name="impersonation_open")
        ]

    def __str__(self) -> str:
        return f"{self.staff_id} as {self.member_id} in {self.workspace_id}"

    @property
    def until(self) -> str:
        """For staff, who live in several zones."""
        return f"{self.ends_at.astimezone(UTC):%H:%M}"
