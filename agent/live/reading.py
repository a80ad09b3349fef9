"""Reading what was noticed: each page is asked for by itself, with the connection's own token."""

import logging
import uuid
from datetime import datetime, timedelta

from django.db.models import Q
from django.utils import timezone

from accounts import background, connections, tenancy
from accounts.models import Connection, NotionNotice
from agent.live import ledger, postponing
from agent.live.removing import as_before, ask_for, remove, remove_rows
from agent.models import Page, Source, SyncRun
from agent.sync import accounting, discovery, doubts, meeting, services, showing
from agent.sync.session import Session, Stopped, opened
from integrations import notion
from integrations.notion import NotFound, NotionError, RateLimited, Refused, Unauthorized, Unreachable

log = logging.getLogger(__name__)
MOST_RENEWED = 20
# What another machine has just written down is due; what was put off waits for longer.
CLOCKS_DIFFER = timedelta(seconds=5)


def read_noticed(*, connection_id: str) -> None:
    """The job. A sync of the same connection may be at work: each writes a page whole, and the later reading stays."""
    connection = Connection.objects.filter(pk=connection_id, status=Connection.Status.ACTIVE).first()
    # Before the first sync nobody has chosen what may be read; it reads everything that was chosen.
    if connection is None or not SyncRun.objects.filter(connection_id=connection.pk).exists():
        with tenancy.shared():
            NotionNotice.objects.filter(connection_id=connection_id).delete()
        return
    try:
        with opened(connection, SyncRun(connection_id=connection.pk), patience=notion.HASTY) as session:
            # Its writes wait for the connection instead of a sync's row: there is none.
            session.is_only_looking = True
            _read_all(session)
            _renew_outdated(session)
            asked = set[uuid.UUID]()
            while _make_sure(session, asked):
                # What lies below those that are gone, or back, is noticed too.
                _read_all(session)
    except Stopped:
        log.info("connection %s was ended meanwhile", connection.pk)
    except Unauthorized:
        # The next sync says so, with what to do; nothing more is asked with this token.
        connections.refused(connection)
        services.start_connection(connection, requested_by=None)
        with tenancy.shared():
            NotionNotice.objects.filter(connection_id=connection.pk).delete()


def _read_all(session: Session) -> None:
    """Those that cannot be read keep none of the others, however many they are."""
    failures = 0
    while notice := _next(session.connection, is_newest=failures % 2 == 1):
        background.renew_lease()
        began = timezone.now()
        try:
            _handle(session, notice, began=began)
        except (Unauthorized, RateLimited):
            raise
        except (Refused, Unreachable) as error:
            log.warning("what Notion told of could not be read: %s", error)
            postponing.postpone(notice)
            failures += 1
            if failures % discovery.MOST_FAILURES_IN_A_ROW == 0 and not isinstance(error, Refused):
                # Away, or these pages alone? If it does not answer this either, all of them wait.
                session.notion.me()
        else:
            failures = 0
            background.note_progress()


def _next(connection: Connection, *, is_newest: bool = False) -> NotionNotice | None:
    """What never failed before what did. After a failure those of both ends in turn: bad ones often come together."""
    with tenancy.shared():
        due = NotionNotice.objects.filter(connection=connection, noticed_at__lte=timezone.now() + CLOCKS_DIFFER)
        fresh = due.filter(tries=0)
        ordered = (fresh if fresh.exists() else due).order_by("noticed_at", "happened_at", "pk")
        return ordered.last() if is_newest else ordered.first()


def _handle(session: Session, notice: NotionNotice, *, began: datetime) -> None:
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
    except NotionError as error:
        if not isinstance(error, Unauthorized | RateLimited):
            for source in databases:
                doubts.doubt_source(session, source)
            if not databases:
                postponing.say_failed(session, notice.notion_id, str(error), began=began)
        raise
    _done(notice)


def _done(notice: NotionNotice) -> None:
    """Unless another event came while the page was read: then it is read again."""
    with tenancy.shared():
        if not NotionNotice.objects.filter(pk=notice.pk, version=notice.version).delete()[0]:
            NotionNotice.objects.filter(pk=notice.pk).update(tries=0)


def _renew_outdated(session: Session) -> None:
    """The pages that show what was read now. A sync asks Notion for fewer of them, so many are left to one."""
    pages = list(showing.outdated(session).exclude(state=Page.State.FAILED).order_by("id")[: MOST_RENEWED + 1])
    if len(pages) > MOST_RENEWED:
        services.start_connection(session.connection, requested_by=None)
        return
    _read_each(session, pages)


def _read_each(session: Session, pages: list[Page]) -> None:
    for page in pages:
        background.renew_lease()
        began = timezone.now()
        try:
            _read_page(session, page.notion_id)
        except (Unauthorized, RateLimited):
            raise
        except (Refused, Unreachable) as error:
            # A sync looks after it, as after any that failed.
            postponing.say_failed(session, page.notion_id, str(error), began=began)


def _make_sure(session: Session, asked: set[uuid.UUID]) -> bool:
    """Of what the pages that were read now show no more, each once; whether there was any. What fails is left to a
    sync."""
    sources = [source for source in doubts.sources(session) if source.pk not in asked]
    for source in sources:
        discovery.make_sure(session, source)
        if session.sources[source.notion_id].is_gone:
            remove_rows(session, source)
        else:
            ask_for(session, list(session.pages.filter(source=source, state=Page.State.PENDING)))
    doubted = doubts.pages(session).exclude(state__in=[*Page.LOST, Page.State.FAILED]).exclude(pk__in=asked)
    pages = list(doubted.order_by("id")[: MOST_RENEWED + 1])
    asked |= {each.pk for each in (*sources, *pages)}
    if len(pages) > MOST_RENEWED:
        services.start_connection(session.connection, requested_by=None)
        return False
    _read_each(session, pages)
    return bool(sources or pages)


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
    if before is not None:
        # Who judged it since has done so after this look.
        page.checked_at = before.checked_at
    session.asked_at = began
    try:
        accounting.account(session, page)
    finally:
        session.asked_at = None
        as_before(session, page, seen=seen, accounted=accounted)
    if lost := session.gone.pop(page.pk, None):
        remove(session, page, Page.State(lost.state), began=began)
    elif before is not None and (before.state in Page.LOST or before.is_kept):
        for source in ledger.databases_below(page.connection_id, [page.notion_id]):
            _find_again(session, source)
        # Itself too where another reader has judged it meanwhile, perhaps by an earlier look.
        itself = session.pages.filter(pk=page.pk)
        ask_for(session, _lost([*itself, *ledger.below(page.connection_id, [page.notion_id])]))
    else:
        ask_for(session, _come_back(session, notion_id))


def _come_back(session: Session, notion_id: str) -> list[Page]:
    """What lies on this page by what it shows now, and is not read."""
    shown = showing.named(session.pages.get(notion_id=notion_id).shows, showing.BLOCKS)
    databases = {each.notion_id for each in session.sources.values() if each.database_id in shown and each.is_chosen}
    lying = Q(notion_id__in=shown, parent_id=notion_id) | Q(parent_id__in=databases)
    return list(session.pages.filter(lying, state__in=[Page.State.PENDING, *Page.LOST]))


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
        return
    for each in (source, *ledger.databases_below(source.connection_id, [source.notion_id])):
        _find_again(session, each)
    ask_for(session, _lost(rows))


def _find_again(session: Session, source: Source) -> None:
    known = session.sources.get(source.notion_id)
    if known is not None and known.is_gone:
        discovery.look_again(session, known)


def _lost(pages: list[Page]) -> list[Page]:
    """Those that may be back."""
    return [page for page in pages if page.state in Page.LOST or page.is_kept]
