"""How long it takes from an edit in Notion until it is searched, or until a deleted page no longer is."""

import uuid
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import connection

from accounts.models import Connection
from agent.models import Change, Page
from agent.sync.session import Session

KEPT = timedelta(days=7)
SHOWN = timedelta(hours=24)


@dataclass(frozen=True)
class Lag:
    """`p50` and `p95` in milliseconds, of so many changes."""

    p50: int
    p95: int
    changes: int


def edited_at(session: Session, page: Page) -> datetime | None:
    """When somebody made the edit that is about to be written down, as far as that can be known."""
    own = page.observed_edited_at if page.observed_edited_at != page.edited_at else None
    if own and page.edited_at and own < page.edited_at:
        # Not an edit: somebody put back what was there before.
        own = None
    # Notion edits the page above too, and says of it no more than the minute.
    happened_at = session.happened_at or (session.told.get(own, own) if own else None)
    synced_at = session.connection.last_synced_at
    if happened_at is None or synced_at is None or (page.indexed_at is None and happened_at <= synced_at):
        # The first reading, or an old page that was shared later: nobody waited for an edit.
        return None
    return happened_at


def note(to: Connection, happened_at: datetime | None, *, now: datetime) -> None:
    """In the transaction that makes the change searchable."""
    if happened_at is not None:
        Change.objects.filter(connection_id=to.pk, searchable_at__lt=now - KEPT).delete()
        Change.objects.create(connection_id=to.pk, happened_at=min(happened_at, now), searchable_at=now)


PERCENTILES = """
SELECT connection_id, percentile_disc(ARRAY[0.5, 0.95]) WITHIN GROUP (ORDER BY searchable_at - happened_at), count(*)
FROM agent_change WHERE connection_id = ANY(%(connections)s) AND searchable_at >= %(since)s GROUP BY connection_id
"""


def of(connections: Collection[uuid.UUID], *, now: datetime) -> dict[uuid.UUID, Lag]:
    """Of the last 24 hours; connections without a change in that time are missing."""
    with connection.cursor() as cursor:
        cursor.execute(PERCENTILES, {"connections": list(connections), "since": now - SHOWN})
        return {
            key: Lag(_milliseconds(median), _milliseconds(high), number)
            for key, (median, high), number in cursor.fetchall()
        }


def _milliseconds(waited: timedelta) -> int:
    return int(waited.total_seconds() * 1000)
