"""data_sources.query: filter, sort, and pages whose cursor remembers the place in the order."""

from __future__ import annotations

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

    def run(self, source: Node, body: Json, size: int, renderer: Renderer) -> tuple[list[Node], str | None, bool]:
        """The rows, the next cursor, and whether the whole was cut at the limit."""
        test = Filter(body["filter"], source, renderer) if "filter" in body else None
        order = Order(body.get("sorts") or [], source, renderer)
        trashed = bool(body.get("in_trash") or body.get("archived"))
        nodes = renderer.state.nodes
        rows = [
            (order.key(row, place), row)
            for place, row in enumerate(map(nodes.__getitem__, source.children))
            if row.in_trash is trashed and _shared(row, renderer) and (test is None or test(row))
        ]
        rows.sort(key=lambda pair: pair[0])
        capped = len(rows) > LIMIT
        rows = rows[:LIMIT]
        start = self._start(rows, body.get("start_cursor"), nodes)
        page = rows[start : start + size]
        if start + size >= len(rows):
            return [row for _, row in page], None, capped
        key, following = rows[start + size]
        cursor = f"s:{uuid4()}:{following.id}"
        self._places[cursor] = key
        return [row for _, row in page], cursor, capped

    def _start(self, rows: list[tuple[tuple[Any, ...], Node]], cursor: object, nodes: dict[str, Node]) -> int:
        if cursor is None:
            return 0
        place = self._places.get(str(cursor))
        target = nodes.get(str(cursor).rpartition(":")[2])
        if place is None or target is None or target.in_trash:
            raise dead_cursor(str(cursor))
        return next((index for index, (key, _) in enumerate(rows) if not key < place), len(rows))


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
