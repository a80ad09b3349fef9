import uuid
from typing import ClassVar

from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.indexes import GinIndex
from django.contrib.postgres.search import SearchVector, SearchVectorField
from django.db import models
from django.utils import timezone


class Source(models.Model):
    """A Notion database or page tree that a connection can see. Chosen sources are read; the others are only named."""

    class Kind(models.TextChoices):
        DATABASE = "database"
        PAGE = "page"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    connection_id = models.UUIDField(db_index=True)
    kind = models.CharField(max_length=8, choices=Kind.choices)
    # A data source's id for a database, a page's for a tree.
    notion_id = models.CharField(max_length=36)
    database_id = models.CharField(max_length=36, blank=True)
    # A database and its sources may be called differently.
    database_title = models.CharField(max_length=2000, blank=True)
    title = models.CharField(max_length=2000)
    place = models.CharField(max_length=2000, blank=True)
    url = models.URLField(max_length=2000, blank=True)
    is_chosen = models.BooleanField(default=True)
    schema = models.JSONField(default=dict)
    # The page that a database lies in, and the column or toggle of it that Notion names instead.
    holder_id = models.CharField(max_length=36, blank=True)
    holder_block_id = models.CharField(max_length=36, blank=True)
    # It is new or back, or its columns or their options are others, and not all of its rows were listed since.
    is_recast = models.BooleanField(default=False)
    # Since when it is proven to be in the trash, deleted or no longer shared.
    gone_at = models.DateTimeField(null=True)
    # Since when it may be other than this, and Notion has not told: see agent.sync.doubts.
    doubted_at = models.DateTimeField(null=True)
    found_at = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(fields=["connection_id", "notion_id"], name="source_once")
        ]

    def __str__(self) -> str:
        return self.title

    @property
    def is_gone(self) -> bool:
        return self.gone_at is not None


class PageQuerySet(models.QuerySet["Page"]):
    def searchable(self) -> "PageQuerySet":
        """Pages that may be answered from: read at least once, and not known to be gone or left out."""
        return self.filter(Page.SEARCHABLE)


class Page(models.Model):
    """One Notion page or row as we know it. Readable by those who may read its connection."""

    class State(models.TextChoices):
        PENDING = "pending"
        INDEXED = "indexed"
        SKIPPED = "skipped"
        FAILED = "failed"
        UNREACHABLE = "unreachable"
        TRASHED = "trashed"

    # Never answered from, whatever was read of them before.
    LOST: ClassVar = (State.TRASHED, State.UNREACHABLE)
    GONE: ClassVar = (State.SKIPPED, *LOST)
    # How a page seems gone that is kept, since too many do at once: as reason of a failed one, until a member says that
    # it is gone or a sync finds it again.
    KEPT: ClassVar = {
        State.TRASHED: "In Notion's trash together with many others; kept until that is confirmed",
        State.UNREACHABLE: "No longer shown by Notion together with many others; kept until that is confirmed",
    }
    IS_KEPT: ClassVar = models.Q(state=State.FAILED, reason__in=KEPT.values())
    IS_KEPT_FROM_TRASH: ClassVar = models.Q(state=State.FAILED, reason=KEPT[State.TRASHED])
    SEARCHABLE: ClassVar = ~models.Q(state__in=GONE) & ~IS_KEPT_FROM_TRASH & models.Q(indexed_at__isnull=False)
    # Answered from as it was read before: the last reading failed, what it says was edited and not read since, or it
    # may be gone.
    OLDER: ClassVar = SEARCHABLE & (
        ~models.Q(state=State.INDEXED)
        | models.Q(observed_edited_at__gt=models.F("edited_at"))
        | models.Q(outdated_at__isnull=False)
        | models.Q(blocks_outdated_at__isnull=False)
        | models.Q(doubted_at__isnull=False)
    )
    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    connection_id = models.UUIDField()
    source = models.ForeignKey(Source, null=True, on_delete=models.SET_NULL, related_name="pages")
    notion_id = models.CharField(max_length=36)
    parent_id = models.CharField(max_length=36, blank=True)
    title = models.CharField(max_length=2000, blank=True)
    url = models.URLField(max_length=2000, blank=True)
    edited_at = models.DateTimeField(null=True)
    indexed_at = models.DateTimeField(null=True)
    state = models.CharField(max_length=11, choices=State.choices, default=State.PENDING)
    reason = models.CharField(max_length=500, blank=True)
    warnings = models.JSONField(default=list)
    next_try_at = models.DateTimeField(null=True)
    content_hash = models.CharField(max_length=64, blank=True)
    properties = models.JSONField(default=dict)
    markdown = models.TextField(blank=True)
    # Where its passages begin and end in `markdown`, so that chunks can be cut again without reading the blocks again.
    outline = models.JSONField(default=list)
    # The page object as Notion last gave it, which may be newer than what is indexed.
    observed = models.JSONField(default=dict)
    observed_edited_at = models.DateTimeField(null=True)
    # When that was: values that Notion works out may have changed since, and no edit would tell.
    observed_at = models.DateTimeField(null=True)
    # Of what `observed` said when this page was last read: rollups and names of options change without an edit.
    observed_hash = models.CharField(max_length=64, blank=True)
    # What it shows of other pages and databases, in which way: see agent.sync.showing.
    shows = ArrayField(models.CharField(max_length=40), default=list, blank=True)
    # Since when something else is other than this page shows it: in its lines, or in what its blocks say.
    outdated_at = models.DateTimeField(null=True)
    blocks_outdated_at = models.DateTimeField(null=True)
    # Since when it may be gone, or back: see agent.sync.doubts.
    doubted_at = models.DateTimeField(null=True)
    # The sync that last met this page, and the one that last accounted for it: a resumed sync does the difference.
    seen_run = models.UUIDField(null=True)
    sync_run = models.UUIDField(null=True)
    attempts = models.PositiveSmallIntegerField(default=0)
    # Since when it is proven gone. What was read of it stays hidden until that is confirmed.
    gone_at = models.DateTimeField(null=True)
    # When the newest reading that was written down began: one that began earlier and ends later writes nothing.
    checked_at = models.DateTimeField(null=True)

    objects: ClassVar[models.Manager["Page"]] = PageQuerySet.as_manager()

    class Meta:
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(fields=["connection_id", "notion_id"], name="page_once_per_connection"),
            models.CheckConstraint(
                condition=models.Q(state__in=["trashed", "unreachable"], gone_at__isnull=False)
                | (~models.Q(state__in=["trashed", "unreachable"]) & models.Q(gone_at__isnull=True)),
                name="gone_page_says_since_when",
            ),
        ]
        indexes: ClassVar[list[models.Index]] = [
            models.Index(fields=["connection_id", "state"], name="page_state"),
            models.Index(fields=["source", "state"], name="page_of_source"),
            models.Index(fields=["connection_id", "seen_run", "sync_run"], name="page_to_do"),
            GinIndex(fields=["shows"], name="page_shows"),
            models.Index(
                fields=["connection_id"],
                condition=models.Q(outdated_at__isnull=False) | models.Q(blocks_outdated_at__isnull=False),
                name="page_outdated",
            ),
            models.Index(fields=["connection_id"], condition=models.Q(doubted_at__isnull=False), name="page_doubted"),
        ]

    def __str__(self) -> str:
        return self.title or self.notion_id

    @property
    def is_kept(self) -> bool:
        return self.state == self.State.FAILED and self.reason in self.KEPT.values()

    @property
    def is_in_trash(self) -> bool:
        """By what Notion said last, hidden or kept."""
        is_kept_from_it = self.is_kept and self.reason == self.KEPT[self.State.TRASHED]
        return self.state == self.State.TRASHED or is_kept_from_it


class Loss(models.Model):
    """A page that was erased and no member said so, for as long as it counts with those that vanish after it."""

    connection_id = models.UUIDField()
    notion_id = models.CharField(max_length=36)
    gone_at = models.DateTimeField()

    class Meta:
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(fields=["connection_id", "notion_id"], name="loss_once_per_page")
        ]

    def __str__(self) -> str:
        return self.notion_id


class Chunk(models.Model):
    """A piece of a page that is searched. Postgres holds text and embedding; Chroma is an index of it."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    page = models.ForeignKey(Page, on_delete=models.CASCADE, related_name="chunks")
    connection_id = models.UUIDField(db_index=True)
    ordinal = models.PositiveIntegerField()
    # Title and heading path, embedded and searched with the text but not quoted.
    context = models.TextField(blank=True)
    text = models.TextField()
    # [[block id, start, end], …]: which block each part of the text came from.
    spans = models.JSONField(default=list)
    tokens = models.PositiveIntegerField()
    fingerprint = models.CharField(max_length=64)
    embedder = models.CharField(max_length=80)
    embedding = models.BinaryField()
    words = models.GeneratedField(
        expression=SearchVector("context", "text", config="english"), output_field=SearchVectorField(), db_persist=True
    )

    class Meta:
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(fields=["page", "ordinal"], name="chunk_order_is_unique")
        ]
        indexes: ClassVar[list[models.Index]] = [
            GinIndex(fields=["words"], name="chunk_words"),
            GinIndex(fields=["text"], opclasses=["gin_trgm_ops"], name="chunk_trigrams"),
        ]

    def __str__(self) -> str:
        return f"{self.page_id} #{self.ordinal}"
