"""What pages show of others, and which of them are outdated once one of those is other than it was.

Notion gives a page no newer time when a page inside it, or one that it names, gets another title, moves away or is
gone. So each page keeps what it shows, and who finds such a change marks those that show it; a sync ends by looking
after them. Marks are moments: a reading takes away only those that stood when it began.
"""

import hashlib
from collections.abc import Collection, Iterable, Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Q
from django.utils import timezone

from agent import properties
from agent.fetch import original_of
from agent.markdown.blocks import target_of
from agent.models import Page, Source
from agent.sync.session import Json, Session

# By its blocks: children, links, mentions. By the titles in its lines. By values that Notion works out from others.
BLOCKS, LINES, VALUES = "b", "l", "v"
# Synced blocks that it copies, and those of its own that others may copy.
COPIES, ORIGINALS = "c", "o"
_OF_BLOCKS = (BLOCKS, COPIES, ORIGINALS)
# Notion's times are whole minutes: an edit in the minute of our reading may come after it.
MINUTE_MAY_GO_ON = timedelta(minutes=2)
WORKED_OUT = frozenset({"rollup", "formula"})


def shown_by(blocks: Iterable[Json], row: Json) -> list[str]:
    """For `Page.shows`. `blocks` are all of a page, in any order; `row` is the page with its whole lists."""
    values = row.get("properties")
    values = values if isinstance(values, dict) else {}
    related, mentioned = set(_related(values)), set(_mentioned(values))
    is_worked_out = any(isinstance(value, dict) and value.get("type") in WORKED_OUT for value in values.values())
    every = list(blocks)
    synced = [block for block in every if block.get("type") == "synced_block"]
    by_ways = (
        (BLOCKS, {key for block in every for key in _named(block)}),
        (COPIES, {key for block in synced if (key := original_of(block))}),
        (ORIGINALS, {block["id"] for block in synced if not original_of(block)}),
        (LINES, related | mentioned),
        (VALUES, mentioned | (related if is_worked_out else set())),
    )
    return sorted(way + key for way, keys in by_ways for key in keys)


def lines_shown_by(page: Page, row: Json) -> list[str]:
    """The same for a page whose blocks are as they were."""
    return sorted([each for each in page.shows if each.startswith(_OF_BLOCKS)] + shown_by((), row))


def is_worked_out(page: Page) -> bool:
    return any(each.startswith(VALUES) for each in page.shows)


def inside(blocks: Iterable[Json]) -> Iterator[str]:
    """Pages and databases that lie there, by their ids."""
    for block in blocks:
        if block.get("type") in ("child_page", "child_database") and isinstance(block.get("id"), str):
            yield block["id"]


def _named(block: Json) -> Iterator[str]:
    kind = block.get("type")
    if kind in ("child_page", "child_database"):
        yield from inside([block])
    elif kind == "link_to_page":
        yield from filter(None, [target_of(block)])
    else:
        yield from _mentioned(block.get(str(kind)))


def _mentioned(value: object) -> Iterator[str]:
    for found in _dicts(value):
        mention = found.get("mention")
        target = mention.get(str(mention.get("type"))) if isinstance(mention, dict) else None
        if isinstance(target, dict) and isinstance(target.get("id"), str) and target.get("object") != "user":
            yield target["id"]


def _related(value: object) -> Iterator[str]:
    for found in _dicts(value):
        items = found.get("relation")
        for item in items if isinstance(items, list) else []:
            if isinstance(item, dict) and isinstance(item.get("id"), str):
                yield item["id"]


def _dicts(value: object) -> Iterator[Mapping[str, Any]]:
    waiting = [value]
    while waiting:
        found = waiting.pop()
        if isinstance(found, dict):
            yield found
            waiting.extend(found.values())
        elif isinstance(found, list):
            waiting.extend(found)


def titles(session: Session, ids: Collection[str]) -> dict[str, str]:
    """As they are known now, also to another worker; of what is gone there is none."""
    if not ids:
        return {}
    pages = session.pages.filter(notion_id__in=ids).exclude(state__in=Page.LOST)
    found = {key: title for key, title in pages.values_list("notion_id", "title") if title}
    databases = Source.objects.filter(connection_id=session.connection.id, kind=Source.Kind.DATABASE)
    for source in databases.filter(Q(notion_id__in=ids) | Q(database_id__in=ids), gone_at=None).order_by("-notion_id"):
        found[source.notion_id] = source.title
        found[source.database_id] = source.database_title or source.title
    return found


def titles_in(session: Session, shows: Iterable[str]) -> dict[str, str]:
    return titles(session, {each[1:] for each in shows})


def digest(row: Mapping[str, Any], schema: Mapping[str, Any]) -> str:
    """Of what Notion says of a page beside its blocks, without the names of others."""
    values = properties.properties_of(row, {"properties": schema})
    typed = [(key, value.name, value.type, value.value) for key, value in sorted(values.typed.items())]
    return hashlib.sha256(repr((values.title, values.lines, typed)).encode()).hexdigest()


def outdate(session: Session, ids: Collection[str], *ways: str) -> None:
    """Mark those who show these. In the transaction that writes down what is other."""
    for way in ways:
        if ids:
            showing = session.pages.filter(shows__overlap=[way + key for key in ids])
            _mark(showing, blocks=way in _OF_BLOCKS)


def outdate_holders(session: Session, holders: Mapping[str, str]) -> None:
    """Mark the pages, by what has come into them, that do not show it yet."""
    held = session.pages.filter(notion_id__in=set(holders.values())).exclude(indexed_at=None)
    showing = {page.notion_id: set(page.shows) for page in held.only("notion_id", "shows")}
    missing = {above for key, above in holders.items() if above in showing and BLOCKS + key not in showing[above]}
    _mark(session.pages.filter(notion_id__in=missing), blocks=True)


def other_sides(schema: Mapping[str, Any], before: Mapping[str, Any], now: properties.Properties) -> dict[str, bool]:
    """The pages that two-way relations name now and did not, or the other way round, and which of both."""
    found: dict[str, bool] = {}
    for column in schema.values():
        relation = column.get("relation") if isinstance(column, dict) else None
        if isinstance(relation, dict) and "dual_property" in relation:
            value = now.typed.get(str(column.get("id")))
            named = set(value.value if value is not None else [])
            found |= {key: key in named for key in named ^ set(before.get(str(column.get("id"))) or [])}
    return found


def outdate_other_sides(session: Session, page: Page, sides: Mapping[str, bool]) -> None:
    """Mark those that show this page and should not, or should and do not. What no listing shows is asked for."""
    there = session.pages.filter(notion_id__in=sides).exclude(indexed_at=None).only("pk", "notion_id", "shows")
    wrong = [each.pk for each in there if (LINES + page.notion_id in each.shows) != sides[each.notion_id]]
    listed = {"pk__in": wrong, "seen_run": session.run.pk}
    _mark(session.pages.filter(**listed), blocks=False)
    _mark(session.pages.filter(pk__in=wrong).exclude(**listed), blocks=True)


def named(shows: Iterable[str], way: str) -> set[str]:
    return {each[1:] for each in shows if each.startswith(way)}


def outdate_copies(session: Session, page: Page, read_at: datetime) -> None:
    """Mark those that copy from this page and may have done so before its last edit. This page too, when what it copies
    was read while it was: whoever read that could not know that it is copied here."""
    if (originals := named(page.shows, ORIGINALS)) and page.observed_edited_at:
        copying = session.pages.filter(shows__overlap=[COPIES + key for key in originals]).exclude(pk=page.pk)
        _mark(copying.filter(indexed_at__lt=page.observed_edited_at + MINUTE_MAY_GO_ON), blocks=True)
    if copied := named(page.shows, COPIES):
        read_since = _holding(session, copied).exclude(pk=page.pk).filter(checked_at__gt=read_at)
        if read_since.exists():
            _mark(session.pages.filter(pk=page.pk), blocks=True)


def copies_unread(session: Session, page: Page) -> bool:
    """Whether it copies from where nothing is read: then nobody learns that this is other than it was."""
    copied = named(page.shows, COPIES)
    if not copied:
        return False
    shown = _holding(session, copied).filter(state=Page.State.INDEXED).values_list("shows", flat=True)
    return not copied <= {key for shows in shown for key in named(shows, ORIGINALS)}


def _holding(session: Session, originals: Collection[str]) -> Any:
    return session.pages.filter(shows__overlap=[ORIGINALS + key for key in originals])


def outdate_below(session: Session, page: Page, source: Source) -> None:
    """The page hangs from another source than before, and what lies in it with it."""
    below = session.pages.filter(parent_id=page.notion_id).exclude(source=source)
    with session.writing():
        _mark(below.exclude(state=Page.State.PENDING), blocks=False)


def _mark(pages: Any, *, blocks: bool) -> None:
    pages.update(**{"blocks_outdated_at" if blocks else "outdated_at": timezone.now()})


def outdated(session: Session) -> Any:
    marked = Q(outdated_at__isnull=False) | Q(blocks_outdated_at__isnull=False)
    return session.pages.filter(marked).exclude(state__in=Page.LOST)
