"""Pages that are gone from Notion. Absence alone proves nothing: each is asked for by itself.

Proof is the object in the trash, it or what it lies in, or a 404 with a token that was just accepted. What is proven
gone is hidden at once; a later look that proves it again erases it.
"""

import uuid
from collections.abc import Collection
from datetime import timedelta

from django.db.models import Q
from django.utils import timezone
from django.utils.translation import ngettext

from accounts import background
from accounts.models import Connection
from agent.models import Page, SyncRun
from agent.sync import meeting, reach, reading, settling
from agent.sync.placing import DEEPEST
from agent.sync.session import Session
from integrations.notion import NotFound, Refused, Unauthorized, Unreachable

# Losing this share of a connection's pages in one run looks like lost access, not like deleting; so few pages do not,
# or of a small connection not more than half of it.
BRAKE_SHARE = 0.2
BRAKE_PAGES = 5
SMALL_SHARE, SMALL_PAGES = 0.5, 2
KEPT = "Vanished together with many others; kept."
# From the first proof to the second one, which erases.
SECOND_LOOK_AFTER = timedelta(minutes=5)
TRASHED = (Page.State.TRASHED, "In Notion's trash")
BELOW_TRASH = (Page.State.TRASHED, "Lies in something that is in Notion's trash")
# By what we know of where it lies; a sync asks Notion for it.
NOT_ASKED = (Page.State.TRASHED, "Lay in something that is in Notion's trash; not looked at since")
NOT_SHOWN = (Page.State.UNREACHABLE, "Deleted, or no longer shared with us")


class NothingShown(Exception):
    """A connection that had pages shows none."""


def look_for_the_unseen(session: Session) -> None:
    _ask_for_each(session)
    reading.read_all(session)
    settle(session)
    while reading.renew_outdated(session):
        settle(session)


def _suspects(session: Session) -> list[Page]:
    """Hidden pages are due for their second look; of the others, a run that lists only changes knows nothing."""
    now = timezone.now()
    wanted = Q(state__in=Page.LOST)
    if not session.run.is_loss_confirmed:
        wanted &= Q(gone_at__lte=now - SECOND_LOOK_AFTER)
    if session.run.reach != reach.Reach.CHANGES:
        wanted |= ~Q(state__in=Page.GONE)
    unseen = session.pages.filter(wanted).exclude(seen_run=session.run.pk).exclude(sync_run=session.run.pk)
    return list(unseen.order_by("id"))


def _ask_for_each(session: Session) -> None:
    failures = 0
    for page in _suspects(session):
        background.renew_lease()
        try:
            found = session.notion.page(page.notion_id)
        except NotFound:
            session.gone[page.pk] = NOT_SHOWN
        except Unauthorized:
            raise
        except (Refused, Unreachable) as error:
            failures += 1
            if failures >= reading.MOST_FAILURES_IN_A_ROW and not isinstance(error, Refused):
                raise
            if page.state in Page.LOST:
                continue
            session.count(known=1)
            settling.fail(session, page, str(error))
        else:
            failures = 0
            if found.get("in_trash"):
                session.gone[page.pk] = TRASHED
            elif not _is_below(session, page, found):
                meeting.meet(session, [found])


def _is_below(session: Session, page: Page, found: dict[str, object]) -> bool:
    """Whether a page that no listing shows lies in something in the trash, which its own object does not say."""
    holder = found.get("parent")
    above = holder if isinstance(holder, dict) else {}
    for _ in range(DEEPEST):
        try:
            if above.get("data_source_id"):
                shown = session.notion.data_source(above["data_source_id"])
                above = shown.get("database_parent") or {}
            elif above.get("page_id"):
                shown = session.notion.page(above["page_id"])
                above = shown.get("parent") or {}
            elif above.get("block_id"):
                shown = session.notion.block(above["block_id"])
                above = shown.get("parent") or {}
            else:
                return False
        except NotFound:
            # The connection may well see a page and not what it lies in.
            return False
        if shown.get("in_trash"):
            session.gone[page.pk] = BELOW_TRASH
            return True
    return False


def settle(session: Session) -> None:
    if session.gone:
        # A token that is no longer accepted would make every page look gone.
        session.notion.me()
    pages = list(session.pages.filter(pk__in=session.gone).order_by("id"))
    # What the member left out is no part of what may be lost.
    newly = [page for page in pages if page.state not in Page.GONE]
    known = session.pages.exclude(state__in=Page.GONE).count()
    is_kept = not session.run.is_loss_confirmed and (is_too_many(session, len(newly)) or _is_everything(newly, known))
    if is_kept:
        _keep(session, len(newly), known)
        if len(newly) == session.pages.exclude(state__in=Page.LOST).count():
            raise NothingShown
    for page in pages:
        state, reason = session.gone.pop(page.pk)
        if page.seen_run != session.run.pk:
            session.count(known=1)
        if page.state in Page.LOST or session.run.is_loss_confirmed:
            settling.erase(session, page)
        elif is_kept:
            settling.fail(session, page, KEPT)
        else:
            settling.leave_out(session, page, Page.State(state), reason)


def is_too_many(session: Session, more: int) -> bool:
    """Whether so many more pages gone, with those that went one by one since the last sync, look like lost access."""
    since = session.connection.last_synced_at or session.connection.connected_at
    lost = session.pages.filter(state__in=Page.LOST, gone_at__gt=since).count()
    known = session.pages.exclude(state__in=Page.GONE).count() + lost
    return more > 0 and lost + more > most_at_once(known)


def most_at_once(known: int) -> float:
    """So many pages of a connection may go without that anybody is asked."""
    few = min(BRAKE_PAGES, max(SMALL_PAGES, known * SMALL_SHARE))
    return max(few, known * BRAKE_SHARE)


def _is_everything(newly: list[Page], known: int) -> bool:
    return len(newly) == known and any(page.indexed_at is not None for page in newly)


def _keep(session: Session, vanished: int, known: int) -> None:
    words = ngettext(
        "%(n)d of %(known)d page seems gone from Notion.", "%(n)d of %(known)d pages seem gone from Notion.", known
    ) % {"n": vanished, "known": known}
    session.note(
        f"{words} What seems gone is kept and still answered from. If it was deleted on purpose, confirm it on the page"
        " of this sync or of the sources, or ask for a full one."
    )
    with session.writing():
        SyncRun.objects.filter(pk=session.run.pk).update(vanished=vanished, vanished_of=known)


def kept(connection: Connection) -> SyncRun | None:
    return kept_by([connection.id]).get(connection.id)


def kept_by(connections: Collection[uuid.UUID]) -> dict[uuid.UUID, SyncRun]:
    """The syncs that kept pages of these connections which seem gone, unless a later one got further."""
    ended = Q(status__in=(SyncRun.Status.COMPLETE, SyncRun.Status.PARTIAL)) | Q(vanished__gt=0)
    of_these = SyncRun.objects.filter(ended, connection_id__in=connections)
    last = of_these.order_by("connection_id", "-created_at").distinct("connection_id")
    return {run.connection_id: run for run in last if run.vanished}
