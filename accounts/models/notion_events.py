from typing import ClassVar

from django.db import models
from django.utils import timezone

from .connection import Connection


class NotionHook(models.Model):
    """This installation's one subscription at Notion: the token that signs its events, and whether one is awaited."""

    id = models.PositiveSmallIntegerField(primary_key=True, default=1, editable=False)
    sealed_token = models.TextField(blank=True)
    waits_until = models.DateTimeField(null=True, blank=True)
    received_at = models.DateTimeField(null=True, blank=True)

    # A sealed value opens nowhere else; this one belongs to no workspace.
    OWNER = "installation"
    PLACE = "accounts_notionhook.token"

    class Meta:
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.CheckConstraint(condition=models.Q(id=1), name="one_subscription_at_notion")
        ]

    def __str__(self) -> str:
        return "Notion's subscription"


class NotionEvent(models.Model):
    """A delivered event, stored once. It says that something happened; what, each connection asks by itself."""

    id = models.CharField(primary_key=True, max_length=64)
    type = models.CharField(max_length=80)
    happened_at = models.DateTimeField()
    # What routing and reading need of the payload; nothing in it is content, and nothing in it is believed.
    about = models.JSONField(default=dict)
    received_at = models.DateTimeField(default=timezone.now)
    processed_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        indexes: ClassVar[list[models.Index]] = [
            models.Index(fields=["received_at"], condition=models.Q(processed_at=None), name="notion_event_open"),
            models.Index(fields=["received_at"], name="notion_event_age"),
        ]

    def __str__(self) -> str:
        return f"{self.type} {self.id}"


class NotionNotice(models.Model):
    """A thing in Notion that a connection is to ask for again. However many events name it, it is one notice."""

    class Kind(models.TextChoices):
        # Or a database whose rows are to be looked at, by either of its ids.
        PAGE = "page"
        SYNC = "sync"

    connection = models.ForeignKey(Connection, on_delete=models.CASCADE, related_name="notices")
    kind = models.CharField(max_length=4, choices=Kind.choices)
    notion_id = models.CharField(max_length=36, blank=True)
    # The earliest edit that is not read yet.
    happened_at = models.DateTimeField()
    # Later than now where a reading failed: not before then it is read again.
    noticed_at = models.DateTimeField(default=timezone.now)
    # How often reading it failed. Those that never did are read first.
    tries = models.PositiveIntegerField(default=0)
    # Moves with every further event, so that who read before that one does not take it for read.
    version = models.PositiveIntegerField(default=1)

    class Meta:
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(fields=["connection", "kind", "notion_id"], name="notice_once_per_thing")
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.notion_id}"
