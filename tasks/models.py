import uuid
from typing import ClassVar

from django.contrib.postgres.indexes import GinIndex
from django.contrib.postgres.search import SearchVector, SearchVectorField
from django.db import models
from django.utils import timezone

from accounts.models import Connection, Membership


class TaskSource(models.Model):
    """The Notion data source whose rows are tasks, with its columns mapped by property id.

    With `REFUSED` in place of the data source: the member said that none of the connection's databases holds tasks.
    """

    REFUSED: ClassVar[str] = ""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    connection_id = models.UUIDField(db_index=True)
    data_source_id = models.CharField(max_length=36)
    title = models.CharField(max_length=200)
    status_property = models.CharField(max_length=80, blank=True)
    done_options = models.JSONField(default=list)
    due_property = models.CharField(max_length=80, blank=True)
    assignee_property = models.CharField(max_length=80, blank=True)
    priority_property = models.CharField(max_length=80, blank=True)
    labels_property = models.CharField(max_length=80, blank=True)

    class Meta:
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(fields=["connection_id", "data_source_id"], name="task_source_once")
        ]

    def __str__(self) -> str:
        return self.title

    @property
    def is_refusal(self) -> bool:
        return self.data_source_id == self.REFUSED


class TaskQuerySet(models.QuerySet["Task"]):
    def readable_by(self, membership: Membership) -> "TaskQuerySet":
        """Local tasks of the member's own or shared ones; Notion's rows by the connection they came through."""
        readable = Connection.objects.readable_by(membership).values("pk")
        is_local = models.Q(connection_id=None)
        return self.filter(
            (is_local & (models.Q(owner_id=membership.user_id) | models.Q(is_shared=True)))
            | models.Q(connection_id__in=readable)
        )


class Task(models.Model):
    """A row of the mapped Notion database, or a local one. Readable by its owner, or through its connection."""

    class SyncState(models.TextChoices):
        LOCAL = "local"
        SYNCED = "synced"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    owner_id = models.UUIDField(db_index=True)
    is_shared = models.BooleanField(default=False)
    connection_id = models.UUIDField(null=True, db_index=True)
    task_source = models.ForeignKey(TaskSource, null=True, on_delete=models.CASCADE, related_name="tasks")
    notion_page_id = models.CharField(max_length=36, blank=True)
    url = models.URLField(max_length=2000, blank=True)
    title = models.CharField(max_length=2000)
    status = models.CharField(max_length=200, blank=True)
    is_done = models.BooleanField(default=False)
    due_on = models.DateField(null=True, blank=True)
    priority = models.CharField(max_length=200, blank=True)
    assignees = models.JSONField(default=list)
    labels = models.JSONField(default=list)
    sync_state = models.CharField(max_length=6, choices=SyncState.choices, default=SyncState.LOCAL)
    created_at = models.DateTimeField(default=timezone.now)
    updated_at = models.DateTimeField(default=timezone.now)
    words = models.GeneratedField(
        expression=SearchVector("title", "status", config="english"), output_field=SearchVectorField(), db_persist=True
    )

    objects: ClassVar[models.Manager["Task"]] = TaskQuerySet.as_manager()

    class Meta:
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(
                fields=["connection_id", "notion_page_id"],
                condition=~models.Q(connection_id=None),
                name="task_once_per_notion_page",
            ),
            models.CheckConstraint(
                condition=models.Q(connection_id=None, notion_page_id="")
                | (~models.Q(connection_id=None) & ~models.Q(notion_page_id="")),
                name="task_is_local_or_of_a_connection",
            ),
        ]
        indexes: ClassVar[list[models.Index]] = [
            models.Index(fields=["is_done", "due_on", "id"], name="task_by_due"),
            models.Index(fields=["-created_at", "-id"], name="task_newest"),
            GinIndex(fields=["words"], name="task_words"),
        ]

    def __str__(self) -> str:
        return self.title

    @property
    def is_local(self) -> bool:
        return self.connection_id is None
