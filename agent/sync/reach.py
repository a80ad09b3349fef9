"""How much a run lists: only what changed, every page by its name, or everything by every way there is.

An inventory costs one request for every hundred pages. It is what finds pages that are gone, since Notion tells of no
deletion, so only a run that nobody asked for and that follows another at once goes without.
"""

from datetime import datetime, timedelta

from agent.models import SyncRun
from agent.sync.session import Session

INVENTORY_EVERY = timedelta(minutes=10)
EVERYTHING_EVERY = timedelta(days=1)
# Notion's times are cut to minutes, and its search is late.
OVERLAP = timedelta(minutes=5)

Reach = SyncRun.Reach


def decide(run: SyncRun, *, now: datetime) -> SyncRun.Reach:
    listed = SyncRun.objects.filter(connection_id=run.connection_id, watermark__isnull=False)
    if run.is_full or not listed.filter(reach=Reach.EVERYTHING, watermark__gt=now - EVERYTHING_EVERY).exists():
        return Reach.EVERYTHING
    recent = listed.exclude(reach=Reach.CHANGES).filter(watermark__gt=now - INVENTORY_EVERY)
    is_scheduled = run.requested_by is None and not run.is_loss_confirmed
    return Reach.CHANGES if is_scheduled and recent.exists() else Reach.INVENTORY


def edited_since(session: Session) -> datetime | None:
    """Nothing older needs to be asked for; nothing when all is to be asked for."""
    listed = SyncRun.objects.filter(connection_id=session.connection.id, watermark__isnull=False)
    last = listed.order_by("-watermark").first()
    if session.run.reach == Reach.EVERYTHING or last is None or last.watermark is None:
        return None
    return last.watermark - OVERLAP
