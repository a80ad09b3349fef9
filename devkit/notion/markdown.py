"""A page as Notion's first Markdown dialect, enough of it to be read."""

from __future__ import annotations

from collections.abc import Callable

from devkit.notion import richtext
from devkit.notion.calls import Call
from devkit.notion.errors import ApiError
from devkit.notion.ids import plain
from devkit.notion.model import Json, Node

PREFIX = {
    "heading_1": "# ",
    "heading_2": "## ",
    "heading_3": "### ",
    "heading_4": "#### ",
    "bulleted_list_item": "- ",
    "numbered_list_item": "1. ",
    "quote": "> ",
}
MEDIA = {"video": "video", "audio": "audio", "pdf": "pdf", "file": "file"}


class Markdown:
    def __init__(self, call: Call) -> None:
        self.call = call
        self.unknown: list[str] = []

    def children(self, node: Node, indent: str = "") -> str:
        try:
            blocks = self.call.blocks_in(node)
        except ApiError:
            # A synced copy whose original is not shared.
            self.unknown.append(node.id)
            return f'{indent}<unknown url="{self.call.renderer.url(node)}" alt="{node.type}"/>'
        return "\n".join(line for block in blocks for line in [self.block(block, indent)] if line)

    def block(self, node: Node, indent: str) -> str:
        renderer = self.call.renderer
        type = node.type or node.kind
        if type in ("page", "database"):
            return f'{indent}<{type} url="{renderer.url(node)}">{renderer.plain_title(node)}</{type}>'
        special: dict[str, Callable[[Node], str]] = {
            "to_do": lambda one: f"- [{'x' if one.data['checked'] else ' '}] {self.text(one)}",
            "toggle": lambda one: f"<details><summary>{self.text(one)}</summary>",
            "callout": lambda one: f"<callout>{self.text(one)}</callout>",
            "code": lambda one: f"```{one.data['language']}\n{richtext.plain(one.data['rich_text'])}\n```",
            "equation": lambda one: f"$$ {one.data['expression']} $$",
            "divider": lambda one: "---",
            "table_of_contents": lambda one: "<table_of_contents/>",
            "table": self._table,
            "image": lambda one: f"![{self.caption(one)}]({self._link(one)})",
        }
        if type in special:
            line = special[type](node)
        elif type in MEDIA:
            line = f'<{type} src="{self._link(node)}">{self.caption(node)}</{type}>'
        elif type in ("bookmark", "embed", "link_preview"):
            line = f"[{self.caption(node) or node.data['url']}]({node.data['url']})"
        else:
            line = PREFIX.get(type, "") + self.text(node)
        inside = type != "table" and renderer.has_children(node)
        below = self.children(node, indent + "\t") if inside else ""
        closing = f"\n{indent}</details>" if type == "toggle" else ""
        return "\n".join(part for part in (indent + line if line else "", below) if part) + closing

    def text(self, node: Node) -> str:
        return "".join(map(self._styled, self.call.renderer.text(node.data.get("rich_text") or [])))

    def caption(self, node: Node) -> str:
        return richtext.plain(node.data.get("caption") or [])

    def _styled(self, item: Json) -> str:
        text = str(item["plain_text"])
        if item["type"] == "mention" and item["mention"]["type"] == "page":
            return f'<mention-page url="{item["href"]}">{text}</mention-page>'
        style = item["annotations"]
        for name, mark in (("code", "`"), ("bold", "**"), ("italic", "*"), ("strikethrough", "~~")):
            text = f"{mark}{text}{mark}" if style[name] else text
        return f"[{text}]({item['href']})" if item["href"] else text

    def _link(self, node: Node) -> str:
        shown = self.call.renderer.asset(node.data, node) or {}
        return str((shown.get(shown.get("type", "")) or {}).get("url", plain(node.id)))

    def _table(self, node: Node) -> str:
        lines = ["<table>"]
        for row in self.call.state.living_children(node):
            cells = "".join(f"<td>{richtext.plain(self.call.renderer.text(cell))}</td>" for cell in row.data["cells"])
            lines.append(f"<tr>{cells}</tr>")
        return "\n".join([*lines, "</table>"])
