"""Rows of a table on a page: looked up by what their first cell is called, and listed whole. Pure."""

import re
from collections.abc import Iterable, Sequence, Set

from agent import wording
from agent.excerpts import Excerpt, cells_of
from agent.rows import token_set

_LISTS = re.compile(
    r"^\W*(?:(?:which|what)(?: (?:are|were)(?: (?:the|our)(?: [^\W\d_]+)??)?)? [^\W\d_]+(?<!s)s\b"
    r"|list\b|show\b|name\b|summari[sz]e\b)",
    re.IGNORECASE,
)
# Verbs that say nothing of what is asked.
LIGHT = frozenset(
    wording.words_of(
        "mean include allow cover apply pay take stand limit new current per euro dollar pound day week month year"
    )
)
# What stands beside "from" and "to" was sent.
_SENT = wording.words_of("send sent")
_SENDING = frozenset(("to", "from", "sender", "recipient", "recipients"))
# Words for the same column.
_SAME = tuple(
    frozenset(wording.words_of(words))
    for words in (
        "cost price fee charge rate amount",
        "who name owner keeper person contact",
        "when date day start due",
    )
)


def looked_up(asked: wording.Asked, found: Sequence[Excerpt]) -> list[Excerpt]:
    """The rows whose first cell is what is asked about, where the question says nothing else but a column of theirs and
    the place they stand in."""
    rows = [each for each in found if each.kind == "row"]
    in_column = [each for each in rows if _is_asked_for(asked, each, needs_column=True)]
    return in_column or [each for each in rows if _is_asked_for(asked, each, needs_column=False)]


def _is_asked_for(asked: wording.Asked, row: Excerpt, *, needs_column: bool) -> bool:
    (label, first), *others = cells_of(row) or [("", "")]
    called = wording.words_of(first)
    if not called or not called <= asked.words | asked.parts_of_codes:
        return False
    own = columns(label for label, _ in others)
    around = wording.words_of(f"{row.candidate.title} {row.candidate.context} {row.lead} {label}")
    left = (asked.words | asked.parts_of_codes) - called
    if needs_column and not left & own:
        return False
    return left <= own | around | LIGHT and (needs_column or bool(asked.codes))


def columns(labels: Iterable[str]) -> Set[str]:
    """What a question may call the columns of a table."""
    labels = [label.lower() for label in labels]
    words = wording.words_of(" ".join(labels)) | (_SENT if not _SENDING.isdisjoint(labels) else set())
    return words.union(*(same for same in _SAME if same & words))


def has_cell(asked: wording.Asked, row: Excerpt) -> bool:
    """Whether a cell says all that is asked about and nothing else, as that of those to whom something is sent."""
    return any(wording.words_of(cell) == asked.words for _, cell in cells_of(row))


def is_named(asked: wording.Asked, row: Excerpt) -> bool:
    """Whether a question says nothing but what a table is about and what stands in it."""
    around = wording.words_of(f"{row.candidate.title} {row.candidate.context} {row.lead}")
    own = columns(label for label, _ in cells_of(row))
    return row.kind == "row" and bool(asked.words & around) and asked.words <= around | own


def whole(question: str, best: Excerpt, found: Sequence[Excerpt]) -> list[Excerpt]:
    """All rows of the table that the best is of that say as much of the question, where it asks for several. "Higher"
    is not "high" here."""
    if best.kind != "row" or not _LISTS.match(question):
        return []
    # What names the table picks none of its rows.
    asked = token_set(question) - token_set(f"{best.candidate.title} {best.candidate.context} {best.lead}")
    labels = [label for label, _ in cells_of(best)]
    page = best.candidate.page_id
    rows = [
        each
        for each in found
        if each.kind == "row" and each.candidate.page_id == page and [label for label, _ in cells_of(each)] == labels
    ]
    most = max(len(asked & token_set(each.shown)) for each in rows)
    return [each for each in rows if len(asked & token_set(each.shown)) == most]
