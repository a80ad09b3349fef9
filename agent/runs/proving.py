"""Whether a passage says what a model says that it says. Pure; embedding is handed over.

Each number, name, code and amount of a sentence has to stand in what it cites, so have most of its words, it may deny
nothing that the passage states, and it has to mean nearly the same.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from agent import amounts, ranking, wording
from agent.candidates import Candidate
from agent.days import MONTHS
from agent.excerpts import Excerpt, quotable
from agent.ranking import Embed

LEAST_WORDS = 0.7
LEAST_NEAR = 0.45
# Of one passage, what a sentence may be put together from.
MOST_EXCERPTS = 2
_NUMBER = re.compile(r"\d+(?:[.,:/-]\d+)*")
_WORD = re.compile(r"[^\W\d_]+(?:['’]t)?")
_CLAUSE = re.compile(r"[,;:–—()|.!?]|\b(?:but|and|or|although|unless|except)\b")
_DENIES = re.compile(
    r"\b(?:not|no|never|none|nobody|nothing|neither|nor|without|cannot|nicht|kein\w*|nie|ohne|pas|sans|jamais)\b|n['’]t\b",
    re.IGNORECASE,
)
# Such a word decides what a sentence says, and is left out of its words otherwise.
_BOUNDS = frozenset(
    _WORD.findall(
        """
    before after until since under over above below more less fewer least most maximum minimum only except always
    earlier later"""
    )
)
_SPELLED = frozenset(
    _WORD.findall(
        """
    two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen eighteen
    nineteen twenty thirty forty fifty sixty seventy eighty ninety hundred thousand million billion half twice"""
    )
)
_OPENERS = frozenset(
    _WORD.findall(
        "according anybody anyone currently employees everybody everyone members overall people staff there yes"
    )
)


@dataclass(frozen=True)
class Proof:
    """The excerpt that says most of it, of each passage that says some of it."""

    excerpts: tuple[Excerpt, ...]


def prove(sentence: str, cited: Sequence[Candidate], *, question: str, embed: Embed) -> Proof | None:
    words = wording.words_of(amounts.in_digits(sentence))
    if not words:
        return None
    chosen = [(each, _closest(words, each, question)) for each in cited]
    chosen = [(candidate, best) for candidate, best in chosen if best]
    excerpts = [each for _, best in chosen for each in best]
    if not excerpts:
        return None
    told = " ".join(f"{_told(best)} {ranking.place(best[0])}" for _, best in chosen)
    if not (_has_all(sentence, told) and _has_most(words, told) and not _denies_otherwise(sentence, excerpts)):
        return None
    vectors = embed([sentence, *(_embedded(each) for each in excerpts)])
    if float(max(vectors[1:] @ vectors[0])) < LEAST_NEAR:
        return None
    return Proof(tuple(best[0] for _, best in chosen))


def _closest(words: set[str], candidate: Candidate, question: str) -> list[Excerpt]:
    """Those that have most of the words, each with words that the ones before it have not."""
    left, chosen = set(words), list[Excerpt]()
    # What gives orders to an assistant, and what follows it, proves nothing.
    rest = [(each, wording.words_of(amounts.in_digits(_told([each])))) for each in quotable(question, candidate)]
    while rest and left and len(chosen) < MOST_EXCERPTS:
        best = max(rest, key=lambda each: len(each[1] & left))
        if not best[1] & left:
            break
        rest.remove(best)
        chosen.append(best[0])
        left -= best[1]
    return chosen


def _told(excerpts: Sequence[Excerpt]) -> str:
    return " ".join(f"{each.lead} {each.shown}" for each in excerpts)


def _embedded(excerpt: Excerpt) -> str:
    return f"{excerpt.candidate.title}: {excerpt.shown}" if excerpt.kind in ("row", "property") else excerpt.shown


def _has_all(sentence: str, told: str) -> bool:
    """Numbers, amounts, names, codes and what bounds them."""
    said, known = amounts.in_digits(sentence), amounts.in_digits(told)
    read, own = wording.read(said), wording.words_of(known)
    if not set(_NUMBER.findall(said)) <= set(_NUMBER.findall(known)):
        return False
    if not amounts.read(said) <= amounts.read(known):
        return False
    if wording.missing(read, known, own):
        return False
    small, there = set(_WORD.findall(said.lower())), set(_WORD.findall(known.lower()))
    months = {each.lower() for each in _WORD.findall(said) if each[0].isupper()} & set(MONTHS)
    return _opens_as_known(said, own) and small & (_BOUNDS | _SPELLED) | months <= there


def _opens_as_known(said: str, known: set[str]) -> bool:
    """A name at the start looks like any other word there."""
    first = _WORD.match(said)
    if first is None or not first.group()[0].isupper() or first.group().lower() in _OPENERS:
        return True
    return wording.words_of(first.group()) <= known


def _has_most(words: set[str], told: str) -> bool:
    return len(words & wording.words_of(amounts.in_digits(told))) >= LEAST_WORDS * len(words)


def _denies_otherwise(sentence: str, excerpts: Sequence[Excerpt]) -> bool:
    """Compared with the part of each that shares most words with it."""
    words, denies = wording.words_of(sentence), bool(_DENIES.search(sentence))
    parts = [part for each in excerpts for part in _CLAUSE.split(f"{each.lead}. {each.shown}") if part.strip()]
    shared = [(len(words & wording.words_of(part)), part) for part in parts]
    most = max((number for number, _ in shared), default=0)
    nearest = [bool(_DENIES.search(part)) for number, part in shared if number == most]
    return denies not in nearest
