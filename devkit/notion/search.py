"""Search: titles only, loosely, and late for what was just made."""

from __future__ import annotations

import json
import re
from datetime import datetime

from devkit.notion.errors import wrong
from devkit.notion.model import Grant, Json, Node, State
from devkit.notion.paging import Listed
from devkit.notion.render import OLD, Renderer

WORD = re.compile(r"\w+")


def find(grant: Grant, body: Json, renderer: Renderer) -> Listed[Node]:
    kinds, trashed = _wanted(body.get("filter"), renderer.version)
    now = grant.workspace.clock.now()
    asked = json.dumps([body.get("query"), body.get("sort")])
    key = ("search", grant.bot_id, renderer.version, kinds, trashed, asked)
    found, until = renderer.state.remember(key, lambda: _find(grant, kinds, trashed, body, renderer))
    if until is not None and until <= now:
        renderer.state.changed()
        return find(grant, body, renderer)
    return found


def _find(
    grant: Grant, kinds: tuple[str, ...], trashed: bool, body: Json, renderer: Renderer
) -> tuple[Listed[Node], datetime | None]:
    """What is found, and when more of it will be."""
    now = grant.workspace.clock.now()
    sight = Sight(renderer.state, grant)
    some = [
        node
        for node in renderer.state.inside(grant.workspace.id)
        if node.kind in kinds and sight.trashed(node) is trashed and sight.visible(node)
    ]
    found = [node for node in some if node.indexed_at is None or node.indexed_at <= now]
    late = [node.indexed_at for node in some if node.indexed_at is not None and node.indexed_at > now]
    words = set(WORD.findall(str(body.get("query") or "").casefold()))
    sort = body.get("sort") or {}
    newest = _newest_first(sort)
    overlap = {node.id: _overlap(node, words, renderer) for node in found} if words else {}
    if words:
        found = [node for node in found if overlap[node.id]]
    found.sort(key=_minutes, reverse=newest)
    if words and not sort:
        found.sort(key=lambda node: overlap[node.id], reverse=True)
    return Listed(found), min(late, default=None)


def _minutes(node: Node) -> float:
    return node.edited.timestamp() // 60


class Sight:
    """Whether many nodes are visible or in the trash: what they inherit is worked out once for each parent."""

    def __init__(self, state: State, grant: Grant) -> None:
        self.state = state
        self.grant = grant
        self._trashed: dict[str | None, bool] = {}
        self._visible: dict[str | None, bool] = {}

    def trashed(self, node: Node) -> bool:
        if node.in_trash or node.parent is None:
            return node.in_trash
        if node.parent not in self._trashed:
            above = self.state.nodes.get(node.parent)
            self._trashed[node.parent] = above is not None and self.state.trashed(above)
        return self._trashed[node.parent]

    def visible(self, node: Node) -> bool:
        if node.restricted or node.id in self.grant.roots or node.parent not in self.state.nodes:
            return self.state.visible(self.grant, node)
        if node.parent not in self._visible:
            self._visible[node.parent] = self.state.visible(self.grant, self.state.nodes[node.parent])
        return self._visible[node.parent]


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
