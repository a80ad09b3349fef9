"""Objects as a connection sees them, in the words of the API version it asked for."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any
from urllib.parse import quote

from devkit.notion import properties, richtext
from devkit.notion.blocks import FILES
from devkit.notion.clock import millis, minute
from devkit.notion.ids import plain
from devkit.notion.model import Grant, Json, Node, State, User, Workspace
from devkit.notion.values import ValueRenderer

OLD, V2025, V2026 = "2022-06-28", "2025-09-03", "2026-03-11"
VERSIONS = (OLD, V2025, V2026)
FILE_LIFE = timedelta(hours=1)
UPLOAD_LIFE = timedelta(hours=1)


class Renderer:
    """Without a grant nothing is hidden or cut: that is how the state is shown to tests."""

    def __init__(self, state: State, grant: Grant | None, version: str = V2026) -> None:
        self.state = state
        self.grant = grant
        self.version = version
        self.values = ValueRenderer(self)

    # -- people

    def user(self, user: User, *, owner: bool = True) -> Json:
        shown: Json = {"object": "user", "id": user.id, "name": user.name, "avatar_url": user.avatar_url}
        if user.kind == "bot":
            return shown | {"type": "bot", "bot": self._bot(user) if owner else {}}
        person: Json = {}
        if user.email and (self.grant is None or self.grant.integration.capabilities.get("users") == "email"):
            person = {"email": user.email, "email_verified": True}
        return shown | {"type": "person", "person": person}

    def _bot(self, user: User) -> Json:
        grant = next((one for one in self.state.grants.values() if one.bot_id == user.id), None)
        if grant is None:
            return {}
        owner: Json = {"type": "workspace", "workspace": True}
        if grant.user is not None and grant.integration.kind == "public":
            owner = {"type": "user", "user": self.user(grant.user)}
        return {
            "owner": owner,
            "workspace_name": grant.workspace.name,
            "workspace_id": grant.workspace.id,
            "workspace_limits": {"max_file_upload_size_in_bytes": grant.workspace.upload_limit},
        }

    def person(self, workspace: Workspace, id: str) -> Json:
        """A user inside a property or mention: full where known, else only the id."""
        user = workspace.users.get(id)
        return {"object": "user", "id": id} if user is None else self.user(user, owner=False)

    # -- parts

    def title_of(self, node: Node) -> list[Json]:
        if node.kind == "page":
            title: list[Json] = node.data["values"].get("title") or []
        else:
            title = node.data.get("title") or []
        return title

    def plain_title(self, node: Node) -> str:
        return richtext.plain(self.text(self.title_of(node)))

    def url(self, node: Node) -> str:
        slug = ""
        if node.kind == "page":
            slug = re.sub(r"[^A-Za-z0-9]+", "-", self.plain_title(node)).strip("-")
        return node.workspace.url_base + (f"{slug}-" if slug else "") + plain(node.id)

    def text(self, items: list[Json]) -> list[Json]:
        return [self._mention(item) if item["type"] == "mention" else item for item in items]

    def _mention(self, item: Json) -> Json:
        mention = item["mention"]
        kind = mention["type"]
        if kind == "user":
            id = mention["user"]["id"]
            spaces = [self.grant.workspace] if self.grant else list(self.state.workspaces.values())
            user = next((space.users[id] for space in spaces if id in space.users), None)
            if user is None:
                return item if item["plain_text"] else item | {"plain_text": "@Anonymous"}
            shown = {"type": "user", "user": self.user(user, owner=False)}
            return item | {"mention": shown, "plain_text": f"@{user.name or 'Anonymous'}"}
        if kind in ("page", "database"):
            target = self.state.nodes.get(mention[kind]["id"])
            if target is None:
                return item if item["plain_text"] else item | {"plain_text": "Untitled"}
            seen = self.grant is None or self.state.visible(self.grant, target)
            title = self.plain_title(target) if seen else ""
            href = target.workspace.url_base + plain(target.id)
            return item | {"plain_text": title or "Untitled", "href": href}
        return item

    def parent(self, node: Node) -> Json:
        recorded: Json | None = node.data.get("parent")
        if recorded is not None:
            return recorded
        above = self.state.nodes.get(node.parent) if node.parent else None
        if above is None:
            return {"type": "workspace", "workspace": True}
        if above.kind == "data_source":
            if self.version == OLD or node.kind == "database":
                return {"type": "database_id", "database_id": above.parent}
            return {"type": "data_source_id", "data_source_id": above.id, "database_id": above.parent}
        return {"type": f"{above.kind}_id", f"{above.kind}_id": above.id}

    def _partial(self, id: str) -> Json:
        return {"object": "user", "id": id}

    def _finish(self, shown: Json) -> Json:
        if self.version != V2026:
            shown["archived"] = shown["in_trash"]
        return shown

    # -- objects

    def object(self, node: Node) -> Json:
        shown: Json = getattr(self, node.kind)(node)
        return shown

    def page(self, node: Node, only: list[str] | None = None) -> Json:
        shown: Json = {
            "object": "page",
            "id": node.id,
            "created_time": minute(node.created),
            "last_edited_time": minute(node.edited),
            "created_by": self._partial(node.created_by),
            "last_edited_by": self._partial(node.edited_by),
            "cover": self.asset(node.data.get("cover"), node),
            "icon": self.asset(node.data.get("icon"), node),
            "parent": self.parent(node),
            "in_trash": node.in_trash,
            "is_archived": False,
            "is_locked": bool(node.data.get("is_locked")),
            "properties": self.values.of_page(node, only),
            "url": node.data.get("url") or self.url(node),
            "public_url": node.data.get("public_url"),
        }
        return self._finish(shown)

    def block(self, node: Node) -> Json:
        type, content = self._block_content(node)
        shown: Json = {
            "object": "block",
            "id": node.id,
            "parent": self.parent(node),
            "created_time": minute(node.created),
            "last_edited_time": minute(node.edited),
            "created_by": self._partial(node.created_by),
            "last_edited_by": self._partial(node.edited_by),
            "has_children": self.has_children(node),
            "in_trash": node.in_trash,
            "type": type,
            type: content,
        }
        return self._finish(shown)

    def has_children(self, node: Node) -> bool:
        if node.kind == "database":
            return False
        if "has_children" in node.data:
            return bool(node.data["has_children"])
        if self._copied(node) is not None:
            return True
        return self.state.has_living_children(node)

    def _copied(self, node: Node) -> str | None:
        source = node.data.get("synced_from") if node.type == "synced_block" else None
        return str(source["block_id"]) if source else None

    def _block_content(self, node: Node) -> tuple[str, Json]:
        if node.kind in ("page", "database"):
            return f"child_{node.kind}", {"title": self.plain_title(node)}
        content = {key: value for key, value in node.data.items() if key not in ("has_children", "parent")}
        for key in ("rich_text", "caption"):
            if isinstance(content.get(key), list):
                content[key] = self.text(content[key])
        if node.type == "table_row":
            content["cells"] = [self.text(cell) for cell in content["cells"]]
        if node.type in FILES:
            content = self.asset(content, node) or {}
        if content.get("icon"):
            content["icon"] = self.asset(content["icon"], node)
        if node.type == "meeting_notes" and self.version != V2026:
            return "transcription", content
        return node.type, content

    def asset(self, given: Json | None, node: Node) -> Json | None:
        """A file kept by Notion has a URL that is signed anew at every reading."""
        if not given or given.get("type") != "file" or "name" not in given.get("file", {}):
            return given
        now = node.workspace.clock.now()
        counters = node.workspace.counters
        counters["signature"] = counters.get("signature", 0) + 1
        expires = now + FILE_LIFE
        query = f"X-Amz-Expires=3600&X-Amz-Date={now:%Y%m%dT%H%M%SZ}&X-Amz-Signature={counters['signature']:064x}"
        of, name = given["file"].get("upload", node.id), quote(given["file"]["name"], safe="")
        url = f"{self.state.base_url}/files/{node.workspace.id}/{of}/{name}?{query}"
        return given | {"file": {"url": url, "expiry_time": millis(expires).replace("+00:00", "Z")}}

    def database(self, node: Node) -> Json:
        sources = [child for child in self.state.living_children(node) if child.kind == "data_source"]
        if self.version == OLD and len(sources) == 1:
            return self._old_database(node, sources[0])
        shown: Json = {
            "object": "database",
            "id": node.id,
            "title": self.text(node.data["title"]),
            "description": self.text(node.data["description"]),
            "parent": self.parent(node),
            "is_inline": node.data["is_inline"],
            "in_trash": node.in_trash,
            "is_locked": node.data.get("is_locked", False),
            "created_time": millis(node.created),
            "last_edited_time": millis(node.edited),
            "data_sources": [
                {"id": source.id, "name": self.plain_title(source) or self.plain_title(node)} for source in sources
            ],
            "icon": self.asset(node.data["icon"], node),
            "cover": self.asset(node.data["cover"], node),
            "url": node.data.get("url") or self.url(node),
            "public_url": None,
        }
        return self._finish(shown)

    def _old_database(self, node: Node, source: Node) -> Json:
        shown = self.data_source(source)
        shown.pop("database_parent")
        return shown | {
            "object": "database",
            "id": node.id,
            "title": self.text(node.data["title"]),
            "parent": self.parent(node),
            "is_inline": node.data["is_inline"],
        }

    def data_source(self, node: Node) -> Json:
        database = self.state.nodes.get(node.parent or "")
        shown: Json = {
            "object": "data_source",
            "id": node.id,
            "cover": self.asset(node.data["cover"], node),
            "icon": self.asset(node.data["icon"], node),
            "created_time": minute(node.created),
            "created_by": self._partial(node.created_by),
            "last_edited_by": self._partial(node.edited_by),
            "last_edited_time": minute(node.edited),
            "title": self.text(node.data["title"]),
            "description": self.text(node.data["description"]),
            "is_inline": database.data["is_inline"] if database else node.data.get("is_inline", False),
            "properties": {entry["name"]: entry for entry in properties.ordered(node.data["schema"])},
            "parent": self.parent(node),
            "database_parent": self.parent(database) if database else node.data.get("database_parent"),
            "url": node.data.get("url") or self.url(database or node),
            "public_url": None,
            "in_trash": node.in_trash or bool(database and database.in_trash),
        }
        return self._finish(shown)

    def comment(self, node: Node) -> Json:
        author = node.workspace.users.get(node.created_by)
        kind = "integration" if author and author.kind == "bot" else "user"
        shown: Json = {
            "object": "comment",
            "id": node.id,
            "parent": self.parent(node),
            "discussion_id": node.data["discussion_id"],
            "created_time": minute(node.created),
            "last_edited_time": minute(node.edited),
            "created_by": self._partial(node.created_by),
            "rich_text": self.text(node.data["rich_text"]),
            "display_name": node.data.get("display_name")
            or {"type": kind, "resolved_name": author.name if author else None},
        }
        files = node.data.get("attachments") or []
        if files:
            signed = [self.asset({"type": "file", "file": one["file"]}, node) or {} for one in files]
            kinds = [one["category"] for one in files]
            shown["attachments"] = [
                {"category": kind, "file": one["file"]} for kind, one in zip(kinds, signed, strict=True)
            ]
        return shown

    def file_upload(self, node: Node) -> Json:
        data = node.data
        shown: Json = {
            "object": "file_upload",
            "id": node.id,
            "created_time": minute(node.created),
            "created_by": {"id": node.created_by, "type": "bot"},
            "last_edited_time": minute(node.edited),
            "expiry_time": None if data["attached"] else minute(node.created + UPLOAD_LIFE),
        }
        address = f"{self.state.base_url}/v1/file_uploads/{node.id}"
        if data["status"] == "pending":
            shown["upload_url"] = f"{address}/send"
        if data["status"] == "pending" and data["mode"] == "multi_part":
            shown["complete_url"] = f"{address}/complete"
        shown |= {
            "in_trash": node.in_trash,
            "status": data["status"],
            "filename": data["filename"],
            "content_type": data["content_type"],
            "content_length": None if data["content"] is None else len(data["content"]),
        }
        if data["mode"] == "multi_part":
            sent = data["total"] if data["status"] == "uploaded" else len(data["parts"])
            shown["number_of_parts"] = {"total": data["total"], "sent": sent}
        if data["imported"] is not None:
            shown["file_import_result"] = data["imported"]
        return self._finish(shown)


def listing(results: list[Json], type: str, cursor: str | None = None, extra: Any = None) -> Json:
    return {
        "object": "list",
        "results": results,
        "next_cursor": cursor,
        "has_more": cursor is not None,
        "type": type,
        type: {} if extra is None else extra,
    }
