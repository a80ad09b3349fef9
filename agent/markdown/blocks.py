"""One function per kind of block: adds its passages and answers the frame of its children, or None for no children."""

import re
from collections.abc import Callable
from typing import Any
from urllib.parse import unquote, urlsplit

from agent.markdown.rich_text import clean, inline, link, notion_url, plain, safe_url
from agent.markdown.walk import Frame, Page, block_id, children, payload
from agent.remarks import NOT_GIVEN, UNKNOWN

Block = dict[str, Any]
Reader = Callable[[Block, Frame, Page], Frame | None]

READERS: dict[str, Reader] = {}


def _reads(*types: str) -> Callable[[Reader], Reader]:
    def register(reader: Reader) -> Reader:
        READERS.update(dict.fromkeys(types, reader))
        return reader

    return register


def _text(block: Block) -> str:
    return inline(payload(block).get("rich_text"))


@_reads("paragraph", "template")
def paragraph(block: Block, frame: Frame, page: Page) -> Frame | None:
    page.add(block, "paragraph", _text(block), frame)
    return frame.below(block, "  ")


@_reads("heading_1", "heading_2", "heading_3", "heading_4")
def heading(block: Block, frame: Frame, page: Page) -> Frame | None:
    level = int(str(block["type"])[-1])
    words = clean(" ".join(plain(payload(block).get("rich_text")).split()))
    while frame.headings and frame.headings[-1][0] >= level:
        frame.headings.pop()
    if words:
        frame.headings.append((level, words))
        page.add(block, "heading", f"{'#' * level} {' '.join(_text(block).split())}", frame)
    return frame.below(block)


@_reads("bulleted_list_item")
def bullet(block: Block, frame: Frame, page: Page) -> Frame | None:
    page.add(block, "list", _text(block), frame, first="- ", rest="  ")
    return frame.below(block, "  ")


@_reads("numbered_list_item")
def numbered(block: Block, frame: Frame, page: Page) -> Frame | None:
    start = payload(block).get("list_start_index")
    if not frame.number and isinstance(start, int) and start > 0:
        frame.number = start
    else:
        frame.number += 1
    mark = f"{frame.number}. "
    page.add(block, "list", _text(block), frame, first=mark, rest=" " * len(mark))
    return frame.below(block, " " * len(mark))


@_reads("to_do")
def to_do(block: Block, frame: Frame, page: Page) -> Frame | None:
    mark = "- [x] " if payload(block).get("checked") is True else "- [ ] "
    page.add(block, "todo", _text(block), frame, first=mark, rest="  ")
    return frame.below(block, "  ")


@_reads("toggle")
def toggle(block: Block, frame: Frame, page: Page) -> Frame | None:
    page.add(block, "paragraph", _bold(plain(payload(block).get("rich_text"))), frame)
    return frame.below(block)


@_reads("quote")
def quote(block: Block, frame: Frame, page: Page) -> Frame | None:
    page.add(block, "quote", _text(block), frame, first="> ", rest="> ")
    return frame.below(block, "> ")


@_reads("callout")
def callout(block: Block, frame: Frame, page: Page) -> Frame | None:
    icon = payload(block).get("icon")
    emoji = icon.get("emoji") if isinstance(icon, dict) else None
    words = _text(block)
    if words and isinstance(emoji, str):
        words = f"{emoji} {words}"
    page.add(block, "quote", words, frame, first="> ", rest="> ")
    return frame.below(block, "> ")


@_reads("code")
def code(block: Block, frame: Frame, page: Page) -> Frame | None:
    source = plain(payload(block).get("rich_text"))
    language = payload(block).get("language")
    language = language if isinstance(language, str) and language != "plain text" else ""
    longest = max((len(run) for run in re.findall(r"`+", source)), default=0)
    fence = "`" * max(3, longest + 1)
    if source.strip():
        page.add(block, "code", f"{fence}{' '.join(language.split())}\n{source}\n{fence}", frame)
    page.add(block, "caption", inline(payload(block).get("caption")), frame)
    return None


@_reads("equation")
def equation(block: Block, frame: Frame, page: Page) -> Frame | None:
    expression = payload(block).get("expression")
    if isinstance(expression, str) and expression.strip():
        page.add(block, "paragraph", f"$$\n{expression.strip()}\n$$", frame)
    return None


@_reads("divider")
def divider(block: Block, frame: Frame, page: Page) -> Frame | None:
    page.add(block, "paragraph", "---", frame)
    return None


@_reads("breadcrumb", "table_of_contents")
def decoration(block: Block, frame: Frame, page: Page) -> Frame | None:
    return None


@_reads("table")
def table(block: Block, frame: Frame, page: Page) -> Frame | None:
    """The header is the first passage; a table without one gets an empty one, as Markdown knows no other."""
    below = frame.below(block)
    below.columns_with_header = payload(block).get("has_column_header") is True
    below.number = 0
    if not below.columns_with_header and children(block):
        width = payload(block).get("table_width")
        page.add(block, "table", _header([""] * (width if isinstance(width, int) and 0 < width < 200 else 1)), below)
    return below


@_reads("table_row")
def table_row(block: Block, frame: Frame, page: Page) -> Frame | None:
    cells = payload(block).get("cells")
    words = [_cell(inline(cell)) for cell in cells] if isinstance(cells, list) else []
    is_header = frame.columns_with_header and frame.number == 0
    frame.number += 1
    if is_header:
        page.add(block, "table", _header(words), frame)
    elif any(words):
        page.add(block, "table", _row(words), frame)
    return None


@_reads("column_list", "column", "section")
def container(block: Block, frame: Frame, page: Page) -> Frame | None:
    return frame.below(block)


@_reads("synced_block")
def synced(block: Block, frame: Frame, page: Page) -> Frame | None:
    return frame.among(block)


@_reads("tab")
def tab(block: Block, frame: Frame, page: Page) -> Frame | None:
    """Each paragraph below is a tab: its text the label, its children the content."""
    below = frame.below(block)
    below.blocks = iter([_as_toggle(child) for child in children(block)])
    return below


@_reads("meeting_notes", "transcription")
def meeting_notes(block: Block, frame: Frame, page: Page) -> Frame | None:
    page.add(block, "paragraph", _bold(plain(payload(block).get("title"))), frame)
    return frame.below(block)


@_reads("child_page", "child_database")
def child(block: Block, frame: Frame, page: Page) -> Frame | None:
    title = payload(block).get("title")
    words = title if isinstance(title, str) and title.strip() else "Untitled"
    page.add(block, "paragraph", link(words, notion_url(block.get("id"))), frame)
    return None


@_reads("bookmark", "embed", "link_preview")
def web_link(block: Block, frame: Frame, page: Page) -> Frame | None:
    page.add(block, "caption", link(plain(payload(block).get("caption")), safe_url(payload(block).get("url"))), frame)
    return None


@_reads("image", "video", "audio", "pdf", "file")
def media(block: Block, frame: Frame, page: Page) -> Frame | None:
    """Linked to the block, never to the file, whose address is signed and dies within the hour."""
    caption = " ".join(plain(payload(block).get("caption")).split())
    name = _file_name(payload(block))
    anchor = f"#{block_id(block).replace('-', '')}"
    if block.get("type") == "file":
        page.add(block, "caption", f"{link(name or 'File', anchor)} {caption}".strip(), frame)
    elif caption or name:
        page.add(block, "caption", f"!{link(caption or name, anchor)}", frame)
    return None


@_reads("unsupported")
def unsupported(block: Block, frame: Frame, page: Page) -> Frame | None:
    page.skip(block, NOT_GIVEN, payload(block).get("block_type"))
    return frame.below(block)


def link_to_page(block: Block, frame: Frame, page: Page, title: str | None) -> Frame | None:
    page.add(block, "paragraph", link(title or "Linked page", notion_url(target_of(block))), frame)
    return None


def target_of(block: Block) -> str:
    target = payload(block).get(str(payload(block).get("type")))
    return target if isinstance(target, str) else ""


def unknown(block: Block, frame: Frame, page: Page) -> Frame | None:
    """A type newer than this code: its words count, and nobody knows what else it holds."""
    page.skip(block, UNKNOWN, block.get("type"))
    return paragraph(block, frame, page) if "rich_text" in payload(block) else frame.below(block)


def _as_toggle(block: object) -> object:
    if not isinstance(block, dict) or block.get("type") != "paragraph":
        return block
    return {"id": block.get("id"), "type": "toggle", "toggle": payload(block), "children": children(block)}


def _bold(words: str) -> str:
    words = " ".join(words.split()).replace("**", "")
    return f"**{words}**" if words else ""


def _cell(words: str) -> str:
    return " ".join(words.split()).replace("|", "\\|")


def _row(cells: list[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _header(cells: list[str]) -> str:
    return f"{_row(cells or [''])}\n{_row(['---'] * max(1, len(cells)))}"


def _file_name(file: dict[str, Any]) -> str:
    name = file.get("name")
    if isinstance(name, str) and name.strip():
        return name.strip()
    place = file.get(str(file.get("type")))
    url = place.get("url") if isinstance(place, dict) else None
    try:
        return unquote(urlsplit(url).path.rsplit("/", 1)[-1]) if isinstance(url, str) else ""
    except ValueError:
        return ""
