"""Answers a question with the sentences that answer it, each with its source, or says that they were not found. Pure.

Two signs are needed to answer: how near the best passage is keeps questions about something else out, and the words,
names and codes the question turns on keep out what is near but not the answer.
"""

import math
import re
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from agent import denying, kinds, rows, wording
from agent.candidates import Candidate
from agent.excerpts import Excerpt, quotable
from agent.wording import Asked

Embed = Callable[[Sequence[str]], NDArray[np.float32]]

MOST_QUOTES = 3
# Of 500 questions the answer was in the best three chunks 97 times in 100; a few more cost little.
MOST_CANDIDATES = 6
MOST_COMPARED = 40
LEXICAL_WEIGHT = 0.5
# What stands in the title or heading says what a sentence is about, but the sentence itself must say more.
CONTEXT_WEIGHT = 0.5
# Further quotes must be nearly as good as the first.
NEARLY = 0.8
# (cosine, share of the question's words in the sentence and its heading) that together are enough.
ENOUGH = ((0.32, 0.62), (0.45, 0.5), (0.55, 0.3), (0.65, 0.1))
# A code that is found letter by letter needs little nearness: embeddings know nothing of codes.
ENOUGH_WITH_CODE = (0.1, 0.5)
KIND_BONUS = 0.08

_COUNTS = re.compile(r"\bhow many\b|\bthe (total )?number of\b|^\W*count\b", re.IGNORECASE)

NOT_FOUND = "I did not find an answer to this in the pages I can read."


@dataclass(frozen=True)
class Citation:
    """`quote` stands literally in the chunk's text. An empty block id means the page itself."""

    number: int
    chunk_id: str
    page_id: str
    block_id: str
    quote: str


@dataclass(frozen=True)
class Answer:
    """`text` is Markdown; [n] marks the sentence that citation n proves."""

    text: str
    citations: tuple[Citation, ...]
    grounded: bool


@dataclass(frozen=True)
class _Scored:
    excerpt: Excerpt
    cosine: float
    score: float
    share: float


def answer(
    question: str,
    candidates: Sequence[Candidate],
    embed: Embed,
    *,
    asked: str = "",
    more_rows: int = 0,
    has_unread_rows: bool = False,
) -> Answer:
    """`question` is whole; `asked` is what was typed, when that was only its end. The last two are as in a
    `SearchResult`."""
    asked = asked or question
    matched = rows.lines_marked(candidates)
    if matched:
        listed = matched[: rows.MOST_ROWS]
        number = f"at least {len(matched) + more_rows}" if has_unread_rows else str(len(matched) + more_rows)
        return _composed(listed, heading=_heading(question, number, listed))
    nearest = list(candidates[:MOST_CANDIDATES])
    if rows.picks(question, candidates):
        return Answer(_not_found(nearest), (), grounded=False)
    denied = denying.denied(_own(asked, question))
    known = frozenset(word for each in nearest for word in wording.words_of(each.text)) if denied else frozenset()
    ranked = _ranked(question, wording.read(question), nearest, embed)
    ranked = [
        each
        for each in ranked
        if wording.says_what_is_new(f"{each.excerpt.shown} {_place(each.excerpt)}", asked, question)
        and denying.denies((each.excerpt.shown, each.excerpt.lead, each.excerpt.candidate.title), denied, known)
    ]
    named = list(rows.lines_about(question, (each.excerpt for each in ranked)))
    if named:
        return _composed(named[:1])
    proven = [each for each in ranked if _is_enough(question, asked, each, nearest)]
    if not proven:
        return Answer(_not_found(nearest), (), grounded=False)
    return _composed(_chosen(proven, ranked))


def _own(typed: str, question: str) -> str:
    """What a sentence must say of it: "is it due?" takes nothing but its subject from the question before."""
    return typed if wording.asks_of_it(typed) else question


def _heading(question: str, number: str, listed: Sequence[Excerpt]) -> str:
    first = f"The first {len(listed)} of {number}:" if number != str(len(listed)) else ""
    if not _COUNTS.search(question):
        return first
    places = dict.fromkeys(_plain(each.candidate.place) for each in listed if each.candidate.place)
    counted = f"{number.capitalize()} found{' in ' if places else ''}{' and '.join(f'“{each}”' for each in places)}"
    return f"{counted}. {first}" if first else f"{counted}:"


def _ranked(question: str, asked: Asked, candidates: Sequence[Candidate], embed: Embed) -> list[_Scored]:
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
        scored.append(_Scored(found[at], float(cosine), score, _share(asked, found[at], weights)))
    return sorted(scored, key=lambda each: -each.score)


def _weights(asked: Asked, found: Sequence[Excerpt]) -> dict[str, float]:
    """How much each word of the question tells these sentences apart; what none of them has weighs most."""
    seen = Counter(word for excerpt in found for word in asked.words & wording.words_of(excerpt.shown))
    return {word: math.log(1 + len(found) / max(seen[word], 0.5)) for word in asked.words}


def _lexical(excerpt: Excerpt, weights: dict[str, float]) -> float:
    own = wording.words_of(excerpt.shown)
    around = _about(excerpt)
    got = sum(w if word in own else w * CONTEXT_WEIGHT if word in around else 0.0 for word, w in weights.items())
    return got / (sum(weights.values()) or 1.0)


def _embedded(excerpt: Excerpt) -> str:
    # A row or a property says nothing of what it belongs to.
    if excerpt.kind in ("row", "property"):
        return f"{excerpt.candidate.title}: {excerpt.shown}"
    return excerpt.shown


def _bonus(question: str, excerpt: Excerpt) -> float:
    return KIND_BONUS if kinds.asks_for_kind(question) and kinds.has_what_is_asked(question, excerpt.shown) else 0.0


def _about(excerpt: Excerpt) -> set[str]:
    """What the sentence's place says of its subject."""
    return wording.words_of(_place(excerpt))


def _place(excerpt: Excerpt) -> str:
    return f"{excerpt.candidate.title} {excerpt.candidate.context} {excerpt.lead}"


def _share(asked: Asked, excerpt: Excerpt, weights: dict[str, float]) -> float:
    """How much of what is asked the sentence and its heading say; rare words count more. Without a word of its own it
    says nothing."""
    own = wording.words_of(excerpt.shown)
    # The names are there already: what is asked about them must be there too.
    # What kind of thing is asked for was looked for by its shape.
    rest = asked.words - asked.names - asked.parts_of_codes - kinds.WORDS
    if not rest:
        return float(bool(asked.musts))
    if not rest & own and not asked.musts:
        # Where the heading is all that is asked, what stands under it is the answer.
        return float(rest == wording.words_of(excerpt.lead))
    there = own | _about(excerpt)
    if rest & own <= asked.counted and not rest <= there:
        # Many sentences have the name or the days of a question; without the rest of it they are about something else.
        return 0.0
    return sum(weights[word] for word in rest & there) / (sum(weights[word] for word in rest) or 1.0)


def _is_enough(question: str, typed: str, scored: _Scored, candidates: Sequence[Candidate]) -> bool:
    asked, excerpt = wording.read(question), scored.excerpt
    if excerpt.kind == "property" and rows.asked_label(question):
        # The property of a row that is not named says nothing of what is asked.
        return False
    if not kinds.has_what_is_asked(typed, _line(excerpt, 0).removesuffix(" [0]")):
        return False
    if excerpt.kind != "code" and not kinds.counts(excerpt.shown, asked.counted):
        return False
    own = wording.words_of(excerpt.shown)
    if excerpt.kind != "code" and not kinds.says_what_is_asked(
        _own(typed, question), excerpt.shown, own | _about(excerpt)
    ):
        return False
    if excerpt.kind in ("sentence", "item") and own <= asked.words and not excerpt.shown.endswith(":"):
        # It says the question again and nothing more.
        return False
    if not asked.is_about_several:
        whole = f"{excerpt.paragraph} {excerpt.lead} {excerpt.candidate.title} {excerpt.candidate.context}"
    else:
        whole = " ".join(f"{each.title} {each.context} {each.text}" for each in candidates)
    if wording.missing(asked, whole, wording.words_of(whole)):
        return False
    levels = (*ENOUGH, ENOUGH_WITH_CODE) if asked.codes else ENOUGH
    near = max(scored.cosine, excerpt.candidate.dense) if asked.codes else scored.cosine
    return any(near >= cosine and scored.share >= words for cosine, words in levels)


def _chosen(proven: Sequence[_Scored], ranked: Sequence[_Scored]) -> list[Excerpt]:
    best = proven[0]
    if best.excerpt.kind == "sentence" and best.excerpt.shown.endswith(":"):
        # What introduces a list answers nothing without it.
        listed = [each.excerpt for each in ranked if each.excerpt.lead == best.excerpt.shown]
        own = [each for each in listed if each.candidate is best.excerpt.candidate]
        if own:
            return sorted(own, key=lambda each: each.start)[: MOST_QUOTES * 2]
    chosen: list[_Scored] = []
    for each in proven:
        if len(chosen) < MOST_QUOTES and each.score >= NEARLY * best.score and not _repeats(each, chosen):
            chosen.append(each)
    places = [id(each.excerpt.candidate) for each in chosen]
    return [e.excerpt for e in sorted(chosen, key=lambda e: (places.index(id(e.excerpt.candidate)), e.excerpt.start))]


def _repeats(new: _Scored, chosen: Sequence[_Scored]) -> bool:
    words = wording.words_of(new.excerpt.shown)
    for each in chosen:
        known = wording.words_of(each.excerpt.shown)
        if new.excerpt.shown == each.excerpt.shown or len(words & known) >= 0.8 * max(1, min(len(words), len(known))):
            return True
    return False


def _composed(chosen: Sequence[Excerpt], *, heading: str = "") -> Answer:
    citations = tuple(
        Citation(number, each.candidate.chunk_id, each.candidate.page_id, each.block_id, each.quote)
        for number, each in enumerate(chosen, 1)
    )
    lines = [_line(each, number) for number, each in enumerate(chosen, 1)]
    if len(lines) == 1 and not heading:
        return Answer(lines[0], citations, grounded=True)
    if any(each.kind == "code" for each in chosen):
        return Answer("\n\n".join(lines), citations, grounded=True)
    listed = "\n".join(f"- {line}" for line in lines)
    return Answer(f"{heading}\n\n{listed}" if heading else listed, citations, grounded=True)


def _line(excerpt: Excerpt, number: int) -> str:
    if excerpt.kind == "code":
        return f"{excerpt.shown}\n\n[{number}]"
    if excerpt.kind in ("row", "property"):
        return f"{_plain(excerpt.candidate.title)} – {excerpt.shown} [{number}]"
    return f"{excerpt.shown} [{number}]"


def _not_found(candidates: Sequence[Candidate]) -> str:
    if not candidates:
        return NOT_FOUND
    nearest = candidates[0]
    if nearest.dense < ENOUGH[0][0]:
        return NOT_FOUND
    return f"{NOT_FOUND} The nearest page is “{_plain(nearest.title)}”, but it does not say this."


def _plain(title: str) -> str:
    """A title as words, whatever marks its writer put into it."""
    return re.sub(r"[\[\]`*_<>|\\]", " ", " ".join(title.split())).strip() or "Untitled"
