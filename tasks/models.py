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
    # Of each mapped column: its id, name, type and options, as Notion showed them last.
    columns = models.JSONField(default=dict)
    # Who was seen in the rows: Notion's id by name.
    people = models.JSONField(default=dict)
    # What no longer fits between the mapping and the database, in words.
    problems = models.JSONField(default=list)

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
        return self.readable_or_trashed(membership).filter(trashed_at=None)

    def readable_or_trashed(self, membership: Membership) -> "TaskQuerySet":
        readable = Connection.objects.readable_by(membership).values("pk")
        is_local = models.Q(connection_id=None)
        return self.filter(gone_at=None).filter(
            (is_local & (models.Q(owner_id=membership.user_id) | models.Q(is_shared=True)))
            | models.Q(connection_id__in=readable)
        )


class Task(models.Model):
    """A row of the mapped Notion database, or a local one. Readable by its owner, or through its connection."""

    class SyncState(models.TextChoices):
        LOCAL = "local"
        SYNCED = "synced"
        # Waits to be sent to Notion, or Notion refused it.
        WAITING = "waiting"
        FAILED = "failed"
        # Both sides changed the same; what lost stands in the history.
        CONFLICT = "conflict"
        # Notion has it in the trash, or shows it no longer.
        GONE = "gone"

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
    sync_state = models.CharField(max_length=8, choices=SyncState.choices, default=SyncState.LOCAL)
    # By field: what Notion said last as it is compared, and as it is shown.
    base = models.JSONField(default=dict)
    # Notion's whole minute of our last write: a row seen no later may be older than that write.
    written_at = models.DateTimeField(null=True, blank=True)
    trashed_at = models.DateTimeField(null=True, blank=True)
    # Its row was found gone from Notion. Hidden with its history until a second look, like the row's page.
    gone_at = models.DateTimeField(null=True, blank=True)
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
                condition=~models.Q(notion_page_id=""),
                name="task_once_per_notion_page",
            ),
            models.CheckConstraint(
                condition=models.Q(connection_id=None, notion_page_id="")
                | models.Q(connection_id__isnull=False, task_source__isnull=False)
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


class Outgoing(models.Model):
    """What of a task is still to be written to Notion; made in the transaction of the edit.

    `fields`: by field, `at` and `by` of the edit, its value as Notion takes it (`fact`) and as it is shown.
    """

    class State(models.TextChoices):
        WAITING = "waiting"
        FAILED = "failed"
        # Notion may have made its page: a member says whether it is to be made again.
        DOUBTFUL = "doubtful"
        # Given up by the member; kept so that they can think again.
        DISCARDED = "discarded"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    task = models.OneToOneField(Task, on_delete=models.CASCADE, related_name="outgoing")
    connection_id = models.UUIDField(db_index=True)
    fields = models.JSONField(default=dict)
    # What the last request carried. Found in Notion, it is our own echo.
    sent = models.JSONField(default=dict)
    state = models.CharField(max_length=9, choices=State.choices, default=State.WAITING)
    reason = models.CharField(max_length=500, blank=True)
    tries = models.PositiveIntegerField(default=0)
    # Moves with every edit.
    version = models.PositiveIntegerField(default=0)
    # From this moment on Notion may have made the page, whatever it answered.
    attempted_at = models.DateTimeField(null=True, blank=True)
    # That attempt made none: it was looked for once Notion had answered with an error, or a member says so.
    is_absent = models.BooleanField(default=False)
    lease = models.UUIDField(null=True, blank=True)
    leased_until = models.DateTimeField(null=True, blank=True)

    def __str__(self) -> str:
        return str(self.task_id)


class TaskChange(models.Model):
    """One line of a task's history. In a conflict `old` is the value that lost."""

    class Origin(models.TextChoices):
        DOCENT = "docent"
        NOTION = "notion"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    task = models.ForeignKey(Task, on_delete=models.CASCADE, related_name="changes")
    at = models.DateTimeField()
    by_id = models.UUIDField(null=True, blank=True)
    # Whose value holds from then on.
    origin = models.CharField(max_length=6, choices=Origin.choices)
    field = models.CharField(max_length=20)
    old = models.JSONField(null=True)
    new = models.JSONField(null=True)
    is_conflict = models.BooleanField(default=False)
    # A conflict that nobody has looked at.
    is_open = models.BooleanField(default=False)

    class Meta:
        indexes: ClassVar[list[models.Index]] = [models.Index(fields=["task", "-at", "-id"], name="task_change_newest")]

    def __str__(self) -> str:
        return self.field


class Guard(models.Model):
    """A row of Notion as a member saw it when they approved a change: what they approved is written over nothing else.

    Each field of `Outgoing.fields` that belongs to it names it, and they go together or not at all.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    task = models.ForeignKey(Task, on_delete=models.CASCADE, related_name="guards")
    digest = models.CharField(max_length=64)
    # Notion's own words for when the row was edited.
    edited_at = models.CharField(max_length=40)
    # By field, the value as Notion takes it.
    facts = models.JSONField(default=dict)
    # Of these fields, what stood there before: as it is compared and shown, and as a request puts it back.
    before = models.JSONField(default=dict)
    exact = models.JSONField(default=dict)
    # A request has left that may have written it; Notion has said that it did.
    sent_at = models.DateTimeField(null=True, blank=True)
    written_at = models.DateTimeField(null=True, blank=True)

    def __str__(self) -> str:
        return f"{self.task_id} as of {self.edited_at}"
