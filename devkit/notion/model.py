"""What the emulator keeps: workspaces with their people, connections to them, and one tree of objects."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Hashable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, TypeVar
from uuid import uuid4

from devkit.notion.clock import Clock

if TYPE_CHECKING:
    from devkit.notion.events import Event

Json = dict[str, Any]
T = TypeVar("T")
EVENTS = 50_000
REMEMBERED = 200

CAPABILITIES: Json = {
    "read": True,
    "insert": True,
    "update": True,
    "comments_read": True,
    "comments_insert": True,
    "users": "email",
}


@dataclass
class User:
    id: str
    kind: str
    name: str | None
    email: str | None = None
    avatar_url: str | None = None
    key: str = ""


@dataclass
class Workspace:
    id: str
    key: str
    namespace: str
    name: str
    plan: str
    clock: Clock
    icon: str | None = None
    url_base: str = "https://app.notion.com/p/"
    search_lag: float = 0
    per_minute: int | None = None
    per_space_minute: int | None = None
    retry_after: str = "int"
    read_only: bool = False
    # Whether what comes, goes or moves makes itself and the page it stands on newer.
    moves_are_edits: bool = True
    users: dict[str, User] = field(default_factory=dict)
    keys: dict[str, dict[str, str]] = field(default_factory=dict)
    counters: dict[str, int] = field(default_factory=dict)

    @property
    def upload_limit(self) -> int:
        return 5_242_880 if self.plan == "free" else 5_368_709_120


@dataclass
class Integration:
    id: str
    key: str
    name: str
    kind: str = "public"
    client_id: str = ""
    client_secret: str = ""
    redirect_uris: list[str] = field(default_factory=list)
    any_loopback_port: bool = False
    capabilities: Json = field(default_factory=lambda: dict(CAPABILITIES))
    default_workspace: str | None = None
    rfc_errors: bool = False
    refresh_tokens: bool = True
    token_lifetime: float | None = None


@dataclass
class Grant:
    """One authorization: its bot is a user of the workspace, and its roots are what was picked."""

    bot_id: str
    integration: Integration
    workspace: Workspace
    user: User | None
    roots: set[str]
    access_token: str
    refresh_token: str | None
    issued_at: datetime
    expires_at: datetime | None = None
    revoked: bool = False
    per_minute: int | None = None
    tasks: dict[str, Json] = field(default_factory=dict)

    def can(self, capability: str) -> bool:
        return bool(self.integration.capabilities.get(capability))


@dataclass
class Node:
    """A page, block, database, data source, comment or file upload. `data` holds what is particular to its kind."""

    id: str
    kind: str
    workspace: Workspace
    parent: str | None
    created: datetime
    edited: datetime
    created_by: str
    edited_by: str
    data: Json
    type: str = ""
    in_trash: bool = False
    restricted: bool = False
    key: str = ""
    children: list[str] = field(default_factory=list)
    indexed_at: datetime | None = None


class State:
    def __init__(self, base_url: str) -> None:
        self.base_url = base_url.rstrip("/")
        self.workspaces: dict[str, Workspace] = {}
        self.integrations: dict[str, Integration] = {}
        self.grants: dict[str, Grant] = {}
        self.nodes: dict[str, Node] = {}
        self.comments: dict[str, list[str]] = {}
        self._inside: dict[str, dict[str, Node]] = {}
        self._remembered: dict[Hashable, Any] = {}
        self.clock = Clock()
        self.happened = 0
        self.events: deque[Event] = deque(maxlen=EVENTS)
        self.listeners: list[Callable[[Event], None]] = []

    # -- what listings worked out

    def remember(self, key: Hashable, work_out: Callable[[], T]) -> T:
        """Kept until anything changes, so only the first page of a long listing is expensive."""
        if key not in self._remembered:
            if len(self._remembered) >= REMEMBERED:
                self.changed()
            self._remembered[key] = work_out()
        found: T = self._remembered[key]
        return found

    def changed(self) -> None:
        """To be called after every change, whoever made it."""
        self._remembered.clear()

    # -- the tree

    def add(self, node: Node, *, at: int | None = None) -> Node:
        self.nodes[node.id] = node
        self._inside.setdefault(node.workspace.id, {})[node.id] = node
        if node.kind == "comment":
            self.comments.setdefault(node.parent or "", []).append(node.id)
        elif node.parent is not None:
            siblings = self.nodes[node.parent].children
            siblings.insert(len(siblings) if at is None else at, node.id)
        return node

    def create(
        self, kind: str, *, parent: str | None, workspace: Workspace, by: str, data: Json, type: str = "", id: str = ""
    ) -> Node:
        now = workspace.clock.now()
        new_id = id or make_new_id(workspace)
        node = Node(new_id, kind, workspace, parent, now, now, by, by, data, type=type)
        node.indexed_at = now + timedelta(seconds=workspace.search_lag)
        return node

    def remove(self, node: Node) -> None:
        """Deleted for good, with everything below."""
        for child in list(node.children):
            self.remove(self.nodes[child])
        for comment in self.comments.pop(node.id, []):
            self._forget(comment)
        siblings = self.comments.get(node.parent or "", []) if node.kind == "comment" else []
        if node.parent in self.nodes and node.kind != "comment":
            siblings = self.nodes[node.parent].children
        if node.id in siblings:
            siblings.remove(node.id)
        self._forget(node.id)

    def _forget(self, id: str) -> None:
        node = self.nodes.pop(id, None)
        if node is not None:
            self._inside[node.workspace.id].pop(id)

    def move(self, node: Node, parent: str | None) -> None:
        if node.parent in self.nodes:
            self.nodes[node.parent].children.remove(node.id)
        node.parent = parent
        # Where it stood when it was recorded.
        node.data.pop("parent", None)
        if parent is not None:
            self.nodes[parent].children.append(node.id)

    def ancestors(self, node: Node) -> Iterator[Node]:
        """From the parent upwards."""
        while node.parent is not None and node.parent in self.nodes:
            node = self.nodes[node.parent]
            yield node

    def living_children(self, node: Node) -> list[Node]:
        return [child for child in map(self.nodes.__getitem__, node.children) if not child.in_trash]

    def page_of(self, node: Node) -> Node | None:
        if node.kind == "page":
            return node
        return next((above for above in self.ancestors(node) if above.kind == "page"), None)

    def trashed(self, node: Node) -> bool:
        return node.in_trash or any(above.in_trash for above in self.ancestors(node))

    def touch(self, node: Node, by: str) -> None:
        """An edit: the object, and the page it stands on, become newer."""
        now = node.workspace.clock.now()
        page = self.page_of(node)
        for changed in (node, page) if page is not None and node.kind == "block" else (node,):
            if changed is not None:
                changed.edited, changed.edited_by = now, by

    def has_living_children(self, node: Node) -> bool:
        return any(not self.nodes[child].in_trash for child in node.children)

    def inside(self, workspace_id: str) -> list[Node]:
        return list(self._inside.get(workspace_id, {}).values())

    # -- who may see what

    def visible(self, grant: Grant, node: Node) -> bool:
        if node.workspace is not grant.workspace:
            return False
        if node.kind == "file_upload":
            return node.created_by == grant.bot_id
        if grant.workspace.id in grant.roots:
            return not self._cut_off(node)
        for step in (node, *self.ancestors(node)):
            if step.id in grant.roots:
                return True
            if step.restricted:
                return False
        return False

    def _cut_off(self, node: Node) -> bool:
        return node.restricted or any(above.restricted for above in self.ancestors(node))

    def grant_of(self, token: str) -> Grant | None:
        grant = self.grants.get(token)
        if grant is None or grant.revoked or grant.access_token != token:
            return None
        if grant.expires_at is not None and grant.workspace.clock.now() >= grant.expires_at:
            return None
        return grant

    def workspace(self, key: str) -> Workspace:
        """By id, or by key when only one namespace uses it (the newest otherwise)."""
        if key in self.workspaces:
            return self.workspaces[key]
        return [workspace for workspace in self.workspaces.values() if workspace.key == key][-1]


def make_new_id(workspace: Workspace) -> str:
    """For things made after seeding, where a repeatable id would collide."""
    random = uuid4().hex
    return str_id(workspace.id.replace("-", "")[:12] + "81" + random[14:16] + "8" + random[17:])


def str_id(hex32: str) -> str:
    return f"{hex32[:8]}-{hex32[8:12]}-{hex32[12:16]}-{hex32[16:20]}-{hex32[20:]}"
