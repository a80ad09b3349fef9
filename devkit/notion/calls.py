"""One API call: what was asked, by whom, and the lookups every handler needs."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from devkit.notion.errors import ApiError, bad_json, invalid, not_found, restricted, several_sources, too_many, wrong
from devkit.notion.http import Part, Request
from devkit.notion.ids import parse_id
from devkit.notion.model import Grant, Json, Node, State
from devkit.notion.paging import Listed
from devkit.notion.render import Renderer

if TYPE_CHECKING:
    from devkit.notion.app import Emulator

PAGE = 100
WRITING = ("insert", "update", "comments_insert")
MAX_BODY = 500 * 1024
OPAQUE = ("ai_block", "external_object_instance_page", "form", "button")


@dataclass
class Call:
    emulator: Emulator
    grant: Grant
    version: str
    params: dict[str, str]
    query: list[tuple[str, str]]
    body: Json
    capability: str = ""
    row_limit: int | None = None
    status: int = 200
    parts: dict[str, Part] = field(default_factory=dict)
    renderer: Renderer = field(init=False)

    def __post_init__(self) -> None:
        self.renderer = Renderer(self.state, self.grant, self.version)

    @property
    def state(self) -> State:
        return self.emulator.state

    def require(self, capability: str) -> None:
        read_only = self.grant.workspace.read_only and capability in WRITING
        if capability and (read_only or not self.grant.can(capability)):
            raise restricted()

    def missing(self, kind: str, id: str) -> ApiError:
        return not_found(kind, id, integration=self.grant.integration.name, bot_id=self.grant.bot_id)

    def get(self, kind: str, id: str, *, among: tuple[str, ...] = ()) -> Node:
        """The object if this connection may see it, and only then what it may do with it."""
        node = self.state.nodes.get(id)
        if node is None or node.kind not in (among or (kind,)) or not self.state.visible(self.grant, node):
            raise self.missing(kind, id)
        self.require(self.capability)
        return node

    def block(self, id: str) -> Node:
        return self.get("block", id, among=("block", "page", "database"))

    def only_source(self, database: Node) -> Node:
        """Where a version or a request names a table by its database."""
        sources = self.state.living_children(database)
        if len(sources) != 1:
            raise several_sources(database.id, [source.id for source in sources])
        return sources[0]

    def blocks_in(self, node: Node) -> Listed[Node]:
        """What a listing of this block's children shows; a synced copy shows its original's."""
        if node.type == "unsupported" and node.data.get("block_type") in OPAQUE:
            kind = node.data["block_type"]
            raise invalid(f"Block type {kind} is not supported via the API for your bot type.")
        if node.kind == "database":
            return Listed()
        source = node.data.get("synced_from") if node.type == "synced_block" else None
        if source:
            node = self.get("block", source["block_id"], among=("block",))
        above = node
        return self.state.remember(("children", self.grant.bot_id, above.id), lambda: self._living_blocks(above))

    def _living_blocks(self, node: Node) -> Listed[Node]:
        return Listed(
            child
            for child in self.state.living_children(node)
            if child.kind in ("block", "page", "database")
            and (not child.restricted or self.state.visible(self.grant, child))
        )

    def param(self, name: str) -> str | None:
        return next((value for key, value in self.query if key == name), None)

    def params_named(self, name: str) -> list[str]:
        return [value for key, value in self.query if key in (name, f"{name}[]")]

    # -- paging

    def size(self, *, in_query: bool) -> int:
        where = "query.page_size" if in_query else "body.page_size"
        given: Any = self.param("page_size") if in_query else self.body.get("page_size")
        if given is None or given == "":
            return PAGE
        if in_query:
            if not str(given).lstrip("-").isdigit():
                raise wrong(where, "a number", given)
            given = int(given)
        if isinstance(given, bool) or not isinstance(given, int):
            raise wrong(where, "a number", given)
        if given > PAGE:
            raise too_many(where, PAGE, given)
        if given < 1:
            raise wrong(where, "≥ `1`", given)
        return given

    def cursor(self, *, in_query: bool) -> str | None:
        """Cursors of listings by id; a query's cursor has a form of its own."""
        given = self.param("start_cursor") if in_query else self.body.get("start_cursor")
        if given is None:
            return None
        id = parse_id(given)
        if id is None:
            raise wrong("query.start_cursor" if in_query else "body.start_cursor", "a valid uuid", given)
        return id


def parsed(request: Request) -> Json:
    if not request.body or request.boundary is not None:
        return {}
    if len(request.body) > MAX_BODY:
        raise ApiError(413, "validation_error", "Request body too large.")
    try:
        body: Any = json.loads(request.body)
    except ValueError:
        raise bad_json() from None
    if not isinstance(body, dict):
        raise wrong("body", "an object", body)
    return body
