"""What a question turns on that is no word of it: a place in an order, a side, a name. Pure."""

import re
from collections.abc import Set

from agent import deeds, denying, rates, whether, wording
from agent.days import MONTHS

_I = re.IGNORECASE
_MONTH = "|".join(MONTHS)
# (a place in an order that a question asks for, what says that something has it)
_PLACES = (
    (
        re.compile(r"(?<!\bat )\bmost\b|\b(?:highest|biggest|largest|greatest)\b", _I),
        re.compile(r"\b(?:most|highest|biggest|largest|greatest|top|main|first)\b", _I),
    ),
    (re.compile(r"\b(?:lowest|smallest|least|fewest)\b", _I), re.compile(r"\b(?:lowest|smallest|least|fewest)\b", _I)),
    (
        re.compile(r"\b(?:first|earliest|oldest)\b", _I),
        re.compile(r"\b(?:first|earliest|oldest)\b", _I),
    ),
    (
        re.compile(r"^(?!.*\bhow long\b).*\b(?:last|latest|newest)\b", _I),
        re.compile(r"\b(?:last|latest|newest|until|ends?|by)\b", _I),
    ),
    (re.compile(r"\bnext\b", _I), re.compile(r"\b(?:next|follow\w*)\b", _I)),
)
_WHO_ARE = re.compile(r"^\W*(?:and\W+)?who (?:are|were)\b", _I)
_WHICH = re.compile(r"^\W*(?:which|what) ([^\W\d_]+)", _I)
_TIME = re.compile(
    rf"\b(?:\d{{1,2}} )?(?:{_MONTH})\b(?: \d{{4}})?"
    r"|\b\d{4}(?:-\d\d)*\b",
    _I,
)
_NAME = re.compile(r"(?<=[^.!?…] )\W{0,2}[^\W\d_a-z]\w+|\d|\w_\w|[“\"`]")
_TIMES = frozenset(wording.words_of("day date week month quarter year hour time weekday"))
# "Who is Tom?" is answered by what introduces him.
_WHO_IS = re.compile(
    r"^\W*(?:and\W+)?(?:who (?:is|are)|what does) (?P<name>(?-i:[A-Z])[\w’'-]+)(?: (?-i:[A-Z])[\w’'-]+)?(?: do)?\W*$",
    _I,
)
_INTRODUCES = (
    r"[^.;:]{0,30}?(?: (?:is|was|leads|heads|works|looks after|answers for)\b|, (?:the|our|an?|who|head|lead)\b)"
)
_HEAD = re.compile(
    r"^\W*(?:(?:what|who) (?:is|are|was) )?(?:the |our )?(?P<head>target|goal|limit|owner|maximum|minimum)"
    r" (?:for|of|on)\b(?:.* (?P<whole>company)\W*$)?",
    _I,
)
_SIDE = re.compile(r"\b(?:in|out)side\b")
_OWNED = re.compile(r"^(?:an?|the) (?P<owner>\w+)['’]s ", _I)
_WHY = re.compile(r"^\W*(?:and\W+)?why (?:is|are|was|were)\b", _I)
_FOR = re.compile(r"\bfor ((?:[^\W\d_]+ ){0,2}[^\W\d_]+)\W*$", _I)
_EVERYBODY = frozenset(
    wording.words_of("people person colleague employee employees company team customer user dinner night once")
)


def asks_who_they_are(question: str) -> bool:
    return _WHO_ARE.match(question) is not None


def says_what_is_asked(question: str, shown: str, words: Set[str]) -> bool:
    """Whether it says what a question turns on that is no word of it: a state, the most of something, what is named as
    one of many, or what "does it …?" ends with. `words` are those of the sentence and its place."""
    if any(asks.search(question) and not says.search(shown) for asks, says in _PLACES):
        return False
    if (found := _WHO_IS.match(question)) and not re.search(rf"\b{re.escape(found['name'])}\b{_INTRODUCES}", shown):
        return False
    if _WHY.match(question) and not denying.denied(question) and denying.says_not(shown, wording.last_word(question)):
        return False
    return (
        rates.is_of_rate(question, shown)
        and deeds.are_said(question, shown, words)
        and whether.is_told(question, shown, words)
        and _is_of_it(question, shown, words)
        and _names_some(question, shown)
    )


def _is_of_it(question: str, shown: str, words: Set[str]) -> bool:
    """Whether it says what is asked for by name, on the side of it that is asked for, and not of somebody's."""
    if (head := _HEAD.match(question)) and not wording.words_of(f"{head['head']} {head['whole'] or ''}") <= words:
        return False
    sides = [set(_SIDE.findall(text.lower())) for text in (question, shown)]
    if all(sides) and sides[0].isdisjoint(sides[1]):
        return False
    owner = _OWNED.match(shown) if rates.ASKS_AMOUNT.search(question) else None
    return owner is None or wording.words_of(owner["owner"]) <= wording.words_of(question)


def is_for_whom(question: str, words: Set[str]) -> bool:
    """Whether it says something of whom or what it is asked for at the end: "… for adopted children"."""
    found = _FOR.search(question)
    wanted = wording.words_of(found[1]) - _EVERYBODY if found else set[str]()
    return not wanted or bool(wanted & words)


def _names_some(question: str, shown: str) -> bool:
    """Whether it names what "which customers …?" asks for, as what holds for customers or says nothing of them does
    not."""
    found = _WHICH.match(question)
    noun = wording.words_of(found[1]) if found else set[str]()
    is_plural = re.match(r"\W*which [^\W_]+(?<!s)s\b", question, _I) is not None
    of_it = [each.end() for each in re.finditer(r"[^\W_]+", shown) if wording.words_of(each[0]) & noun]
    if not noun or noun & _TIMES or not (is_plural or of_it) or shown.endswith(":"):
        return True
    return _NAME.search(_TIME.sub(" ", shown)) is not None or any(shown[end:].startswith(":") for end in of_it)
