"""Reads all blocks of one page.

What Notion refuses for a single block is left out with a remark. What merely fails (5xx, timeouts) is raised, so that
half a page never passes for the page.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Protocol

from agent.remarks import Remark
from integrations.notion import Invalid, NotFound, StaleCursor

Block = dict[str, Any]

# Documents of their own.
_NOT_INLINED = frozenset({"child_page", "child_database"})
_MEETINGS = frozenset({"meeting_notes", "transcription"})
MOST_BLOCKS = 20_000
DEEPEST = 100

NOT_SHARED = "The original of a synced block is not shared with us"
GONE = "A block vanished or is not shared with us"
NOT_READABLE = "Notion does not give out what is inside a block"
CYCLE = "A synced block contains itself"
TOO_DEEP = f"Nested deeper than {DEEPEST} levels"
TOO_LONG = f"The page goes on after {MOST_BLOCKS} blocks"


class ReadsChildren(Protocol):
    def children(self, block_id: str) -> Iterator[Block]: ...


@dataclass(frozen=True)
class _Place:
    """A block whose children are still to be read, and the ids it stands under."""

    block: Block
    depth: int
    above: "_Place | None"

    def is_under(self, block_id: str) -> bool:
        place: _Place | None = self
        while place is not None:
            if block_id in (place.block.get("id"), original_of(place.block)):
                return True
            place = place.above
        return False


def fetch_blocks(notion: ReadsChildren, page_id: str, *, transcripts: bool = False) -> tuple[list[Block], list[Remark]]:
    """The page's blocks, each with its own below it under `children`. Refusals for the page itself are raised."""
    page: Block = {"id": page_id, "type": "page", "children": list(notion.children(page_id))}
    remarks: list[Remark] = []
    read = 0
    places = [_Place(page, 0, None)]
    while places:
        place = places.pop()
        blocks = [dict(child) for child in place.block["children"]]
        place.block["children"] = blocks[: MOST_BLOCKS - read]
        read += len(blocks)
        if read > MOST_BLOCKS:
            remarks.append(Remark(TOO_LONG, page_id))
            break
        for child in place.block["children"]:
            below = _children(notion, child, place, remarks, transcripts=transcripts)
            if below:
                child["children"] = below
                places.append(_Place(child, place.depth + 1, place))
    return page["children"], remarks


def _children(
    notion: ReadsChildren, block: Block, place: _Place, remarks: list[Remark], *, transcripts: bool
) -> list[Block]:
    kind, block_id = block.get("type"), block.get("id")
    if kind in _MEETINGS:
        return _sections(block, transcripts=transcripts)
    if block.get("has_children") is not True or kind in _NOT_INLINED or not isinstance(block_id, str):
        return []
    if place.is_under(block_id) or place.is_under(original_of(block) or block_id):
        remarks.append(Remark(CYCLE, block_id))
        return []
    if place.depth + 1 >= DEEPEST:
        remarks.append(Remark(TOO_DEEP, block_id))
        return []
    try:
        return list(notion.children(block_id))
    except StaleCursor:  # the block can be read, only not while it changes this fast
        raise
    except NotFound:
        remarks.append(Remark(NOT_SHARED if original_of(block) else GONE, block_id))
    except Invalid:
        remarks.append(Remark(NOT_READABLE, block_id))
    return []


def original_of(block: Block) -> str | None:
    """What a synced block is a copy of."""
    payload = block.get("synced_block")
    source = payload.get("synced_from") if isinstance(payload, dict) else None
    original = source.get("block_id") if isinstance(source, dict) else None
    return original if isinstance(original, str) else None


def _sections(block: Block, *, transcripts: bool) -> list[Block]:
    """Meeting notes hold their summary and notes in blocks that are only named, not listed as children."""
    payload = block.get(str(block.get("type")))
    named = payload.get("children") if isinstance(payload, dict) else None
    if not isinstance(named, dict):
        return []
    keys = ["summary_block_id", "notes_block_id", *(["transcript_block_id"] if transcripts else [])]
    ids = [named.get(key) for key in keys]
    return [{"id": key, "type": "section", "section": {}, "has_children": True} for key in ids if isinstance(key, str)]
