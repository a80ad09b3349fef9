"""Databases and their data sources, made and changed by a writer."""

from __future__ import annotations

from devkit.notion import assets, events, richtext
from devkit.notion.calls import Call
from devkit.notion.errors import archived, invalid, wrong
from devkit.notion.ids import parse_id
from devkit.notion.model import Json, Node
from devkit.notion.render import OLD
from devkit.notion.schema_writes import SchemaWrite
from devkit.notion.writes import new_parent, tell_trash, trash

UNTITLED = "New database"


def create_database(call: Call) -> Json:
    body = call.body
    parent = new_parent(call, body.get("parent"), among=("page_id",))
    if parent is not None and call.state.trashed(parent):
        raise archived()
    about = {"title": [], "description": [], "is_inline": False, "is_locked": False, "icon": None, "cover": None}
    about |= _about(call, ("title", "description", "is_inline", "icon", "cover"))
    node = _new(call, "database", parent, about | {"title": about["title"] or [richtext.text_item(UNTITLED)]})
    source = _new(call, "data_source", node, {"title": about["title"], "description": about["description"]})
    write = SchemaWrite(call, source)
    write.read(_first_schema(call), _where_schema(call))
    call.state.add(node)
    call.state.add(source)
    write.store()
    if parent is None:
        call.grant.roots.add(node.id)
    else:
        call.state.touch(parent, call.grant.bot_id)
    events.life(call.state, node, call.grant.bot_id, "created")
    return call.renderer.database(node)


def _new(call: Call, kind: str, parent: Node | None, data: Json) -> Node:
    above = parent.id if parent is not None else None
    node = call.state.create(kind, parent=above, workspace=call.grant.workspace, by=call.grant.bot_id, data=data)
    if kind == "data_source":
        node.data = {"icon": None, "cover": None, "description": [], "schema": []} | data
    return node


def _where_schema(call: Call) -> str:
    return "body.properties" if call.version == OLD else "body.initial_data_source.properties"


def _first_schema(call: Call) -> object:
    """The oldest version names the columns by themselves, and asks for them."""
    if call.version == OLD:
        return call.body.get("properties")
    if "properties" in call.body:
        raise wrong("body.properties", "not present", call.body["properties"])
    first = call.body.get("initial_data_source", {})
    if not isinstance(first, dict):
        raise wrong("body.initial_data_source", "an object", first)
    return first.get("properties", {"Name": {"title": {}}})


def _about(call: Call, names: tuple[str, ...]) -> Json:
    """What the request says of the table itself, in the form that is stored."""
    said = {name: call.body[name] for name in names if name in call.body}
    for name in ("title", "description"):
        if name in said:
            said[name] = richtext.from_api(said[name], f"body.{name}")
    for name in ("icon", "cover"):
        if name in said:
            said[name] = assets.from_api(said[name], name, f"body.{name}")
    for name in ("is_inline", "is_locked"):
        if name in said and not isinstance(said[name], bool):
            raise wrong(f"body.{name}", "a boolean", said[name])
    return said


def update_database(call: Call) -> Json:
    node = call.get("database", call.params["database_id"])
    gone, was = trash(call), node.in_trash
    if gone is None and call.state.trashed(node):
        raise archived()
    about = _about(call, ("title", "description", "is_inline", "is_locked", "icon", "cover"))
    write = _schema(call, call.only_source(node)) if call.version == OLD else None
    if write is None and "properties" in call.body:
        raise wrong("body.properties", "not present", call.body["properties"])
    if "parent" in call.body:
        _move(call, node, new_parent(call, call.body["parent"], among=("page_id",)))
    node.data |= about
    # Recorded: a source shows its database's description, and an edit of this kind leaves the times as they were.
    shared = ("title", "description") if call.version == OLD else ("description",)
    for source in call.state.living_children(node):
        source.data |= {key: about[key] for key in shared if key in about}
    if write is not None:
        _tell_schema(call, write)
    if gone is not None:
        node.in_trash = gone
        call.state.touch(node, call.grant.bot_id)
    if about:
        events.tell(call.state, "database.content_updated", node, call.grant.bot_id, updated_blocks=[])
    tell_trash(call, node, was)
    return call.renderer.database(node)


def _move(call: Call, node: Node, parent: Node | None) -> None:
    if parent is not None and (parent is node or node in call.state.ancestors(parent)):
        raise invalid("Cannot move a database into itself.")
    if parent is not None and call.state.trashed(parent):
        raise archived()
    if parent is None:
        call.grant.roots.add(node.id)
    call.state.move(node, parent.id if parent is not None else None)
    call.state.touch(node, call.grant.bot_id)
    events.life(call.state, node, call.grant.bot_id, "moved")


def _schema(call: Call, source: Node) -> SchemaWrite:
    write = SchemaWrite(call, source)
    write.read(call.body.get("properties", {}), "body.properties")
    return write


def _tell_schema(call: Call, write: SchemaWrite) -> None:
    changes = write.store()
    if changes:
        call.state.touch(write.source, call.grant.bot_id)
    for action, entry in changes:
        events.schema(call.state, write.source, call.grant.bot_id, action, entry)


# -- data sources


def create_data_source(call: Call) -> Json:
    parent = _database(call)
    source = _new(call, "data_source", parent, {"title": []} | _about(call, ("title", "icon")))
    write = SchemaWrite(call, source)
    write.read(call.body.get("properties"), "body.properties")
    call.state.add(source)
    write.store()
    events.life(call.state, source, call.grant.bot_id, "created")
    return call.renderer.data_source(source)


def _database(call: Call) -> Node:
    given = call.body.get("parent")
    named = given.get("database_id") if isinstance(given, dict) else None
    id = parse_id(named)
    if id is None:
        raise wrong("body.parent.database_id", "a valid uuid" if named else "defined", named)
    database = call.get("database", id)
    if call.state.trashed(database):
        raise archived()
    return database


def update_data_source(call: Call) -> Json:
    node = call.get("data_source", call.params["data_source_id"])
    gone, was = trash(call), node.in_trash
    if gone is None and call.state.trashed(node):
        raise archived()
    about = _about(call, ("title", "description", "icon"))
    write = _schema(call, node)
    target = _database(call) if "parent" in call.body else None
    node.data |= about
    _tell_schema(call, write)
    if target is not None:
        # Its address is that of its database.
        node.data.pop("url", None)
        call.state.move(node, target.id)
        events.life(call.state, node, call.grant.bot_id, "moved")
    if gone is not None:
        node.in_trash = gone
    if about or target is not None or gone is not None:
        call.state.touch(node, call.grant.bot_id)
    if about:
        events.tell(call.state, "data_source.content_updated", node, call.grant.bot_id, updated_blocks=[])
    tell_trash(call, node, was)
    return call.renderer.data_source(node)
