import uuid
from typing import ClassVar

from django.db import models
from django.utils import timezone


class Disconnection(models.Model):
    """A connection that was ended: what was erased with it, and when nothing was left. It outlives the connection."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    connection_id = models.UUIDField(unique=True)
    owner_id = models.UUIDField(db_index=True)
    notion_workspace_name = models.CharField(max_length=200, blank=True)
    ended_at = models.DateTimeField(default=timezone.now)
    # Notion said so. An internal integration's token cannot be given back, only forgotten.
    is_revoked = models.BooleanField(default=False)
    pages = models.PositiveIntegerField(default=0)
    passages = models.PositiveIntegerField(default=0)
    tasks = models.PositiveIntegerField(default=0)
    # When everything was looked for once more and nothing was found.
    erased_at = models.DateTimeField(null=True)

    class Meta:
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.CheckConstraint(
                condition=models.Q(erased_at=None) | models.Q(erased_at__gte=models.F("ended_at")),
                name="connection_is_erased_after_its_end",
            )
        ]

    def __str__(self) -> str:
        return f"{self.connection_id} {'erased' if self.erased_at else 'ended'}"
