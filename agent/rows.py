"""A row of a database as it is found: its properties, and the words that people have for them."""

import re
from collections.abc import Iterable
from dataclasses import dataclass

from agent import wording
from agent.candidates import Candidate
from agent.excerpts import Excerpt, excerpts

# What people say for a property, by the labels that mean the same.
MEANINGS = (
    "assignee assigned owner owned owns responsible person lead contact keeper",
    "due deadline date",
    "status state",
    "priority",
    "attendee attended participant",
    "renew renewal",
    "label labelled labeled",
)
PEOPLE, DATES, STATUSES = (frozenset(wording.words_of(words)) for words in MEANINGS[:3])
NAMED_NOT = re.compile(r"\bnot \w+", re.IGNORECASE)
ROW_WORDS = frozenset(("task", "row", "item", "entry"))
TOKEN = re.compile(r"\d+(?:[.,]\d+)+|[^\W_]+")
_TO_DO = re.compile(r"\bto[ -]do\b", re.IGNORECASE)


@dataclass(frozen=True)
class Row:
    candidate: Candidate
    lines: tuple[Excerpt, ...]

    @property
    def names_with_not(self) -> set[str]:
        return {found.lower() for line in self.lines for found in NAMED_NOT.findall(value_of(line))}

    def value(self, meaning: Iterable[str]) -> Excerpt | None:
        wanted = set(meaning)
        return next((line for line in self.lines if wording.words_of(label_of(line)) & wanted), None)


def label_of(line: Excerpt) -> str:
    return line.shown.partition(": ")[0]


def value_of(line: Excerpt) -> str:
    return line.shown.partition(": ")[2]


def row_of(candidate: Candidate) -> Row:
    lines = tuple(each for each in excerpts(candidate) if each.kind == "property") if is_row(candidate) else ()
    return Row(candidate, lines)


def is_row(candidate: Candidate) -> bool:
    """Whether it has properties."""
    return any(not block for block, _, _ in candidate.spans)


def row_words(text: str) -> set[str]:
    """In prose "done" and "to do" say nothing, in a row they are states."""
    words = token_set(text)
    return set(words) | ({"done"} if "done" in tokens(text) else set()) | ({"todo"} if _TO_DO.search(text) else set())


def token_set(text: str) -> frozenset[str]:
    kept = (word for word in TOKEN.findall(wording.plain(text)) if not wording.leaves_out(word))
    return frozenset(_own(word) for word in kept if len(word) > 1 or word.isdigit())


def tokens(text: str) -> list[str]:
    """Words as they are said: another form of one may mean the opposite."""
    return [_own(word) for word in TOKEN.findall(wording.plain(text))]


def _own(word: str) -> str:
    return wording.singular(word.replace(",", ""))
