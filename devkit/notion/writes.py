"""What a writer may change: pages, their properties, and blocks."""

from __future__ import annotations

from devkit.notion import assets, blocks, events, markdown_parse, properties
from devkit.notion.calls import Call
from devkit.notion.errors import archived, invalid, object_at, string_at, too_many, unsupported, wrong
from devkit.notion.ids import parse_id
from devkit.notion.model import Json, Node
from devkit.notion.render import OLD, V2026, listing
from devkit.notion.seed_tables import mirror, next_number
from devkit.notion.values import schema_of

MAX_BLOCKS = 1000


# -- pages


def create_page(call: Call) -> Json:
    body = call.body
    parent = new_parent(call, body.get("parent"))
    made = _content(body)
    check_count(made)
    if parent is not None and call.state.trashed(parent):
        raise archived()
    at = _page_position(call, parent)
    _check_template(body)
    node = call.state.create(
        "page",
        parent=parent.id if parent else None,
        workspace=call.grant.workspace,
        by=call.grant.bot_id,
        data={"values": {"title": []}, "icon": None, "cover": None, "is_locked": False} | _looks(body),
    )
    table = parent is not None and parent.kind == "data_source"
    schema = parent.data["schema"] if parent is not None and table else [properties.schema_entry("title", "title", {})]
    if "properties" not in body:
        raise wrong("body.properties", "defined", None)
    values = _values(call, schema, body["properties"])
    if parent is not None and table:
        node.data["number"] = next_number(parent)
    call.state.add(node, at=at)
    _store(call, node, schema, values)
    if parent is None:
        call.grant.roots.add(node.id)
    insert(call, node, made, None)
    if parent is not None and not table:
        call.state.touch(parent, call.grant.bot_id)
    events.life(call.state, node, call.grant.bot_id, "created")
    return call.renderer.page(node)


def _page_position(call: Call, parent: Node | None) -> int | None:
    position = object_at("body.position", call.body.get("position"))
    kind = position.get("type")
    if not position or kind == "page_end":
        return None
    if parent is None or parent.kind != "page":
        raise invalid("position can only be used when the parent is a page.")
    if kind == "page_start":
        return 0
    if kind == "after_block":
        where = "body.position.after_block"
        return _after(call, parent, object_at(where, position.get("after_block")).get("id"), f"{where}.id")
    raise wrong("body.position.type", '`"after_block"`, `"page_start"` or `"page_end"`', kind)


def _looks(body: Json) -> Json:
    return {name: assets.from_api(body[name], name, f"body.{name}") for name in ("icon", "cover") if name in body}


def _check_template(body: Json) -> None:
    if object_at("body.template", body.get("template")).get("type", "none") != "none":
        raise unsupported("page templates")


def _content(body: Json) -> list[blocks.NewBlock]:
    markdown = body.get("markdown")
    if markdown is None:
        return blocks.from_request(body.get("children") or [])
    if body.get("children"):
        raise invalid("children and markdown cannot be used together.")
    return markdown_parse.parse(markdown_parse.significant(string_at("body.markdown", markdown)))


PARENTS = ("page_id", "data_source_id", "database_id")


def new_parent(call: Call, given: object, among: tuple[str, ...] = PARENTS) -> Node | None:
    if not isinstance(given, dict):
        raise wrong("body.parent", "defined" if given is None else "an object", given)
    if given.get("workspace") is True:
        if call.grant.user is None:
            raise invalid("Internal integrations cannot create pages in the workspace.")
        call.require("insert")
        return None
    for name in among:
        if name in given:
            id = parse_id(given[name])
            if id is None:
                raise wrong(f"body.parent.{name}", "a valid uuid", given[name])
            node = call.get(name.removesuffix("_id"), id)
            return node if name != "database_id" else call.only_source(node)
    raise wrong(f"body.parent.{among[0]}", "defined", None)


def _values(call: Call, schema: list[Json], given: object) -> Json:
    if not isinstance(given, dict):
        raise wrong("body.properties", "an object", given)
    nodes = call.state.nodes

    def seen(id: str) -> bool:
        return id in nodes and nodes[id].kind == "page" and call.state.visible(call.grant, nodes[id])

    values: Json = {}
    for key, value in given.items():
        entry = properties.find(schema, key)
        if entry is None:
            raise invalid(f"{key} is not a property that exists.")
        values[entry["id"]] = properties.from_api(entry, value, f"body.properties.{key}", seen)
    return values


def _store(call: Call, node: Node, schema: list[Json], values: Json) -> None:
    before = node.data["values"]
    node.data["values"] = before | values
    for entry in schema:
        if entry["type"] == "relation" and entry["id"] in values:
            mirror(call.state.nodes, node, entry, before.get(entry["id"]) or [])


def update_page(call: Call) -> Json:
    node = call.get("page", call.params["page_id"])
    body = call.body
    gone = trash(call)
    if gone is None and call.state.trashed(node):
        raise archived()
    _check_template(body)
    schema = schema_of(call.state.nodes, node)
    values, looks = _values(call, schema, body.get("properties") or {}), _looks(body)
    was = node.in_trash
    if gone is not None:
        node.in_trash = gone
    _store(call, node, schema, values)
    locked = bool(node.data.get("is_locked"))
    node.data |= looks
    if "is_locked" in body:
        node.data["is_locked"] = body["is_locked"]
    if body.get("erase_content") is True:
        for child in list(node.children):
            call.state.nodes[child].in_trash = True
            events.content(call.state, call.state.nodes[child], call.grant.bot_id)
    call.state.touch(node, call.grant.bot_id)
    if values or looks:
        events.values(call.state, node, call.grant.bot_id, list(values))
    if bool(node.data.get("is_locked")) is not locked:
        events.tell(call.state, "page.unlocked" if locked else "page.locked", node, call.grant.bot_id)
    tell_trash(call, node, was)
    return call.renderer.page(node)


def tell_trash(call: Call, node: Node, was: bool) -> None:
    if node.in_trash is not was:
        events.life(call.state, node, call.grant.bot_id, "deleted" if node.in_trash else "undeleted")


def trash(call: Call) -> bool | None:
    if "archived" in call.body and call.version == V2026:
        raise wrong("body.archived", "not present", call.body["archived"])
    given = call.body.get("in_trash", call.body.get("archived"))
    if given is not None and not isinstance(given, bool):
        raise wrong("body.in_trash", "a boolean", given)
    return given


def move_page(call: Call) -> Json:
    node = call.get("page", call.params["page_id"])
    parent = new_parent(call, call.body.get("parent"))
    if parent is not None and (parent is node or node in call.state.ancestors(parent)):
        raise invalid("Cannot move a page into itself.")
    call.state.move(node, parent.id if parent else None)
    call.state.touch(node, call.grant.bot_id)
    events.life(call.state, node, call.grant.bot_id, "moved")
    return call.renderer.page(node)


# -- blocks


def check_count(made: list[blocks.NewBlock]) -> None:
    count = sum(block.size() for block in made)
    if count > MAX_BLOCKS:
        raise too_many("body.children.length", MAX_BLOCKS, count)


def insert(call: Call, parent: Node, made: list[blocks.NewBlock], at: int | None) -> list[Node]:
    inserted: list[Node] = []
    for offset, block in enumerate(made):
        node = call.state.create(
            "block",
            parent=parent.id,
            workspace=call.grant.workspace,
            by=call.grant.bot_id,
            data=block.content,
            type=block.type,
        )
        inserted.append(call.state.add(node, at=None if at is None else at + offset))
        insert(call, node, block.children, None)
    return inserted


def append_children(call: Call) -> Json:
    parent = call.block(call.params["block_id"])
    made = blocks.from_request(call.body.get("children"))
    check_count(made)
    at = _position(call, parent)
    if call.state.trashed(parent):
        raise archived()
    if parent.kind == "database" or (parent.kind == "block" and not blocks.TYPES[parent.type].children):
        raise invalid("Block does not support children.")
    inserted = insert(call, parent, made, at)
    call.state.touch(parent, call.grant.bot_id)
    for one in inserted:
        events.content(call.state, one, call.grant.bot_id)
    shown = inserted
    if at is not None:
        # Recorded: the siblings that follow are answered too.
        first = parent.children.index(inserted[0].id) if inserted else at
        following = [call.state.nodes[id] for id in parent.children[first:]]
        shown = [node for node in following if not node.in_trash]
    cursor = shown[100].id if len(shown) > 100 else None
    return listing([call.renderer.block(node) for node in shown[:100]], "block", cursor)


def _position(call: Call, parent: Node) -> int | None:
    position, after = object_at("body.position", call.body.get("position")), call.body.get("after")
    if after is not None:
        if call.version == V2026:
            raise wrong("body.after", "not present", after)
        if position:
            raise invalid("after and position cannot be used together.")
        return _after(call, parent, after, "body.after")
    if not position or position.get("type") == "end":
        return None
    if position.get("type") == "start":
        return 0
    if position.get("type") == "after_block":
        where = "body.position.after_block"
        return _after(call, parent, object_at(where, position.get("after_block")).get("id"), f"{where}.id")
    raise wrong("body.position.type", '`"after_block"`, `"start"` or `"end"`', position.get("type"))


def _after(call: Call, parent: Node, given: object, where: str) -> int:
    id = parse_id(given)
    if id is None:
        raise wrong(where, "a valid uuid", given)
    if id not in parent.children:
        raise call.missing("block", id)
    return parent.children.index(id) + 1


def update_block(call: Call) -> Json:
    node = call.block(call.params["block_id"])
    gone, was = trash(call), node.in_trash
    if gone is not None:
        node.in_trash = gone
    elif call.state.trashed(node):
        raise archived()
    given = call.body.get(node.type)
    other = next((key for key in call.body if key in blocks.TYPES and key != node.type), None)
    if other is not None:
        raise invalid(f"Cannot change a block of type {node.type} to {other}.")
    if isinstance(given, dict):
        if "children" in given:
            raise wrong(f"body.{node.type}.children", "not present", given["children"])
        node.data = blocks.update(node.type, node.data, given, f"body.{node.type}")
    call.state.touch(node, call.grant.bot_id)
    tell_trash(call, node, was)
    if isinstance(given, dict):
        events.content(call.state, node, call.grant.bot_id)
    return call.renderer.block(node)


def delete_block(call: Call) -> Json:
    node = call.block(call.params["block_id"])
    if call.version == OLD and node.kind == "database":
        call.only_source(node)
    if call.state.trashed(node):
        raise archived()
    node.in_trash = True
    call.state.touch(node, call.grant.bot_id)
    tell_trash(call, node, False)
    return call.renderer.block(node)
