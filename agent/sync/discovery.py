"""Finding what a connection can see: by search, by the rows of databases, and by the pages named inside pages.

Each way may fail alone; what it did not find is never taken for gone. How much is listed: `reach`.
"""

import logging
from collections.abc import Iterable
from datetime import datetime

from django.db.models import F, Q
from django.utils import timezone
from django.utils.dateparse import parse_datetime

from agent import properties
from agent.models import Page, Source
from agent.sync import doubts, reach, showing, trash
from agent.sync.meeting import BATCH, as_dict, lose_source, meet, meet_database, meet_source, name_place
from agent.sync.session import Json, Session
from agent.sync.titles import quoted
from integrations.notion import Incomplete, NotFound, RateLimited, Refused, StaleCursor, Unauthorized, Unreachable

log = logging.getLogger(__name__)
# So many failures in a row are no longer the pages' fault.
MOST_FAILURES_IN_A_ROW = 5


def discover(session: Session) -> None:
    """What search shows, then the rows of every chosen database, then what is known to need another look."""
    since = reach.edited_since(session)
    by_search(session, until=since if session.run.reach == reach.Reach.CHANGES else None)
    for source in list(session.sources.values()):
        if source.kind == Source.Kind.DATABASE and source.is_chosen:
            if source.doubted_at is not None:
                make_sure(session, source)
            elif session.run.reach != reach.Reach.CHANGES and source.notion_id not in session.met:
                look_again(session, source)
            if source.is_gone:
                continue
            are_listed = rows_of(session, source, since=None if source.is_recast else since)
            if are_listed and not source.is_gone and session.run.reach == reach.Reach.CHANGES:
                _doubt_rows_in_trash(session, source)
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
        except (Unauthorized, RateLimited):
            raise
        except Refused as error:
            session.note(f"Notion's search was refused: {error}")
            return
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


def rows_of(session: Session, source: Source, *, since: datetime | None = None) -> bool:
    """A database whose rows cannot be listed keeps the run from being complete, or is in doubt where there is none, and
    stops nothing else. Whether all were listed, or it is gone."""
    why_not, batch = _list_rows(session, source, since)
    meet(session, batch, source)
    if why_not and not source.is_gone:
        session.note(why_not)
        if session.is_only_looking:
            doubts.doubt_source(session, source)
    return not why_not or source.is_gone


def _list_rows(session: Session, source: Source, since: datetime | None) -> tuple[str, list[Json]]:
    """Why not all were listed, and those that were listed last."""
    batch: list[Json] = []
    try:
        for row in session.notion.query(source.notion_id, *_edited(since)):
            batch.append(row)
            if len(batch) == BATCH:
                meet(session, batch, source)
                batch = []
    except Incomplete:
        return f"Notion gives out only the first rows of {quoted(source.title)}.", batch
    except Unauthorized:
        raise
    except (Refused, Unreachable) as error:
        if isinstance(error, NotFound):
            look_again(session, source)
        return f"The rows of {quoted(source.title)} could not be listed: {error}", batch
    return "", batch


def _edited(since: datetime | None) -> tuple[Json | None, list[Json]]:
    """Ascending: a row that is edited meanwhile moves to the end and is seen twice, and none is passed over."""
    order = [{"timestamp": "last_edited_time", "direction": "ascending"}]
    if since is None:
        return None, order
    return {"timestamp": "last_edited_time", "last_edited_time": {"on_or_after": since.isoformat()}}, order


def _doubt_rows_in_trash(session: Session, source: Source) -> None:
    """Among what was edited they are missing, and going there may be no edit: all of the trash is listed."""
    try:
        rows = [row["id"] for row in session.notion.query(source.notion_id, in_trash=True) if row.get("in_trash")]
    except Unauthorized:
        raise
    except (Refused, Unreachable) as error:
        session.note(f"Which rows of {quoted(source.title)} are in Notion's trash was not shown: {error}")
    else:
        doubts.doubt_shown(session, rows)


def make_sure(session: Session, source: Source) -> None:
    """Ask for everything that is said of a database that is in doubt."""
    doubted_at = source.doubted_at
    if look_again(session, source):
        known = session.sources[source.notion_id]
        if known.is_gone or (_name_database(session, known) and _list_again(session, known)):
            doubts.settle_source(session, known, doubted_at)


def _list_again(session: Session, source: Source) -> bool:
    """The rows, where not all of them were listed since they may have become others."""
    return not (source.is_chosen and source.is_recast) or rows_of(session, source)


def look_again(session: Session, source: Source) -> bool:
    """Search left this database out: its columns may be others by now, or it is gone, or what it lies in is. False when
    Notion does not say; then it is in doubt."""
    try:
        found = session.notion.data_source(source.notion_id)
    except NotFound:
        lose_source(session, source)
        return True
    except Unauthorized:
        raise
    except (Refused, Unreachable) as error:
        log.info("a known data source was not shown: %s", error)
        doubts.doubt_source(session, source)
        return False
    return _judge_source(session, source, found)


def _judge_source(session: Session, source: Source, found: Json) -> bool:
    is_known = True
    try:
        is_gone = bool(found.get("in_trash")) or trash.is_above(session, found.get("database_parent"))
    except Unauthorized:
        raise
    except (Refused, Unreachable) as error:
        session.note(f"What {quoted(source.title)} lies in was not shown: {error}")
        doubts.doubt_source(session, source)
        is_gone, is_known = source.is_gone, False
    if is_gone:
        lose_source(session, source)
    else:
        meet_source(session, found)
    return is_known


def _name_databases(session: Session) -> None:
    """Each, whatever the run lists: a new name makes nothing newer."""
    for source in list(session.sources.values()):
        # What is in doubt was asked for already.
        if not source.is_gone and source.doubted_at is None:
            _name_database(session, source)


def _name_database(session: Session, source: Source) -> bool:
    """False when Notion does not say how it is called; then it is in doubt."""
    if not source.database_id or source.database_id in session.met:
        return True
    try:
        meet_database(session, session.notion.database(source.database_id))
    except NotFound:
        log.info("what holds a known data source is not shared with the connection")
    except Unauthorized:
        raise
    except (Refused, Unreachable) as error:
        log.info("a known database was not shown: %s", error)
        doubts.doubt_source(session, source)
        return False
    return True


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
        # Each is asked for: that it is not listed among what changed says nothing of it.
        session.pages.filter(Page.IS_KEPT).update(doubted_at=timezone.now())
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


def meet_inside(session: Session, page: Page, blocks: Iterable[Json]) -> list[str]:
    """The pages and databases named among its blocks. Those that Notion does not give, by their ids: they cost the page
    nothing, and are asked for again."""
    refused, failures = [], 0
    for block in blocks:
        try:
            if block.get("type") == "child_page":
                meet_child_page(session, page, block)
            elif block.get("type") == "child_database":
                meet_child_database(session, block["id"])
            else:
                continue
        except (Unauthorized, RateLimited):
            raise
        except (Refused, Unreachable) as error:
            failures += 1
            if failures >= MOST_FAILURES_IN_A_ROW and not isinstance(error, Refused):
                raise
            log.warning("what a page names was not shown: %s", error)
            refused.append(block["id"])
        else:
            failures = 0
    return refused


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
