"""Questions that pick rows of a database by what stands in their properties, and the rows they pick. Pure."""

import re
from collections.abc import Iterable, Iterator, Sequence, Set
from dataclasses import dataclass
from datetime import date
from functools import lru_cache

from agent import conditions, days, kinds, wording
from agent.candidates import Candidate
from agent.excerpts import Excerpt, excerpts

# So many are listed and cited; all are counted.
MOST_ROWS = 40

# What people say for a property, by the labels that mean the same.
_MEANINGS = (
    "assignee assigned owner owned owns responsible person lead contact keeper",
    "due deadline date",
    "status state",
    "priority",
    "attendee attended participant",
    "renew renewal",
    "label labelled labeled",
)
_PEOPLE, _DATES, _STATUSES = (frozenset(wording.words_of(words)) for words in _MEANINGS[:3])
_LABEL_ASKED = (
    (re.compile(r"\b(assign\w*|owne[rd]|owns?|responsible|in charge)\b", re.IGNORECASE), _PEOPLE),
    (re.compile(r"\b(due|deadline)\b", re.IGNORECASE), _DATES),
    (re.compile(r"\b(status|state of)\b", re.IGNORECASE), _STATUSES),
)
_LISTS = re.compile(r"^\W*(which|list|show( me)?|(tell|give) me|are there|name)\b", re.IGNORECASE)
_OVERDUE = re.compile(r"\b(overdue|past due|late)\b", re.IGNORECASE)
_OPEN = re.compile(r"\b(open|incomplete|unfinished)\b", re.IGNORECASE)
_DONE = re.compile(
    r"\b(done|completed?|closed|cancell?ed|finished|archived|dropped|rejected|duplicate|won['’]t)\b", re.IGNORECASE
)
_YES = frozenset(("yes", "true", "✓"))
_ROW_WORDS = frozenset(("task", "row", "item", "entry"))
_TASK_WORDS = frozenset(("task",))
# "Meetings" are the rows of "Meeting notes".
_CONTAINERS = frozenset(("note", "list", "log", "table", "database", "tracker", "board", "directory", "register"))
# "Which high priority tasks …"
MOST_BEFORE_NOUN = 3
# A value that a question calls by the plural of its last word, as in "launch syncs".
MOST_WORDS_OF_KIND = 3
_DATE = re.compile(r"\b(\d{4})-(\d\d)-(\d\d)\b")
_VERB = re.compile(r"(?<=\w)\s+(?:are|is|do|does|did|have|has|had|was|were|can|that|which|who|in|on|for)\b", re.I)
_TOKEN = re.compile(r"\d+(?:[.,]\d+)+|[^\W_]+")
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


def picks(question: str, candidates: Iterable[Candidate] = ()) -> bool:
    """Whether it asks for whichever rows are so: then sentences that share a word with it answer nothing."""
    picked = conditions.PICKS.match(question)
    if not picked or re.search(r",? and w", question):
        return False
    found = [each for each in candidates if is_row(each)]
    names = {"task"} | {name for each in found for name in _token_set(each.place)}
    nouns = _tokens(question[picked.end() :])
    if _STATES.search(question) or not names.isdisjoint(nouns[:MOST_BEFORE_NOUN]):
        return True
    plural = {word: wording.singular(word) for word in _nouns(question[picked.end() :])}
    kinds = (value for each in found for line in _row(each).lines for value in value_of(line).split(", "))
    lasts = {
        words[-1] for words in (_TOKEN.findall(kind.lower()) for kind in kinds) if 0 < len(words) <= MOST_WORDS_OF_KIND
    }
    return any(one != word and one in lasts for word, one in plural.items())


def _nouns(asked: str) -> list[str]:
    """The words before the verb."""
    return _TOKEN.findall(_VERB.split(asked, maxsplit=1)[0].lower())


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
    asked = days.named(question, today=today)
    read = [_matching(asked, about, known, today) for about, known in _about(asked, rows)]
    found = [lines for lines in read if lines]
    # Of two databases that are named, one is meant.
    return found[0] if len(found) == 1 else []


def _about(question: str, rows: Sequence[Row]) -> Iterator[tuple[list[Row], Set[str]]]:
    """The rows that a question may be about, with the words that say so."""
    asked = _tokens(question)
    names = {place: _token_set(place) for place in {row.candidate.place for row in rows}}
    called = {place: name for place, name in names.items() if name and name.issubset(asked)}
    cores = {place: name - _CONTAINERS for place, name in names.items()}
    # One that is called in full is meant, not those that share a word with it.
    called = called or {place: core for place, core in cores.items() if core and core.issubset(asked)}
    for name in set(called.values()):
        about = [row for row in rows if called.get(row.candidate.place) == name]
        yield about if _TASK_WORDS.isdisjoint(asked) else _with_states(about), name | _ROW_WORDS
    if called or _ROW_WORDS.isdisjoint(asked):
        return
    # "Launch tasks" are in a "Launch plan", which "launches" are not.
    before = set[str]()
    for noun in (at for at, word in enumerate(asked) if word in _ROW_WORDS):
        for word in reversed(asked[:noun]):
            if not any(word in name for name in names.values()):
                break
            before.add(word)
    named = {place for place, name in names.items() if before and before <= name}
    about = [row for row in rows if not before or row.candidate.place in named]
    yield _with_states(about), _ROW_WORDS | before


def _with_states(rows: Iterable[Row]) -> list[Row]:
    """A task is what has a state or somebody who does it."""
    return [row for row in rows if row.value(_STATUSES)]


def _matching(question: str, about: Sequence[Row], known: Set[str], today: date) -> list[Excerpt]:
    wanted = conditions.read(question, {name for row in about for name in row.names_with_not}, _signed(question, about))
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
    for used in (_overdue(question, row, today), _lacks(question, row, rows), _open(question, row, rows)):
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
    label, text = _label_words(label_of(line)), value_of(line)
    labelled = left & label
    # Part of a longer value is something else, but people are called by one of their names; and who asks for two may
    # want what has either.
    values = [_value_words(each) for each in text.split(", ")]
    alike = [set(each & left) for each in values if each <= left or label & _BY_NAME]
    met = max(alike, key=len, default=set[str]())
    if not labelled:
        # A number alone may be any, and so may a month.
        met = {word for word in met if not word.isdigit()}
    if labelled or label_of(line).lower() == "date":
        met |= {word for word in left if days.is_meant(word, text)}
    if labelled and text.lower() in _YES:
        return labelled | met
    # With both a label and a value in the question, they must be of the same line.
    return met | labelled if met else set()


@lru_cache(4096)
def _label_words(label: str) -> frozenset[str]:
    """What a question may call it."""
    found = re.fullmatch(r"(\w+ed) by", label, re.IGNORECASE)
    words = frozenset((f"{found[1].lower()}by",)) if found else _token_set(label)
    return words.union(*(same for same in _SAME if same & words))


@lru_cache(4096)
def _value_words(text: str) -> frozenset[str]:
    return frozenset(_words(conditions.joined(text, [found.lower() for found in _NAMED_NOT.findall(text)])))


def _words(text: str) -> set[str]:
    """In prose "done" and "to do" say nothing, in a row they are states."""
    words = _token_set(text)
    return set(words) | ({"done"} if "done" in _tokens(text) else set()) | ({"todo"} if _TO_DO.search(text) else set())


def _token_set(text: str) -> frozenset[str]:
    kept = (word for word in _TOKEN.findall(text.lower()) if not wording.leaves_out(word))
    return frozenset(_own(word) for word in kept if len(word) > 1 or word.isdigit())


def _tokens(text: str) -> list[str]:
    """Words as they are said: another form of one may mean the opposite."""
    return [_own(word) for word in _TOKEN.findall(text.lower())]


def _own(word: str) -> str:
    return wording.singular(word.replace(",", ""))


_SAME = tuple(frozenset(_tokens(words)) for words in _MEANINGS)
_BY_NAME = _SAME[0] | _SAME[4]
_LACKED = (
    (frozenset(_tokens("owner assignee person contact lead keeper")), _PEOPLE),
    (frozenset(_tokens("due deadline date")), _DATES),
    (frozenset(_tokens("status state")), _STATUSES),
)
_SAYS_LACKING = frozenset(("missing", "unassigned", "unowned"))


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
    return _words(found[0]), line


def _open(question: str, row: Row, rows: Sequence[Row]) -> Used | None:
    found = _OPEN.search(question)
    if not found or any((status := each.value(_STATUSES)) and _OPEN.search(value_of(status)) for each in rows):
        return set(), None
    status = row.value(_STATUSES)
    return None if status is None or _DONE.search(value_of(status)) else ({found[0].lower()}, status)


def _lacks(question: str, row: Row, rows: Sequence[Row]) -> Used | None:
    found = conditions.LACKS.search(question)
    if not found:
        return set(), None
    said = _tokens(found["what"] or "owner")
    if "and" in said:
        return None
    meaning = next((stems for names, stems in _LACKED if said[0] in names), None)
    if meaning is not None:
        words = {said[0]} | ({"date"} if meaning == _DATES else set())
        has = [row.value(meaning) is not None for row in (row, *rows)]
    else:
        labels = {label_of(line) for other in rows for line in other.lines}
        label = next((each for each in labels if _tokens(each) == said[: len(_tokens(each))]), None)
        words = set(_token_set(label or ""))
        has = [any(label_of(line) == label for line in row.lines) for row in (row, *rows)]
    if has[0] or not any(has[1:]):
        return None
    # What is not there cannot be quoted: the row's state shows which row it is.
    return words | _words(found[0]) & _SAYS_LACKING, row.value(_STATUSES) or next(iter(row.lines))


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
