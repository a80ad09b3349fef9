"""Questions about what holds something up, which a row says of itself: read from its own side. Pure."""

import re
from collections.abc import Collection, Iterable, Sequence

from agent import wording
from agent.excerpts import Excerpt
from agent.rows import label_of

_OF = r"(?P<what>.+?)"
# What is asked of a thing that waits.
_HELD_UP = tuple(
    re.compile(rf"^\W*(?:and\W+)?(?:what|who|which (?:tasks?|rows?|items?|entry)) {said}\W*$", re.IGNORECASE)
    for said in (
        rf"(?:blocks?|(?:is|are) blocking|holds? up|(?:is|are) holding up) {_OF}",
        rf"is {_OF} (?:blocked by|waiting for|held up by|dependent on)",
        rf"(?:does|do|must) {_OF} (?:wait for|depend on)",
    )
)
# What is asked of a thing that others wait for.
_HOLDS_UP = tuple(
    re.compile(rf"^\W*(?:and\W+)?(?:what|which (?:tasks?|rows?|items?|entries)) {said}\W*$", re.IGNORECASE)
    for said in (
        rf"(?:does|do) {_OF} (?:block|hold up)",
        rf"(?:is|are) (?:blocked by|waiting for|held up by) {_OF}",
        rf"(?:waits?|depends?) (?:for|on) {_OF}",
    )
)
_STATE = re.compile(
    r"^\W*what(?: is|['’]s) (?=(?:not )?(?:due|overdue|blocked|open|done|unassigned|in progress|in review)\b)",
    re.IGNORECASE,
)
_LABEL = re.compile(r"(?:blocked by|waiting for|waits for|depends on|blockers?|dependenc(?:y|ies))", re.IGNORECASE)
_SAYS = re.compile(r"\b(?:wait(?:s|ing)? for|depends? on|blocked by|needs?|until|before)\b", re.IGNORECASE)
# "Who are the lighthouse customers?"
_WHO_ARE = re.compile(r"^\W*who (?:are|were) (?:all )?(?:the |our |all )?(?P<rows>[^?.!]*[^\W\d_]s)\W*$", re.IGNORECASE)
LEAST_OF_NAME = 0.7


def as_pick(question: str, titles: Collection[str] = ()) -> str:
    """What waits for something, and what is in a state, is every row that says so. Something may be called by a part of
    its title where no other has that part."""
    found = next((match for each in _HOLDS_UP if (match := each.match(question))), None)
    if found:
        return f"Which rows are blocked by {_title_of(found['what'], titles)}"
    if found := _WHO_ARE.match(question):
        return f"List the {found['rows']}"
    return _STATE.sub("Which tasks are ", question)


def _title_of(called: str, titles: Collection[str]) -> str:
    words = wording.words_of(called)
    found = [title for title in titles if words and words <= wording.words_of(title)]
    return found[0] if len(found) == 1 else called


def is_asked(question: str) -> bool:
    return any(each.match(question) for each in (*_HELD_UP, *_HOLDS_UP))


def held_up(question: str, found: Iterable[Excerpt]) -> list[Excerpt]:
    """What rows and sentences of the pages that the question names say of what those wait for."""
    asked = next((match["what"] for each in _HELD_UP if (match := each.match(question))), None)
    if asked is None:
        return []
    words = wording.words_of(asked)
    own = [each for each in found if _is_called(words, each.candidate.title)]
    lines = [each for each in own if each.kind == "property" and _LABEL.fullmatch(label_of(each))]
    return lines[:1] or _sentences(own)


def _sentences(own: Sequence[Excerpt]) -> list[Excerpt]:
    return [each for each in own if each.kind in ("sentence", "item") and _SAYS.search(each.shown)][:1]


def _is_called(words: set[str], title: str) -> bool:
    return bool(words) and len(words & wording.words_of(title)) >= LEAST_OF_NAME * len(words)
