"""A piece of a page as it is read, cited and cut into chunks."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Passage:
    """`kind`: heading, paragraph, list, todo, code, table, quote, caption, properties."""

    block_id: str
    kind: str
    text: str
    heading_path: tuple[str, ...]
