"""Databases, their data sources and rows, from a seed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from devkit.notion import columns, properties
from devkit.notion.assets import cover, icon
from devkit.notion.model import Json, Node

if TYPE_CHECKING:
    from devkit.notion.seed import WorkspaceSeeder

RESERVED = (
    "key",
    "id",
    "blocks",
    "pages",
    "comments",
    "generate",
    "icon",
    "cover",
    "created",
    "edited",
    "created_by",
    "edited_by",
    "in_trash",
    "restricted",
)


class TableSeeder:
    def __init__(self, seeder: WorkspaceSeeder) -> None:
        self.seeder = seeder

    def database(self, given: Json, parent: str | None) -> Node:
        node = self.seeder.make("database", given, parent)
        node.data = {
            "title": [],
            "description": [],
            "is_inline": bool(given.get("inline")),
            "is_locked": False,
            "icon": icon(given.get("icon")),
            "cover": cover(given.get("cover")),
        }
        self.seeder.later.append(lambda: node.data.update(title=self.seeder.text(given.get("title"))))
        self.seeder.later.append(lambda: node.data.update(description=self.seeder.text(given.get("description"))))
        sources = given.get("sources")
        if sources is None:
            sources = [{name: given[name] for name in ("properties", "rows") if name in given}]
        for source in sources:
            self.source(source, node, given)
        generate = given.get("generate")
        if generate:
            source = generate.get("source")
            target = self.seeder.workspace.keys["data_sources"][source] if source else node.children[0]
            self.generate(self.seeder.state.nodes[target], generate)
        return node

    def source(self, given: Json, database: Node, of: Json) -> None:
        default = {"key": f"{of['key']}_source"} if "key" in of and "key" not in given else {}
        node = self.seeder.make("data_source", default | given, database.id, at=database.edited)
        node.data = {"title": [], "description": [], "icon": None, "cover": None, "schema": []}
        title = given.get("title", given.get("name", of.get("title")))
        self.seeder.later.append(lambda: node.data.update(title=self.seeder.text(title)))
        schema = node.data["schema"]
        for name, wanted in (given.get("properties") or {"Name": "title"}).items():
            schema.append(self.entry(node, name, wanted))
        if not any(entry["type"] == "title" for entry in schema):
            schema.append(properties.schema_entry("Name", "title", {}, node.id))
        for row in given.get("rows", []):
            self.row(node, row)
        if given.get("generate"):
            self.generate(node, given["generate"])

    def entry(self, source: Node, name: str, wanted: Any) -> Json:
        type, config = next(iter(wanted.items())) if isinstance(wanted, dict) else (wanted, None)
        path = (source.id, name)
        if type in ("select", "multi_select"):
            return properties.schema_entry(name, type, {"options": properties.options(config or [], *path)}, *path)
        if type == "status":
            groups = properties.status_config(config or properties.DEFAULT_GROUPS, *path)
            return properties.schema_entry(name, type, groups, *path)
        if type == "number":
            number = config if isinstance(config, dict) else {"format": config or "number"}
            return properties.schema_entry(name, type, number, *path)
        if type == "unique_id":
            prefix = config.get("prefix") if isinstance(config, dict) else config
            return properties.schema_entry(name, type, {"prefix": prefix}, *path)
        if type == "formula":
            expression = config if isinstance(config, str) else str((config or {}).get("expression", ""))
            return properties.schema_entry(name, type, {"expression": expression}, *path)
        entry = properties.schema_entry(name, type, {}, *path)
        if type == "relation":
            self.seeder.later.insert(0, lambda: self._relation(source, entry, config))
        if type == "rollup":
            self.seeder.later.append(lambda: self._rollup(source, entry, config))
        return entry

    def _relation(self, source: Node, entry: Json, config: Any) -> None:
        wanted = config if isinstance(config, dict) else {"to": config}
        target = self.seeder.state.nodes[self.seeder.workspace.keys["data_sources"][wanted["to"]]]
        if "synced" in wanted:
            columns.pair(source, entry, target, wanted["synced"])
        else:
            columns.relate(entry, target)

    def _rollup(self, source: Node, entry: Json, config: Any) -> None:
        schema = source.data["schema"]
        relation = properties.find(schema, config["relation"])
        if relation is None:
            raise ValueError(f"rollup {entry['name']}: no relation {config['relation']}")
        target = self.seeder.state.nodes[relation["relation"]["data_source_id"]]
        rolled = properties.find(target.data["schema"], config["property"])
        if rolled is None:
            raise ValueError(f"rollup {entry['name']}: no property {config['property']}")
        columns.roll_up(entry, relation, rolled, config["function"])

    def row(self, source: Node, given: Json) -> Node:
        schema = source.data["schema"]
        names = {entry["name"] for entry in schema}
        about = {key: given[key] for key in RESERVED if key in given and key not in names}
        row = self.seeder.make("page", about, source.id)
        row.data = {
            "values": {"title": []},
            "icon": icon(about.get("icon")),
            "cover": cover(about.get("cover")),
            "is_locked": False,
            "number": next_number(source),
        }
        given_values = {key: value for key, value in given.items() if key not in about}
        self.seeder.later.append(lambda: self._values(source, row, given_values))
        self.seeder.contents(row, about)
        return row

    def _values(self, source: Node, row: Node, given: Json) -> None:
        for name, value in given.items():
            entry = properties.find(source.data["schema"], name)
            if entry is None:
                raise ValueError(f"{name} is not a property of {source.key or source.id}")
            before = row.data["values"].get(entry["id"])
            row.data["values"][entry["id"]] = properties.from_seed(entry, value, self.seeder.find)
            if entry["type"] == "relation":
                mirror(self.seeder.state.nodes, row, entry, before or [])

    def generate(self, source: Node, given: Json) -> None:
        template = given.get("template", {})
        for index in range(given["rows"]):
            values = {
                name: value.format(i=index) if isinstance(value, str) else value for name, value in template.items()
            }
            self.row(source, values)


def next_number(source: Node) -> int:
    source.data["last_number"] = int(source.data.get("last_number", 0)) + 1
    return int(source.data["last_number"])


def mirror(nodes: dict[str, Node], row: Node, entry: Json, before: list[str]) -> None:
    """The other side of a two-way relation; `before` is what it was related to until now."""
    dual = entry["relation"].get("dual_property")
    if dual is None:
        return
    other = dual["synced_property_id"]
    wanted = row.data["values"].get(entry["id"], [])
    for id in {*before, *wanted}:
        node = nodes.get(id)
        if node is None or node.kind != "page" or node.parent != entry["relation"]["data_source_id"]:
            continue
        values = node.data["values"].setdefault(other, [])
        if id in wanted and row.id not in values:
            values.append(row.id)
        if id not in wanted and row.id in values:
            values.remove(row.id)
