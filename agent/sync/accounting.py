"""Reading one page after another until every page of the run is accounted for."""

import logging
from collections.abc import Callable

from accounts import background
from agent.models import Page, Source
from agent.sync import discovery, doubts, losses, reach, showing, trash
from agent.sync.placing import place
from agent.sync.reading import ask_again, look_again, read, renew_lines
from agent.sync.session import Session
from agent.sync.settling import fail, is_judged_since, leave_out, settle
from integrations import vectors
from integrations.notion import Refused, Unauthorized, Unreachable

log = logging.getLogger(__name__)
# A page that failed in a worker's hands this often is passed over, so that it cannot stop the others.
MOST_ATTEMPTS = 3
# An outdated page may become so again while others are looked after, but not without end.
MOST_RENEWALS = 2


def read_all(session: Session) -> None:
    """Account for every page that this run has met; reading finds more of them."""
    _account_for(session, _next, account)


def renew_outdated(session: Session) -> bool:
    """Look after the pages that show what others were before this run; whether there were any."""
    before = sum(session.renewed.values())
    _account_for(session, _next_outdated, _renew)
    read_all(session)
    return sum(session.renewed.values()) > before


def _account_for(
    session: Session, following: Callable[[Session], Page | None], treat: Callable[[Session, Page], None]
) -> None:
    failures = 0
    while page := following(session):
        background.renew_lease()
        session.let_others()
        attempts = page.attempts
        session.pace.can_stop_here = page.attempts == 0
        try:
            treat(session, page)
            failures = 0
            background.note_progress()
        except background.Later:
            # Waiting is no failed attempt, but the page is not given up a second time.
            Page.objects.filter(pk=page.pk).update(attempts=max(1, attempts))
            raise
        except Unauthorized:
            raise
        except (Refused, Unreachable, vectors.Unreachable) as error:
            failures += 1
            if failures >= discovery.MOST_FAILURES_IN_A_ROW and not isinstance(error, Refused):
                raise
            fail(session, page, str(error))


def _next(session: Session) -> Page | None:
    page: Page | None = (
        session.pages.filter(seen_run=session.run.pk)
        .exclude(sync_run=session.run.pk)
        .exclude(pk__in=session.gone)
        .order_by("attempts", "-observed_edited_at", "id")
        .first()
    )
    return page


def _next_outdated(session: Session) -> Page | None:
    tired = [key for key, times in session.renewed.items() if times >= MOST_RENEWALS]
    failed = {"state": Page.State.FAILED, "sync_run": session.run.pk}
    open_pages = showing.outdated(session).exclude(**failed).exclude(pk__in=[*tired, *session.gone])
    page: Page | None = open_pages.order_by("attempts", "id").first()
    return page


def _renew(session: Session, page: Page) -> None:
    session.renewed[page.pk] += 1
    is_listed = page.seen_run == session.run.pk
    if not is_listed:
        with session.writing():
            session.pages.filter(pk=page.pk).update(seen_run=session.run.pk)
            session.count(known=1)
    if not is_listed and (page.blocks_outdated_at is not None or showing.is_worked_out(page)):
        page = look_again(session, page)
    account(session, page)


def account(session: Session, page: Page) -> None:
    """Bring one page to the state it deserves, and count it."""
    if page.attempts >= MOST_ATTEMPTS:
        fail(session, page, "Reading this page stopped the reader several times.")
        return
    Page.objects.filter(pk=page.pk).update(attempts=page.attempts + 1)
    if doubts.is_unasked(page):
        page = ask_again(session, page)
    elif page.state in Page.LOST and session.asked_at is None:
        # It may have been listed before it was found gone.
        try:
            page = ask_again(session, page)
        except Unauthorized:
            raise
        except (Refused, Unreachable) as error:
            log.warning("a page that was gone was not shown: %s", error)
            trash.stay(session, page)
            return
    if page.pk in session.gone:
        return
    if page.observed.get("in_trash"):
        session.lose(page, trash.IN_TRASH)
        return
    if trash.hides(session, page):
        return
    source = place(session, page)
    if page.source_id != source.pk:
        showing.outdate_below(session, page, source)
    page.source = source
    # Asked anew for each page: a member may leave a source out while it is read.
    if not Source.objects.filter(pk=source.pk, is_chosen=True).exists():
        leave_out(session, page, Page.State.SKIPPED, "Not among the chosen sources")
    elif must_be_read(session, page):
        read(session, page, source)
    elif page.outdated_at is not None or page.observed_hash != showing.digest(page.observed, source.schema):
        renew_lines(session, page, source)
    else:
        with session.writing():
            if not is_judged_since(session, page):
                page.checked_at = session.asked_at or page.checked_at
                settle(session, page, Page.State.INDEXED, "unchanged", writing=["checked_at"])


def must_be_read(session: Session, page: Page) -> bool:
    if session.run.is_full or page.indexed_at is None or page.edited_at is None:
        return True
    if page.state != Page.State.INDEXED and not page.is_kept:
        return True
    if losses.may_be_mended(page.warnings) or page.blocks_outdated_at is not None or not page.observed_hash:
        return True
    if session.run.reach != reach.Reach.CHANGES and showing.copies_unread(session, page):
        return True
    return page.edited_at != page.observed_edited_at or page.indexed_at - page.edited_at < showing.MINUTE_MAY_GO_ON
