"""Blocks from Notion's first Markdown dialect: as much of it as markdown.py writes."""

from __future__ import annotations

import re
from typing import Any

from devkit.notion import blocks, richtext
from devkit.notion.blocks import NewBlock
from devkit.notion.errors import invalid
from devkit.notion.ids import parse_id
from devkit.notion.model import Json

FENCE = "```"
TEXTS = (
    (re.compile(r"#### (.*)"), "heading_4"),
    (re.compile(r"### (.*)"), "heading_3"),
    (re.compile(r"## (.*)"), "heading_2"),
    (re.compile(r"# (.*)"), "heading_1"),
    (re.compile(r"- \[[ xX]\] ?(.*)"), "to_do"),
    (re.compile(r"[-*] (.*)"), "bulleted_list_item"),
    (re.compile(r"\d+\. (.*)"), "numbered_list_item"),
    (re.compile(r"> ?(.*)"), "quote"),
    (re.compile(r"<details><summary>(.*)</summary>"), "toggle"),
    (re.compile(r"<callout[^>]*>(.*)</callout>"), "callout"),
)
IMAGE = re.compile(r"!\[(.*)\]\((\S+)\)")
MEDIA = re.compile(r'<(file|audio|video|pdf) src="([^"]+)">(.*)</\1>')
EQUATION = re.compile(r"\$\$ ?(.+?) ?\$\$")
CELL = re.compile(r"<td>(.*?)</td>")
KEPT_ONLY = re.compile(r"<(page|database|unknown|synced_block)\b")
INLINE = re.compile(
    r"\\(?P<plain>.)|`(?P<code>[^`]+)`|\*\*(?P<bold>.+?)\*\*|\*(?P<italic>.+?)\*|~~(?P<strikethrough>.+?)~~"
    r'|\[(?P<text>[^\]]+)\]\((?P<url>[^)\s]+)\)|<mention-page url="[^"]*?(?P<page>[0-9a-f]{32})">.*?</mention-page>'
)


def significant(text: str) -> list[str]:
    """Its lines; empty ones count only inside of code."""
    kept: list[str] = []
    in_code = False
    for line in text.split("\n"):
        if line.strip().startswith(FENCE):
            in_code = not in_code
        if in_code or line.strip():
            kept.append(line)
    return kept


def parse(lines: list[str]) -> list[NewBlock]:
    return Parser(lines).blocks(0)


def depth(line: str) -> int:
    return len(line) - len(line.lstrip("\t"))


class Parser:
    def __init__(self, lines: list[str]) -> None:
        self.lines = lines
        self.at = 0

    def blocks(self, least: int) -> list[NewBlock]:
        """Those that are indented so far at least."""
        made: list[NewBlock] = []
        while self.at < len(self.lines) and depth(self.lines[self.at]) >= least:
            line = self.lines[self.at]
            self.at += 1
            if line.strip() == "</details>":
                continue
            block = self._block(line.strip())
            inside = self.blocks(depth(line) + 1)
            made.append(block)
            if blocks.TYPES[block.type].children and block.type != "table":
                block.children += inside
            else:
                made += inside
        return made

    def _block(self, line: str) -> NewBlock:
        if line.startswith(FENCE):
            return self._code(line.removeprefix(FENCE))
        if line == "<table>":
            return self._table()
        if line == "---":
            return new("divider")
        if line == "<table_of_contents/>":
            return new("table_of_contents")
        if KEPT_ONLY.match(line):
            raise invalid(f"Cannot be made from markdown: {line}")
        equation, image, media = EQUATION.fullmatch(line), IMAGE.fullmatch(line), MEDIA.fullmatch(line)
        if equation:
            return new("equation", expression=equation[1])
        if image:
            return _file("image", image[2], image[1])
        if media:
            return _file(media[1], media[2], media[3])
        for pattern, type in TEXTS:
            found = pattern.fullmatch(line)
            if found:
                more: Json = {"checked": line[3] in "xX"} if type == "to_do" else {}
                return new(type, rich_text=inline(found[1]), **more)
        return new("paragraph", rich_text=inline(line))

    def _until(self, end: str) -> list[str]:
        start = self.at
        while self.at < len(self.lines) and self.lines[self.at].strip() != end:
            self.at += 1
        self.at += 1
        return self.lines[start : self.at - 1]

    def _code(self, language: str) -> NewBlock:
        text = richtext.text_item("\n".join(self._until(FENCE)))
        return new("code", rich_text=[text], language=language or "plain text")

    def _table(self) -> NewBlock:
        rows = [[inline(cell) for cell in CELL.findall(line)] for line in self._until("</table>")]
        table = new("table", table_width=max((len(row) for row in rows), default=1))
        table.children += [new("table_row", cells=row) for row in rows]
        return table


def new(kind: str, **payload: Any) -> NewBlock:
    return NewBlock(kind, blocks.content(kind, payload), [])


def _file(type: str, url: str, caption: str) -> NewBlock:
    name = {"name": url.partition("?")[0].rsplit("/", 1)[-1]} if type == "file" else {}
    return new(type, caption=inline(caption), type="external", external={"url": url}, **name)


def inline(text: str, style: Json | None = None, link: str | None = None) -> list[Json]:
    items: list[Json] = []
    end = 0
    for found in INLINE.finditer(text):
        items.append(richtext.text_item(text[end : found.start()], link=link, style=style))
        items += _marked(found, style or {}, link)
        end = found.end()
    return richtext.merge([*items, richtext.text_item(text[end:], link=link, style=style)])


def _marked(found: re.Match[str], style: Json, link: str | None) -> list[Json]:
    kind = str(found.lastgroup)
    if kind == "page":
        return [richtext.mention_item({"type": "page", "page": {"id": parse_id(found["page"])}}, "", style=style)]
    if kind == "url":
        return inline(found["text"], style, found["url"])
    if kind == "plain":
        return [richtext.text_item(found["plain"], link=link, style=style)]
    if kind == "code":
        return [richtext.text_item(found["code"], link=link, style=style | {"code": True})]
    return inline(found[kind], style | {kind: True}, link)
