"""Reading what was noticed: each page is asked for by itself, with the connection's own token."""

import logging
from datetime import datetime

from django.utils import timezone

from accounts import background, tenancy
from accounts.models import Connection, NotionNotice
from agent.live import ledger
from agent.live.removing import as_before, ask_for, remove, remove_rows
from agent.models import Page, Source, SyncRun
from agent.sync import meeting, reading, services, showing
from agent.sync.session import Session, Stopped, opened
from integrations import notion
from integrations.notion import NotFound, Refused, Unauthorized

log = logging.getLogger(__name__)
MOST_RENEWED = 20


def read_noticed(*, connection_id: str) -> None:
    """The job. A sync of the same connection may be at work: each writes a page whole, and the later reading stays."""
    connection = Connection.objects.filter(pk=connection_id, status=Connection.Status.ACTIVE).first()
    if connection is None:
        with tenancy.shared():
            NotionNotice.objects.filter(connection_id=connection_id).delete()
        return
    try:
        with opened(connection, SyncRun(connection_id=connection.pk), patience=notion.HASTY) as session:
            # Its writes wait for the connection instead of a sync's row: there is none.
            session.is_only_looking = True
            while notice := _next(connection):
                background.renew_lease()
                _handle(session, notice)
                background.note_progress()
            _renew_outdated(session)
    except Stopped:
        log.info("connection %s was ended meanwhile", connection.pk)
    except Unauthorized:
        # The next sync says so, with what to do; until then nothing more is asked with this token.
        services.start_connection(connection, requested_by=None)
        with tenancy.shared():
            NotionNotice.objects.filter(connection_id=connection.pk).delete()


def _next(connection: Connection) -> NotionNotice | None:
    with tenancy.shared():
        return NotionNotice.objects.filter(connection=connection).order_by("happened_at", "pk").first()


def _handle(session: Session, notice: NotionNotice) -> None:
    if notice.kind == NotionNotice.Kind.SYNC:
        _done(notice)
        services.start_connection(session.connection, requested_by=None)
        return
    minute = notice.happened_at.replace(second=0, microsecond=0)
    session.told[minute] = min(notice.happened_at, session.told.get(minute, notice.happened_at))
    # The top of a tree of pages is a source too.
    known = [each for each in session.sources.values() if each.kind == Source.Kind.DATABASE]
    databases = [each for each in known if notice.notion_id in meeting.names_of(each)]
    try:
        for source in databases:
            _look_at_rows(session, source)
        if not databases:
            read_page(session, notice.notion_id, edited_at=notice.happened_at)
    except Refused as error:
        if isinstance(error, Unauthorized):
            raise
        log.warning("a page that Notion told of could not be read: %s", error)
    _done(notice)


def _done(notice: NotionNotice) -> None:
    """Unless another event came while the page was read: then it is read again."""
    with tenancy.shared():
        NotionNotice.objects.filter(pk=notice.pk, version=notice.version).delete()


def _renew_outdated(session: Session) -> None:
    """The pages that show what was read now. A sync asks Notion for fewer of them, so many are left to one."""
    pages = list(showing.outdated(session).exclude(state=Page.State.FAILED).order_by("id")[: MOST_RENEWED + 1])
    if len(pages) > MOST_RENEWED:
        services.start_connection(session.connection, requested_by=None)
        return
    for page in pages:
        background.renew_lease()
        try:
            _read_page(session, page.notion_id)
        except Refused as error:
            if isinstance(error, Unauthorized):
                raise
            log.warning("a page that shows another one could not be read: %s", error)


def read_page(session: Session, notion_id: str, *, edited_at: datetime) -> None:
    """Make what we hold of this page equal what Notion shows the connection now."""
    session.happened_at = edited_at
    try:
        _read_page(session, notion_id)
    finally:
        session.happened_at = None


def _read_page(session: Session, notion_id: str) -> None:
    before, began = session.pages.filter(notion_id=notion_id).first(), timezone.now()
    try:
        found = session.notion.page(notion_id)
    except NotFound:
        if before is not None:
            remove(session, before, Page.State.UNREACHABLE, began=began)
        return
    if found.get("in_trash"):
        if before is not None:
            remove(session, before, Page.State.TRASHED, began=began)
        return
    seen, accounted = (before.seen_run, before.sync_run) if before is not None else (None, None)
    meeting.meet(session, [found])
    page = session.pages.get(notion_id=notion_id)
    try:
        reading.account(session, page)
    finally:
        as_before(session, page, seen=seen, accounted=accounted)
    if lost := session.gone.pop(page.pk, None):
        remove(session, page, Page.State(lost[0]), began=began)
    elif before is not None and before.state in Page.LOST:
        ask_for(session, _lost(ledger.below(page.connection_id, [page.notion_id])))


def _look_at_rows(session: Session, source: Source) -> None:
    rows = ledger.below(source.connection_id, [source.notion_id])
    try:
        found = session.notion.data_source(source.notion_id)
    except NotFound:
        # The connection may well see the rows, and not what they lie in.
        ask_for(session, [row for row in rows if row.state not in Page.LOST])
        return
    if found.get("in_trash"):
        remove_rows(session, source)
    else:
        ask_for(session, _lost(rows))


def _lost(pages: list[Page]) -> list[Page]:
    return [page for page in pages if page.state in Page.LOST]
