"""Questions that pick rows of a database by what stands in their properties, and the rows they pick. Pure."""

import re
from collections.abc import Iterable, Iterator, Sequence, Set
from dataclasses import dataclass
from datetime import date

from agent import conditions, kinds, wording
from agent.candidates import Candidate
from agent.excerpts import Excerpt, excerpts

# So many are listed and cited; all are counted.
MOST_ROWS = 40

# What people say for a property, by the stems of the labels that mean the same.
_SAME = tuple(
    frozenset(wording.words_of(words))
    for words in (
        "assignee assigned owner owns responsible person lead contact keeper",
        "due deadline date",
        "status state",
        "priority",
    )
)
_PEOPLE, _DATES, _STATUSES = _SAME[0], _SAME[1], _SAME[2]
_LABEL_ASKED = (
    (re.compile(r"\b(assign\w*|owne[rd]|owns?|responsible|in charge)\b", re.IGNORECASE), _PEOPLE),
    (re.compile(r"\b(due|deadline)\b", re.IGNORECASE), _DATES),
    (re.compile(r"\b(status|state of)\b", re.IGNORECASE), _STATUSES),
)
_LISTS = re.compile(r"^\W*(which|list|show( me)?|are there|name)\b", re.IGNORECASE)
_OVERDUE = re.compile(r"\b(overdue|past due|late)\b", re.IGNORECASE)
_DONE = re.compile(r"\b(done|complete|completed|closed|cancelled|finished)\b", re.IGNORECASE)
_DATE_LABEL = wording.words_of("date")
_YES = frozenset(("yes", "true", "✓"))
_ROW_WORDS = frozenset(wording.words_of("task tasks row rows item items entry entries"))
_TASK_WORDS = frozenset(wording.words_of("task"))
# "Which high priority tasks …"
MOST_BEFORE_NOUN = 3
_MONTHS = (
    "january", "february", "march", "april", "may", "june", "july", "august", "september", "october", "november",
    "december",
)  # fmt: skip
_MONTH_OF = {wording.stem(name): number for number, name in enumerate(_MONTHS, 1)}
_DATE = re.compile(r"\b(\d{4})-(\d\d)-(\d\d)\b")
_TO_DO = re.compile(r"\bto[ -]do\b", re.IGNORECASE)
_NAMED_NOT = re.compile(r"\bnot \w+", re.IGNORECASE)
# How a question says that it picks by a property, whatever the rows hold.
_STATES = re.compile(
    r"\b(are|is) (not )?(blocked|overdue|late|done|open|urgent|finished|waiting|in review|in progress|assigned|owned"
    r"|unassigned|due)\b|\bhave no\b|\bassigned to\b|\brenew\b|\boverdue\b",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class Row:
    candidate: Candidate
    lines: tuple[Excerpt, ...]

    @property
    def labels(self) -> set[str]:
        return {word for line in self.lines for word in wording.words_of(label_of(line))}

    @property
    def names_with_not(self) -> set[str]:
        return {found.lower() for line in self.lines for found in _NAMED_NOT.findall(value_of(line))}

    def value(self, meaning: Iterable[str]) -> Excerpt | None:
        wanted = set(meaning)
        return next((line for line in self.lines if wording.words_of(label_of(line)) & wanted), None)


def picks(question: str, places: Iterable[str] = ()) -> bool:
    """Whether it asks for whichever rows are so: then sentences that share a word with it answer nothing."""
    picked = conditions.PICKS.match(question)
    if not picked or re.search(r",? and w", question):
        return False
    rows = _TASK_WORDS | {word for place in places for word in wording.words_of(place)}
    nouns = re.findall(r"[^\W_]+", question[picked.end() :])[:MOST_BEFORE_NOUN]
    return bool(_STATES.search(question)) or any(wording.words_of(word) & rows for word in nouns)


def may_pick(question: str) -> bool:
    return bool(conditions.PICKS.match(question))


def lists(question: str) -> bool:
    """Whether its answer may be a list, which lacks what was not read."""
    return picks(question) or bool(_LISTS.match(question))


def asked_label(question: str) -> frozenset[str]:
    """The property a question about one item asks for, as stems of the labels that mean it."""
    if kinds.asks_state(question):
        return _STATUSES
    return next((means for asks, means in _LABEL_ASKED if asks.search(question)), frozenset())


def label_of(line: Excerpt) -> str:
    return line.shown.partition(": ")[0]


def value_of(line: Excerpt) -> str:
    return line.shown.partition(": ")[2]


def matching(question: str, candidates: Sequence[Candidate], *, today: date) -> list[Excerpt]:
    """The lines that make rows match every word of the question, one for each row; nothing when a word has no meaning
    for rows."""
    if not conditions.PICKS.match(question):
        return []
    rows = [row for row in map(_row, candidates) if row.lines]
    known = _ROW_WORDS | {word for row in rows for word in wording.words_of(row.candidate.place)}
    asked = _words(question)
    sources = {row.candidate.place for row in rows}
    named = {place for place in sources if wording.words_of(place) & asked}
    # One that is called in full is meant, not those that share a word with it.
    named = {place for place in named if wording.words_of(place) <= asked} or named
    about = [row for row in rows if row.candidate.place in named] if named else rows
    if asked & (_ROW_WORDS if not named else _TASK_WORDS):
        # A task is what has a state or somebody who does it.
        about = [row for row in about if row.value(_STATUSES)]
    elif not named:
        return []
    wanted = conditions.read(question, {name for row in about for name in row.names_with_not})
    if wanted is None:
        return []
    filters = _words(wanted.required) - known
    if not filters and not wanted.excluded:
        is_whole = conditions.is_whole(question, known)
        return list(_once(row.value(_STATUSES) or row.lines[0] for row in about)) if is_whole else []
    kept = {
        row.candidate.page_id: line for row in about for line in _proofs(wanted.required, filters, row, about, today)
    }
    for text in wanted.excluded:
        left = _without(text, _words(text) - known, about, today)
        kept = {page: line or left[page] for page, line in kept.items() if page in left}
    return [line for line in kept.values() if line]


def _once(lines: Iterable[Excerpt]) -> Iterable[Excerpt]:
    return {line.candidate.page_id: line for line in lines}.values()


def _without(text: str, words: Set[str], rows: Sequence[Row], today: date) -> dict[str, Excerpt]:
    """The rows that do not meet it, each with the line that shows what it has instead. None of them when no row meets
    it: then it is not understood."""
    met = {row.candidate.page_id: line for row in rows if words and (line := _met_by(text, words, row, today))}
    if not met:
        return {}
    label = wording.words_of(label_of(next(iter(met.values()))))
    # Another database knows nothing of it.
    places = {line.candidate.place for line in met.values()}
    return {
        row.candidate.page_id: row.value(label) or row.value(_STATUSES) or row.lines[0]
        for row in rows
        if row.candidate.page_id not in met and row.candidate.place in places
    }


def _met_by(text: str, words: Set[str], row: Row, today: date) -> Excerpt | None:
    """The one line that meets all of it: what several lines say together is not denied by a single "not"."""
    if _OVERDUE.search(text):
        overdue = _overdue(text, row, today)
        return overdue[1] if overdue and words <= overdue[0] else None
    return next((line for line in row.lines if words <= _met(line, set(words))), None)


def marked(lines: Iterable[Excerpt]) -> list[Candidate]:
    return [line.candidate.model_copy(update={"line": line.start}) for line in lines]


def lines_marked(candidates: Iterable[Candidate]) -> list[Excerpt]:
    return [each for one in candidates if one.line is not None for each in excerpts(one) if each.start == one.line]


def _row(candidate: Candidate) -> Row:
    lines = tuple(each for each in excerpts(candidate) if each.kind == "property") if is_row(candidate) else ()
    return Row(candidate, lines)


def is_row(candidate: Candidate) -> bool:
    """Whether it has properties."""
    return any(not block for block, _, _ in candidate.spans)


def _proofs(question: str, filters: Set[str], row: Row, rows: Sequence[Row], today: date) -> Iterator[Excerpt | None]:
    """The line that makes the row match, if it does; None when nothing is asked of it."""
    if not filters:
        yield None
        return
    left, proofs = set(filters), list[Excerpt]()
    for used in (_overdue(question, row, today), _lacks(question, row, rows)):
        if used is None:
            return
        words, line = used
        left -= words
        proofs += [line] if line else []
    for line in sorted(row.lines, key=lambda each: -len(_words(each.shown) & left)):
        words = _met(line, left)
        left -= words
        proofs += [line] if words else []
    # A word of a label alone picks nothing.
    if proofs and not left:
        yield proofs[0]


def _met(line: Excerpt, left: set[str]) -> set[str]:
    label, value = wording.words_of(label_of(line)), _words(value_of(line))
    labelled = {word for word in left if any(_is_like(word, each) for each in label)}
    is_yes = bool(labelled and value & _YES)
    for meaning in _SAME:
        if label & meaning:
            labelled |= left & meaning
    whole = [_value_words(each) for each in value_of(line).split(", ")]
    # Part of a longer value is something else, but people are called by one of their names.
    met = left & value if label & _PEOPLE else {word for each in whole if each <= left for word in each}
    if not labelled:
        # A number alone may be any, and so may a month.
        met = {word for word in met if not word.isdigit()}
    if labelled or label == _DATE_LABEL:
        met |= {word for word in left if (month := _MONTH_OF.get(word)) and _has_month(value_of(line), month)}
    if is_yes:
        return labelled | met
    # With both a label and a value in the question, they must be of the same line.
    return met | labelled if met else set()


def _value_words(text: str) -> set[str]:
    return _words(conditions.joined(text, [found.lower() for found in _NAMED_NOT.findall(text)]))


def _words(text: str) -> set[str]:
    """In prose "done" and "to do" say nothing, in a row they are states."""
    states = {"done"} if re.search(r"\bdone\b", text, re.IGNORECASE) else set()
    return wording.words_of(text) | states | ({"todo"} if _TO_DO.search(text) else set())


def _is_like(word: str, label: str) -> bool:
    return word == label or (
        len(word) >= 5 and (label.startswith(word) or (len(label) >= 5 and word.startswith(label)))
    )


def _has_month(value: str, month: int) -> bool:
    return any(int(found[2]) == month for found in _DATE.finditer(value))


Used = tuple[set[str], Excerpt | None]


def _overdue(question: str, row: Row, today: date) -> Used | None:
    found = _OVERDUE.search(question)
    if not found:
        return set(), None
    line = row.value(_DATES)
    status = row.value(_STATUSES)
    on = _DATE.search(value_of(line)) if line else None
    is_done = status is not None and bool(_DONE.search(value_of(status)))
    if line is None or on is None or is_done or on[0] >= today.isoformat():
        return None
    return wording.words_of(found[0]), line


def _lacks(question: str, row: Row, rows: Sequence[Row]) -> Used | None:
    found = conditions.LACKS.search(question)
    if not found:
        return set(), None
    word = wording.stem((found[1] or "owner").lower())
    meaning = next((same for same in _SAME if word in same), frozenset({word}))
    if not any(other.value(meaning) for other in rows):
        return None
    if row.value(meaning) is not None:
        return None
    # What is not there cannot be quoted: the row's state shows which row it is.
    words = {word, *meaning, *wording.words_of(found[0])} | wording.words_of("date")
    return words, row.value(_STATUSES) or next(iter(row.lines))


def lines_about(question: str, found: Iterable[Excerpt]) -> Iterator[Excerpt]:
    """Property lines whose label is the asked one and whose row is named by the question."""
    meaning = asked_label(question)
    words = wording.words_of(question) - meaning - _ROW_WORDS
    is_state = kinds.asks_state(question)
    if is_state:
        words -= kinds.STATES
    for line in found:
        if line.kind == "property" and wording.words_of(label_of(line)) & meaning:
            title = wording.words_of(line.candidate.title)
            # "Is the launch done?" is about no task that only has the launch in its title.
            if is_state and len(words & title) <= 0.5 * len(title):
                continue
            if words and title and len(words & title) >= 0.7 * len(words):
                yield line
