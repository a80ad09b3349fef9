"""A seed (README.md shows the format) becomes workspaces, integrations and grants. Seeding only adds."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from devkit.notion import richtext
from devkit.notion.assets import cover, icon
from devkit.notion.clock import Clock, parse_time
from devkit.notion.ids import make_id
from devkit.notion.model import CAPABILITIES, Grant, Integration, Json, Node, State, User, Workspace, make_new_id
from devkit.notion.seed_blocks import BlockSeeder
from devkit.notion.seed_tables import TableSeeder


class SeedError(ValueError):
    pass


def load(state: State, seed: Json, namespace: str = "") -> Json:
    workspaces = [build(state, seed, given, namespace) for given in seed.get("workspaces", [])]
    known = {one.key: one for one in state.integrations.values()}
    known |= {given["key"]: add_integration(state, seed, given, namespace) for given in seed.get("integrations", [])}
    spaces = {workspace.key: workspace for workspace in [*state.workspaces.values(), *workspaces]}
    grants = [add_grant(state, given, namespace, known, spaces) for given in seed.get("grants", [])]
    return {
        "workspaces": {workspace.key: {"id": workspace.id} | workspace.keys for workspace in workspaces},
        "grants": [describe(grant) for grant in grants],
    }


def describe(grant: Grant) -> Json:
    return {
        "access_token": grant.access_token,
        "refresh_token": grant.refresh_token,
        "bot_id": grant.bot_id,
        "workspace_id": grant.workspace.id,
        "workspace_name": grant.workspace.name,
        "workspace": grant.workspace.key,
        "integration": grant.integration.key,
        "integration_id": grant.integration.id,
        "client_id": grant.integration.client_id,
        "user_id": grant.user.id if grant.user else None,
        "roots": sorted(grant.roots),
        "per_minute": grant.per_minute,
    }


def add_integration(state: State, seed: Json, given: Json, namespace: str) -> Integration:
    key = given["key"]
    integration = Integration(
        id=make_id(namespace, "integration", key),
        key=key,
        name=str(given.get("name", key)),
        kind=given.get("kind", "public"),
        client_id=given.get("client_id") or make_id(namespace, "client", key),
        client_secret=given.get("client_secret") or secret("secret", namespace, key),
        redirect_uris=list(given.get("redirect_uris", [])),
        any_loopback_port=bool(given.get("any_loopback_port")),
        capabilities=CAPABILITIES | given.get("capabilities", {}),
        default_workspace=_default_workspace(state, seed, given, namespace),
        rfc_errors=bool(given.get("rfc_errors")),
        refresh_tokens=given.get("refresh_tokens", True),
        token_lifetime=given.get("token_lifetime"),
    )
    state.integrations[integration.client_id] = integration
    return integration


def _default_workspace(state: State, seed: Json, given: Json, namespace: str) -> str | None:
    own = [workspace["key"] for workspace in seed.get("workspaces", [])]
    key = given.get("default_workspace") or seed.get("default_workspace") or next(iter(own), None)
    if key is None:
        return None
    return make_id(namespace, key, "workspace") if key in own else state.workspace(key).id


def add_grant(
    state: State, given: Json, namespace: str, integrations: dict[str, Integration], spaces: dict[str, Workspace]
) -> Grant:
    """Keys mean what this seed made, and only then what was there before."""
    if given["workspace"] not in spaces or given["integration"] not in integrations:
        raise SeedError(f"a grant needs workspace {given['workspace']} and integration {given['integration']}")
    workspace = spaces[given["workspace"]]
    user = workspace.users[workspace.keys["users"][given["user"]]] if given.get("user") else None
    unique = (namespace, workspace.key, given["integration"], given.get("user", ""), given.get("key", ""))
    return issue(
        state,
        integrations[given["integration"]],
        workspace,
        user,
        roots=pick_roots(workspace, given.get("roots", "all")),
        bot_id=given.get("bot_id") or make_id(namespace, workspace.key, "bot", *unique[2:]),
        access_token=given.get("access_token") or secret("ntn", *unique),
        refresh_token=given.get("refresh_token", secret("nrt", *unique)),
        per_minute=given.get("per_minute", workspace.per_minute),
    )


def secret(prefix: str, *parts: str) -> str:
    return f"{prefix}_{hashlib.sha256('/'.join((prefix, *parts)).encode()).hexdigest()[:46]}"


def pick_roots(workspace: Workspace, keys: Any) -> set[str]:
    if keys in ("all", ["all"]):
        return {workspace.id}
    known = workspace.keys["pages"] | workspace.keys["databases"]
    return {known.get(key, key) for key in keys}


def issue(
    state: State,
    integration: Integration,
    workspace: Workspace,
    user: User | None,
    *,
    roots: set[str],
    bot_id: str,
    access_token: str,
    refresh_token: str | None,
    per_minute: int | None = None,
) -> Grant:
    """The same bot again means the user picked anew: its older tokens stop working."""
    for old in state.grants.values():
        if old.bot_id == bot_id:
            old.revoked = True
    now = workspace.clock.now()
    lifetime = integration.token_lifetime
    grant = Grant(
        bot_id=bot_id,
        integration=integration,
        workspace=workspace,
        user=user,
        roots=roots,
        access_token=access_token,
        refresh_token=refresh_token if integration.refresh_tokens else None,
        issued_at=now,
        expires_at=now + timedelta(seconds=lifetime) if lifetime else None,
        per_minute=per_minute,
    )
    workspace.users[bot_id] = User(bot_id, "bot", integration.name)
    state.grants[access_token] = grant
    state.changed()
    return grant


def build(state: State, seed: Json, given: Json, namespace: str) -> Workspace:
    id = make_id(namespace, given["key"], "workspace")
    for node in [node for node in state.inside(id) if node.parent is None]:
        state.remove(node)
    workspace = Workspace(
        id=id,
        key=given["key"],
        namespace=namespace,
        name=str(given.get("name", given["key"])),
        plan=given.get("plan", "plus"),
        clock=_clock(given.get("clock", seed.get("clock"))),
        icon=given.get("icon"),
        search_lag=float(given.get("search_lag", 0)),
        moves_are_edits=bool(given.get("moves_are_edits", True)),
        per_minute=given.get("limits", {}).get("per_minute"),
        per_space_minute=given.get("limits", {}).get("per_space_minute"),
        retry_after=given.get("limits", {}).get("retry_after", "int"),
        keys={kind: {} for kind in ("users", "pages", "databases", "data_sources", "blocks", "comments")},
    )
    state.workspaces.pop(id, None)
    state.workspaces[id] = workspace
    for user in given.get("users") or [{"key": "owner", "name": "Owner", "email": "owner@example.com"}]:
        _user(workspace, user)
    seeder = WorkspaceSeeder(state, workspace)
    for page in given.get("pages", []):
        seeder.page(page, None)
    for database in given.get("databases", []):
        seeder.tables.database(database, seeder.key_of("page", database.get("parent")))
    seeder.finish()
    return workspace


def _user(workspace: Workspace, given: Json) -> None:
    key = given["key"]
    id = given.get("id") or make_id(workspace.namespace, workspace.key, "user", key)
    kind = given.get("kind", "person")
    workspace.users[id] = User(id, kind, given.get("name"), given.get("email"), given.get("avatar_url"), key)
    workspace.keys["users"][key] = id


class WorkspaceSeeder:
    """Objects are made first and filled afterwards, so a text may mention a page that comes later.

    `fresh` is for what is added once the workspace lives: ids must not repeat those of things since deleted.
    """

    def __init__(self, state: State, workspace: Workspace, *, by: str = "", fresh: bool = False) -> None:
        self.state = state
        self.workspace = workspace
        self.fresh = fresh
        self.later: list[Callable[[], None]] = []
        self.blocks = BlockSeeder(self)
        self.tables = TableSeeder(self)
        self.default_user = by or next(iter(workspace.users))

    def finish(self) -> None:
        for fill in self.later:
            fill()
        self.later.clear()

    # -- ids by key

    def key_of(self, kind: str, key: str | None) -> str | None:
        return self.find(kind, key) if key else None

    def find(self, kind: str, key: str) -> str:
        names = {"page": ("pages", "databases"), "database": ("databases",), "user": ("users",), "block": ("blocks",)}
        for name in names[kind]:
            if key in self.workspace.keys[name]:
                return self.workspace.keys[name][key]
        if key in self.workspace.users or key in self.state.nodes:
            return key
        raise SeedError(f"no {kind} with key {key} in workspace {self.workspace.key}")

    def text(self, value: object) -> list[Json]:
        return richtext.from_seed(value, self.find)

    # -- objects

    def make(self, kind: str, given: Json, parent: str | None, *, type: str = "", at: datetime | None = None) -> Node:
        key = given.get("key", "")
        siblings = len(self.state.nodes[parent].children) if parent else len(self.state.nodes)
        unique = ("key", key) if key else (parent or "top", str(siblings))
        id = given.get("id") or self._new_id(kind, unique)
        if id in self.state.nodes:
            raise SeedError(f"two objects are {kind} {key or unique}")
        edited = parse_time(given["edited"]) if "edited" in given else at or self.workspace.clock.now()
        created = parse_time(given["created"]) if "created" in given else edited
        by = self.find("user", given["created_by"]) if "created_by" in given else self.default_user
        last = self.find("user", given["edited_by"]) if "edited_by" in given else by
        node = Node(id, kind, self.workspace, parent, created, edited, by, last, {}, type=type, key=key)
        node.in_trash = bool(given.get("in_trash"))
        node.restricted = bool(given.get("restricted"))
        if self.fresh:
            node.indexed_at = self.workspace.clock.now() + timedelta(seconds=self.workspace.search_lag)
        if key:
            self.workspace.keys[f"{kind}s"][key] = id
        return self.state.add(node)

    def _new_id(self, kind: str, unique: tuple[str, ...]) -> str:
        if self.fresh:
            return make_new_id(self.workspace)
        return make_id(self.workspace.namespace, self.workspace.key, kind, *unique)

    def page(self, given: Json, parent: str | None) -> Node:
        node = self.make("page", given, parent)
        node.data = {
            "values": {"title": []},
            "icon": icon(given.get("icon")),
            "cover": cover(given.get("cover")),
            "is_locked": bool(given.get("is_locked")),
        }
        self.later.append(lambda: node.data["values"].update(title=self.text(given.get("title"))))
        self.contents(node, given)
        return node

    def contents(self, node: Node, given: Json) -> None:
        """What stands on a page or row: blocks, comments, and pages below."""
        self.blocks.add(node, given.get("blocks", []))
        generate = given.get("generate", {})
        texts = [str(generate.get("text", "Block {i}")).format(i=i) for i in range(generate.get("blocks", 0))]
        self.blocks.add(node, [{"p": text} for text in texts])
        for index in range(generate.get("pages", 0)):
            self.page({"title": str(generate.get("title", "Page {i}")).format(i=index)}, node.id)
        for comment in given.get("comments", []):
            self.comment(node, comment)
        for page in given.get("pages", []):
            self.page(page, node.id)

    def comment(self, on: Node, given: Any) -> None:
        details: Json = given if isinstance(given, dict) else {"text": given}
        number = str(len(self.state.comments.get(on.id, [])))
        discussion = str(details.get("discussion") or details.get("key") or number)
        about: Json = {key: details[key] for key in ("created", "created_by") if key in details}
        about["key"] = details.get("key") or f"{on.id}/{number}"
        node = self.make("comment", about, on.id)
        node.data = {"discussion_id": make_id(on.id, "discussion", discussion)}
        self.later.append(lambda: node.data.update(rich_text=self.text(details.get("text"))))


def _clock(given: Any) -> Clock:
    if isinstance(given, dict):
        return Clock(parse_time(given["at"]), frozen=bool(given.get("frozen")))
    return Clock(parse_time(given)) if given else Clock()
