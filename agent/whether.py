"""Questions whether something is so, is in a state, or is on a day. Pure."""

import re
from collections.abc import Set

from agent import days, wording
from agent.days import MONTHS

_I = re.IGNORECASE
_MONTH = "|".join(MONTHS)
_IS = re.compile(r"^\W*(?:and\W+)?(?:is|are|was|were)\b(?! there\b)", _I)
_ASKS_WHETHER = re.compile(
    r"^\W*(?:and\W+)?(?:(?:is|are|was|were)\b(?! there\b)|(?:do|does|did|has|have|can|may|must|should|will)\b)", _I
)
# (the state that "is it …?" ends with, what says whether it is so)
_STATES = (
    (
        re.compile(r"\b(?:done|finished|completed?|ready)\W*$", _I),
        re.compile(r"\b(?:done|finished|completed?|ready)\b", _I),
    ),
    (re.compile(r"\bblocked\W*$", _I), re.compile(r"\b(?:un)?blocked\b(?! by:)", _I)),
    (re.compile(r"\b(?:in progress|started)\W*$", _I), re.compile(r"\b(?:in progress|started)\b", _I)),
    (re.compile(r"\bin review\W*$", _I), re.compile(r"\bin review\b", _I)),
)
_IS_THERE = re.compile(r"^\W*(?:is|are|was|were) there\b", _I)
_ON_DAY = re.compile(
    rf" on (?:the )?(?:\w+day,? )?(?:\d+(?:st|nd|rd|th)?(?: of)? (?:{_MONTH})|(?:{_MONTH}) \d+)(?:,? \d{{4}})?(?=\W*$)",
    _I,
)
_CLOCK = re.compile(r"\b\d{1,2}[:.]\d\d\b")
_WEEKDAY = re.compile(r"\b(?:mon|tues|wednes|thurs|fri|satur|sun)day,", _I)
_CLAUSE = re.compile(r"[,;]|\s[–—]\s|[.!?:](?=\s)")
_STATEMENT = re.compile(r"[;.!?](?=\s)")


def asks_whether(question: str) -> bool:
    return _ASKS_WHETHER.match(question) is not None


def asks_state(question: str) -> bool:
    return bool(_IS.match(question)) and any(asks.search(question) for asks, _ in _STATES)


def without_state(question: str) -> str:
    for asks, _ in _STATES:
        question = asks.sub("", question)
    return question


def without_day(question: str) -> str:
    """ "Is the fair?" of "is the fair on 1 May?"; the question itself where the day is no end of it."""
    return _ON_DAY.sub("", question) if _IS.match(question) else question


def is_told(question: str, shown: str, words: Set[str]) -> bool:
    """Whether it says what such a question ends with, of the state and the time that are asked about. `words` are those
    of the sentence and its place."""
    if _IS.match(question):
        if any(asks.search(question) and not says.search(shown) for asks, says in _STATES):
            return False
        if not _is_in_one_clause(question, shown):
            return False
    if _IS_THERE.match(question) and not wording.read(question).words <= words:
        return False
    if not asks_whether(question):
        return True
    last = "" if wording.read(question).is_about_several else wording.last_word(question)
    return (not last or last in words) and _has_time_of_it(question, shown, words)


def _is_in_one_clause(question: str, shown: str) -> bool:
    """Whether the names and the rest of what "is X part of Y?" asks meet, where it says both."""
    asked = wording.read(question)
    names = asked.names | asked.parts_of_codes
    rest, said = asked.words - names, wording.words_of(shown)
    clauses = (wording.words_of(each) for each in _STATEMENT.split(shown))
    return not (names & said and rest & said) or any(names & each and rest & each for each in clauses)


def _has_time_of_it(question: str, shown: str, around: Set[str]) -> bool:
    """Whether a day or time of the clock that is asked about stands in one clause with something else that is. What a
    day is may also be said by its place, as by the title of a list."""
    times = _times(question)
    words = wording.words_of(_CLOCK.sub(" ", days.without(question)))
    clauses = _CLAUSE.split(_WEEKDAY.sub(" ", shown))
    if days.told(question) & days.told(shown) and words & (around - wording.words_of(shown)):
        return True
    return not times or any(times & _times(each) and words & wording.words_of(days.without(each)) for each in clauses)


def _times(text: str) -> set[str]:
    return {*_CLOCK.findall(text), *days.told(text)}
