"""For whoever runs Docent: connections that do not get on, syncs that wait for a worker, refusals of Notion."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from accounts import background, tenancy
from accounts.models import Connection, Workspace
from agent.models import SyncRun
from agent.sync import intervals
from agent.sync.jobs import sync
from billing import reading
from config import valkey
from integrations.notion.budget import COUNTERS

# A schedule may be late by a sync that takes long, or by a short stop of the workers.
LATE_AFTER = timedelta(hours=1)


@dataclass(frozen=True)
class Traffic:
    """Syncs that wait for a worker, the age of the oldest; what Notion was asked since Valkey was new, and refused."""

    waiting: int
    oldest: timedelta
    requests: int
    limited: int


@dataclass(frozen=True)
class Watched:
    connection: Connection
    # Of the newest sync that ended.
    outcome: str
    # Since the newest sync that ended well; nothing when there was none.
    lag: timedelta | None
    troubles: tuple[str, ...]
    # False when the plan does not let it be read: then nothing is trouble.
    is_covered: bool = True


def traffic(*, now: datetime) -> Traffic:
    with tenancy.shared():
        waiting = background.free(now).filter(queue=sync.queue_name)
        oldest = waiting.order_by("due_at").values_list("due_at", flat=True).first()
        number = waiting.count()
    counted: Any = valkey.client().hgetall(COUNTERS)
    figures = {key.decode(): int(value) for key, value in counted.items()}
    age = now - oldest if oldest else timedelta()
    return Traffic(number, age, figures.get("requests", 0), figures.get("limited", 0))


def connections(*, now: datetime) -> Iterator[Watched]:
    every = Connection.objects.exclude(status=Connection.Status.DISCONNECTED).select_related(
        "workspace__subscription", "health"
    )
    for connection in every.filter(workspace__state=Workspace.State.ACTIVE).order_by("connected_at").iterator():
        interval = intervals.interval_of(connection.workspace, now=now)
        outcome = connection.health.outcome if hasattr(connection, "health") else ""
        lag = now - connection.last_synced_at if connection.last_synced_at else None
        troubles = []
        if connection.status == Connection.Status.REAUTHORIZE:
            troubles.append("no access")
        if outcome == SyncRun.Status.FAILED:
            troubles.append("failed")
        if interval is not None and not connection.is_paused and (lag or timedelta()) > interval + LATE_AFTER:
            troubles.append("late")
        is_covered = reading.can_read(connection, now=now)
        yield Watched(connection, outcome, lag, tuple(troubles) if is_covered else (), is_covered)
