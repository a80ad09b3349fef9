"""Which sentences say most of what is asked. Pure."""

import math
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from agent import kinds, wording
from agent.candidates import Candidate
from agent.excerpts import Excerpt, quotable
from agent.wording import Asked

Embed = Callable[[Sequence[str]], NDArray[np.float32]]
MOST_COMPARED = 40
LEXICAL_WEIGHT = 0.5
# What stands in the title or heading says what a sentence is about, but the sentence itself must say more.
CONTEXT_WEIGHT = 0.5
KIND_BONUS = 0.08


@dataclass(frozen=True)
class Scored:
    excerpt: Excerpt
    cosine: float
    score: float
    share: float


def ranked(question: str, asked: Asked, candidates: Sequence[Candidate], embed: Embed) -> list[Scored]:
    found = [each for candidate in candidates for each in quotable(question, candidate)]
    if not found:
        return []
    weights = _weights(asked, found)
    lexical = [_lexical(excerpt, weights) for excerpt in found]
    # Only the most promising are embedded; those of the best chunk come first among equals.
    order = sorted(range(len(found)), key=lambda at: -lexical[at])[:MOST_COMPARED]
    vectors = embed([question, *(_embedded(found[at]) for at in order)])
    scored = []
    for at, cosine in zip(order, vectors[1:] @ vectors[0], strict=True):
        score = LEXICAL_WEIGHT * lexical[at] + (1 - LEXICAL_WEIGHT) * float(cosine) + _bonus(question, found[at])
        scored.append(Scored(found[at], float(cosine), score, _share(asked, found[at], weights)))
    return sorted(scored, key=lambda each: -each.score)


def _weights(asked: Asked, found: Sequence[Excerpt]) -> dict[str, float]:
    """How much each word of the question tells these sentences apart; what none of them has weighs most."""
    seen = Counter(word for excerpt in found for word in asked.words & wording.words_of(excerpt.shown))
    return {word: math.log(1 + len(found) / max(seen[word], 0.5)) for word in asked.words}


def _lexical(excerpt: Excerpt, weights: dict[str, float]) -> float:
    own = wording.words_of(excerpt.said)
    around = about(excerpt)
    got = sum(w if word in own else w * CONTEXT_WEIGHT if word in around else 0.0 for word, w in weights.items())
    return got / (sum(weights.values()) or 1.0)


def _embedded(excerpt: Excerpt) -> str:
    # A row or a property says nothing of what it belongs to.
    if excerpt.kind in ("row", "property"):
        return f"{excerpt.candidate.title}: {excerpt.shown}"
    return excerpt.said


def _bonus(question: str, excerpt: Excerpt) -> float:
    return KIND_BONUS if kinds.asks_for_kind(question) and kinds.has_what_is_asked(question, excerpt.shown) else 0.0


def about(excerpt: Excerpt) -> set[str]:
    """What the sentence's place says of its subject."""
    return wording.words_of(place(excerpt))


def place(excerpt: Excerpt) -> str:
    return f"{excerpt.candidate.title} {excerpt.candidate.context} {excerpt.lead}"


def _share(asked: Asked, excerpt: Excerpt, weights: dict[str, float]) -> float:
    """How much of what is asked the sentence and its heading say; rare words count more. Without a word of its own it
    says nothing."""
    own = wording.words_of(excerpt.said)
    # The names are there already: what is asked about them must be there too.
    # What kind of thing is asked for was looked for by its shape.
    rest = asked.words - asked.names - asked.parts_of_codes - kinds.words_for_kind(asked.question)
    if not rest:
        return float(bool(asked.musts))
    if not rest & own and not asked.musts:
        # Where the heading is all that is asked, what stands under it is the answer.
        return float(rest == wording.words_of(excerpt.lead))
    there = own | about(excerpt)
    if rest & own <= asked.counted and not rest <= there:
        # Many sentences have the name or the days of a question; without the rest of it they are about something else.
        return 0.0
    return sum(weights[word] for word in rest & there) / (sum(weights[word] for word in rest) or 1.0)
