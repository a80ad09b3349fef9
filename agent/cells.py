"""Rows of a table on a page that a question picks by what stands in a cell: "who works in Valencia?". Pure."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from agent import wording
from agent.excerpts import Excerpt, cells_of
from agent.rows import token_set
from agent.tables import LIGHT, columns

_I = re.IGNORECASE
_NAME = r"(?-i:[A-Z])[\w’'-]+(?: (?-i:[A-Z])[\w’'-]+)*"
_NAMED = re.compile(r"[^\W\d_a-z][\w’'-]+(?: [^\W\d_a-z][\w’'-]+)*")
_AUXILIARY = r"(?:is|are|was|were|do|does|did|has|have|can|may|must|will|would)\b"
# What is asked for, and where the rest of the question begins, which picks.
_FORMS = (
    re.compile(rf"^\W*(?:which|what) (?!{_AUXILIARY})(?P<noun>[^\W\d_]+)\b(?P<rest>.*)", _I),
    re.compile(rf"^\W*(?:who (?:is|are)|what does) (?P<named>{_NAME})(?: do)?\W*$", _I),
    re.compile(r"^\W*(?P<who>who) (?:is|are|(?=works?\b|sits?\b))(?P<rest>.*)", _I),
    re.compile(r"^\W*(?P<where>where) (?:does|do|is|are)\b(?P<rest>.*)", _I),
    # "What is sent on 3 December?"
    re.compile(r"^\W*what (?:is|was|will be)\b(?P<rest>.*\d.*)", _I),
)
# What makes a question about something else than the cells that have its words.
_TURNS = re.compile(
    r"\b(?:not?|never|without|except|only|both|or|and|than|within|under|over|above|below|least|most|before|after|between"
    r"|until|since|how|why|when|highest|lowest|biggest|cheapest|longest|best|first|last|next)\b|n['’]t\b",
    _I,
)
_WORKS = re.compile(r"\b(?:works?|sits?)(?: (?:in|at|from|out of)\b|(?=\W*$))", _I)
_PEOPLE = frozenset(wording.words_of("people person colleague employee employees staff member"))
# Labels of columns.
_NAMES = frozenset(wording.words_of("name person people member employee colleague"))
_PLACES = frozenset(wording.words_of("place location office city country site address region room base"))


@dataclass(frozen=True)
class _Asked:
    """`words` are those that pick; what `is_named` is the first cell, and what is asked where it is, too."""

    noun: frozenset[str]
    words: frozenset[str]
    is_who: bool
    is_where: bool
    is_named: bool


def may_pick(question: str) -> bool:
    return _read(question) is not None


def name_sought(question: str) -> str:
    """The name that a cell must begin with; empty when it may be any."""
    found = next((match for form in _FORMS if (match := form.match(question))), None)
    given = found.groupdict() if found else {}
    name = _NAMED.search(given.get("named") or given.get("rest") or "")
    return name[0] if name else ""


def picked(question: str, found: Sequence[Excerpt]) -> list[Excerpt]:
    """The rows of one table that have in a cell what the question names, where its other words are what the table is
    about."""
    asked = _read(question)
    tables = dict[tuple[str, tuple[str, ...]], list[Excerpt]]()
    for row in found:
        if asked and row.kind == "row" and _answers(row, asked):
            labels = tuple(label for label, _ in cells_of(row))
            tables.setdefault((row.candidate.page_id, labels), []).append(row)
    return next(iter(tables.values()), [])


def _read(question: str) -> _Asked | None:
    found = next((match for form in _FORMS if (match := form.match(question))), None)
    if found is None or _TURNS.search(question):
        return None
    given = found.groupdict()
    # "Who is CEO?" asks for no name.
    is_named = bool(given.get("named")) and not given["named"].isupper()
    noun = wording.words_of(given.get("noun") or "")
    if given.get("noun") and not noun:
        return None
    is_who = bool(given.get("named") or given.get("who") or noun & _PEOPLE)
    light = LIGHT | (_PEOPLE if is_who else frozenset())
    rest = _WORKS.sub(" ", given.get("named") or given["rest"])
    words = frozenset(word for word in token_set(rest) if not wording.words_of(word) <= light)
    return _Asked(frozenset(noun - _PEOPLE), words, is_who, bool(given.get("where")), is_named)


def _answers(row: Excerpt, asked: _Asked) -> bool:
    cells = cells_of(row)
    if not cells or (asked.is_who and not _is_called(cells[0][0], _NAMES)):
        return False
    if asked.is_where and not any(_is_called(label, _PLACES) for label, _ in cells):
        return False
    place = wording.words_of(f"{row.candidate.title} {row.candidate.context} {row.lead}")
    about = place | columns(label for label, _ in cells)
    # "Higher" is not "high" here.
    picking = {word for word in asked.words if not wording.words_of(word) <= about}
    if not picking or not asked.noun <= about:
        return False
    if asked.is_named or asked.is_where:
        return picking <= token_set(cells[0][1])
    # "Which contracts end in 2027?" is asked of the column "Ends".
    named = {word for each in asked.words for word in wording.words_of(each)}
    of_it = [cell for label, cell in cells if wording.words_of(label) & named] or [cell for _, cell in cells]
    return any(picking <= token_set(cell) for cell in of_it)


def _is_called(label: str, names: frozenset[str]) -> bool:
    return label.lower() == "who" or bool(wording.words_of(label) & names)
