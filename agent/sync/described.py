"""What is answered about reading Notion, for the description of the API only; `agent.sync.api` makes the answers."""

from typing import Any

from rest_framework import serializers

from accounts.models import Connection
from agent.models import Page, Source, SyncRun

NONE = "none"
WAYS = ["live", "scheduled", "by_hand", "stale"]


class SourceFields(serializers.Serializer[Any]):
    id = serializers.UUIDField()
    notion_id = serializers.CharField()
    kind = serializers.ChoiceField(choices=Source.Kind.choices)
    title = serializers.CharField()
    chosen = serializers.BooleanField()
    pages = serializers.IntegerField()


class EndedFields(serializers.Serializer[Any]):
    notion_workspace_name = serializers.CharField()
    ended_at = serializers.DateTimeField()
    revoked = serializers.BooleanField()
    pages = serializers.IntegerField()
    passages = serializers.IntegerField()
    tasks = serializers.IntegerField()
    erased_at = serializers.DateTimeField(allow_null=True, help_text="When nothing was found any more.")


class IntegrationFields(serializers.Serializer[Any]):
    connected = serializers.BooleanField()
    status = serializers.ChoiceField(choices=[NONE, *Connection.Status.values])
    notion_workspace_id = serializers.CharField(allow_null=True)
    notion_workspace_name = serializers.CharField(allow_null=True)
    connected_at = serializers.DateTimeField(allow_null=True)
    last_synced_at = serializers.DateTimeField(allow_null=True)
    looking = serializers.BooleanField(help_text="Sources are being looked for.")
    cut_short = serializers.BooleanField(help_text="Looking for sources was given up.")
    sources = SourceFields(many=True)
    ended = EndedFields(many=True, help_text="Connections that were ended, and what was erased with them.")


class AuthorizeFields(serializers.Serializer[Any]):
    authorize_url = serializers.CharField(help_text="Where the member lets Docent in.")


class BegunFields(serializers.Serializer[Any]):
    id = serializers.UUIDField()
    status = serializers.ChoiceField(choices=SyncRun.Status.choices)


class SyncPagesFields(serializers.Serializer[Any]):
    known = serializers.IntegerField()
    indexed = serializers.IntegerField()
    unchanged = serializers.IntegerField()
    skipped = serializers.IntegerField()
    failed = serializers.IntegerField()
    kept = serializers.IntegerField(help_text="They seem gone, and are kept until that is confirmed.")
    trashed = serializers.IntegerField()


class ProblemRow(serializers.Serializer[Any]):
    page_id = serializers.CharField()
    title = serializers.CharField()
    reason = serializers.CharField()
    next_try_at = serializers.DateTimeField(allow_null=True)


class SyncFields(BegunFields):
    kind = serializers.ChoiceField(choices=["full", "changes"])
    reason = serializers.CharField()
    started_at = serializers.DateTimeField(allow_null=True)
    finished_at = serializers.DateTimeField(allow_null=True)
    pages = SyncPagesFields()
    problems = ProblemRow(many=True)


class StreamEvent(serializers.Serializer[Any]):
    """Of a stream, as server-sent events have it: each field a line."""

    id = serializers.CharField(help_text="For the header Last-Event-ID.")
    data = serializers.CharField(help_text="A JSON object.")  # type: ignore[assignment]  # a Serializer has data too


class EventOfSync(StreamEvent):
    """`data`: the newest state."""

    event = serializers.ChoiceField(choices=["progress", "done"])


class LagFields(serializers.Serializer[Any]):
    p50 = serializers.IntegerField()
    p95 = serializers.IntegerField()
    changes = serializers.IntegerField()


class CoveredPages(serializers.Serializer[Any]):
    """`indexed`, `older` and `missing` make up `known`; the others say in which state those are."""

    known = serializers.IntegerField()
    indexed = serializers.IntegerField()
    older = serializers.IntegerField()
    missing = serializers.IntegerField()
    waiting = serializers.IntegerField()
    skipped = serializers.IntegerField()
    failed = serializers.IntegerField()
    trashed = serializers.IntegerField()
    unreachable = serializers.IntegerField()
    kept = serializers.IntegerField()


class ReasonFields(serializers.Serializer[Any]):
    state = serializers.ChoiceField(choices=Page.State.choices)
    reason = serializers.CharField()
    pages = serializers.IntegerField()
    older = serializers.IntegerField()


class OldestFields(serializers.Serializer[Any]):
    page_id = serializers.CharField()
    title = serializers.CharField()
    indexed_at = serializers.DateTimeField()


class KeptFields(serializers.Serializer[Any]):
    sync_id = serializers.UUIDField(help_text="Of the sync to confirm.")
    pages = serializers.IntegerField()
    of = serializers.IntegerField()


class CoveredConnection(serializers.Serializer[Any]):
    id = serializers.UUIDField()
    status = serializers.ChoiceField(choices=Connection.Status.choices)
    synced = serializers.BooleanField(help_text="False: the plan does not cover it.")
    last_synced_at = serializers.DateTimeField(allow_null=True)
    task_source = serializers.UUIDField(allow_null=True, help_text="Of the database that holds tasks.")
    lag_seconds = serializers.IntegerField(allow_null=True)
    kept_fresh = serializers.ChoiceField(choices=WAYS)
    last_event_at = serializers.DateTimeField(allow_null=True)
    lag_ms = LagFields(allow_null=True, help_text="From an edit to being searched, in the last 24 hours.")
    pages = CoveredPages()
    older_since = serializers.DateTimeField(allow_null=True)
    reasons = ReasonFields(many=True)
    oldest = OldestFields(allow_null=True)
    oldest_outdated = OldestFields(allow_null=True)
    kept = KeptFields(allow_null=True, help_text="Pages that seem gone at once and wait to be confirmed.")
    worked_out_at = serializers.DateTimeField(allow_null=True, help_text="How old formulas and rollups may be.")


class CoverageOfConnections(serializers.Serializer[Any]):
    complete = serializers.BooleanField()
    connections = CoveredConnection(many=True)
