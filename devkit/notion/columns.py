"""What hangs together among the columns of tables: the two sides of a relation, rollups, and what rows say."""

from __future__ import annotations

from collections.abc import Iterator

from devkit.notion import properties
from devkit.notion.ids import decode, property_id
from devkit.notion.model import Json, Node, State

ROLLUPS = (
    "count",
    "count_values",
    "empty",
    "not_empty",
    "unique",
    "show_unique",
    "percent_empty",
    "percent_not_empty",
    "sum",
    "average",
    "median",
    "min",
    "max",
    "range",
    "earliest_date",
    "latest_date",
    "date_range",
    "checked",
    "unchecked",
    "percent_checked",
    "percent_unchecked",
    "count_per_group",
    "percent_per_group",
    "show_original",
)


def relate(entry: Json, target: Node) -> None:
    """One-way."""
    entry["relation"] = {"database_id": target.parent, "data_source_id": target.id}
    entry["relation"] |= {"type": "single_property", "single_property": {}}


def pair(source: Node, entry: Json, target: Node, name: str) -> Json | None:
    """Two-way; answers the column that the other table got for it, if it had none of that name."""
    other = properties.find(target.data["schema"], name)
    made = None
    if other is None:
        own_id = property_id(target.id, name, entry["id"], "dual")
        made = other = properties.schema_entry(name, "relation", {}, target.id, id=own_id)
        target.data["schema"].append(made)
    for one, beyond, back in ((entry, target, other), (other, source, entry)):
        one["relation"] = {"database_id": beyond.parent, "data_source_id": beyond.id, "type": "dual_property"}
        one["relation"]["dual_property"] = {"synced_property_name": back["name"], "synced_property_id": back["id"]}
    return made


def other_side(state: State, entry: Json) -> Json | None:
    dual = entry["relation"].get("dual_property") if entry["type"] == "relation" else None
    other = state.nodes.get(entry["relation"]["data_source_id"]) if dual else None
    return properties.find(other.data["schema"], decode(dual["synced_property_id"])) if dual and other else None


def part(state: State, entry: Json) -> None:
    """The other side of a two-way relation stays, and becomes one-way."""
    back = other_side(state, entry)
    if back is not None:
        back["relation"] |= {"type": "single_property", "single_property": {}}
        back["relation"].pop("dual_property", None)


def roll_up(entry: Json, relation: Json, rolled: Json, function: str) -> None:
    """Inside a rollup the ids are not percent-encoded."""
    entry["rollup"] = {
        "rollup_property_name": rolled["name"],
        "relation_property_name": relation["name"],
        "rollup_property_id": decode(rolled["id"]),
        "relation_property_id": decode(relation["id"]),
        "function": function,
    }


def renamed(state: State, source: Node, entry: Json) -> None:
    """Who knows this column by its name learns the new one."""
    back = other_side(state, entry)
    if back is not None:
        back["relation"]["dual_property"]["synced_property_name"] = entry["name"]
    own = decode(entry["id"])
    for table in state.inside(source.workspace.id):
        for one in table.data["schema"] if table.kind == "data_source" else []:
            if one["type"] != "rollup" or not one["rollup"]:
                continue
            relation = properties.find(table.data["schema"], one["rollup"]["relation_property_id"])
            target = relation["relation"].get("data_source_id") if relation else None
            if table is source and one["rollup"]["relation_property_id"] == own:
                one["rollup"]["relation_property_name"] = entry["name"]
            if target == source.id and one["rollup"]["rollup_property_id"] == own:
                one["rollup"]["rollup_property_name"] = entry["name"]


def rows(state: State, source: Node) -> Iterator[Node]:
    return (row for row in map(state.nodes.__getitem__, source.children) if row.kind == "page")


def forget_values(state: State, source: Node, entry: Json) -> None:
    for row in rows(state, source):
        row.data["values"].pop(entry["id"], None)


def forget_option(state: State, source: Node, entry: Json, option: Json) -> None:
    """Rows that had it are left without, or with the first status."""
    for row in rows(state, source):
        value = row.data["values"].get(entry["id"])
        if isinstance(value, list):
            row.data["values"][entry["id"]] = [held for held in value if held["id"] != option["id"]]
        elif value and value["id"] == option["id"]:
            row.data["values"][entry["id"]] = None
