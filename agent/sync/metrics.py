"""Figures of the whole installation in Prometheus' text format. Reads the shared tables and Valkey's counters alone."""

from collections.abc import Iterator
from datetime import datetime
from typing import Any, NamedTuple

from django.db.models import Count, Min, QuerySet, Sum

from accounts import background, tenancy
from accounts.models import Connection, ConnectionHealth, Job
from agent.models import SyncRun
from agent.sync.intervals import interval_of
from billing import reading
from config import valkey
from integrations.notion.budget import COUNTERS

QUEUES = ("runs", "sync", "default")


class Metric(NamedTuple):
    name: str
    kind: str
    help: str
    samples: dict[str, float]


def text(*, now: datetime) -> str:
    with tenancy.shared():
        return "".join(
            f"# HELP docent_{each.name} {each.help}\n# TYPE docent_{each.name} {each.kind}\n"
            + "".join(f"docent_{each.name}{labels} {value:.10g}\n" for labels, value in each.samples.items())
            for each in (*_connections(now), *_jobs(now), *_notion())
        )


def _label(name: str, value: object) -> str:
    return f'{{{name}="{value}"}}'


def _connections(now: datetime) -> Iterator[Metric]:
    known = Connection.objects.exclude(status=Connection.Status.DISCONNECTED)
    by_status = dict(known.values_list("status").annotate(Count("id")).order_by())
    kept = [Connection.Status.ACTIVE, Connection.Status.REAUTHORIZE]
    counted = {_label("status", status): by_status.get(status, 0) for status in kept}
    yield Metric("connections", "gauge", "Connections to Notion.", counted)
    health = ConnectionHealth.objects.filter(connection__in=known)
    by_outcome = dict(health.values_list("outcome").annotate(Count("pk")).order_by())
    ended = [each for each in SyncRun.Status if each not in SyncRun.OPEN]
    counted = {_label("result", outcome): by_outcome.get(outcome, 0) for outcome in ended}
    yield Metric("last_syncs", "gauge", "Connections by the result of their newest sync.", counted)
    pages = health.aggregate(known=Sum("known"), indexed=Sum("indexed"))
    counted = {_label("state", state): pages[state] or 0 for state in ("known", "indexed")}
    yield Metric("pages", "gauge", "Pages known, and those of them that are searchable.", counted)
    share = (pages["indexed"] or 0) / pages["known"] if pages["known"] else 1
    yield Metric("coverage_ratio", "gauge", "Searchable pages of those that are known.", {"": share})
    words = "Since the last sync of the active connection that waits longest, of those that their plan syncs by itself."
    yield Metric("oldest_sync_seconds", "gauge", words, {"": _oldest(known, now)})
    medians, highs = (
        sorted(health.exclude(**{name: None}).values_list(name, flat=True)) for name in ("lag_p50_ms", "lag_p95_ms")
    )
    lags = {_label("quantile", q): _at(found, q) / 1000 for q, found in ((0.5, medians), (0.95, highs)) if found}
    yield Metric(
        "edit_lag_seconds",
        "gauge",
        "From an edit until it is searchable: the median of the connections' medians, the 95 % of their 95 %.",
        lags,
    )


def _oldest(known: QuerySet[Connection], now: datetime) -> float:
    """The first that is owed a sync; who pays nothing waits for none."""
    waiting = known.filter(status=Connection.Status.ACTIVE, is_paused=False, last_synced_at__isnull=False)
    for connection in waiting.select_related("workspace__subscription").order_by("last_synced_at").iterator():
        if interval_of(connection.workspace, now=now) is not None and reading.can_read(connection, now=now):
            assert connection.last_synced_at is not None
            return (now - connection.last_synced_at).total_seconds()
    return 0


def _at(ordered: list[int], quantile: float) -> int:
    return ordered[min(len(ordered) - 1, int(len(ordered) * quantile))]


def _jobs(now: datetime) -> Iterator[Metric]:
    waiting = background.free(now).order_by().values("queue").annotate(number=Count("id"), since=Min("due_at"))
    found = {row["queue"]: row for row in waiting}
    numbers = {_label("queue", queue): found[queue]["number"] if queue in found else 0 for queue in QUEUES}
    yield Metric("jobs_waiting", "gauge", "Jobs that are due and in nobody's hands.", numbers)
    ages = {
        _label("queue", queue): (now - found[queue]["since"]).total_seconds() if queue in found else 0
        for queue in QUEUES
    }
    yield Metric("queue_age_seconds", "gauge", "How long the oldest of them has waited.", ages)
    failed = Job.objects.exclude(failed_at=None).count()
    yield Metric("jobs_failed", "gauge", "Jobs that gave up.", {"": failed})


def _notion() -> Iterator[Metric]:
    counted: Any = valkey.client().hgetall(COUNTERS)
    figures = {key.decode(): int(value) for key, value in counted.items()}
    yield Metric(
        "notion_requests_total", "counter", "Requests to Notion since Valkey was new.", {"": figures.get("requests", 0)}
    )
    yield Metric("notion_limited_total", "counter", "Of them refused with 429.", {"": figures.get("limited", 0)})
