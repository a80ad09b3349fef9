"""Finding what a connection can see: by search, by the rows of databases, and by the pages named inside pages.

Each way may fail alone; what it did not find is never taken for gone. How much is listed: `reach`.
"""

import logging
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

from django.db.models import F, Q
from django.utils.dateparse import parse_datetime

from agent import properties
from agent.models import Page, Source
from agent.sync import reach
from agent.sync.session import Json, Session
from integrations.notion import Incomplete, NotFound, RateLimited, Refused, StaleCursor, Unauthorized, Unreachable

log = logging.getLogger(__name__)
BATCH = 100
LONGEST_TITLE = 2000
# Notion's times are whole minutes: an edit in the minute of our reading may come after it.
MINUTE_MAY_GO_ON = timedelta(minutes=2)


def discover(session: Session) -> None:
    """What search shows, then the rows of every chosen database, then what is known to need another look."""
    since = reach.edited_since(session)
    by_search(session, until=since if session.run.reach == reach.Reach.CHANGES else None)
    for source in list(session.sources.values()):
        if source.kind == Source.Kind.DATABASE and source.is_chosen:
            if session.run.reach != reach.Reach.CHANGES and source.notion_id not in session.met:
                _look_again(session, source)
            rows_of(session, source, since=None if source.notion_id in session.recast else since)
    if session.run.reach == reach.Reach.CHANGES:
        _remember(session)
    elif since is not None:
        _list_what_search_left_out(session)
    type(session.run).objects.filter(pk=session.run.pk).update(is_discovered=True)


def by_search(session: Session, *, until: datetime | None = None) -> None:
    _search(session, until)
    # Search may list a database before the page that it lies in.
    for source in session.sources.values():
        _name_place(session, source)


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
        session.note(f"The rows of “{source.title}” could not be listed: {error}")
    meet(session, batch, source)


def _edited(since: datetime | None) -> tuple[Json | None, list[Json]]:
    """Ascending: a row that is edited meanwhile moves to the end and is seen twice, and none is passed over."""
    order = [{"timestamp": "last_edited_time", "direction": "ascending"}]
    if since is None:
        return None, order
    return {"timestamp": "last_edited_time", "last_edited_time": {"on_or_after": since.isoformat()}}, order


def _look_again(session: Session, source: Source) -> None:
    """Search left this database out: its columns may be others by now."""
    try:
        meet_source(session, session.notion.data_source(source.notion_id))
    except Unauthorized:
        raise
    except (Refused, Unreachable) as error:
        log.info("a known data source was not shown: %s", error)


def _remember(session: Session) -> None:
    """Pages whose state asks for another look, whether Notion lists them or not."""
    wanted = (
        Q(state__in=[Page.State.PENDING, Page.State.FAILED])
        | Q(state=Page.State.SKIPPED, source__is_chosen=True)
        | Q(state=Page.State.INDEXED, source__is_chosen=False)
        | (Q(state=Page.State.INDEXED) & ~Q(warnings=[]))
        | Q(state=Page.State.INDEXED, indexed_at__lt=F("edited_at") + MINUTE_MAY_GO_ON)
    )
    with session.writing():
        found = session.pages.filter(wanted).exclude(seen_run=session.run.pk)
        session.count(known=found.update(seen_run=session.run.pk))


def _list_what_search_left_out(session: Session) -> None:
    """A hundred rows at once, where that is cheaper than asking for each by itself."""
    for source in list(session.sources.values()):
        rows = session.pages.filter(source=source).exclude(state__in=Page.GONE)
        unseen = rows.exclude(seen_run=session.run.pk).count()
        if source.kind == Source.Kind.DATABASE and source.is_chosen and unseen > 1 + rows.count() // BATCH:
            rows_of(session, source)


def meet(session: Session, objects: Iterable[Json], source: Source | None = None) -> None:
    """Write down pages and data sources as Notion shows them now. What is stripped of its properties is only named.

    `source` is the database whose rows these are.
    """
    pages: dict[str, Json] = {}
    for found in objects:
        key = found.get("id")
        if not isinstance(key, str):
            continue
        if found.get("object") == "data_source" and isinstance(found.get("properties"), dict):
            meet_source(session, found)
        elif found.get("object") == "page":
            pages[key] = found
    if pages:
        with session.writing():
            _write_down(session, pages, source)


def meet_source(session: Session, found: Json) -> Source:
    """A database's data source. New ones are chosen, unless the member has left out the tree they stand in."""
    parent = _as_dict(found.get("parent"))
    title = properties.title_of(found)[:LONGEST_TITLE]
    known = session.sources.get(found["id"])
    if known is not None and known.schema != (found.get("properties") or {}):
        session.recast.add(known.notion_id)
    session.met.add(found["id"])
    with session.writing():
        source, _ = Source.objects.update_or_create(
            connection_id=session.connection.id,
            notion_id=found["id"],
            defaults={
                "kind": Source.Kind.DATABASE,
                "database_id": str(parent.get("database_id") or ""),
                "title": title,
                "url": str(found.get("url") or ""),
                "schema": found.get("properties") or {},
            },
        )
    session.sources[source.notion_id] = source
    session.holders[source.notion_id] = str(_as_dict(found.get("database_parent")).get("page_id") or "")
    session.titles[source.notion_id] = title
    _name_place(session, source)
    if source.database_id:
        session.titles[source.database_id] = title
    return source


def meet_child_database(session: Session, database_id: str) -> None:
    """A database named inside a page: its data sources and their rows. A linked view has none of its own."""
    if any(source.database_id == database_id for source in session.sources.values()):
        return
    try:
        database = session.notion.database(database_id)
        for named in database.get("data_sources") or []:
            if named["id"] not in session.sources:
                source = meet_source(session, session.notion.data_source(named["id"]))
                if source.is_chosen:
                    rows_of(session, source)
    except NotFound:
        log.info("a database inside a page is not shared with the connection")


def meet_child_page(session: Session, page_id: str) -> None:
    """A page named inside another one, unless this run has met it already."""
    if session.pages.filter(notion_id=page_id, seen_run=session.run.pk).exists():
        return
    try:
        meet(session, [session.notion.page(page_id)])
    except NotFound:
        log.info("a page inside a page is not shared with the connection")


def _write_down(session: Session, found: dict[str, Json], source: Source | None) -> None:
    known = {page.notion_id: page for page in session.pages.filter(notion_id__in=found).select_for_update()}
    fresh: list[Page] = []
    changed: list[Page] = []
    newly_met = 0
    for key, thing in found.items():
        page = known.get(key) or Page(connection_id=session.connection.id, notion_id=key)
        newly_met += page.seen_run != session.run.pk
        page.seen_run = session.run.pk
        page.source = source or page.source
        page.url = str(thing.get("url") or page.url)
        page.observed_edited_at = parse_datetime(str(thing.get("last_edited_time"))) or page.observed_edited_at
        if isinstance(thing.get("properties"), dict):
            page.observed = thing
            page.title = properties.title_of(thing)[:LONGEST_TITLE]
            page.parent_id = _parent(thing)
        elif not page.observed:
            page.observed = thing
        session.titles[key] = page.title
        (changed if key in known else fresh).append(page)
    Page.objects.bulk_create(fresh)
    Page.objects.bulk_update(
        changed, ["seen_run", "source", "url", "observed", "observed_edited_at", "title", "parent_id"], batch_size=BATCH
    )
    session.count(known=newly_met)


def _parent(thing: Json) -> str:
    parent = _as_dict(thing.get("parent"))
    return str(parent.get("page_id") or parent.get("data_source_id") or parent.get("block_id") or "")


def _name_place(session: Session, source: Source) -> None:
    """Write down which page a database lies in. While that page is unknown, what was known before stays."""
    above = session.holders.get(source.notion_id)
    place = session.titles.get(above or "", "")[:LONGEST_TITLE]
    if above is None or place == source.place or (above and above not in session.titles):
        return
    with session.writing():
        Source.objects.filter(pk=source.pk).update(place=place)
    source.place = place


def _as_dict(value: object) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}
