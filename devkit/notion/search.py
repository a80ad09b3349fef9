"""Search: titles only, loosely, and late for what was just made."""

from __future__ import annotations

import re

from devkit.notion.errors import wrong
from devkit.notion.model import Grant, Json, Node
from devkit.notion.render import OLD, Renderer

WORD = re.compile(r"\w+")


def find(grant: Grant, body: Json, renderer: Renderer) -> list[Node]:
    kinds, trashed = _wanted(body.get("filter"), renderer.version)
    now = grant.workspace.clock.now()
    found = [
        node
        for node in renderer.state.inside(grant.workspace)
        if node.kind in kinds
        and (node.indexed_at is None or node.indexed_at <= now)
        and renderer.state.trashed(node) is trashed
        and renderer.state.visible(grant, node)
    ]
    query = body.get("query") or ""
    words = set(WORD.findall(str(query).casefold()))
    sort = body.get("sort") or {}
    if words:
        found = [node for node in found if _overlap(node, words, renderer)]
    found.sort(key=lambda node: node.edited.replace(second=0, microsecond=0), reverse=_newest_first(sort))
    if words and not sort:
        found.sort(key=lambda node: _overlap(node, words, renderer), reverse=True)
    return found


def _overlap(node: Node, words: set[str], renderer: Renderer) -> int:
    title = WORD.findall(renderer.plain_title(node).casefold())
    return sum(any(have.startswith(word) for have in title) for word in words)


def _newest_first(sort: Json) -> bool:
    if not sort or sort.get("property") == "relevance":
        return True
    if sort.get("timestamp") != "last_edited_time":
        raise wrong("body.sort.timestamp", '`"last_edited_time"`', sort.get("timestamp"))
    direction = sort.get("direction", "descending")
    if direction not in ("ascending", "descending"):
        raise wrong("body.sort.direction", '`"ascending"` or `"descending"`', direction)
    return bool(direction == "descending")


def _wanted(given: object, version: str) -> tuple[tuple[str, ...], bool]:
    table = "database" if version == OLD else "data_source"
    if given is None:
        return ("page", "data_source"), False
    if not isinstance(given, dict):
        raise wrong("body.filter", "an object", given)
    trashed = given.get("in_trash") is True
    if "value" not in given and "property" not in given:
        if "in_trash" in given:
            return ("page", "data_source"), trashed
        raise wrong("body.filter.value", f'`"page"` or `"{table}"`', None)
    if given.get("property", "object") != "object":
        raise wrong("body.filter.property", '`"object"`', given.get("property"))
    value = given.get("value")
    if value not in ("page", table):
        raise wrong("body.filter.value", f'`"page"` or `"{table}"`', value)
    return ("page",) if value == "page" else ("data_source",), trashed
