"""What a reader may ask."""

from __future__ import annotations

import re
from typing import Any

from devkit.notion import paging, properties, search
from devkit.notion.calls import Call
from devkit.notion.errors import invalid, restricted, unsupported, wrong
from devkit.notion.ids import parse_id
from devkit.notion.markdown import Markdown
from devkit.notion.model import Json, Node, User
from devkit.notion.paging import Listed
from devkit.notion.query import LIMIT
from devkit.notion.render import OLD, listing
from devkit.notion.values import schema_of

COUNTED = re.compile(r"item:(\d+)")


# -- users


def me(call: Call) -> Json:
    return call.renderer.user(call.grant.workspace.users[call.grant.bot_id])


def members(call: Call) -> Listed[User]:
    users = call.grant.workspace.users.values()
    own = {call.grant.bot_id}
    return Listed(user for user in users if user.kind == "person" or user.id in own)


def users(call: Call) -> Json:
    if call.grant.integration.capabilities["users"] == "none":
        raise restricted()
    page, cursor = paging.cut(members(call), call.size(in_query=True), call.cursor(in_query=True))
    return listing([call.renderer.user(user) for user in page], "user", cursor)


def user(call: Call) -> Json:
    if call.grant.integration.capabilities["users"] == "none":
        raise restricted()
    found = call.grant.workspace.users.get(call.params["user_id"])
    if found is None:
        raise call.missing("user", call.params["user_id"])
    return call.renderer.user(found)


# -- search


def search_all(call: Call) -> Json:
    call.require("read")
    found = search.find(call.grant, call.body, call.renderer)
    page, cursor = paging.cut(found, call.size(in_query=False), call.cursor(in_query=False))
    shown = [_as_found(call, node) for node in page]
    return listing(shown, "page_or_database" if call.version == OLD else "page_or_data_source", cursor)


def _as_found(call: Call, node: Node) -> Json:
    if call.version == OLD and node.kind == "data_source" and node.parent in call.state.nodes:
        return call.renderer.database(call.state.nodes[node.parent])
    return call.renderer.object(node)


# -- pages


def page(call: Call) -> Json:
    node = call.get("page", call.params["page_id"])
    only = call.params_named("filter_properties")
    _check_known(schema_of(call.state.nodes, node), only)
    return call.renderer.page(node, only)


def _check_known(schema: list[Json], keys: list[str]) -> None:
    for key in keys:
        if properties.find(schema, key) is None:
            raise invalid(f"Could not find property with name or id: {key}")


def page_property(call: Call) -> Json:
    node = call.get("page", call.params["page_id"])
    entry = properties.find(schema_of(call.state.nodes, node), call.params["property_id"])
    if entry is None:
        raise invalid(f"Could not find property with name or id: {call.params['property_id']}")
    found = call.renderer.values.item(node, entry)
    if isinstance(found, dict):
        return found
    elements, about = found
    start = _item_start(call.param("start_cursor"), len(elements))
    size = call.size(in_query=True)
    cursor = f"item:{start + size}" if start + size < len(elements) else None
    if cursor:
        path = f"/v1/pages/{node.id}/properties/{entry['id']}?start_cursor={cursor}&page_size={size}"
        about = about | {"next_url": call.state.base_url + path}
    return listing(elements[start : start + size], "property_item", cursor, extra=about)


def _item_start(cursor: str | None, length: int) -> int:
    if cursor is None:
        return 0
    given = COUNTED.fullmatch(cursor)
    if given is None or int(given[1]) >= length:
        raise invalid(f"The start_cursor provided is invalid: {cursor}")
    return int(given[1])


def page_markdown(call: Call) -> Json:
    node = call.get("page", call.params["page_id"], among=("page", "block"))
    check_dialect(call)
    written = Markdown(call)
    text = written.children(node)
    return {
        "object": "page_markdown",
        "id": node.id,
        "markdown": text,
        "truncated": bool(written.unknown),
        "unknown_block_ids": written.unknown,
    }


def check_dialect(call: Call) -> None:
    if (call.param("markdown_version") or call.body.get("markdown_version") or "v1") != "v1":
        raise unsupported("Notion-flavored Markdown")


# -- blocks


def block(call: Call) -> Json:
    return call.renderer.block(call.block(call.params["block_id"]))


def block_children(call: Call) -> Json:
    node = call.block(call.params["block_id"])
    children = call.blocks_in(node)
    page, cursor = paging.cut(children, call.size(in_query=True), call.cursor(in_query=True))
    return listing([call.renderer.block(child) for child in page], "block", cursor)


# -- tables


def database(call: Call) -> Json:
    node = call.get("database", call.params["database_id"])
    if call.version == OLD:
        call.only_source(node)
    return call.renderer.database(node)


def data_source(call: Call) -> Json:
    return call.renderer.data_source(call.get("data_source", call.params["data_source_id"]))


def templates(call: Call) -> Json:
    call.get("data_source", call.params["data_source_id"])
    return {"templates": [], "has_more": False, "next_cursor": None}


def query(call: Call) -> Json:
    return run_query(call, call.get("data_source", call.params["data_source_id"]))


def old_query(call: Call) -> Json:
    if call.version != OLD:
        raise unsupported("query database")
    return run_query(call, call.only_source(call.get("database", call.params["database_id"])))


def run_query(call: Call, source: Node) -> Json:
    only = call.params_named("filter_properties")
    _check_known(source.data["schema"], only)
    size, limit = call.size(in_query=False), call.row_limit or LIMIT
    rows, cursor, capped = call.emulator.queries.run(source, call.body, size, call.renderer, limit)
    shown = [call.renderer.page(row, only) if row.kind == "page" else call.renderer.object(row) for row in rows]
    answer = listing(shown, "page" if call.version == OLD else "page_or_data_source", cursor)
    if capped and cursor is None:
        answer["request_status"] = {"type": "incomplete", "incomplete_reason": "query_result_limit_reached"}
    return answer


# -- comments


def comments(call: Call) -> Json:
    given = call.param("block_id")
    id = parse_id(given)
    if id is None:
        raise wrong("query.block_id", "a valid uuid", given)
    node = call.get("block", id, among=("block", "page"))
    call.require("comments_read")
    found = Listed(call.state.nodes[comment] for comment in call.state.comments.get(node.id, []))
    page, cursor = paging.cut(found, call.size(in_query=True), call.cursor(in_query=True))
    return listing([call.renderer.comment(comment) for comment in page], "comment", cursor)


def comment(call: Call) -> Json:
    node = call.get("comment", call.params["comment_id"])
    call.require("comments_read")
    return call.renderer.comment(node)


def later(name: str) -> Any:
    """A route that exists at Notion and not here."""

    def refuse(call: Call) -> Json:
        raise unsupported(name)

    return refuse
