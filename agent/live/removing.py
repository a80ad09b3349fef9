"""Pages that turn out to be gone one by one, between syncs. Beyond the brake none goes, and a sync asks a member."""

import logging
from datetime import datetime

from django.utils import timezone

from agent.models import Page
from agent.sync import lag, services, settling, vanishing
from agent.sync.session import Session, Stopped
from integrations import vectors

log = logging.getLogger(__name__)
REASONS = dict((vanishing.TRASHED, vanishing.NOT_SHOWN))


def remove(session: Session, page: Page, state: Page.State, *, began: datetime) -> bool:
    """Notion said at `began` or later that this page is gone. What somebody read after that stays.

    False when so many are gone that a member has to be asked: then a sync is, and this page stays as it was.
    """
    try:
        # The connection's lock makes those who count follow each other.
        with session.writing():
            held = session.pages.select_for_update().filter(pk=page.pk).first()
            if held is None or held.state in Page.GONE or (held.checked_at is not None and held.checked_at > began):
                return True
            is_kept = is_braked(session)
            if not is_kept:
                _leave_out(session, held, state)
    except Stopped:
        log.info("connection %s was ended meanwhile", session.connection.pk)
        return True
    if is_kept:
        log.warning("many pages of connection %s seem gone; a sync asks", session.connection.pk)
        # After the locks: a sync that ends takes the same ones the other way round. In its owner's name, since one
        # that nobody asked for may list only changes, and would not look for what is gone. A paused one stays paused.
        asker = None if session.connection.is_paused else session.connection.owner_id
        services.start_connection(session.connection, requested_by=asker)
    return not is_kept


def is_braked(session: Session) -> bool:
    return vanishing.kept(session.connection) is not None or vanishing.is_too_many(session, 1)


def as_before(session: Session, page: Page, *, seen: object, accounted: object) -> None:
    """A sync that is open counts its pages by these; this reading is none of its own."""
    session.pages.filter(pk=page.pk, seen_run=session.run.pk).update(seen_run=seen)
    session.pages.filter(pk=page.pk, sync_run=session.run.pk).update(sync_run=accounted)


def _leave_out(session: Session, page: Page, state: Page.State) -> None:
    seen, accounted = page.seen_run, page.sync_run
    try:
        settling.leave_out(session, page, state, REASONS[state])
    except (vectors.Unreachable, vectors.Refused):
        # A vector without its chunk finds nothing, and goes with the next repair.
        log.warning("vectors of a page that is gone could not be removed")
    as_before(session, page, seen=seen, accounted=accounted)
    lag.note(session.connection, session.happened_at, now=timezone.now())
