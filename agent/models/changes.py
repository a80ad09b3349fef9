from typing import ClassVar

from django.db import models
from django.utils import timezone


class Change(models.Model):
    """An edit in Notion and when it could be searched: how far behind a connection is. Kept for some days."""

    connection_id = models.UUIDField()
    # When Notion's event says it was made, or the page's own minute when a sync found it.
    happened_at = models.DateTimeField()
    searchable_at = models.DateTimeField(default=timezone.now)

    class Meta:
        indexes: ClassVar[list[models.Index]] = [
            models.Index(fields=["connection_id", "searchable_at"], name="change_newest")
        ]

    def __str__(self) -> str:
        return f"{self.connection_id} {self.searchable_at - self.happened_at}"
