"""data_sources.query: filter, sort, and pages whose cursor remembers the place in the order."""

from __future__ import annotations

import json
from bisect import bisect_left
from collections.abc import Iterator
from operator import itemgetter
from typing import Any
from uuid import uuid4

from devkit.notion import dates, properties, richtext
from devkit.notion.clock import parse_time
from devkit.notion.errors import dead_cursor, invalid, wrong
from devkit.notion.filters import Filter
from devkit.notion.model import Json, Node
from devkit.notion.render import Renderer

LIMIT = 10_000
TIMES = ("created_time", "last_edited_time")


class Reversed:
    """Turns an order around inside a sort key."""

    __slots__ = ("value",)

    def __init__(self, value: Any) -> None:
        self.value = value

    def __lt__(self, other: Reversed) -> bool:
        return bool(other.value < self.value)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Reversed) and bool(self.value == other.value)

    def __hash__(self) -> int:
        return hash(self.value)


class Queries:
    """Keeps for each cursor given out the sort key of the row it points at.

    The next page begins at that key: a row edited meanwhile moves, and the others neither vanish nor repeat.
    """

    def __init__(self) -> None:
        self._places: dict[str, tuple[Any, ...]] = {}

    def run(
        self, source: Node, body: Json, size: int, renderer: Renderer, limit: int
    ) -> tuple[list[Node], str | None, bool]:
        """The rows, the next cursor, and whether the whole was cut at the limit."""
        asked = json.dumps([body.get(key) for key in ("filter", "sorts", "in_trash", "archived", "result_type")])
        # Filters know words like "past week".
        today = source.workspace.clock.now().date()
        who = renderer.grant.bot_id if renderer.grant else ""
        key = ("query", source.id, who, renderer.version, asked, "filter" in body, today)
        keys, rows = renderer.state.remember(key, lambda: self._rows(source, body, renderer))
        capped = len(rows) > limit
        end = min(len(rows), limit)
        start = self._start(keys, body.get("start_cursor"), renderer.state.nodes)
        following = start + size
        if following >= end:
            return rows[start:end], None, capped
        cursor = f"s:{uuid4()}:{rows[following].id}"
        self._places[cursor] = keys[following]
        return rows[start:following], cursor, capped

    def _rows(self, source: Node, body: Json, renderer: Renderer) -> tuple[list[tuple[Any, ...]], list[Node]]:
        test = Filter(body["filter"], source, renderer) if "filter" in body else None
        order = Order(body.get("sorts") or [], source, renderer)
        trashed = bool(body.get("in_trash") or body.get("archived"))
        found = [
            (order.key(row, place), row)
            for place, row in enumerate(_items(source, body.get("result_type"), renderer))
            if row.in_trash is trashed and _shared(row, renderer) and (test is None or test(row))
        ]
        found.sort(key=itemgetter(0))
        return [key for key, _ in found], [row for _, row in found]

    def _start(self, keys: list[tuple[Any, ...]], cursor: object, nodes: dict[str, Node]) -> int:
        if cursor is None:
            return 0
        place = self._places.get(str(cursor))
        target = nodes.get(str(cursor).rpartition(":")[2])
        if place is None or target is None or target.in_trash:
            raise dead_cursor(str(cursor))
        return bisect_left(keys, place)


def _items(source: Node, wanted: object, renderer: Renderer) -> Iterator[Node]:
    """The rows, and in a wiki also the tables that stand among them."""
    if wanted not in (None, "page", "data_source"):
        raise wrong("body.result_type", '`"page"` or `"data_source"`', wanted)
    for child in map(renderer.state.nodes.__getitem__, source.children):
        if child.kind == "page" and wanted != "data_source":
            yield child
        elif child.kind == "database" and wanted != "page" and not child.in_trash and _shared(child, renderer):
            yield from map(renderer.state.nodes.__getitem__, child.children)


def _shared(row: Node, renderer: Renderer) -> bool:
    return not row.restricted or renderer.grant is None or renderer.state.visible(renderer.grant, row)


class Order:
    def __init__(self, sorts: object, source: Node, renderer: Renderer) -> None:
        if not isinstance(sorts, list):
            raise wrong("body.sorts", "an array", sorts)
        self.renderer = renderer
        self.keys = [self._sort(given, source, f"body.sorts[{index}]") for index, given in enumerate(sorts)]

    def _sort(self, given: object, source: Node, where: str) -> tuple[str | Json, bool]:
        if not isinstance(given, dict):
            raise wrong(where, "an object", given)
        direction = given.get("direction", "ascending")
        if direction not in ("ascending", "descending"):
            raise wrong(f"{where}.direction", '`"ascending"` or `"descending"`', direction)
        if given.get("timestamp") in TIMES:
            return str(given["timestamp"]), direction == "descending"
        entry = properties.find(source.data["schema"], str(given.get("property")))
        if entry is None:
            raise invalid(f"Could not find sort property with name or id: {given.get('property')}")
        return entry, direction == "descending"

    def key(self, row: Node, place: int) -> tuple[Any, ...]:
        """Empty values last when ascending; ties fall back to newest first."""
        parts: list[Any] = []
        for what, descending in self.keys:
            value = self._value(row, what)
            part = (value is None, 0 if value is None else value)
            parts.append(Reversed(part) if descending else part)
        return (*parts, -row.created.timestamp(), -place)

    def _value(self, row: Node, what: str | Json) -> Any:
        if isinstance(what, str):
            moment = row.created if what == "created_time" else row.edited
            return moment.replace(second=0, microsecond=0).timestamp()
        return sortable(self.renderer.values.value(row, what), what)


def sortable(value: Any, entry: Json) -> Any:
    type = entry["type"]
    if value is None or value == []:
        return None
    if type in ("select", "status"):
        ids = [option["id"] for option in entry[type].get("options", [])]
        return ids.index(value["id"]) if value["id"] in ids else len(ids)
    if type in ("title", "rich_text"):
        return richtext.plain(value).casefold()
    if type in TIMES:
        return parse_time(value).timestamp()
    if type == "date":
        moment = dates.moment(value)
        return moment.timestamp() if moment else None
    if type in ("formula", "rollup"):
        inner = value.get(value["type"])
        if isinstance(inner, dict):
            moment = dates.moment(inner)
            return moment.timestamp() if moment else None
        return str(inner).casefold() if isinstance(inner, str) else inner if isinstance(inner, int | float) else None
    if type == "unique_id":
        return value["number"]
    if type in ("people", "created_by", "last_edited_by"):
        person = value[0] if isinstance(value, list) else value
        return str(person.get("name") or "").casefold()
    if type == "multi_select":
        return ", ".join(option["name"] for option in value).casefold()
    return value if isinstance(value, int | float) else str(value).casefold()
