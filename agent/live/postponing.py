"""What Notion told of and could not be read: tried again ever more rarely, while the others are read."""

import logging
from datetime import datetime, timedelta

from django.db.models import F
from django.utils import timezone

from accounts import tenancy
from accounts.models import NotionNotice
from agent.live.removing import as_before
from agent.models import Page
from agent.sync import doubts, meeting, settling
from agent.sync.session import Session

log = logging.getLogger(__name__)
SOONEST, LATEST = timedelta(seconds=15), timedelta(minutes=15)
# From then on the syncs alone go on, which read again whatever failed.
LAST = timedelta(days=1)


def postpone(notice: NotionNotice) -> None:
    """For as long again as it waits already."""
    now = timezone.now()
    waited = now - notice.happened_at
    with tenancy.shared():
        held = NotionNotice.objects.filter(pk=notice.pk, version=notice.version)
        if waited > LAST:
            held.delete()
        else:
            held.update(noticed_at=now + min(max(waited, SOONEST), LATEST))
        # Also when it was told of again meanwhile.
        NotionNotice.objects.filter(pk=notice.pk).update(tries=F("tries") + 1)


def say_failed(session: Session, notion_id: str, reason: str, *, began: datetime) -> None:
    """Until it is read the page counts as older than Notion, or as missing. What is gone stays so, and may be back."""
    with session.writing():
        if not session.pages.filter(notion_id=notion_id).exists():
            meeting.meet(session, [{"object": "page", "id": notion_id}])
        page = session.pages.select_for_update().get(notion_id=notion_id)
        if page.state == Page.State.SKIPPED or (page.checked_at is not None and page.checked_at > began):
            return
        if page.state in Page.LOST:
            doubts.may_be_back(session, page)
            return
        seen = None if page.seen_run == session.run.pk else page.seen_run
        accounted = page.sync_run
        settling.fail(session, page, reason)
        as_before(session, page, seen=seen, accounted=accounted)
