"""What a question turns on that is no word of it: a state, a place in an order, a deed, a name. Pure."""

import re
from collections.abc import Set

from agent import days, denying, wording
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
# "Who leads …?" is answered by who leads it.
_DOES = re.compile(
    r"^\W*(?:and\W+)?who (?:(?:is|are|was|were) (?P<doing>[^\W\d_]+ing)\b"
    r"|(?!(?:is|was|does|has|looks|gets|needs|knows)\b)(?P<does>[^\W\d_]+(?:s|ed))\b)",
    _I,
)
_WHO_ARE = re.compile(r"^\W*(?:and\W+)?who (?:are|were)\b", _I)
_IS_THERE = re.compile(r"^\W*(?:is|are|was|were) there\b", _I)
# (what a question asks per or in, what an answer then says)
_RATES = (
    *(
        (
            re.compile(rf"\b(?:per|an?|each|every) {span}\b|\b{adverb}\b", _I),
            re.compile(rf"\b(?:per|an?|each|every|for each|/) ?{span}\b|\b{adverb}\b", _I),
        )
        for span, adverb in (
            ("hour", "hourly"),
            ("day", "daily"),
            ("week", "weekly"),
            ("month", "monthly"),
            ("year", "(?:year|annual)ly"),
        )
    ),
    (re.compile(r"\bin (?:us )?dollars\b", _I), re.compile(r"\$|\bdollars?\b|\busd\b", _I)),
    (re.compile(r"\bin (?:british )?pounds\b", _I), re.compile(r"£|\bpounds?\b|\bgbp\b", _I)),
    (re.compile(r"\bin euros?\b", _I), re.compile(r"€|\beuros?\b|\beur\b", _I)),
)
_ASKS_AMOUNT = re.compile(r"\bhow (?:much|many)\b|\bcosts?\b|\b(?:price|fee|salary|pay)\b", _I)
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
# "Has Tom finished it?" is answered by what says that somebody did, or how far it is.
_HAS_DONE = re.compile(
    r"^\W*(?:and\W+)?(?:has|have|had) (?:[\w’'-]+ ){1,4}?(?P<done>\w+(?:ed|en)|done|sent|made|paid|built|sold|told|put"
    r"|set|run|got|met|left|bought|found|read|begun|won|lost|kept|held|said|gone|come|become)\b",
    _I,
)
# "What was decided?" is not answered by what is to be decided.
_WAS_DONE = re.compile(
    r"^\W*(?:and\W+)?(?:what|who|which .+?|how many .+?) (?:was|were|has been|have been) (?P<done>\w+ed)\b", _I
)
_DID = re.compile(r"^\W*(?:and\W+)?did\b", _I)
_HEAD = re.compile(
    r"^\W*(?:(?:what|who) (?:is|are|was) )?(?:the |our )?(?P<head>target|goal|limit|owner|maximum|minimum)"
    r" (?:for|of|on)\b(?:.* (?P<whole>company)\W*$)?",
    _I,
)
_SIDE = re.compile(r"\b(?:in|out)side\b")
_OWNED = re.compile(r"^(?:an?|the) (?P<owner>\w+)['’]s ", _I)
_STATEMENT = re.compile(r"[;.!?](?=\s)")
_WHY = re.compile(r"^\W*(?:and\W+)?why (?:is|are|was|were)\b", _I)
_STATE = re.compile(
    r"\b(?:done|finished|completed?|ready|open|blocked|started|in progress|in review|waiting|not yet|already)\b", _I
)
_MEANS_TO = re.compile(
    r"\b(?:whether|if|unless)\b[^,.;:]* $"
    r"|\b(?:expect|await|want|need|ask|wait|hope)(?:s|ed|ing)?(?: for)?(?: an?| the)? $|"
    r"\b(?:(?:wants?|plans?|hopes?|wish(?:es)?|intends?|needs?|has|have|ought|going|asked|tries) to|to be|will|would"
    r"|should|might|may|could|can|must)(?: (?:be|not|also))? $",
    _I,
)
_FOR = re.compile(r"\bfor ((?:[^\W\d_]+ ){0,2}[^\W\d_]+)\W*$", _I)
_EVERYBODY = frozenset(
    wording.words_of("people person colleague employee employees company team customer user dinner night once")
)
_ON_DAY = re.compile(
    rf" on (?:the )?(?:\w+day,? )?(?:\d+(?:st|nd|rd|th)?(?: of)? (?:{_MONTH})|(?:{_MONTH}) \d+)(?:,? \d{{4}})?(?=\W*$)",
    _I,
)
_CLOCK = re.compile(r"\b\d{1,2}[:.]\d\d\b")
_WEEKDAY = re.compile(r"\b(?:mon|tues|wednes|thurs|fri|satur|sun)day,", _I)
_CLAUSE = re.compile(r"[,;]|\s[–—]\s|[.!?:](?=\s)")


def asks_whether(question: str) -> bool:
    return _ASKS_WHETHER.match(question) is not None


def asks_who_they_are(question: str) -> bool:
    return _WHO_ARE.match(question) is not None


def asks_state(question: str) -> bool:
    return bool(_IS.match(question)) and any(asks.search(question) for asks, _ in _STATES)


def without_state(question: str) -> str:
    for asks, _ in _STATES:
        question = asks.sub("", question)
    return question


def without_day(question: str) -> str:
    """ "Is the fair?" of "is the fair on 1 May?"; the question itself where the day is no end of it."""
    return _ON_DAY.sub("", question) if _IS.match(question) else question


def says_what_is_asked(question: str, shown: str, words: Set[str]) -> bool:
    """Whether it says what a question turns on that is no word of it: a state, the most of something, what is named as
    one of many, or what "does it …?" ends with. `words` are those of the sentence and its place."""
    if _IS.match(question) and any(asks.search(question) and not says.search(shown) for asks, says in _STATES):
        return False
    if not is_of_rate(question, shown):
        return False
    if any(asks.search(question) and not says.search(shown) for asks, says in _PLACES):
        return False
    if found := _DOES.match(question):
        deed = found["doing"] or found["does"]
        if not wording.words_of(deed) <= words or (deed.endswith("ed") and _is_only_meant(deed, shown)):
            return False
    if (found := _WHO_IS.match(question)) and not re.search(rf"\b{re.escape(found['name'])}\b{_INTRODUCES}", shown):
        return False
    if (found := _WAS_DONE.match(question)) and _is_only_meant(found["done"], shown):
        return False
    if _WHY.match(question) and not denying.denied(question) and denying.says_not(shown, wording.last_word(question)):
        return False
    if (found := _HAS_DONE.match(question)) and not (_is_done(found["done"], shown) or _STATE.search(shown)):
        return False
    if not _is_of_it(question, shown, words):
        return False
    if _IS.match(question) and not _is_in_one_clause(question, shown):
        return False
    if _DID.match(question) and any(_is_only_meant(word, shown) for word in question.split()):
        return False
    if _ASKS_WHETHER.match(question) and not _has_time_of_it(question, shown, words):
        return False
    if _IS_THERE.match(question) and not wording.read(question).words <= words:
        return False
    if (
        _ASKS_WHETHER.match(question)
        and not wording.read(question).is_about_several
        and (asked := wording.last_word(question))
        and asked not in words
    ):
        return False
    return _names_some(question, shown)


def _is_of_it(question: str, shown: str, words: Set[str]) -> bool:
    """Whether it says what is asked for by name, on the side of it that is asked for, and not of somebody's."""
    if (head := _HEAD.match(question)) and not wording.words_of(f"{head['head']} {head['whole'] or ''}") <= words:
        return False
    sides = [set(_SIDE.findall(text.lower())) for text in (question, shown)]
    if all(sides) and sides[0].isdisjoint(sides[1]):
        return False
    owner = _OWNED.match(shown) if _ASKS_AMOUNT.search(question) else None
    return owner is None or wording.words_of(owner["owner"]) <= wording.words_of(question)


def _is_in_one_clause(question: str, shown: str) -> bool:
    """Whether the names and the rest of what "is X part of Y?" asks meet, where it says both."""
    asked = wording.read(question)
    names = asked.names | asked.parts_of_codes
    rest, said = asked.words - names, wording.words_of(shown)
    clauses = (wording.words_of(each) for each in _STATEMENT.split(shown))
    return not (names & said and rest & said) or any(names & each and rest & each for each in clauses)


def is_for_whom(question: str, words: Set[str]) -> bool:
    """Whether it says something of whom or what it is asked for at the end: "… for adopted children"."""
    found = _FOR.search(question)
    wanted = wording.words_of(found[1]) - _EVERYBODY if found else set[str]()
    return not wanted or bool(wanted & words)


def _is_done(deed: str, shown: str) -> bool:
    return bool(wording.words_of(deed) & wording.words_of(shown)) and not _is_only_meant(deed, shown)


def _is_only_meant(deed: str, shown: str) -> bool:
    """Whether it says each time that somebody wants or has to do it."""
    stems = wording.words_of(deed)
    said = [each.start() for each in re.finditer(r"[^\W_]+", shown) if wording.words_of(each[0]) & stems]
    return bool(said) and all(_MEANS_TO.search(shown[:at]) for at in said)


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


def is_of_rate(question: str, shown: str) -> bool:
    """Whether an amount is told per what, and in what, it is asked for."""
    return not _ASKS_AMOUNT.search(question) or all(
        says.search(shown) for asks, says in _RATES if asks.search(question)
    )


def have_one_rate(one: str, other: str) -> bool:
    """Whether two amounts are told per the same, as far as they say per what."""
    rates = [{at for at, (_, says) in enumerate(_RATES) if says.search(shown)} for shown in (one, other)]
    return not all(rates) or bool(rates[0] & rates[1])


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
