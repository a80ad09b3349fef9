"""Questions that pick rows of a database by what stands in their properties, and the rows they pick. Pure."""

import re
from collections.abc import Iterable, Iterator, Sequence, Set
from datetime import date

from agent import conditions, days, relations, whether, wording
from agent.candidates import Candidate
from agent.excerpts import Excerpt, excerpts
from agent.proofs import met_by, proving
from agent.rows import (
    DATES,
    PEOPLE,
    ROW_WORDS,
    STATUSES,
    TOKEN,
    Row,
    is_row,
    label_of,
    row_of,
    row_words,
    token_set,
    tokens,
    value_of,
)

# So many are listed and cited; all are counted.
MOST_ROWS = 40
_LABEL_ASKED = (
    (re.compile(r"\b(assign\w*|owne[rd]|owns?|responsible|in charge)\b", re.IGNORECASE), PEOPLE),
    (re.compile(r"\b(due|deadline)\b", re.IGNORECASE), DATES),
    (re.compile(r"\b(status|state of)\b", re.IGNORECASE), STATUSES),
    (
        re.compile(r"^\W*when (does|do|did|will)\b.* renew\b", re.IGNORECASE),
        frozenset(wording.words_of("renew renewal")),
    ),
)
_LISTS = re.compile(r"^\W*(which|list|show( me)?|(tell|give) me|are there|name)\b", re.IGNORECASE)
_TASK_WORDS = frozenset(("task",))
# "Meetings" are the rows of "Meeting notes".
_CONTAINERS = frozenset(("note", "list", "log", "table", "database", "tracker", "board", "directory", "register"))
# "Which high priority tasks …"
MOST_BEFORE_NOUN = 3
# A value that a question calls by the plural of its last word, as in "launch syncs".
MOST_WORDS_OF_KIND = 3
_VERB = re.compile(r"(?<=\w)\s+(?:are|is|do|does|did|have|has|had|was|were|can|that|which|who|in|on|for)\b", re.I)
# How a question says that it picks by a property, whatever the rows hold.
_STATES = re.compile(
    r"\b(are|is) (not )?(blocked|overdue|late|done|open|urgent|finished|waiting|in review|in progress|assigned|owned"
    r"|unassigned|due)\b|\bhave no\b|\bassigned to\b|\brenew\b|\boverdue\b",
    re.IGNORECASE,
)


def picks(question: str, candidates: Iterable[Candidate] = ()) -> bool:
    """Whether it asks for whichever rows are so: then sentences that share a word with it answer nothing."""
    picked = conditions.PICKS.match(question)
    if not picked or re.search(r",? and w", question):
        return False
    found = [each for each in candidates if is_row(each)]
    names = {"task"} | {name for each in found for name in token_set(each.place)}
    nouns = tokens(question[picked.end() :])
    if _STATES.search(question) or not names.isdisjoint(nouns[:MOST_BEFORE_NOUN]):
        return True
    plural = {word: wording.singular(word) for word in _nouns(question[picked.end() :])}
    kinds = (value for each in found for line in row_of(each).lines for value in value_of(line).split(", "))
    lasts = {
        words[-1] for words in (TOKEN.findall(kind.lower()) for kind in kinds) if 0 < len(words) <= MOST_WORDS_OF_KIND
    }
    return any(one != word and one in lasts for word, one in plural.items())


def _nouns(asked: str) -> list[str]:
    """The words before the verb."""
    return TOKEN.findall(_VERB.split(asked, maxsplit=1)[0].lower())


def may_pick(question: str) -> bool:
    return bool(conditions.PICKS.match(relations.as_pick(question)))


def lists(question: str) -> bool:
    """Whether its answer may be a list, which lacks what was not read."""
    return picks(question) or bool(_LISTS.match(question))


def asked_label(question: str) -> frozenset[str]:
    """The property a question about one item asks for, as stems of the labels that mean it."""
    if whether.asks_state(question):
        return STATUSES
    return next((means for asks, means in _LABEL_ASKED if asks.search(question)), frozenset())


def matching(question: str, candidates: Sequence[Candidate], *, today: date) -> list[Excerpt]:
    """The lines that make rows match every word of the question, one for each row; nothing when a word has no meaning
    for rows."""
    rows = [row for row in map(row_of, candidates) if row.lines]
    question = relations.as_pick(question, {row.candidate.title for row in rows})
    if not conditions.PICKS.match(question):
        return []
    asked = days.named(question, today=today)
    read = [_matching(asked, about, known, today) for about, known in _about(asked, rows)]
    found = [lines for lines in read if lines]
    # Of two databases that are named, one is meant.
    return found[0] if len(found) == 1 else []


def _about(question: str, rows: Sequence[Row]) -> Iterator[tuple[list[Row], Set[str]]]:
    """The rows that a question may be about, with the words that say so."""
    # What they lack is not what they are.
    asked = tokens(conditions.LACKS.sub(" ", question))
    names = {place: token_set(place) for place in {row.candidate.place for row in rows}}
    called = {place: name for place, name in names.items() if name and name.issubset(asked)}
    cores = {place: name - _CONTAINERS for place, name in names.items()}
    # One that is called in full is meant, not those that share a word with it.
    called = called or {place: core for place, core in cores.items() if core and core.issubset(asked)}
    for name in set(called.values()):
        about = [row for row in rows if called.get(row.candidate.place) == name]
        yield about if _TASK_WORDS.isdisjoint(asked) else _with_states(about), name | ROW_WORDS
    if called:
        return
    if ROW_WORDS.isdisjoint(asked):
        yield from _of_kind(question, rows)
        return
    # "Launch tasks" are in a "Launch plan", which "launches" are not.
    before = set[str]()
    for noun in (at for at, word in enumerate(asked) if word in ROW_WORDS):
        for word in reversed(asked[:noun]):
            if not any(word in name for name in names.values()):
                break
            before.add(word)
    named = {place for place, name in names.items() if before and before <= name}
    about = [row for row in rows if not before or row.candidate.place in named]
    yield _with_states(about), ROW_WORDS | before


def _of_kind(question: str, rows: Sequence[Row]) -> Iterator[tuple[list[Row], Set[str]]]:
    """The rows of the databases that have a value which the question names in the plural, as in "launch syncs"."""
    picked = conditions.PICKS.match(question)
    nouns = _nouns(question[picked.end() :]) if picked else []
    kind = [wording.singular(word) for word in nouns]
    if kind == nouns:
        return
    for place in dict.fromkeys(row.candidate.place for row in rows):
        about = [row for row in rows if row.candidate.place == place]
        values = (value for row in about for line in row.lines for value in value_of(line).split(", "))
        if any(TOKEN.findall(value.lower()) == kind for value in values):
            yield about, frozenset()


def _with_states(rows: Iterable[Row]) -> list[Row]:
    """A task is what has a state or somebody who does it."""
    return [row for row in rows if row.value(STATUSES)]


def _matching(question: str, about: Sequence[Row], known: Set[str], today: date) -> list[Excerpt]:
    wanted = conditions.read(question, {name for row in about for name in row.names_with_not}, _signed(question, about))
    if wanted is None:
        return []
    filters = row_words(wanted.required) - known
    if not filters and not wanted.excluded:
        is_whole = conditions.is_whole(question, known)
        return list(_once(row.value(STATUSES) or row.lines[0] for row in about)) if is_whole else []
    kept = {
        row.candidate.page_id: line for row in about for line in proving(wanted.required, filters, row, about, today)
    }
    for text in wanted.excluded:
        left = _without(text, row_words(text) - known, about, today)
        kept = {page: line or left[page] for page, line in kept.items() if page in left}
    return [line for line in kept.values() if line]


def _signed(question: str, rows: Iterable[Row]) -> set[str]:
    """Values with signs in them that stand in the question."""
    asked = question.lower()
    values = (value for row in rows for line in row.lines for value in value_of(line).lower().split(", "))
    return {value for value in values if value in asked and conditions.has_signs(value)}


def _once(lines: Iterable[Excerpt]) -> Iterable[Excerpt]:
    return {line.candidate.page_id: line for line in lines}.values()


def _without(text: str, words: Set[str], rows: Sequence[Row], today: date) -> dict[str, Excerpt]:
    """The rows that do not meet it, each with the line that shows what it has instead. None of them when no row meets
    it: then it is not understood."""
    met = {row.candidate.page_id: line for row in rows if words and (line := met_by(text, words, row, today))}
    if not met:
        return {}
    label = wording.words_of(label_of(next(iter(met.values()))))
    # Another database knows nothing of it.
    places = {line.candidate.place for line in met.values()}
    return {
        row.candidate.page_id: row.value(label) or row.value(STATUSES) or row.lines[0]
        for row in rows
        if row.candidate.page_id not in met and row.candidate.place in places
    }


def marked(lines: Iterable[Excerpt]) -> list[Candidate]:
    return [line.candidate.model_copy(update={"line": line.start}) for line in lines]


def lines_marked(candidates: Iterable[Candidate]) -> list[Excerpt]:
    return [each for one in candidates if one.line is not None for each in excerpts(one) if each.start == one.line]


def lines_about(question: str, found: Iterable[Excerpt]) -> Iterator[Excerpt]:
    """Property lines whose label is the asked one and whose row is named by the question, by its title or its code."""
    meaning = asked_label(question)
    is_state = whether.asks_state(question)
    words = wording.words_of(whether.without_state(question) if is_state else question) - meaning - ROW_WORDS
    asked = wording.read(question)
    # "Does Maya own it?" is answered by who does.
    others = asked.names if whether.asks_whether(question) else frozenset[str]()
    codes = asked.codes
    lines = [each for each in found if each.kind == "property"]
    coded = {each.candidate.page_id for each in lines if codes and value_of(each).lower() in codes}
    for line in lines:
        if wording.words_of(label_of(line)) & meaning and (
            line.candidate.page_id in coded if coded else _is_named(line, words, others, is_state=is_state)
        ):
            yield line


def _is_named(line: Excerpt, words: Set[str], others: Set[str], *, is_state: bool) -> bool:
    title = wording.words_of(line.candidate.title)
    words = words - (others - title)
    # "Is the launch done?" is about no task that only has the launch in its title.
    if is_state and len(words & title) < 0.5 * len(title):
        return False
    return bool(words and title) and len(words & title) >= 0.7 * len(words)
