"""What a question is about, and whether a line is about the same and not only near to it. Pure."""

import re
from collections.abc import Iterable, Set

from agent import wording
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
_FIRST_WORD = re.compile(r"\W*(?:(?:the|an?) )?([^\W\d_]+)", _I)


def is_phrase(question: str) -> bool:
    """Whether it only names something, as in "test suite": then each of its words counts."""
    return not _ASKING.search(question) and len(wording.words_of(question)) <= MOST_WORDS_OF_PHRASE


def is_of_it(question: str, shown: str, words: Set[str]) -> bool:
    """Whether it is about who or what does what is asked, in the same place. `words` are those of the sentence and its
    place on the page."""
    found = _DONE_BY.match(question)
    if found and not wording.words_of(found["head"]) <= words:
        return False
    return _is_in_place(question, shown) and _is_by(question, shown)


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
