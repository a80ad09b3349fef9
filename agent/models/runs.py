import uuid
from typing import ClassVar

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.utils import timezone


class Conversation(models.Model):
    """A thread of questions. Its owner's alone unless shared with the workspace."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    owner_id = models.UUIDField()
    is_shared = models.BooleanField(default=False)
    title = models.CharField(max_length=200, blank=True)
    created_at = models.DateTimeField(default=timezone.now)
    updated_at = models.DateTimeField(default=timezone.now)

    class Meta:
        indexes: ClassVar[list[models.Index]] = [
            models.Index(fields=["owner_id", "-updated_at"], name="conversation_newest")
        ]

    def __str__(self) -> str:
        return self.title


class Run(models.Model):
    """One request to the agent, from prompt to end."""

    class Status(models.TextChoices):
        QUEUED = "queued"
        RUNNING = "running"
        SUCCEEDED = "succeeded"
        FAILED = "failed"
        STOPPED = "stopped"

    OPEN: ClassVar = (Status.QUEUED, Status.RUNNING)

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    conversation = models.ForeignKey(Conversation, on_delete=models.CASCADE, related_name="runs")
    owner_id = models.UUIDField()
    prompt = models.TextField()
    status = models.CharField(max_length=9, choices=Status.choices, default=Status.QUEUED)
    stop_requested_at = models.DateTimeField(null=True)
    hold_id = models.UUIDField(null=True)
    answer = models.TextField(blank=True)
    grounded = models.BooleanField(null=True)
    model = models.CharField(max_length=80, blank=True)
    citations = models.JSONField(default=list)
    # The connections whose pages were given to it or to an answer before it: it may say something of them and not cite
    # it. Null where that was not noted.
    found_in = ArrayField(models.UUIDField(), null=True)
    # The same of the pages, by their ids here.
    found_on = ArrayField(models.UUIDField(), null=True)
    input_tokens = models.PositiveIntegerField(default=0)
    output_tokens = models.PositiveIntegerField(default=0)
    error = models.CharField(max_length=300, blank=True)
    synced_at = models.DateTimeField(null=True)
    # How much of what is known was searchable when the work began, in short: see agent.sync.coverage.
    coverage = models.JSONField(null=True)
    created_at = models.DateTimeField(default=timezone.now)
    started_at = models.DateTimeField(null=True)
    first_word_at = models.DateTimeField(null=True)
    finished_at = models.DateTimeField(null=True)
    rating = models.CharField(max_length=4, blank=True)
    rating_reason = models.CharField(max_length=1000, blank=True)

    class Meta:
        indexes: ClassVar[list[models.Index]] = [
            models.Index(fields=["owner_id", "-created_at"], name="run_newest"),
            models.Index(fields=["conversation", "created_at"], name="run_of_conversation"),
        ]

    def __str__(self) -> str:
        return self.prompt[:60]

    @property
    def is_over(self) -> bool:
        return self.status in {self.Status.SUCCEEDED, self.Status.FAILED, self.Status.STOPPED}


class Step(models.Model):
    """What a run did, in order: shown while it works and kept afterwards."""

    run = models.ForeignKey(Run, on_delete=models.CASCADE, related_name="steps")
    ordinal = models.PositiveSmallIntegerField()
    kind = models.CharField(max_length=20)
    name = models.CharField(max_length=80)
    summary = models.CharField(max_length=500, blank=True)
    milliseconds = models.PositiveIntegerField(default=0)

    class Meta:
        ordering: ClassVar[list[str]] = ["ordinal"]
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(fields=["run", "ordinal"], name="step_order_is_unique")
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.name}"
