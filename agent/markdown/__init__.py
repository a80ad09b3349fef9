"""Blocks of a Notion page as passages of Markdown. Pure: no network, no database, and no block makes it fail."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from agent.markdown import blocks as kinds
from agent.markdown.rich_text import inline, plain
from agent.markdown.walk import Frame, Page
from agent.passages import Passage
from agent.remarks import UNKNOWN, Remark

__all__ = ["Rendered", "inline", "outline_of", "passages_in", "passages_of", "plain", "to_markdown"]

# Lines of one list or one table stand without an empty line between them.
_LIST_KINDS = ("list", "todo")
_END = object()


@dataclass(frozen=True)
class Rendered:
    passages: list[Passage]
    remarks: list[Remark]


def passages_of(
    blocks: Iterable[object], *, title_of: Callable[[str], str | None] = lambda object_id: None
) -> Rendered:
    """`blocks` are Notion's, each with its own below it under `children`. `title_of` names a page or database by id.

    A heading's path ends with the heading itself, as do the paths of all that stands under it.
    """
    page = Page()
    frames = [Frame(blocks=iter(blocks))]
    while frames:
        frame = frames[-1]
        block = next(frame.blocks, _END)
        if block is _END:
            frames.pop()
            continue
        if not isinstance(block, dict):
            page.skip(block, UNKNOWN)
            continue
        below = _read(block, frame, page, title_of)
        if below is not None:
            frames.append(below)
    return Rendered(page.passages, page.remarks)


def to_markdown(passages: Sequence[Passage]) -> str:
    parts: list[str] = []
    for position, passage in enumerate(passages):
        if position:
            parts.append(_joint(passages[position - 1], passage))
        parts.append(passage.text)
    return "".join(parts)


def outline_of(passages: Sequence[Passage]) -> list[list[Any]]:
    """Where each of them stands in their Markdown, so that `passages_in` finds them again."""
    outline: list[list[Any]] = []
    end = 0
    for position, passage in enumerate(passages):
        start = end + (len(_joint(passages[position - 1], passage)) if position else 0)
        end = start + len(passage.text)
        outline.append([passage.block_id, passage.kind, start, end, list(passage.heading_path)])
    return outline


def passages_in(markdown: str, outline: Iterable[Sequence[Any]]) -> list[Passage]:
    return [Passage(block_id, kind, markdown[start:end], tuple(path)) for block_id, kind, start, end, path in outline]


def _read(block: dict[str, Any], frame: Frame, page: Page, title_of: Callable[[str], str | None]) -> Frame | None:
    kind = block.get("type")
    if kind not in ("numbered_list_item", "table_row"):
        frame.number = 0
    if kind == "link_to_page":
        return kinds.link_to_page(block, frame, page, title_of(kinds.target_of(block)))
    reader = kinds.READERS.get(kind, kinds.unknown) if isinstance(kind, str) else kinds.unknown
    return reader(block, frame, page)


def _joint(above: Passage, below: Passage) -> str:
    is_list = above.kind in _LIST_KINDS and below.kind in _LIST_KINDS
    # Only a header row has two lines: it begins another table.
    is_table = above.kind == below.kind == "table" and "\n" not in below.text
    return "\n" if is_list or is_table else "\n\n"
