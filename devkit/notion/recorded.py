"""Recorded answers of the real API become a workspace, so the product meets real content."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from devkit.notion.clock import Clock, parse_time
from devkit.notion.ids import make_id
from devkit.notion.model import Grant, Integration, Json, Node, State, User, Workspace
from devkit.notion.richtext import text_item
from devkit.notion.seed import describe

KINDS = ("page", "block", "database", "data_source", "comment")
# What only its own connection may see or change is this one's, as it was the recorded one's.
OWN = ("comment",)
COMPUTED = ("created_time", "last_edited_time", "created_by", "last_edited_by")


def load(state: State, folder: Path, token: str, at: datetime | None = None, *, can_write: bool = False) -> Json:
    objects = Collected()
    for file in sorted(folder.glob("*.json")):
        objects.read(json.loads(file.read_text()))
    objects.complete()
    workspace = _workspace(token, at, can_write=can_write)
    state.workspaces[workspace.id] = workspace
    workspace.users |= objects.users
    integration = Integration(make_id(token, "recorded", "integration"), "recorded", "Recorded", kind="internal")
    bot = make_id(token, "recorded", "bot")
    Builder(state, workspace, objects, bot).build()
    workspace.users[bot] = User(bot, "bot", integration.name)
    grant = Grant(bot, integration, workspace, None, {workspace.id}, token, None, datetime.now(UTC))
    state.grants[token] = grant
    return {"workspaces": {"recorded": {"id": workspace.id}}, "grants": [describe(grant)]}


def _workspace(token: str, at: datetime | None, *, can_write: bool) -> Workspace:
    return Workspace(
        id=make_id(token, "recorded", "workspace"),
        key="recorded",
        namespace=token,
        name="Recorded",
        plan="free",
        clock=Clock(at, frozen=at is not None),
        url_base="https://www.notion.so/",
        read_only=not can_write,
        keys={kind: {} for kind in ("users", "pages", "databases", "data_sources", "blocks", "comments")},
    )


class Collected:
    """The newest form of every object seen, and the order in which listings showed children."""

    def __init__(self) -> None:
        self.objects: dict[str, Json] = {}
        self.users: dict[str, User] = {}

    def read(self, file: Json) -> None:
        for interaction in file.get("sequence", [file]):
            response = interaction["response"]
            if response["status"] >= 300 or not isinstance(response["body"], dict):
                continue
            for found in _objects(response["body"]):
                self._keep(found)
            for user in _users(response["body"]):
                self.users[user.id] = user

    def _keep(self, found: Json) -> None:
        """A page seen whole is not replaced by its block; what was cleaned up in the end is kept as it was."""
        old = self.objects.get(found["id"])
        poorer = old is not None and (found["object"] == "block" != old["object"] or found["in_trash"])
        if not poorer:
            self.objects[found["id"]] = found

    def complete(self) -> None:
        """Tables of which only rows were recorded."""
        for row in list(self.objects.values()):
            if row["object"] == "page" and row["parent"]["type"] == "data_source_id":
                source = row["parent"]["data_source_id"]
                if source not in self.objects:
                    self.objects[source] = _source_of(row)


def _objects(body: Any) -> Iterator[Json]:
    for one in body.get("results") or [body] if isinstance(body.get("results", []), list) else []:
        if isinstance(one, dict) and one.get("object") in KINDS and "parent" in one:
            yield one


def _users(value: Any) -> Iterator[User]:
    if isinstance(value, list):
        for one in value:
            yield from _users(one)
    elif isinstance(value, dict):
        if value.get("object") == "user" and "type" in value:
            email = value.get("person", {}).get("email")
            yield User(value["id"], value["type"], value.get("name"), email, value.get("avatar_url"))
        for one in value.values():
            yield from _users(one)


class Builder:
    def __init__(self, state: State, workspace: Workspace, collected: Collected, bot: str) -> None:
        self.state = state
        self.workspace = workspace
        self.bot = bot
        self.objects = collected.objects

    def build(self) -> None:
        done: set[str] = set()
        for id in self.objects:
            self._add(id, done)

    def _add(self, id: str, done: set[str]) -> None:
        if id in done or id not in self.objects:
            return
        done.add(id)
        given = self.objects[id]
        parent = given["parent"].get(given["parent"]["type"])
        if isinstance(parent, str):
            self._add(parent, done)
        shown = given.get("type", "")
        kind = str({"child_page": "page", "child_database": "database"}.get(shown, given["object"]))
        node = Node(
            id=id,
            kind=kind,
            workspace=self.workspace,
            parent=parent if parent in self.state.nodes else None,
            created=parse_time(given["created_time"]),
            edited=parse_time(given["last_edited_time"]),
            created_by=self.bot if kind in OWN else given.get("created_by", {}).get("id", ""),
            edited_by=given.get("last_edited_by", {}).get("id", ""),
            data=getattr(self, f"_{kind}")(given),
            type=given.get("type", "") if kind == "block" else "",
            in_trash=bool(given.get("in_trash")),
        )
        node.data["parent"] = given["parent"]
        self.state.add(node)

    def _page(self, given: Json) -> Json:
        if given["object"] == "block":
            title = [] if not given["child_page"]["title"] else [_text(given["child_page"]["title"])]
            return {"values": {"title": title}, "icon": None, "cover": None, "has_children": given["has_children"]}
        shown = given.get("properties", {})
        values = {entry["id"]: _stored(entry) for entry in shown.values() if entry["type"] not in COMPUTED}
        schema = [{"name": name, "description": None, **_bare(entry)} for name, entry in shown.items()]
        about = {key: given.get(key) for key in ("icon", "cover", "is_locked", "url", "public_url")}
        return about | {"values": values, "schema": schema}

    def _block(self, given: Json) -> Json:
        return dict(given[given["type"]]) | {"has_children": given["has_children"]}

    def _database(self, given: Json) -> Json:
        if given["object"] == "block":
            title = [_text(given["child_database"]["title"])]
            return {"title": title, "description": [], "is_inline": False, "icon": None, "cover": None}
        about = ("title", "description", "is_inline", "is_locked", "icon", "cover", "url")
        return {key: given.get(key) for key in about}

    def _data_source(self, given: Json) -> Json:
        about = ("title", "description", "icon", "cover", "url", "is_inline", "database_parent")
        return {key: given.get(key) for key in about} | {"schema": list(given["properties"].values())}

    def _comment(self, given: Json) -> Json:
        return {key: given.get(key) for key in ("discussion_id", "rich_text", "display_name")}


def _source_of(row: Json) -> Json:
    about = {key: row[key] for key in ("created_time", "last_edited_time", "created_by", "last_edited_by")}
    schema = {name: {"name": name, "description": None, **_bare(entry)} for name, entry in row["properties"].items()}
    parent = {"type": "database_id", "database_id": row["parent"]["database_id"]}
    return about | {
        "object": "data_source",
        "id": row["parent"]["data_source_id"],
        "title": [],
        "description": [],
        "is_inline": False,
        "properties": schema,
        "parent": parent,
        "database_parent": {"type": "workspace", "workspace": True},
        "in_trash": False,
    }


def _text(title: str) -> Json:
    return text_item(title)


def _bare(entry: Json) -> Json:
    type = entry["type"]
    config: Json = {"options": []} if type in ("select", "multi_select", "status") else {}
    return {"id": entry["id"], "type": type, type: config}


def _stored(entry: Json) -> Any:
    value = entry[entry["type"]]
    if entry["type"] in ("people", "relation"):
        return [one["id"] for one in value]
    return value
