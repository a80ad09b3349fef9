"""What was left out of a page, and why. Counted per page and shown with the coverage."""

from typing import NamedTuple


class Remark(NamedTuple):
    """`reason` is one of a few fixed phrases, so that remarks can be counted by it; `kind` is Notion's own word."""

    reason: str
    block_id: str
    kind: str = ""


NOT_GIVEN = "Notion does not give this block to connections"
UNKNOWN = "A kind of block that is not known yet"
