"""The short names a seed uses for blocks, and how each becomes a block."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from devkit.notion import blocks
from devkit.notion.model import Json, Node

if TYPE_CHECKING:
    from devkit.notion.seed import WorkspaceSeeder

SHORT = {
    "p": "paragraph",
    "h1": "heading_1",
    "h2": "heading_2",
    "h3": "heading_3",
    "h4": "heading_4",
    "bullet": "bulleted_list_item",
    "number": "numbered_list_item",
    "todo": "to_do",
    "toc": "table_of_contents",
}
ABOUT = ("key", "id", "edited", "created", "created_by", "edited_by", "in_trash", "restricted", "comments")


class BlockSeeder:
    def __init__(self, seeder: WorkspaceSeeder) -> None:
        self.seeder = seeder

    def add(self, parent: Node, given: list[Any]) -> None:
        for one in given:
            self.block(parent, one if isinstance(one, dict) else {"p": one})

    def block(self, parent: Node, given: Json) -> None:
        name = next(key for key in given if key not in ABOUT)
        value = given[name]
        special: dict[str, Callable[[Node, Any, Json], None]] = {
            "child_page": self._child_page,
            "child_database": self._child_database,
            "linked_database": self._linked_database,
            "raw": self._raw,
            "table": self._table,
            "columns": self._columns,
            "tabs": self._tabs,
            "synced": self._synced,
            "synced_copy": self._synced_copy,
        }
        if name in special:
            special[name](parent, value, given)
        else:
            self._plain(parent, SHORT.get(name, name), value, given)

    def node(self, parent: Node, type: str, content: Json, given: Json) -> Node:
        about = {key: given[key] for key in ABOUT if key in given}
        node = self.seeder.make("block", about, parent.id, type=type, at=parent.edited)
        node.data = blocks.content(type, content)
        for comment in given.get("comments", []):
            self.seeder.comment(node, comment)
        return node

    def _plain(self, parent: Node, type: str, value: Any, given: Json) -> None:
        details: Json = dict(value) if isinstance(value, dict) else {"text": value}
        nested = details.pop("blocks", [])
        about = {key: details.pop(key) for key in ABOUT if key in details}
        text = details.pop("text", None)
        node = self.node(parent, type, details, about | given)
        known = blocks.TYPES.get(type)
        if type == "equation":
            node.data["expression"] = text or ""
        elif type in blocks.FILES:
            self._file(node, text, details)
        elif type in ("bookmark", "embed", "link_preview"):
            node.data["url"] = details.get("url", text or "")
        elif type == "link_to_page":
            node.data = {}
            self.seeder.later.append(lambda: self._link(node, text, details))
        elif known is not None and "rich_text" in known.rich:
            self.seeder.later.append(lambda: node.data.update(rich_text=self.seeder.text(text)))
        if known is not None and "caption" in known.rich:
            self.seeder.later.append(lambda: node.data.update(caption=self.seeder.text(details.get("caption"))))
        if type == "callout" and isinstance(details.get("icon"), str):
            node.data["icon"] = {"type": "emoji", "emoji": details["icon"]}
        self.add(node, nested)

    def _file(self, node: Node, text: Any, details: Json) -> None:
        name = details.get("upload")
        url = details.get("url", text or "")
        node.data.pop("upload", None)
        node.data.pop("url", None)
        if name:
            node.data |= {"type": "file", "file": {"name": name}}
        else:
            node.data |= {"type": "external", "external": {"url": url}}
        if node.type == "file":
            node.data["name"] = details.get("name") or name or str(url).rsplit("/", 1)[-1]

    def _link(self, node: Node, key: Any, details: Json) -> None:
        kind = "database" if "database" in details else "page"
        target = self.seeder.find(kind, details.get("database") or details.get("page") or str(key))
        if self.seeder.state.nodes[target].kind == "database":
            kind = "database"
        node.data = {"type": f"{kind}_id", f"{kind}_id": target}

    def _child_page(self, parent: Node, value: Any, given: Json) -> None:
        self.seeder.page(value if isinstance(value, dict) else {"title": value}, parent.id)

    def _child_database(self, parent: Node, value: Json, given: Json) -> None:
        self.seeder.tables.database(value, parent.id)

    def _linked_database(self, parent: Node, value: Any, given: Json) -> None:
        details: Json = value if isinstance(value, dict) else {}
        self.seeder.tables.database({"title": "Untitled", "inline": True, "sources": []} | details, parent.id)

    def _raw(self, parent: Node, value: Json, given: Json) -> None:
        type = value["type"]
        node = self.seeder.make("block", given | {"key": given.get("key", "")}, parent.id, type=type, at=parent.edited)
        node.data = dict(value.get(type, {}))
        self.add(node, value.get("blocks", []))

    def _table(self, parent: Node, value: Json, given: Json) -> None:
        rows = value.get("rows", [])
        content = {
            "table_width": max((len(row) for row in rows), default=1),
            "has_column_header": bool(value.get("header")),
            "has_row_header": bool(value.get("row_header")),
        }
        table = self.node(parent, "table", content, given)
        for row in rows:
            self._row(self.node(table, "table_row", {}, {}), row)

    def _row(self, node: Node, cells: list[Any]) -> None:
        self.seeder.later.append(lambda: node.data.update(cells=[self.seeder.text(cell) for cell in cells]))

    def _columns(self, parent: Node, value: list[list[Any]], given: Json) -> None:
        columns = self.node(parent, "column_list", {}, given)
        for content in value:
            self.add(self.node(columns, "column", {}, {}), content)

    def _tabs(self, parent: Node, value: list[Json], given: Json) -> None:
        tab = self.node(parent, "tab", {}, given)
        for label in value:
            self.block(tab, {"p": {"text": label.get("label"), "blocks": label.get("blocks", [])}})

    def _synced(self, parent: Node, value: Json, given: Json) -> None:
        key = {"key": value["key"]} if "key" in value else {}
        self.add(self.node(parent, "synced_block", {"synced_from": None}, given | key), value.get("blocks", []))

    def _synced_copy(self, parent: Node, value: str, given: Json) -> None:
        node = self.node(parent, "synced_block", {}, given)

        def link() -> None:
            node.data["synced_from"] = {"type": "block_id", "block_id": self.seeder.find("block", value)}

        self.seeder.later.append(link)
