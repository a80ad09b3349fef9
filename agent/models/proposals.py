import uuid
from datetime import datetime, timedelta
from typing import ClassVar

from django.db import models
from django.utils import timezone

from tasks.models import Guard, Task

from .runs import Run


class Proposal(models.Model):
    """A change that a run wants to make. What it says never changes: edited or moved on, another takes its place."""

    class Kind(models.TextChoices):
        CREATE = "create", "Make a task"
        UPDATE = "update", "Change a task"
        COMPLETE = "complete", "Mark a task as done"
        REOPEN = "reopen", "Open a task again"
        REASSIGN = "reassign", "Give a task to somebody"
        REDATE = "redate", "Move a task to another day"

    class State(models.TextChoices):
        PENDING = "pending", "Waiting for you"
        APPROVED = "approved", "Approved"
        APPLYING = "applying", "Being written"
        APPLIED = "applied", "Done"
        FAILED = "failed", "Not done"
        STALE = "stale", "Replaced"
        REJECTED = "rejected", "Rejected"
        EXPIRED = "expired", "Expired"
        UNDOING = "undoing", "Being undone"
        UNDONE = "undone", "Undone"

    # A trigger of the table holds these: see the migration that made it.
    MOVES: ClassVar = {
        State.PENDING: (State.APPROVED, State.REJECTED, State.STALE, State.EXPIRED),
        State.APPROVED: (State.APPLYING, State.STALE, State.FAILED),
        State.APPLYING: (State.APPLIED, State.STALE, State.FAILED),
        State.APPLIED: (State.UNDOING,),
        State.UNDOING: (State.UNDONE, State.APPLIED),
    }
    UNDECIDED: ClassVar = (State.PENDING, State.STALE, State.EXPIRED)
    AT_WORK: ClassVar = (State.APPROVED, State.APPLYING, State.UNDOING)
    DONE: ClassVar = (State.APPLIED, State.UNDOING, State.UNDONE)
    UNDO_LIFE: ClassVar = timedelta(days=30)

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    run = models.ForeignKey(Run, on_delete=models.CASCADE, related_name="proposals")
    # Its number in the run: a run that begins again finds it.
    ordinal = models.PositiveSmallIntegerField(default=0)
    owner_id = models.UUIDField()
    kind = models.CharField(max_length=8, choices=Kind.choices)
    state = models.CharField(max_length=8, choices=State.choices, default=State.PENDING)
    # Nothing yet of a task that is to be made. What it says of a task goes with that.
    task = models.ForeignKey(Task, null=True, on_delete=models.CASCADE, related_name="proposals")
    title = models.CharField(max_length=2000)
    # Where a new one goes: `local`, or the id of a database of tasks; and what that is called.
    source = models.CharField(max_length=36, blank=True)
    place = models.CharField(max_length=200, blank=True)
    # What the tasks' services are told, and by field what it was and will be.
    values = models.JSONField(default=dict)
    changes = models.JSONField(default=list)
    why = models.CharField(max_length=500, blank=True)
    # The page whose text asked for it: `{id, title, url}`.
    source_page = models.JSONField(null=True)
    # The task as it was shown: a digest of what it says, and when it was edited.
    digest = models.CharField(max_length=64, blank=True)
    edited_at = models.CharField(max_length=40, blank=True)
    replaces = models.OneToOneField("self", null=True, on_delete=models.CASCADE, related_name="replaced_by")
    reason = models.CharField(max_length=500, blank=True)
    guard = models.ForeignKey(Guard, null=True, on_delete=models.SET_NULL, related_name="+")
    undo_guard = models.ForeignKey(Guard, null=True, on_delete=models.SET_NULL, related_name="+")
    # Of a local task: the fields as they were. A row's stand in the guard.
    before = models.JSONField(default=dict)
    # The task as it was read back, and the fields in which it was another by then.
    applied_digest = models.CharField(max_length=64, blank=True)
    applied_edited_at = models.CharField(max_length=40, blank=True)
    differs = models.JSONField(default=list)
    created_at = models.DateTimeField(default=timezone.now)
    expires_at = models.DateTimeField()
    decided_at = models.DateTimeField(null=True)
    applied_at = models.DateTimeField(null=True)
    undone_at = models.DateTimeField(null=True)

    class Meta:
        ordering: ClassVar[list[str]] = ["ordinal", "created_at", "id"]
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(
                fields=["run", "ordinal"], condition=models.Q(replaces=None), name="proposal_once_per_step"
            ),
            models.CheckConstraint(
                condition=models.Q(state__in=("pending", "stale", "expired")) | models.Q(decided_at__isnull=False),
                name="proposal_is_decided_before_it_is_done",
            ),
            models.CheckConstraint(
                condition=~models.Q(state__in=("applied", "undoing", "undone")) | models.Q(applied_at__isnull=False),
                name="proposal_is_done_at_a_time",
            ),
            models.CheckConstraint(
                condition=models.Q(kind="create") | models.Q(task__isnull=False), name="proposal_changes_a_task"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.title[:60]}"

    def is_lapsed(self, now: datetime) -> bool:
        return self.state == self.State.PENDING and now >= self.expires_at

    def can_be_undone(self, now: datetime) -> bool:
        return self.state == self.State.APPLIED and self.applied_at is not None and now < self.undo_until

    @property
    def undo_until(self) -> datetime:
        return (self.applied_at or self.created_at) + self.UNDO_LIFE
