import uuid
from datetime import timedelta
from typing import ClassVar

from django.db import models
from django.utils import timezone


class SyncRun(models.Model):
    """One reading of a connection. `complete` only when every known page is accounted for."""

    class Status(models.TextChoices):
        QUEUED = "queued"
        RUNNING = "running"
        PAUSED = "paused"
        COMPLETE = "complete"
        PARTIAL = "partial"
        FAILED = "failed"
        CANCELLED = "cancelled"

    AT_WORK: ClassVar[tuple[Status, ...]] = (Status.QUEUED, Status.RUNNING)
    OPEN: ClassVar[tuple[Status, ...]] = (*AT_WORK, Status.PAUSED)

    class Reach(models.TextChoices):
        EVERYTHING = "everything"
        INVENTORY = "inventory"
        CHANGES = "changes"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    connection_id = models.UUIDField()
    requested_by = models.UUIDField(null=True)
    is_full = models.BooleanField(default=False)
    # A full sync was asked for that this run does not do: it follows when this one is finished, and when this one
    # failed or was stopped, the next sync is it.
    is_full_due = models.BooleanField(default=False)
    # The member has seen how many pages seem gone, and wants them gone here too.
    is_loss_confirmed = models.BooleanField(default=False)
    status = models.CharField(max_length=9, choices=Status.choices, default=Status.QUEUED)
    reason = models.CharField(max_length=500, blank=True)
    # What went wrong so far, in words; kept here so that another worker that goes on knows it too.
    problems = models.JSONField(default=list)
    # How often this connection was tried again by itself after failed pages.
    tries = models.PositiveSmallIntegerField(default=0)
    created_at = models.DateTimeField(default=timezone.now)
    started_at = models.DateTimeField(null=True)
    finished_at = models.DateTimeField(null=True)
    # Known, indexed, unchanged, skipped, failed, trashed: as far as the run has come.
    known = models.PositiveIntegerField(default=0)
    indexed = models.PositiveIntegerField(default=0)
    unchanged = models.PositiveIntegerField(default=0)
    skipped = models.PositiveIntegerField(default=0)
    failed = models.PositiveIntegerField(default=0)
    trashed = models.PositiveIntegerField(default=0)
    # So many of the pages that were known seem gone at once; they are kept until that is confirmed.
    vanished = models.PositiveIntegerField(default=0)
    vanished_of = models.PositiveIntegerField(default=0)
    # Of their keys: whether a later sync asks about the same ones.
    vanished_digest = models.CharField(max_length=64, blank=True)
    chunks_embedded = models.PositiveIntegerField(default=0)
    notion_requests = models.PositiveIntegerField(default=0)
    # Of them refused with 429.
    notion_limited = models.PositiveIntegerField(default=0)
    is_discovered = models.BooleanField(default=False)
    # Grows with each worker that takes the run; one that was overtaken writes nothing more.
    turn = models.PositiveIntegerField(default=0)
    # How much this run lists, decided when it begins.
    reach = models.CharField(max_length=10, choices=Reach.choices, default=Reach.EVERYTHING)
    # Set once the whole of that was listed: the next run need not ask about edits from long before.
    watermark = models.DateTimeField(null=True)
    slowed_until = models.DateTimeField(null=True)
    # Since when it is paused, and how long it was before: neither counts as reading.
    paused_at = models.DateTimeField(null=True)
    paused_by = models.UUIDField(null=True)
    rested = models.DurationField(default=timedelta)

    class Meta:
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(
                fields=["connection_id"],
                condition=models.Q(status__in=["queued", "running", "paused"]) | models.Q(is_full_due=True),
                name="one_open_or_due_sync_per_connection",
            ),
            models.CheckConstraint(
                condition=~models.Q(status__in=["complete", "partial"], is_full_due=True),
                name="finished_sync_has_no_full_one_due",
            ),
            models.CheckConstraint(
                condition=models.Q(vanished__lte=models.F("vanished_of"))
                & (models.Q(vanished=0) | models.Q(is_loss_confirmed=False)),
                name="confirmed_loss_is_not_kept",
            ),
            models.CheckConstraint(
                condition=~models.Q(status__in=["complete", "partial"])
                | models.Q(
                    known=models.F("indexed")
                    + models.F("unchanged")
                    + models.F("skipped")
                    + models.F("failed")
                    + models.F("trashed")
                ),
                name="finished_sync_accounts_for_every_page",
            ),
        ]
        indexes: ClassVar[list[models.Index]] = [
            models.Index(fields=["connection_id", "-created_at"], name="sync_newest")
        ]

    def __str__(self) -> str:
        return f"{self.connection_id} {self.status}"

    @property
    def unread(self) -> int:
        """Pages that could not be read, without those that are kept."""
        return max(0, self.failed - self.vanished)

    @property
    def kept(self) -> int:
        """Pages that seem gone and are kept; they are counted among `failed`."""
        return self.failed - self.unread

    @property
    def is_first(self) -> bool:
        """No sync of this connection came to its end before it."""
        earlier = SyncRun.objects.filter(connection_id=self.connection_id, created_at__lt=self.created_at)
        return not earlier.filter(status__in=[self.Status.COMPLETE, self.Status.PARTIAL]).exists()
