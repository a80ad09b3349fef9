"""Finding what a connection can see: by search, by the rows of databases, and by the pages named inside pages.

Each way may fail alone; what it did not find is never taken for gone.
"""

import logging
from collections.abc import Iterable
from typing import Any

from django.utils.dateparse import parse_datetime

from agent import properties
from agent.models import Page, Source
from agent.sync.session import Json, Session
from integrations.notion import Incomplete, NotFound, Refused, StaleCursor, Unauthorized, Unreachable

log = logging.getLogger(__name__)
BATCH = 100
LONGEST_TITLE = 2000


def discover(session: Session) -> None:
    """Everything that search shows, then the rows of every chosen database."""
    by_search(session)
    for source in list(session.sources.values()):
        if source.kind == Source.Kind.DATABASE and source.is_chosen:
            rows_of(session, source)
    type(session.run).objects.filter(pk=session.run.pk).update(is_discovered=True)


def by_search(session: Session) -> None:
    _search(session)
    # Search may list a database before the page that it lies in.
    for source in session.sources.values():
        _name_place(session, source)


def _search(session: Session) -> None:
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
        meet(session, found.results)
        if not found.complete:
            session.note("Notion's search was cut short by Notion.")
        cursor = found.next_cursor
        if cursor is None:
            return
        if cursor in seen:
            session.note("Notion's search does not advance.")
            return
        seen.add(cursor)


def rows_of(session: Session, source: Source) -> None:
    """A database whose rows cannot be listed keeps the run from being complete, and stops nothing else."""
    batch: list[Json] = []
    try:
        for row in session.notion.query(source.notion_id):
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
