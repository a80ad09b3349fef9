"""How much a run lists: only what changed, every page by its name, or everything by every way there is.

An inventory costs one request for every hundred pages. It is what finds pages that are gone, since Notion lists no
deletions. A deletion is found within one interval of the plan, so a run goes without an inventory only if nobody asked
for it and the next scheduled one comes before the last inventory is an interval old.
"""

from datetime import datetime, timedelta

from django.db.models import QuerySet

from accounts.models import Connection
from agent.models import SyncRun
from agent.sync.intervals import interval_of
from agent.sync.session import Session

EVERYTHING_EVERY = timedelta(days=1)
# Notion's times are cut to minutes, and its search is late.
OVERLAP = timedelta(minutes=5)

Reach = SyncRun.Reach


def decide(run: SyncRun, connection: Connection, *, now: datetime) -> SyncRun.Reach:
    listed = SyncRun.objects.filter(connection_id=run.connection_id, watermark__isnull=False)
    if run.is_full or not listed.filter(reach=Reach.EVERYTHING, watermark__gt=now - EVERYTHING_EVERY).exists():
        return Reach.EVERYTHING
    if run.requested_by is None and not run.is_loss_confirmed and _can_wait(connection, listed, now):
        return Reach.CHANGES
    return Reach.INVENTORY


def _can_wait(connection: Connection, listed: QuerySet[SyncRun], now: datetime) -> bool:
    """The connection as it is now: the schedule may have come round while the run waited."""
    current = Connection.objects.select_related("workspace__subscription").get(pk=connection.pk)
    last = listed.exclude(reach=Reach.CHANGES).order_by("-watermark").first()
    interval = interval_of(current.workspace, now=now)
    if last is None or last.watermark is None or interval is None:
        return False
    return max(current.sync_due_at, now) <= last.watermark + interval


def edited_since(session: Session) -> datetime | None:
    """Nothing older needs to be asked for; nothing when all is to be asked for."""
    listed = SyncRun.objects.filter(connection_id=session.connection.id, watermark__isnull=False)
    last = listed.order_by("-watermark").first()
    if session.run.reach == Reach.EVERYTHING or last is None or last.watermark is None:
        return None
    return last.watermark - OVERLAP
