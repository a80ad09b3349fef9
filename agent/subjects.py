"""What a question is about, and whether a line is about the same and not only near to it. Pure."""

import re
from collections.abc import Iterable, Set

from agent import kinds, wording
from agent.candidates import Candidate
from agent.days import MONTHS
from agent.excerpts import Excerpt, excerpts, headings

_I = re.IGNORECASE
_ASKING = re.compile(
    r"\b(?:who|whom|whose|what|how|why|where|when|which|is|are|was|were|am|do|does|did|has|have|had|can|could|may|must"
    r"|should|will|would|shall)\b|['’]s\b|^\W*(?:list|show|tell|give|name|find|count|explain|write|summari[sz]e)\b",
    _I,
)
MOST_WORDS_OF_PHRASE = 4
# "How long does the test suite run?" is about a suite.
_DONE_BY = re.compile(
    r"^\W*(?:and\W+)?(?:(?:for )?how (?:long|often|fast|quickly|soon|much|many [^\W\d_]+)|when|where|why|what)"
    r" (?:(?:does|do|did|will|can|must|should)"
    r"|(?:is|are|was|were)(?=.*(?:ed|en|built|kept|made|paid|sent|sold|run)\W*$))"
    r" (?:the|our|an?|my|your|each|every) (?:[^\W\d_]+[ -]){0,2}?(?P<head>[^\W\d_]+) [^\W\d_]+\W*$",
    _I,
)
_MONTH = "|".join((*MONTHS, *(month[:3] for month in MONTHS)))
_IN = re.compile(rf"\b(?i:in|at) (?!(?i:{_MONTH})\b)(?P<name>[A-Z][\w’'-]+)")
_BY = re.compile(r"\bby (?:an? |the |our |your )?(?P<who>[^\W\d_]+)", _I)
# What stands beside it or is a share of it: "with the salary", "100 % of your net salary".
_WITH = re.compile(
    r"(?:\bwith|(?:%|\b(?:per ?cent|half|third|quarter|part|share)) of)"
    r" (?:(?:the|that|this|an?|our|your|each|next|last|same|following|net|gross|full|[^\W\d_]+['’]s) )*$",
    _I,
)
_WHEN = re.compile(r"\W*(?:when|how (?:long|often|much)|(?:on |at )?(?:what|which) (?:day|date|time))\b", _I)
# "Recordings" are things, "before recording" is a deed.
_THINGS = re.compile(r"\b([^\W\d_]{3,}ing)s\b", _I)
_DOING = re.compile(r"\b(?:before|after|by|when|while|without|start|starts|stop|stops|avoid|avoids|keep|keeps) $", _I)
_FIRST_WORD = re.compile(r"\W*(?:(?:the|an?) )?([^\W\d_]+)", _I)


_AUXILIARY = r"(?:do|does|did|is|are|was|were|can|may|must|should|will|has|have|had)\b"
# "How many days of paid holiday …" counts holiday, in days.
_MEASURED = re.compile(
    r"\bhow (?:many|much) (?:(?P<kind>[^\W\d_]+) )?(?:(?:second|minute|hour|day|week|month|year)s|time)"
    rf"(?: (?:of )?(?!{_AUXILIARY})(?P<what>[^?]+?))?(?= {_AUXILIARY}|\W*$)",
    _I,
)


# "What should I do when …?" turns on nothing of the case that it names.
_IN_CASE = re.compile(r"(?<=\w),? (?:if|when|whenever|while|once|unless|after|before|because)\b.*", _I)


_OF = re.compile(r"\bof (?:the|our) (?P<what>[^\W\d_]+(?:-[^\W\d_]+)*)", _I)
# They say what kind of thing is asked for; that is looked for by its shape.
_CALLED = frozenset(
    wording.words_of(
        "allowance amount cause charge cost date fee price rate reason sum time hour day week month quarter year today"
        " tomorrow yesterday tonight"
    )
)


# "When does it open in the morning?" asks for a time of the clock.
_ASKS_TIME = re.compile(r"^\W*(?:and\W+)?(?:when|(?:at )?what time|how (?:early|late))\b", _I)
_PART_OF_DAY = re.compile(r" (?:in the (?:morning|afternoon|evening)|at night)s?(?=\W*$)", _I)
# What is kept or written somewhere is there.
_KEPT = re.compile(
    r"^(?P<what>\W*(?:and\W+)?where (?:is|are) .+)"
    r" (?:kept|stored|saved|written|noted|listed|found|located|placed|put|held)(?: down)?\W*$",
    _I,
)
_IS_SOMEWHERE = re.compile(
    r"\b(?:is|are|stands?|lies?|hangs?|lives?|sits?)(?: (?:now|always|also|still|only))?"
    r" (?:in|on|at|under|behind|beside|near|inside|within|above|below|next to)\b",
    _I,
)


def turns_on(question: str, shown: str = "") -> set[str]:
    """What must be said where a question asks one thing: what it ends with, what that is of, and of what it asks how
    many days. A time of the clock that is `shown` need not say of what part of the day it is, nor what is shown to be
    somewhere that it is kept there."""
    asked = wording.read(question)
    if asked.is_about_several or not wording.is_english(question):
        return set()
    main = _IN_CASE.sub("", question)
    if _ASKS_TIME.match(main) and kinds.has_clock(shown):
        main = _PART_OF_DAY.sub("", main)
    if (kept := _KEPT.match(main)) and _IS_SOMEWHERE.search(shown):
        main = kept["what"]
    found = (*_MEASURED.finditer(main), *_OF.finditer(main))
    words = wording.words_of(" ".join(said for each in found for said in each.groups() if said)) | {
        wording.last_word(main)
    }
    return words - {""} - asked.names - asked.parts_of_codes - _CALLED


def is_phrase(question: str) -> bool:
    """Whether it only names something, as in "test suite": then each of its words counts."""
    return not _ASKING.search(question) and len(wording.words_of(question)) <= MOST_WORDS_OF_PHRASE


def is_of_it(question: str, shown: str, words: Set[str]) -> bool:
    """Whether it is about who or what does what is asked, in the same place. `words` are those of the sentence and its
    place on the page."""
    found = _DONE_BY.match(question)
    if found and not wording.words_of(found["head"]) <= words:
        return False
    if any(_is_only_done(each[1], shown) for each in _THINGS.finditer(question)):
        return False
    return _is_in_place(question, shown) and _is_by(question, shown) and not _is_beside(question, shown)


def _is_only_done(thing: str, shown: str) -> bool:
    """Whether what could be meant by a thing is each time what somebody does: "before recording"."""
    said = [each.start() for each in re.finditer(rf"\b{re.escape(thing)}s?\b", shown, _I)]
    return bool(said) and all(_DOING.search(shown[:at]) for at in said)


def _is_in_place(question: str, shown: str) -> bool:
    """What holds in Portugal says nothing of Germany, though the next sentence may."""
    asked = {wording.plain(each["name"]) for each in _IN.finditer(question)}
    said = {wording.plain(each["name"]) for each in _IN.finditer(shown)}
    return not asked or not said or all(each in wording.plain(shown) for each in asked)


def _is_by(question: str, shown: str) -> bool:
    """What is done for an operator is not done by one."""
    found = _BY.search(question)
    who = wording.stem(wording.plain(found["who"])) if found else ""
    words = re.findall(r"[^\W_]+", wording.plain(shown))
    before = [
        [each for each in words[max(0, at - 2) : at] if each not in ("a", "an", "the", "our", "your")][-1:]
        for at, word in enumerate(words)
        if wording.stem(word) == who
    ]
    return not before or not all(each in (["to"], ["for"], ["from"], ["with"]) for each in before)


def _is_beside(question: str, shown: str) -> bool:
    """What is paid with a salary is not the salary, nor is a share of it."""
    if not _WHEN.match(question) or re.search(r"\bwith\b", question, _I):
        return False
    said = dict[str, list[int]]()
    for each in re.finditer(r"[^\W_]+", shown):
        for word in wording.words_of(each[0]) & wording.words_of(question):
            said.setdefault(word, []).append(each.start())
    return any(all(_WITH.search(shown[:at]) for at in places) for places in said.values())


def named_elsewhere(excerpt: Excerpt, found: Iterable[Candidate]) -> set[str]:
    """Words that a line has from its page's title alone, while something else on that page is what they name."""
    candidate = excerpt.candidate
    section = candidate.context.removeprefix(candidate.title)
    own = wording.words_of(f"{excerpt.paragraph} {excerpt.lead} {section}")
    titled = wording.words_of(candidate.title) - own
    if not titled:
        return set()
    pages = [each for each in found if each.page_key == candidate.page_key]
    return titled & {word for page in pages for word in _topics(page)}


def _topics(candidate: Candidate) -> set[str]:
    """What its headings and the beginnings of its items name."""
    items = (_FIRST_WORD.match(each.shown) for each in excerpts(candidate) if each.kind == "item")
    firsts = " ".join(each[1] for each in items if each)
    section = candidate.context.removeprefix(candidate.title)
    return wording.words_of(f"{' '.join(headings(candidate))} {section} {firsts}")
