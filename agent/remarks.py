"""What was left out of a page, and why. Counted per page and shown with the coverage."""

from typing import NamedTuple


class Remark(NamedTuple):
    """`reason` is one of a few fixed phrases, so that remarks can be counted by it."""

    reason: str
    block_id: str
