from typing import ClassVar

from django.db import models

from .connection import Connection


class ConnectionHealth(models.Model):
    """How a connection's syncs go, in numbers and our own words: what staff may see. Nothing of what was read."""

    connection = models.OneToOneField(Connection, primary_key=True, on_delete=models.CASCADE, related_name="health")
    # Of the newest sync that ended.
    outcome = models.CharField(max_length=9)
    error = models.CharField(max_length=200, blank=True)
    ended_at = models.DateTimeField()
    known = models.PositiveIntegerField(default=0)
    indexed = models.PositiveIntegerField(default=0)
    # From an edit until it could be searched, of the day before.
    lag_p50_ms = models.PositiveBigIntegerField(null=True)
    lag_p95_ms = models.PositiveBigIntegerField(null=True)
    # To Notion, by the syncs of the day before; refused with 429.
    requests = models.PositiveIntegerField(default=0)
    limited = models.PositiveIntegerField(default=0)

    class Meta:
        verbose_name_plural = "connection health"
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.CheckConstraint(
                condition=models.Q(indexed__lte=models.F("known")), name="indexed_pages_of_health_are_known"
            )
        ]

    def __str__(self) -> str:
        return f"{self.connection_id} {self.outcome}"
