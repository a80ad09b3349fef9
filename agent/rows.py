"""Questions that pick rows of a database by what stands in their properties, and the rows they pick. Pure."""

import re
from collections.abc import Iterable, Iterator, Sequence, Set
from dataclasses import dataclass
from datetime import date

from agent import wording
from agent.candidates import Candidate
from agent.excerpts import Excerpt, excerpts

# So many are listed and cited; all are counted.
MOST_ROWS = 40

# What people say for a property, by the stems of the labels that mean the same.
_SAME = tuple(
    frozenset(wording.words_of(words))
    for words in (
        "assignee assigned owner owns responsible person lead contact keeper",
        "due deadline date",
        "status state",
        "priority",
    )
)
_PEOPLE, _DATES, _STATUSES = _SAME[0], _SAME[1], _SAME[2]
_LABEL_ASKED = (
    (re.compile(r"\b(assign\w*|owne[rd]|owns?|responsible|in charge)\b", re.IGNORECASE), _PEOPLE),
    (re.compile(r"\b(due|deadline)\b", re.IGNORECASE), _DATES),
    (re.compile(r"\b(status|state of)\b", re.IGNORECASE), _STATUSES),
)
_PICKS = re.compile(r"^\W*(which|what|how many|list|show( me)?|are there|is there|do we have|name)\b", re.IGNORECASE)
_LISTS = re.compile(r"^\W*(which|list|show( me)?|are there|name)\b", re.IGNORECASE)
_OVERDUE = re.compile(r"\b(overdue|past due|late)\b", re.IGNORECASE)
_LACKS = re.compile(r"\b(?:no|without(?: an?)?|missing)\s+(\w+)|\b(un(?:assigned|owned))\b", re.IGNORECASE)
_DONE = re.compile(r"\b(done|complete|completed|closed|cancelled|finished)\b", re.IGNORECASE)
_YES = frozenset(("yes", "true", "✓"))
_ROW_WORDS = frozenset(wording.words_of("task tasks row rows item items entry entries"))
_MONTHS = (
    "january", "february", "march", "april", "may", "june", "july", "august", "september", "october", "november",
    "december",
)  # fmt: skip
_MONTH_OF = {wording.stem(name): number for number, name in enumerate(_MONTHS, 1)}
_DATE = re.compile(r"\b(\d{4})-(\d\d)-(\d\d)\b")
# How a question says that it picks by a property, whatever the rows hold.
_STATES = re.compile(
    r"\b(are|is) (not )?(blocked|overdue|late|done|open|urgent|finished|waiting|in review|in progress|assigned|owned"
    r"|unassigned|due)\b|\bhave no\b|\bassigned to\b|\brenew\b|\boverdue\b",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class Row:
    candidate: Candidate
    lines: tuple[Excerpt, ...]

    @property
    def labels(self) -> set[str]:
        return {word for line in self.lines for word in wording.words_of(label_of(line))}

    def value(self, meaning: Iterable[str]) -> Excerpt | None:
        wanted = set(meaning)
        return next((line for line in self.lines if wording.words_of(label_of(line)) & wanted), None)


def picks(question: str) -> bool:
    """Whether it asks for whichever rows are so: then sentences that share a word with it answer nothing."""
    return bool(_PICKS.match(question)) and bool(_STATES.search(question)) and not re.search(r",? and w", question)


def may_pick(question: str) -> bool:
    return bool(_PICKS.match(question))


def lists(question: str) -> bool:
    """Whether its answer may be a list, which lacks what was not read."""
    return picks(question) or bool(_LISTS.match(question))


def asked_label(question: str) -> frozenset[str]:
    """The property a question about one item asks for, as stems of the labels that mean it."""
    return next((means for asks, means in _LABEL_ASKED if asks.search(question)), frozenset())


def label_of(line: Excerpt) -> str:
    return line.shown.partition(": ")[0]


def value_of(line: Excerpt) -> str:
    return line.shown.partition(": ")[2]


def matching(question: str, candidates: Sequence[Candidate], *, today: date) -> list[Excerpt]:
    """The lines that make rows match every word of the question, one for each row; nothing when a word has no meaning
    for rows."""
    if not _PICKS.match(question):
        return []
    rows = [row for row in map(_row, candidates) if row.lines]
    known = _ROW_WORDS | {word for row in rows for word in wording.words_of(row.candidate.place)}
    asked = _words(question)
    sources = {row.candidate.place for row in rows}
    named = {place for place in sources if wording.words_of(place) & asked}
    about = [row for row in rows if row.candidate.place in named] if named else rows
    if asked & _ROW_WORDS:
        # A task is what has a state or somebody who does it.
        about = [row for row in about if row.value(_STATUSES)]
    elif not named:
        return []
    filters = asked - known
    found = [line for row in about if (line := _proof(question, filters, row, about, today)) is not None]
    return list({line.candidate.page_id: line for line in found}.values())


def _row(candidate: Candidate) -> Row:
    lines = tuple(each for each in excerpts(candidate) if each.kind == "property") if _has_lines(candidate) else ()
    return Row(candidate, lines)


def _has_lines(candidate: Candidate) -> bool:
    return any(not block for block, _, _ in candidate.spans)


def _proof(question: str, filters: Set[str], row: Row, rows: Sequence[Row], today: date) -> Excerpt | None:
    """The line that makes the row match."""
    left, proofs = set(filters), list[Excerpt]()
    for used in (_overdue(question, row, today), _lacks(question, row, rows)):
        if used is None:
            return None
        words, line = used
        left -= words
        proofs += [line] if line else []
    for line in sorted(row.lines, key=lambda each: -len(_words(each.shown) & left)):
        words = _met(line, left)
        left -= words
        proofs += [line] if words else []
    # A word of a label alone picks nothing.
    return proofs[0] if proofs and not left else None


def _met(line: Excerpt, left: set[str]) -> set[str]:
    label, value = wording.words_of(label_of(line)), _words(value_of(line))
    whole = [_words(each) for each in value_of(line).split(", ")]
    # Part of a longer value is something else, but people are called by one of their names.
    met = left & value if label & _PEOPLE else {word for each in whole if each <= left for word in each}
    met |= {word for word in left if (month := _MONTH_OF.get(word)) and _has_month(value_of(line), month)}
    labelled = {word for word in left if any(_is_like(word, each) for each in label)}
    if labelled and value & _YES:
        return labelled | met
    for meaning in _SAME:
        if label & meaning:
            labelled |= left & meaning
    # With both a label and a value in the question, they must be of the same line.
    return met | labelled if met else set()


def _words(text: str) -> set[str]:
    """In prose "done" says nothing, in a row it is a state."""
    return wording.words_of(text) | ({"done"} if re.search(r"\bdone\b", text, re.IGNORECASE) else set())


def _is_like(word: str, label: str) -> bool:
    return word == label or (
        len(word) >= 5 and (label.startswith(word) or (len(label) >= 5 and word.startswith(label)))
    )


def _has_month(value: str, month: int) -> bool:
    return any(int(found[2]) == month for found in _DATE.finditer(value))


Used = tuple[set[str], Excerpt | None]


def _overdue(question: str, row: Row, today: date) -> Used | None:
    found = _OVERDUE.search(question)
    if not found:
        return set(), None
    line = row.value(_DATES)
    status = row.value(_STATUSES)
    on = _DATE.search(value_of(line)) if line else None
    is_done = status is not None and bool(_DONE.search(value_of(status)))
    if line is None or on is None or is_done or on[0] >= today.isoformat():
        return None
    return wording.words_of(found[0]), line


def _lacks(question: str, row: Row, rows: Sequence[Row]) -> Used | None:
    found = _LACKS.search(question)
    if not found:
        return set(), None
    word = wording.stem((found[1] or "owner").lower())
    meaning = next((same for same in _SAME if word in same), frozenset({word}))
    if not any(other.value(meaning) for other in rows):
        return None
    if row.value(meaning) is not None:
        return None
    # What is not there cannot be quoted: the row's state shows which row it is.
    words = {word, *meaning, *wording.words_of(found[0])} | wording.words_of("date")
    return words, row.value(_STATUSES) or next(iter(row.lines))


def lines_about(question: str, found: Iterable[Excerpt]) -> Iterator[Excerpt]:
    """Property lines whose label is the asked one and whose row is named by the question."""
    meaning = asked_label(question)
    words = wording.words_of(question) - meaning - _ROW_WORDS
    for line in found:
        if line.kind == "property" and wording.words_of(label_of(line)) & meaning:
            title = wording.words_of(line.candidate.title)
            if words and title and len(words & title) >= 0.7 * len(words):
                yield line
