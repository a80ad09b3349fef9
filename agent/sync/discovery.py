"""Finding what a connection can see: by search, by the rows of databases, and by the pages named inside pages.

Each way may fail alone; what it did not find is never taken for gone. How much is listed: `reach`.
"""

import logging
from datetime import datetime

from django.db.models import F, Q
from django.utils.dateparse import parse_datetime

from agent import properties
from agent.models import Page, Source
from agent.sync import reach, showing
from agent.sync.meeting import BATCH, as_dict, lose_source, meet, meet_database, meet_source, name_place
from agent.sync.session import Json, Session
from integrations.notion import Incomplete, NotFound, RateLimited, Refused, StaleCursor, Unauthorized, Unreachable

log = logging.getLogger(__name__)


def discover(session: Session) -> None:
    """What search shows, then the rows of every chosen database, then what is known to need another look."""
    since = reach.edited_since(session)
    by_search(session, until=since if session.run.reach == reach.Reach.CHANGES else None)
    for source in list(session.sources.values()):
        if source.kind == Source.Kind.DATABASE and source.is_chosen:
            if session.run.reach != reach.Reach.CHANGES and source.notion_id not in session.met:
                _look_again(session, source)
            if not source.is_gone:
                rows_of(session, source, since=None if source.is_recast else since)
    _name_databases(session)
    if session.run.reach == reach.Reach.CHANGES:
        _remember(session)
    elif since is not None:
        _list_what_search_left_out(session)
    type(session.run).objects.filter(pk=session.run.pk).update(is_discovered=True)


def by_search(session: Session, *, until: datetime | None = None) -> None:
    _search(session, until)
    # Search may list a database before the page that it lies in.
    for source in session.sources.values():
        name_place(session, source)


def _search(session: Session, until: datetime | None) -> None:
    """Newest edits first, down to those of `until`."""
    cursor, seen, restarted = None, set[str](), False
    while True:
        try:
            found = session.notion.search(cursor=cursor)
        except StaleCursor:
            if restarted:
                session.note("Notion's search changed while it was read.")
                return
            cursor, restarted = None, True
            seen.clear()
            continue
        except Refused as error:
            session.note(f"Notion's search was refused: {error}")
            return
        except (Unauthorized, RateLimited):
            raise
        except Unreachable as error:
            if session.is_only_looking or not session.pages.exists():
                raise
            session.note(f"Notion's search did not answer: {error}")
            return
        meet(session, found.results)
        if until is not None and _are_older(found.results, until):
            return
        if not found.complete:
            session.note("Notion's search was cut short by Notion.")
        cursor = found.next_cursor
        if cursor is None:
            return
        if cursor in seen:
            session.note("Notion's search does not advance.")
            return
        seen.add(cursor)


def _are_older(found: list[Json], until: datetime) -> bool:
    times = [parse_datetime(str(each.get("last_edited_time"))) for each in found]
    known = [time for time in times if time is not None]
    return bool(known) and min(known) < until


def rows_of(session: Session, source: Source, *, since: datetime | None = None) -> None:
    """A database whose rows cannot be listed keeps the run from being complete, and stops nothing else."""
    batch: list[Json] = []
    try:
        for row in session.notion.query(source.notion_id, *_edited(since)):
            batch.append(row)
            if len(batch) == BATCH:
                meet(session, batch, source)
                batch = []
    except Incomplete:
        session.note(f"Notion gives out only the first rows of “{source.title}”.")
    except Unauthorized:
        raise
    except (Refused, Unreachable) as error:
        if isinstance(error, NotFound):
            _look_again(session, source)
        if not source.is_gone:
            session.note(f"The rows of “{source.title}” could not be listed: {error}")
    meet(session, batch, source)


def _edited(since: datetime | None) -> tuple[Json | None, list[Json]]:
    """Ascending: a row that is edited meanwhile moves to the end and is seen twice, and none is passed over."""
    order = [{"timestamp": "last_edited_time", "direction": "ascending"}]
    if since is None:
        return None, order
    return {"timestamp": "last_edited_time", "last_edited_time": {"on_or_after": since.isoformat()}}, order


def _look_again(session: Session, source: Source) -> None:
    """Search left this database out: its columns may be others by now, or it is gone."""
    try:
        found = session.notion.data_source(source.notion_id)
    except NotFound:
        lose_source(session, source)
    except Unauthorized:
        raise
    except (Refused, Unreachable) as error:
        log.info("a known data source was not shown: %s", error)
    else:
        if found.get("in_trash"):
            lose_source(session, source)
        else:
            meet_source(session, found)


def _name_databases(session: Session) -> None:
    wanted = [source for source in session.sources.values() if source.database_id and not source.is_gone]
    for source in wanted:
        is_known = session.run.reach == reach.Reach.CHANGES and source.database_title
        if is_known or source.database_id in session.met:
            continue
        try:
            meet_database(session, session.notion.database(source.database_id))
        except Unauthorized:
            raise
        except (Refused, Unreachable) as error:
            log.info("a known database was not shown: %s", error)


def _remember(session: Session) -> None:
    """Pages whose state asks for another look, whether Notion lists them or not."""
    wanted = (
        Q(state__in=[Page.State.PENDING, Page.State.FAILED])
        | Q(state=Page.State.SKIPPED, source__is_chosen=True)
        | Q(state=Page.State.INDEXED, source__is_chosen=False)
        | (Q(state=Page.State.INDEXED) & ~Q(warnings=[]))
        | Q(state=Page.State.INDEXED, indexed_at__lt=F("edited_at") + showing.MINUTE_MAY_GO_ON)
    )
    with session.writing():
        found = session.pages.filter(wanted).exclude(seen_run=session.run.pk)
        session.count(known=found.update(seen_run=session.run.pk))


def _list_what_search_left_out(session: Session) -> None:
    """A hundred rows at once, where that is cheaper than asking for each by itself."""
    for source in list(session.sources.values()):
        rows = session.pages.filter(source=source).exclude(state__in=Page.GONE)
        unseen = rows.exclude(seen_run=session.run.pk).count()
        # One in the trash still lists its rows, as if they lived.
        may_list = source.kind == Source.Kind.DATABASE and source.is_chosen and not source.is_gone
        if may_list and unseen > 1 + rows.count() // BATCH:
            rows_of(session, source)


def meet_child_database(session: Session, database_id: str) -> None:
    """A database named inside a page: its data sources and their rows. A linked view has none of its own."""
    if any(source.database_id == database_id and not source.is_gone for source in session.sources.values()):
        return
    try:
        database = session.notion.database(database_id)
        for named in database.get("data_sources") or []:
            known = session.sources.get(named["id"])
            if known is None or known.is_gone:
                source = meet_source(session, session.notion.data_source(named["id"]))
                if source.is_chosen:
                    rows_of(session, source)
        meet_database(session, database)
    except NotFound:
        log.info("a database inside a page is not shared with the connection")


def meet_child_page(session: Session, above: Page, block: Json) -> None:
    """A page inside another one, unless this run has met it already or it is known as just that."""
    known = session.pages.filter(notion_id=block["id"]).first()
    if known is not None and known.state not in Page.LOST:
        title = " ".join(str(as_dict(block.get("child_page")).get("title") or "").split()) or properties.UNTITLED
        if known.seen_run == session.run.pk or (known.title, known.parent_id) == (title, above.notion_id):
            return
    try:
        meet(session, [session.notion.page(block["id"])])
    except NotFound:
        log.info("a page inside a page is not shared with the connection")
