"""Whether a row is as a question wants it, and the line of it that shows so. Pure."""

import re
from collections.abc import Iterator, Sequence, Set
from datetime import date
from functools import lru_cache

from agent import conditions, days
from agent.excerpts import Excerpt
from agent.rows import (
    DATES,
    MEANINGS,
    NAMED_NOT,
    PEOPLE,
    STATUSES,
    Row,
    label_of,
    row_words,
    token_set,
    tokens,
    value_of,
)

_OVERDUE = re.compile(r"\b(overdue|past due|late)\b", re.IGNORECASE)
_OPEN = re.compile(r"\b(open|incomplete|unfinished)\b", re.IGNORECASE)
_DONE = re.compile(
    r"\b(done|completed?|closed|cancell?ed|finished|archived|dropped|rejected|duplicate|won['’]t)\b", re.IGNORECASE
)
_YES = frozenset(("yes", "true", "✓"))
_DATE = re.compile(r"\b(\d{4})-(\d\d)-(\d\d)\b")
_SAME = tuple(frozenset(tokens(words)) for words in MEANINGS)
_BY_NAME = _SAME[0] | _SAME[4]
_LACKED = (
    (frozenset(tokens("owner assignee person contact lead keeper")), PEOPLE),
    (frozenset(tokens("due deadline date")), DATES),
    (frozenset(tokens("status state")), STATUSES),
)
_SAYS_LACKING = frozenset(("missing", "unassigned", "unowned"))
Used = tuple[set[str], Excerpt | None]


def met_by(text: str, words: Set[str], row: Row, today: date) -> Excerpt | None:
    """The one line that meets all of it: what several lines say together is not denied by a single "not"."""
    if _OVERDUE.search(text):
        overdue = _overdue(text, row, today)
        return overdue[1] if overdue and words <= overdue[0] else None
    return next((line for line in row.lines if words <= _met(line, set(words))), None)


def proving(question: str, filters: Set[str], row: Row, rows: Sequence[Row], today: date) -> Iterator[Excerpt | None]:
    """The line that makes the row match, if it does; None when nothing is asked of it."""
    if not filters:
        yield None
        return
    left, proofs = set(filters), list[Excerpt]()
    for used in (_overdue(question, row, today), _lacks(question, row, rows), _open(question, row, rows)):
        if used is None:
            return
        words, line = used
        left -= words
        proofs += [line] if line else []
    for line in sorted(row.lines, key=lambda each: -len(row_words(each.shown) & left)):
        words = _met(line, left)
        left -= words
        proofs += [line] if words else []
    # A word of a label alone picks nothing.
    if proofs and not left:
        yield proofs[0]


def _met(line: Excerpt, left: set[str]) -> set[str]:
    label, text = _label_words(label_of(line)), value_of(line)
    labelled = left & label
    # Part of a longer value is something else, but people are called by one of their names; and who asks for two may
    # want what has either.
    values = [_value_words(each) for each in text.split(", ")]
    alike = [set(each & left) for each in values if each <= left or label & _BY_NAME]
    met = max(alike, key=len, default=set[str]())
    if not labelled:
        # A number alone may be any, and so may a month.
        met = {word for word in met if not word.isdigit()}
    if labelled or label_of(line).lower() == "date":
        met |= {word for word in left if days.is_meant(word, text)}
    if labelled and text.lower() in _YES:
        return labelled | met
    # With both a label and a value in the question, they must be of the same line.
    return met | labelled if met else set()


@lru_cache(4096)
def _label_words(label: str) -> frozenset[str]:
    """What a question may call it."""
    found = re.fullmatch(r"(\w+ed) by", label, re.IGNORECASE)
    words = frozenset((f"{found[1].lower()}by",)) if found else token_set(label)
    return words.union(*(same for same in _SAME if same & words))


@lru_cache(4096)
def _value_words(text: str) -> frozenset[str]:
    return frozenset(row_words(conditions.joined(text, [found.lower() for found in NAMED_NOT.findall(text)])))


def _overdue(question: str, row: Row, today: date) -> Used | None:
    found = _OVERDUE.search(question)
    if not found:
        return set(), None
    line = row.value(DATES)
    status = row.value(STATUSES)
    on = _DATE.search(value_of(line)) if line else None
    is_done = status is not None and bool(_DONE.search(value_of(status)))
    if line is None or on is None or is_done or on[0] >= today.isoformat():
        return None
    return row_words(found[0]), line


def _open(question: str, row: Row, rows: Sequence[Row]) -> Used | None:
    found = _OPEN.search(question)
    if not found or any((status := each.value(STATUSES)) and _OPEN.search(value_of(status)) for each in rows):
        return set(), None
    status = row.value(STATUSES)
    return None if status is None or _DONE.search(value_of(status)) else ({found[0].lower()}, status)


def _lacks(question: str, row: Row, rows: Sequence[Row]) -> Used | None:
    found = conditions.LACKS.search(question)
    if not found:
        return set(), None
    said = tokens(found["what"] or "owner")
    if "and" in said:
        return None
    meaning = next((stems for names, stems in _LACKED if said[0] in names), None)
    if meaning is not None:
        words = {said[0]} | ({"date"} if meaning == DATES else set())
        has = [row.value(meaning) is not None for row in (row, *rows)]
    else:
        labels = {label_of(line) for other in rows for line in other.lines}
        label = next((each for each in labels if tokens(each) == said[: len(tokens(each))]), None)
        words = set(token_set(label or ""))
        has = [any(label_of(line) == label for line in row.lines) for row in (row, *rows)]
    if has[0] or not any(has[1:]):
        return None
    # What is not there cannot be quoted: the row's state shows which row it is.
    return words | row_words(found[0]) & _SAYS_LACKING, row.value(STATUSES) or next(iter(row.lines))
