"""Goes through a tree of blocks without recursion, so that depth is no danger."""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any

from agent.markdown.rich_text import clean
from agent.passages import Passage
from agent.remarks import Remark

# Deeper nesting is still read, but no longer moved to the right.
_WIDEST_INDENT = 32


@dataclass
class Frame:
    """Brothers and sisters, and where they stand. `headings` are those above the current block in this container."""

    blocks: Iterator[object]
    indent: str = ""
    headings: list[tuple[int, str]] = field(default_factory=list)
    number: int = 0
    columns_with_header: bool = False

    @property
    def path(self) -> tuple[str, ...]:
        return tuple(words for _, words in self.headings)

    def below(self, block: dict[str, Any], indent: str = "") -> "Frame":
        """The frame of a block's children. What they put under a heading stays with them."""
        wide = len(self.indent) + len(indent) > _WIDEST_INDENT
        return replace(
            self,
            blocks=iter(children(block)),
            indent=self.indent if wide else self.indent + indent,
            headings=list(self.headings),
            number=0,
        )

    def among(self, block: dict[str, Any]) -> "Frame":
        """The same, for a container that nobody sees: its headings go on behind it."""
        return replace(self, blocks=iter(children(block)), number=0)


@dataclass
class Page:
    """What has been read so far."""

    passages: list[Passage] = field(default_factory=list)
    remarks: list[Remark] = field(default_factory=list)

    def add(
        self, block: dict[str, Any], kind: str, text: str, frame: Frame, *, first: str = "", rest: str = ""
    ) -> None:
        """`first` marks the first line (a bullet), `rest` the others; empty text leaves no passage."""
        if not text.strip():
            return
        lines = clean(text).strip().split("\n")
        marked = [first + lines[0], *(rest + line for line in lines[1:])]
        self.passages.append(
            Passage(
                block_id=block_id(block),
                kind=kind,
                text="\n".join((frame.indent + line).rstrip() for line in marked),
                heading_path=frame.path,
            )
        )

    def skip(self, block: object, reason: str, kind: object = "") -> None:
        self.remarks.append(Remark(reason, block_id(block), kind[:40] if isinstance(kind, str) else ""))


def children(block: dict[str, Any]) -> list[object]:
    below = block.get("children")
    return below if isinstance(below, list) else []


def block_id(block: object) -> str:
    found = block.get("id") if isinstance(block, dict) else None
    return found if isinstance(found, str) else ""


def payload(block: dict[str, Any]) -> dict[str, Any]:
    found = block.get(str(block.get("type")))
    return found if isinstance(found, dict) else {}
