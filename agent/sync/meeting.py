"""Writing down pages and databases as Notion shows them, and marking who shows them otherwise."""

import logging
from collections.abc import Iterable
from typing import Any

from django.utils import timezone
from django.utils.dateparse import parse_datetime

from agent import properties
from agent.models import Loss, Page, Source
from agent.sync import doubts, showing
from agent.sync.placing import kept, page_around
from agent.sync.session import Json, Session
from integrations.notion import Refused, Unauthorized, Unreachable, address_of

log = logging.getLogger(__name__)
BATCH = 100
LONGEST_TITLE = 2000
OBSERVED = (
    *("seen_run", "source", "url", "title", "parent_id"),
    *("observed", "observed_at", "observed_edited_at", "observed_hash"),
)


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
            known = session.sources.get(key)
            if not found.get("in_trash"):
                meet_source(session, found)
            elif known is not None:
                # Search lists those in the trash among the others.
                lose_source(session, known)
        elif found.get("object") == "page":
            pages[key] = found
    if pages:
        with session.writing():
            _write_down(session, pages, source)


def meet_source(session: Session, found: Json) -> Source:
    """A database's data source. New ones are chosen, unless the member has left out the tree they stand in."""
    key, known = found["id"], session.sources.get(found["id"])
    facts: Json = {
        "kind": Source.Kind.DATABASE,
        "database_id": str(as_dict(found.get("parent")).get("database_id") or ""),
        **_holder(session, as_dict(found.get("database_parent")), known),
        # Its database says how it is called, once that was asked.
        "title": known.title if known and known.database_title else properties.title_of(found)[:LONGEST_TITLE],
        "url": address_of(found),
        "schema": found.get("properties") or {},
        "gone_at": None,
    }
    if known is None or known.is_gone or known.schema != facts["schema"]:
        facts["is_recast"] = True
    session.met.add(key)
    with session.writing():
        source = kept(session, key, **facts)
        if known is None or (known.title, known.is_gone) != (source.title, False):
            showing.outdate(session, names_of(source), showing.BLOCKS, showing.LINES)
        if known is None or (known.holder_id, known.is_gone) != (source.holder_id, False):
            showing.outdate(session, names_of(source), showing.BLOCKS)
            showing.outdate_holders(session, {source.database_id: source.holder_id})
    session.sources[key] = source
    session.titles |= dict.fromkeys(names_of(source), source.title)
    name_place(session, source)
    return source


def _holder(session: Session, parent: Json, known: Source | None) -> Json:
    """Inside a column or toggle Notion names that block: the page around it is looked for once, and kept."""
    block_id = str(parent.get("block_id") or "")
    if not block_id:
        # In a wiki it is the wiki's database.
        above = parent.get("page_id") or parent.get("data_source_id") or parent.get("database_id")
        return {"holder_id": str(above or ""), "holder_block_id": ""}
    if known is not None and known.holder_block_id == block_id and known.doubted_at is None:
        return {}
    around = None
    try:
        around = page_around(session, block_id)
    except Unauthorized:
        raise
    except (Refused, Unreachable) as error:
        log.info("where a database lies was not shown: %s", error)
    if around is None:
        return {"holder_id": "", "holder_block_id": ""}
    return {"holder_id": around, "holder_block_id": block_id}


def meet_database(session: Session, found: Json) -> None:
    """What holds data sources. It has a title of its own, which no listing shows and no time tells of."""
    title = properties.title_of(found)[:LONGEST_TITLE]
    session.met.add(found["id"])
    names = _names_in(found, title)
    for source in session.sources.values():
        called = {"database_title": title, "title": names.get(source.notion_id, source.title)}
        if source.database_id != found["id"] or called == {name: getattr(source, name) for name in called}:
            continue
        source.database_title, source.title = called["database_title"], called["title"]
        session.titles |= dict.fromkeys(names_of(source), source.title)
        with session.writing():
            Source.objects.filter(pk=source.pk).update(**called)
            showing.outdate(session, names_of(source), showing.BLOCKS, showing.LINES)


def _names_in(database: Json, title: str) -> dict[str, str]:
    """Of its data sources. An only one goes by the database's title: Notion shows people no other name there."""
    sources = [as_dict(each) for each in database.get("data_sources") or []]
    if len(sources) == 1 and title != properties.UNTITLED:
        return {str(sources[0].get("id")): title}
    names = {str(each.get("id")): " ".join(str(each.get("name") or "").split()) for each in sources}
    return {key: name[:LONGEST_TITLE] for key, name in names.items() if name}


def lose_source(session: Session, source: Source) -> None:
    """It is in the trash, deleted or no longer shared. Its rows are asked for by themselves."""
    if not source.is_gone:
        source.gone_at = timezone.now()
        with session.writing():
            Source.objects.filter(pk=source.pk).update(gone_at=source.gone_at)
            doubts.doubt_rows(session, source)
            showing.outdate(session, names_of(source), showing.BLOCKS, showing.LINES)


def names_of(source: Source) -> list[str]:
    return [key for key in (source.notion_id, source.database_id) if key]


def _write_down(session: Session, found: dict[str, Json], source: Source | None) -> None:
    known = {page.notion_id: page for page in session.pages.filter(notion_id__in=found).select_for_update()}
    fresh: list[Page] = []
    changed: list[Page] = []
    newly_met = 0
    renamed: list[str] = []
    holders: dict[str, str] = {}
    for key, thing in found.items():
        page = known.get(key) or Page(connection_id=session.connection.id, notion_id=key)
        newly_met += page.seen_run != session.run.pk
        if key not in known or not session.is_only_looking:
            # A sync that is open counts its pages by this.
            page.seen_run = session.run.pk
        page.source = source or page.source
        page.url = address_of(thing) or page.url
        page.observed_edited_at = parse_datetime(str(thing.get("last_edited_time"))) or page.observed_edited_at
        if isinstance(thing.get("properties"), dict):
            title = properties.title_of(thing)[:LONGEST_TITLE]
            if key not in known or title != page.title:
                renamed.append(key)
            if key not in known or thing.get("parent") != page.observed.get("parent"):
                # Kept otherwise: the page around a block was looked for.
                page.parent_id = holders[key] = _parent(thing)
                # One that has moved is read anew, whatever its time says: a task may be none any more.
                page.observed_hash = ""
            page.observed, page.title, page.observed_at = thing, title, timezone.now()
        elif not page.observed:
            page.observed = thing
        session.titles[key] = page.title
        (changed if key in known else fresh).append(page)
    # What Django does by itself to update many rows is a CASE of each column for each row.
    Page.objects.bulk_create(
        [*fresh, *changed],
        batch_size=BATCH,
        update_conflicts=True,
        unique_fields=["connection_id", "notion_id"],
        update_fields=OBSERVED,
    )
    # It is back.
    Loss.objects.filter(connection_id=session.connection.id, notion_id__in=[page.notion_id for page in fresh]).delete()
    showing.outdate(session, renamed, showing.BLOCKS, showing.LINES)
    # One that has moved away is still shown where it was.
    showing.outdate(session, list(holders.keys() & known.keys()), showing.BLOCKS)
    showing.outdate_holders(session, holders)
    for held in Source.objects.filter(connection_id=session.connection.id, holder_id__in=renamed).only("holder_id"):
        Source.objects.filter(pk=held.pk).update(place=session.titles[held.holder_id])
    session.count(known=newly_met)


def _parent(thing: Json) -> str:
    parent = as_dict(thing.get("parent"))
    return str(parent.get("page_id") or parent.get("data_source_id") or parent.get("block_id") or "")


def name_place(session: Session, source: Source) -> None:
    """Write down which page a database lies in. While that page is unknown, what was known before stays."""
    place = session.titles.get(source.holder_id, "")[:LONGEST_TITLE]
    if place == source.place or (source.holder_id and source.holder_id not in session.titles):
        return
    with session.writing():
        Source.objects.filter(pk=source.pk).update(place=place)
    source.place = place


def as_dict(value: object) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}
