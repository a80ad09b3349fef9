"""Pages that turn out to be gone one by one, between syncs. Beyond the brake none goes, and a sync asks a member."""

import logging
from collections.abc import Sequence
from datetime import datetime

from django.db import transaction
from django.utils import timezone

from accounts import tenancy
from accounts.models import NotionNotice
from agent.live import events, ledger
from agent.models import Page, Source
from agent.sync import lag, meeting, services, settling, trash, vanishing
from agent.sync.session import Session, Stopped
from integrations import vectors

log = logging.getLogger(__name__)
REASONS = dict((trash.IN_TRASH, vanishing.NOT_SHOWN))


def remove(session: Session, page: Page, state: Page.State, *, began: datetime) -> bool:
    """Notion said at `began` or later that this page is gone. What somebody read after that stays.

    What lies below a page in the trash goes with it; below one that is not shown to us, each is asked for by itself.
    False when so many are gone that a member has to be asked: a sync does, unless one has, and all stay as they were.
    """
    below = ledger.below(page.connection_id, [page.notion_id])
    is_gone = _hide(session, page, state, below if state == Page.State.TRASHED else [], began=began)
    if is_gone and state == Page.State.UNREACHABLE:
        ask_for(session, [each for each in below if each.state not in Page.LOST])
    elif is_gone:
        _lose_databases(session, page.notion_id)
    return is_gone


def remove_rows(session: Session, source: Source) -> bool:
    """Notion said that this database is in the trash."""
    is_gone = _hide(session, None, Page.State.TRASHED, ledger.below(source.connection_id, [source.notion_id]))
    if is_gone:
        meeting.lose_source(session, source)
        _lose_databases(session, source.notion_id)
    return is_gone


def _lose_databases(session: Session, notion_id: str) -> None:
    """Otherwise a sync would list their rows, which look as if nothing had happened."""
    try:
        for source in ledger.databases_below(session.connection.pk, [notion_id]):
            meeting.lose_source(session, session.sources.get(source.notion_id, source))
    except Stopped:
        log.info("connection %s was ended meanwhile", session.connection.pk)


def ask_for(session: Session, pages: Sequence[Page]) -> None:
    """Each by itself; very many are left to a sync."""
    if len(pages) > events.MOST_NAMED:
        _sync(session)
    elif pages:
        now = timezone.now()
        with tenancy.shared(), transaction.atomic():
            for page in sorted(pages, key=lambda page: page.notion_id):
                events.notice(session.connection, NotionNotice.Kind.PAGE, page.notion_id, now, now=now)
            events.ask_to_read(session.connection)


def _hide(
    session: Session, page: Page | None, state: Page.State, below: Sequence[Page], *, began: datetime | None = None
) -> bool:
    """All of them, or none."""
    try:
        # The connection's lock makes those who count follow each other.
        with session.writing():
            wanted = [each.pk for each in (page, *below) if each is not None]
            held = {each.pk: each for each in session.pages.select_for_update().filter(pk__in=wanted).order_by("id")}
            first = held.get(page.pk) if page is not None else None
            if page is not None and (first is None or _was_read_since(first, began)):
                return True
            going = [each for each in held.values() if each.state not in Page.GONE]
            is_kept = bool(going) and is_braked(session, going)
            for each in () if is_kept else going:
                _leave_out(session, each, *((state, REASONS[state]) if each == first else vanishing.NOT_ASKED))
            if not is_kept:
                # Who asked whether one of those that were hidden before is back did so before this look.
                lost = [each.pk for each in held.values() if each.state in Page.LOST]
                session.pages.filter(pk__in=lost).update(checked_at=timezone.now())
    except Stopped:
        log.info("connection %s was ended meanwhile", session.connection.pk)
        return True
    if is_kept and not _is_asked(session, state, [each for each in going if each == first] or going):
        log.warning("many pages of connection %s seem gone; a sync asks", session.connection.pk)
        _sync(session)
    return not is_kept


def _is_asked(session: Session, state: Page.State, going: Sequence[Page]) -> bool:
    """Whether a sync has asked a member about these, gone in this way: another would only find the same. What lies
    below a page may be gone otherwise than it."""
    return all(each.reason == Page.KEPT[state] for each in going) and vanishing.kept(session.connection) is not None


def _was_read_since(page: Page, began: datetime | None) -> bool:
    return began is not None and page.checked_at is not None and page.checked_at > began


def _sync(session: Session) -> None:
    # After the locks: a sync that ends takes the same ones the other way round. In its owner's name, since one
    # that nobody asked for may list only changes, and would not look for what is gone. A paused one stays paused.
    asker = None if session.connection.is_paused else session.connection.owner_id
    services.start_connection(session.connection, requested_by=asker)


def is_braked(session: Session, going: Sequence[Page]) -> bool:
    known = session.pages.exclude(state__in=Page.GONE).count()
    return (
        vanishing.kept(session.connection) is not None
        or vanishing.is_too_many(session, len(going))
        or vanishing.is_everything(going, known)
    )


def as_before(session: Session, page: Page, *, seen: object, accounted: object) -> None:
    """A sync that is open counts its pages by these; this reading is none of its own."""
    session.pages.filter(pk=page.pk, seen_run=session.run.pk).update(seen_run=seen)
    session.pages.filter(pk=page.pk, sync_run=session.run.pk).update(sync_run=accounted)


def _leave_out(session: Session, page: Page, state: Page.State, reason: str) -> None:
    seen, accounted = page.seen_run, page.sync_run
    try:
        settling.leave_out(session, page, state, reason)
    except (vectors.Unreachable, vectors.Refused):
        # A vector without its chunk finds nothing, and goes with the next repair.
        log.warning("vectors of a page that is gone could not be removed")
    as_before(session, page, seen=seen, accounted=accounted)
    lag.note(session.connection, session.happened_at, now=timezone.now())
