"""Property values: in a page, where long lists are cut at 25, and one by one, where they are whole."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import TYPE_CHECKING, Any

from devkit.notion import properties
from devkit.notion.clock import minute, parse_time
from devkit.notion.ids import encode
from devkit.notion.model import Json, Node

if TYPE_CHECKING:
    from devkit.notion.render import Renderer

CUT = 25
LISTED = ("title", "rich_text", "relation", "people", "rollup")


def schema_of(nodes: dict[str, Node], page: Node) -> list[Json]:
    """A page outside a table has one property: its title."""
    source = nodes.get(page.parent or "")
    if source is not None and source.kind == "data_source":
        schema: list[Json] = source.data["schema"]
        return schema
    recorded: list[Json] | None = page.data.get("schema")
    return recorded or [properties.schema_entry("title", "title", {})]


class ValueRenderer:
    def __init__(self, renderer: Renderer) -> None:
        self.renderer = renderer
        self.nodes = renderer.state.nodes
        # All rows of a table have one list of columns, and a renderer lives for one request.
        self._ordered: dict[int, tuple[list[Json], list[Json]]] = {}

    def of_page(self, page: Node, only: list[str] | None = None) -> Json:
        schema = self._in_order(schema_of(self.nodes, page))
        if only:
            wanted = [properties.find(schema, key) for key in only]
            schema = [entry for entry in schema if entry in wanted]
        return {entry["name"]: self.property(page, entry) for entry in schema}

    def _in_order(self, schema: list[Json]) -> list[Json]:
        known = self._ordered.get(id(schema))
        if known is None or known[0] is not schema:
            known = self._ordered[id(schema)] = (schema, properties.ordered(schema))
        return known[1]

    def property(self, page: Node, entry: Json) -> Json:
        type = entry["type"]
        value = self.value(page, entry)
        shown: Json = {"id": entry["id"], "type": type, type: value}
        if type == "relation":
            shown["relation"] = value if self.renderer.grant is None else value[:CUT]
            shown["has_more"] = len(shown["relation"]) < len(value)
        if type == "people" and self.renderer.grant is not None:
            shown["people"] = value[:CUT]
        return shown

    def value(self, page: Node, entry: Json) -> Any:
        """The whole value in the API's form."""
        # A table in a wiki has the wiki's title, and none of its other values.
        values = page.data["values"] if page.kind == "page" else {"title": page.data["title"]}
        type, stored = entry["type"], values.get(entry["id"])
        render = getattr(self, f"_{type}", None)
        if stored is None and type not in properties.COMPUTED and type not in ("unique_id", "status"):
            stored = properties.empty(type)
        return render(page, entry, stored) if render else stored

    def _title(self, page: Node, entry: Json, stored: list[Json]) -> list[Json]:
        return self.renderer.text(stored)

    _rich_text = _title

    def _people(self, page: Node, entry: Json, stored: list[str]) -> list[Json]:
        return [self.renderer.person(page.workspace, id) for id in stored]

    def _relation(self, page: Node, entry: Json, stored: list[str]) -> list[Json]:
        gone = {id for id in stored if id in self.nodes and self.nodes[id].in_trash}
        return [{"id": id} for id in stored if id not in gone]

    def _status(self, page: Node, entry: Json, stored: Json | None) -> Json | None:
        options = entry["status"].get("options", [])
        if stored is not None or not options:
            return stored
        return {key: options[0][key] for key in ("id", "name", "color")}

    def _files(self, page: Node, entry: Json, stored: list[Json]) -> list[Json]:
        return [self.renderer.asset(file, page) or file for file in stored]

    def _created_time(self, page: Node, entry: Json, stored: Any) -> str:
        return minute(page.created)

    def _last_edited_time(self, page: Node, entry: Json, stored: Any) -> str:
        return minute(page.edited)

    def _created_by(self, page: Node, entry: Json, stored: Any) -> Json:
        return self.renderer.person(page.workspace, page.created_by)

    def _last_edited_by(self, page: Node, entry: Json, stored: Any) -> Json:
        return self.renderer.person(page.workspace, page.edited_by)

    def _unique_id(self, page: Node, entry: Json, stored: Json | None) -> Json:
        return stored or {"prefix": entry["unique_id"].get("prefix"), "number": page.data.get("number")}

    def _formula(self, page: Node, entry: Json, stored: Json | None) -> Json:
        return stored or {"type": "string", "string": None}

    def _rollup(self, page: Node, entry: Json, stored: Json | None) -> Json:
        return stored or self._roll(page, entry["rollup"])

    def _roll(self, page: Node, config: Json) -> Json:
        function = config["function"]
        schema = schema_of(self.nodes, page)
        relation = properties.find(schema, encode(config["relation_property_id"]))
        rolled: list[Json] = []
        for id in page.data["values"].get(relation["id"], []) if relation else []:
            target = self.nodes.get(id)
            if target is None or target.in_trash:
                continue
            entry = properties.find(schema_of(self.nodes, target), encode(config["rollup_property_id"]))
            if entry is not None:
                rolled.append({"type": entry["type"], entry["type"]: self.value(target, entry)})
        return {**rollup(function, rolled), "function": function}

    # -- one property by itself

    def item(self, page: Node, entry: Json) -> tuple[list[Json], Json] | Json:
        """A simple item, or for the listed types all elements and what describes the list."""
        type = entry["type"]
        value = self.value(page, entry)
        head = {"object": "property_item", "type": type, "id": entry["id"]}
        if type not in LISTED:
            return head | {type: value}
        about: Json = {"id": entry["id"], "next_url": None, "type": type, type: {}}
        if type != "rollup":
            return [head | {type: element} for element in value], about
        if value["type"] != "array":
            return [], about | {"rollup": value}
        elements = [{"object": "property_item", "id": entry["id"], **element} for element in value["array"]]
        return elements, about | {"rollup": value | {"array": []}}


def rollup(function: str, rolled: list[Json]) -> Json:
    if function == "show_original":
        return {"type": "array", "array": rolled}
    values = [one[one["type"]] for one in rolled]
    if function in ("count", "count_all"):
        return {"type": "number", "number": len(values)}
    filled = [value for value in values if value not in (None, [], "", False)]
    if function in ("count_values", "not_empty", "checked"):
        return {"type": "number", "number": len(filled)}
    if function in ("empty", "unchecked"):
        return {"type": "number", "number": len(values) - len(filled)}
    if function in ("percent_checked", "percent_not_empty"):
        return {"type": "number", "number": len(filled) / len(values) if values else 0}
    if function in ("earliest_date", "latest_date"):
        dates = [value for value in filled if isinstance(value, dict) and value.get("start")]
        pick = min if function == "earliest_date" else max
        return {"type": "date", "date": pick(dates, key=_start) if dates else None}
    numbers = [value for value in filled if isinstance(value, int | float)]
    sums: dict[str, Callable[[list[Any]], Any]] = {"sum": sum, "min": min, "max": max, "average": average}
    if function in sums:
        return {"type": "number", "number": sums[function](numbers) if numbers else None}
    return {"type": "unsupported", "unsupported": {}}


def average(numbers: list[Any]) -> Any:
    return sum(numbers) / len(numbers)


def _start(value: Json) -> datetime:
    return parse_time(value["start"])
