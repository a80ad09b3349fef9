"""Answers a question with the sentences that answer it, each with its source, or says that they were not found. Pure.

Two signs are needed to answer: how near the best passage is keeps questions about something else out, and the words,
names and codes the question turns on keep out what is near but not the answer.
"""

import re
from collections.abc import Sequence
from datetime import date

from agent import (
    amounts,
    cells,
    composing,
    days,
    demands,
    denying,
    disagreeing,
    follow_ups,
    kinds,
    picking,
    ranking,
    rates,
    relations,
    subjects,
    tables,
    turns,
    whether,
    wording,
)
from agent.candidates import Candidate
from agent.composing import Answer
from agent.excerpts import Excerpt, quotable
from agent.ranking import Embed, Scored
from agent.rows import value_of
from agent.wording import Asked

MOST_QUOTES = 3
MOST_OF_A_TABLE = 20
# Of 500 questions the answer was in the best three chunks 97 times in 100; a few more cost little.
MOST_CANDIDATES = 6
# Further quotes must be nearly as good as the first.
NEARLY = 0.8
# (cosine, share of the question's words in the sentence and its heading) that together are enough.
ENOUGH = ((composing.LEAST_NEAR, 0.62), (0.45, 0.5), (0.55, 0.3), (0.65, 0.1))
# So many of that many words of a question may be said neither by the sentence nor by its place.
MOST_UNSAID = (0, 0, 0, 1, 2, 2, 3)
SAID_BY_NONE = frozenset(
    wording.words_of(
        "fast quickly old big large far early often go happen mean exactly currently usually actually available valid"
        " customer people person employee colleague staff company team user member"
    )
)
# A code that is found letter by letter needs little nearness: embeddings know nothing of codes.
ENOUGH_WITH_CODE = (0.1, 0.5)
# So many words must say that another amount is one of the same thing.
LEAST_OF_OTHER_AMOUNT = 2

_WHAT_IS = re.compile(r"^\W*what(?: is| are|['’]s)\b", re.IGNORECASE)
_COUNTS = re.compile(r"\bhow many\b|\bthe (total )?number of\b|^\W*count\b", re.IGNORECASE)


def answer(
    question: str,
    candidates: Sequence[Candidate],
    embed: Embed,
    *,
    asked: str = "",
    more_rows: int = 0,
    has_unread_rows: bool = False,
    today: date | None = None,
) -> Answer:
    """`question` is whole; `asked` is what was typed, when that was only its end. The last three are as in a
    `SearchResult`."""
    texts = [each.text for each in candidates]
    question, asked = (days.with_feasts(each, texts) for each in (question, asked or question))
    matched = picking.lines_marked(candidates)
    stated = [
        line for each in candidates for line in quotable(question, each) if kinds.states_number(question, line.shown)
    ]
    if stated:
        # A table may have only some of them.
        return composing.composed(stated[:1])
    if matched:
        listed = matched[: picking.MOST_ROWS]
        number = f"at least {len(matched) + more_rows}" if has_unread_rows else str(len(matched) + more_rows)
        return composing.composed(listed, heading=_heading(question, number, listed))
    nearest = list(candidates[:MOST_CANDIDATES])
    if relations.is_asked(question):
        held_up = relations.held_up(question, (line for each in nearest for line in quotable(question, each)))
        return composing.composed(held_up) if held_up else composing.not_found(nearest)
    read = [line for each in candidates for line in quotable(question, each)]
    if rows := turns.of_span(question, read, today=today):
        return composing.composed(rows)
    if rows := cells.picked(question, read):
        listed = rows[:MOST_OF_A_TABLE]
        return composing.composed(listed, heading="" if listed == rows else f"The first {len(listed)} of {len(rows)}:")
    if picking.picks(question, candidates):
        return composing.not_found(nearest)
    return _from_lines(question, asked, candidates, read, embed, today=today)


def _from_lines(
    question: str,
    asked: str,
    candidates: Sequence[Candidate],
    read: Sequence[Excerpt],
    embed: Embed,
    *,
    today: date | None,
) -> Answer:
    """What no row and no relation answers: the lines nearest to the question that say all of it."""
    nearest = list(candidates[:MOST_CANDIDATES])
    denied = denying.denied(_own(asked, question))
    known = frozenset(word for each in nearest for word in wording.words_of(each.text)) if denied else frozenset()

    def fits(line: Excerpt) -> bool:
        said = f"{line.shown} {ranking.place(line)}"
        return (
            follow_ups.says_what_is_new(said, asked, question)
            and denying.denies((line.shown, line.lead, line.candidate.title), denied, known)
            and turns.speaks_of_span(question, line, today=today)
        )

    ranked = [each for each in ranking.ranked(question, wording.read(question), nearest, embed) if fits(each.excerpt)]
    named = list(picking.lines_about(question, (each.excerpt for each in ranked)))
    if named:
        return composing.composed(named[:1])

    # "Is the fair on 1 May?" is answered by another day as well.
    of_any_day = whether.without_day(question)
    typed_of_any_day = asked if of_any_day == question else of_any_day

    def settled(chosen: Sequence[Excerpt], others: Sequence[Excerpt] = read) -> Answer:
        newest, differ = disagreeing.settled(
            question,
            chosen,
            others,
            is_answer=lambda each: fits(each) and _is_answer(of_any_day, typed_of_any_day, each, candidates),
        )
        return composing.composed_apart(newest) if differ else composing.composed(newest)

    looked_up = tables.looked_up(wording.read(question), [each.excerpt for each in ranked])
    if looked_up and all(rates.is_of_rate(question, each.shown) for each in looked_up):
        return settled(looked_up[:MOST_QUOTES], looked_up)
    proven = [each for each in ranked if _is_enough(question, asked, each, nearest)]
    if not proven:
        return composing.not_found(nearest)
    proven = disagreeing.of_days(question, proven) or _titled(question, proven) or proven
    rows = _rows(question, proven, ranked)
    return composing.composed(rows) if rows else settled(_chosen(proven, ranked))


def _rows(question: str, proven: Sequence[Scored], ranked: Sequence[Scored]) -> list[Excerpt]:
    """The table that is asked for, in its own order; empty when none is."""
    named = (each.excerpt for each in proven if tables.is_named(wording.read(question), each.excerpt))
    rows = tables.whole(question, next(named, proven[0].excerpt), [each.excerpt for each in ranked])
    return sorted(rows, key=_stands)[:MOST_OF_A_TABLE]


def _titled(question: str, proven: Sequence[Scored]) -> list[Scored]:
    """What stands on the page that is called what is asked about, where nothing is asked of it."""
    words = wording.read(question).words if subjects.is_phrase(_WHAT_IS.sub("", question)) else frozenset[str]()
    return [each for each in proven if wording.words_of(each.excerpt.candidate.title) == words]


def _own(typed: str, question: str) -> str:
    """What a sentence must say of it: "is it due?" takes nothing but its subject from the question before."""
    return typed if follow_ups.asks_of_it(typed) else question


def _heading(question: str, number: str, listed: Sequence[Excerpt]) -> str:
    first = f"The first {len(listed)} of {number}:" if number != str(len(listed)) else ""
    if not _COUNTS.search(question):
        return first
    places = dict.fromkeys(composing.plain(each.candidate.place) for each in listed if each.candidate.place)
    counted = f"{number.capitalize()} found{' in ' if places else ''}{' and '.join(f'“{each}”' for each in places)}"
    return f"{counted}. {first}" if first else f"{counted}:"


def _is_enough(question: str, typed: str, scored: Scored, candidates: Sequence[Candidate]) -> bool:
    asked, excerpt = wording.read(question), scored.excerpt
    if not _is_answer(question, typed, excerpt, candidates):
        return False
    levels = (*ENOUGH, ENOUGH_WITH_CODE) if asked.codes else ENOUGH
    near = max(scored.cosine, excerpt.candidate.dense) if asked.codes else scored.cosine
    return any(near >= cosine and scored.share >= words for cosine, words in levels)


def _is_answer(question: str, typed: str, excerpt: Excerpt, candidates: Sequence[Candidate]) -> bool:
    """Whether it says all that is asked, however near it is."""
    asked = wording.read(question)
    if excerpt.kind == "property" and picking.asked_label(question):
        # The property of a row that is not named says nothing of what is asked.
        return False
    if excerpt.kind == "property" and value_of(excerpt) in ("yes", "no") and not whether.asks_whether(question):
        return False
    if excerpt.kind == "row" and demands.asks_who_they_are(question) and tables.has_cell(asked, excerpt):
        return False
    if not kinds.has_what_is_asked(typed, composing.line(excerpt, 0).removesuffix(" [0]")):
        return False
    if excerpt.kind != "code" and not kinds.counts(excerpt.shown, ranking.place(excerpt), asked.counted):
        return False
    own = wording.words_of(excerpt.shown)
    if excerpt.kind != "code" and not (
        kinds.has_unit(question, excerpt.shown) and demands.is_for_whom(question, own | ranking.about(excerpt))
    ):
        return False
    if not _has_amounts(question, asked, excerpt, own):
        return False
    if excerpt.kind != "code" and not demands.says_what_is_asked(
        _own(typed, question), excerpt.shown, own | ranking.about(excerpt)
    ):
        return False
    if excerpt.kind in ("sentence", "item") and own <= asked.words and not excerpt.shown.endswith(":"):
        # It says the question again and nothing more.
        return False
    if whether.asks_whether(question) and not asked.is_about_several:
        # What another sentence names is not what this one says of it.
        whole = f"{excerpt.shown} {ranking.place(excerpt)}"
    elif not asked.is_about_several:
        whole = _with_place(excerpt)
    else:
        whole = " ".join(f"{each.title} {each.context} {each.text}" for each in candidates)
    if wording.missing(asked, whole, wording.words_of(whole)):
        return False
    if asked.codes and not any(wording.has_code(_with_place(excerpt), code) for code in asked.codes):
        return False
    turns_on = subjects.turns_on(question, excerpt.shown) - kinds.words_for_kind(question) - SAID_BY_NONE
    if not turns_on <= own | ranking.about(excerpt):
        return False
    said = (own | ranking.about(excerpt)) - subjects.named_elsewhere(excerpt, candidates)
    return _says_most(asked, said) and subjects.is_of_it(question, excerpt.shown, said | SAID_BY_NONE)


def _says_most(asked: Asked, words: set[str]) -> bool:
    """Of what is asked. Nothing is known of the words of other languages."""
    rest = asked.words - asked.names - asked.parts_of_codes - kinds.words_for_kind(asked.question) - SAID_BY_NONE
    most = 0 if subjects.is_phrase(asked.question) else MOST_UNSAID[min(len(rest), len(MOST_UNSAID) - 1)]
    return len(rest - words) <= most or not wording.is_english(asked.question)


def _with_place(excerpt: Excerpt) -> str:
    return f"{excerpt.paragraph} {ranking.place(excerpt)}"


def _has_amounts(question: str, asked: Asked, excerpt: Excerpt, own: set[str]) -> bool:
    """Whether it has the amounts asked about, or holds for them; whether something is so is also said by another amount
    of the same."""
    bounds = excerpt.lead if excerpt.is_otherwise else excerpt.shown
    meets = amounts.meets(amounts.read(amounts.in_digits(question)), bounds)
    if meets is not None:
        return meets != excerpt.is_otherwise
    there = amounts.read(f"{excerpt.shown} {excerpt.lead}")
    if asked.amounts <= there:
        return True
    is_other = amounts.units(asked.amounts) <= amounts.units(there)
    return whether.asks_whether(question) and is_other and len(asked.words & own) >= LEAST_OF_OTHER_AMOUNT


def _chosen(proven: Sequence[Scored], ranked: Sequence[Scored]) -> list[Excerpt]:
    best = proven[0]
    if best.excerpt.kind == "sentence" and best.excerpt.shown.endswith(":"):
        # What introduces a list answers nothing without it.
        listed = [each.excerpt for each in ranked if each.excerpt.lead == best.excerpt.shown]
        own = [each for each in listed if each.candidate is best.excerpt.candidate]
        if own:
            return sorted(own, key=lambda each: each.start)[: MOST_QUOTES * 2]
    chosen: list[Scored] = []
    for each in proven:
        is_as_good = each.score >= NEARLY * best.score and each.share >= NEARLY * best.share
        if len(chosen) < MOST_QUOTES and is_as_good and not _repeats(each, chosen):
            chosen.append(each)
    places = [id(each.excerpt.candidate) for each in chosen]
    return [e.excerpt for e in sorted(chosen, key=lambda e: (places.index(id(e.excerpt.candidate)), e.excerpt.start))]


def _stands(excerpt: Excerpt) -> tuple[str, int]:
    """Where in its page."""
    return excerpt.candidate.chunk_id, excerpt.start


def _repeats(new: Scored, chosen: Sequence[Scored]) -> bool:
    words = wording.words_of(new.excerpt.shown)
    for each in chosen:
        known = wording.words_of(each.excerpt.shown)
        if new.excerpt.shown == each.excerpt.shown or len(words & known) >= 0.8 * max(1, min(len(words), len(known))):
            return True
    return False
