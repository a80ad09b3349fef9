"""Edits of tables, as a person makes them: properties, their options, and tables inside of tables."""

from __future__ import annotations

from typing import TYPE_CHECKING

from devkit.notion import columns, events, properties
from devkit.notion.model import Json, Node
from devkit.notion.seed import SeedError

if TYPE_CHECKING:
    from devkit.notion.edit import Editor

CHOICES = ("select", "multi_select", "status")


def add_property(editor: Editor) -> Json:
    source = editor.node("source")
    seeder = editor.seeder()
    source.data["schema"].append(seeder.tables.entry(source, editor.given["name"], editor.given["type"]))
    seeder.finish()
    return _changed(editor, source, source.data["schema"][-1], "created")


def rename_property(editor: Editor) -> Json:
    source, entry = _property(editor)
    entry["name"] = editor.given["to"]
    columns.renamed(editor.state, source, entry)
    return _changed(editor, source, entry)


def remove_property(editor: Editor) -> Json:
    """With its values. The other side of a two-way relation stays, and becomes one-way."""
    source, entry = _property(editor)
    if entry["type"] == "title":
        raise SeedError("the title of a table cannot be deleted")
    source.data["schema"].remove(entry)
    columns.forget_values(editor.state, source, entry)
    columns.part(editor.state, entry)
    return _changed(editor, source, entry, "deleted")


def retype_property(editor: Editor) -> Json:
    """The column keeps its id and name; what its rows said is gone."""
    source, entry = _property(editor)
    seeder = editor.seeder()
    at = source.data["schema"].index(entry)
    made = seeder.tables.entry(source, entry["name"], editor.given["type"]) | {"id": entry["id"]}
    source.data["schema"][at] = made
    columns.forget_values(editor.state, source, entry)
    seeder.finish()
    return _changed(editor, source, made)


def add_option(editor: Editor) -> Json:
    source, entry = _property(editor)
    config = _choices(entry)
    (made,) = properties.options([editor.given["option"]], source.id, entry["id"], str(len(config["options"])))
    config["options"].append(made)
    if entry["type"] == "status":
        wanted = editor.given.get("group", config["groups"][0]["name"])
        next(group for group in config["groups"] if group["name"] == wanted)["option_ids"].append(made["id"])
    return _changed(editor, source, entry)


def rename_option(editor: Editor) -> Json:
    source, entry = _property(editor)
    option = _option(editor, entry)
    option["name"] = editor.given["to"]
    for row in columns.rows(editor.state, source):
        value = row.data["values"].get(entry["id"])
        for held in value if isinstance(value, list) else [value] if value else []:
            if held["id"] == option["id"]:
                held["name"] = option["name"]
    return _changed(editor, source, entry)


def delete_option(editor: Editor) -> Json:
    """Rows that had it are left without, or with the first status."""
    source, entry = _property(editor)
    option, config = _option(editor, entry), _choices(entry)
    config["options"].remove(option)
    for group in config.get("groups", []):
        group["option_ids"] = [id for id in group["option_ids"] if id != option["id"]]
    columns.forget_option(editor.state, source, entry, option)
    return _changed(editor, source, entry)


def add_source(editor: Editor) -> Json:
    database = editor.node()
    seeder = editor.seeder()
    seeder.tables.source(editor.given["source"], database, {"title": editor.given["source"].get("title")})
    seeder.finish()
    return editor.came(editor.state.nodes[database.children[-1]], "created")


def add_database(editor: Editor) -> Json:
    """On a page, or inside a data source, which makes a wiki of that."""
    parent = editor.node("parent")
    seeder = editor.seeder()
    node = seeder.tables.database(editor.given["database"], parent.id)
    seeder.finish()
    return editor.came(node, "created")


def _property(editor: Editor) -> tuple[Node, Json]:
    source = editor.node("source")
    entry = properties.find(source.data["schema"], editor.given["name"])
    if entry is None:
        raise SeedError(f"no property {editor.given['name']}")
    return source, entry


def _choices(entry: Json) -> Json:
    if entry["type"] not in CHOICES:
        raise SeedError(f"{entry['name']} has no options")
    config: Json = entry[entry["type"]]
    return config


def _option(editor: Editor, entry: Json) -> Json:
    wanted = editor.given["option"]
    for option in _choices(entry)["options"]:
        if wanted in (option["id"], option["name"]):
            found: Json = option
            return found
    raise SeedError(f"{entry['name']} has no option {wanted}")


def _changed(editor: Editor, source: Node, entry: Json, action: str = "updated") -> Json:
    events.schema(editor.state, source, editor.by, action, entry)
    return editor.touch(source)
