"""Rows of a table that goes by weeks ("week from 3 May: Ada"), picked by the week or day that a question means; and
whether a sentence speaks of that week or day at all. Pure."""

import re
from collections.abc import Iterable, Sequence
from datetime import date, timedelta

from agent import days, wording
from agent.excerpts import Excerpt, cells_of

_I = re.IGNORECASE
_NEAR = re.compile(
    r"\b(?:(?:this|next|last|current) week|today|tomorrow|yesterday|tonight|(?:right |just )?now|currently"
    r"|at the moment)\b",
    _I,
)
_WHO_IS = re.compile(r"^\W*(?:and\W+)?who(?: (?:is|are|has|does)\b|['’]s\b)", _I)
_WHO = re.compile(r"^\W*(?:and\W+)?(?:who|whom|whose|which|what)\b", _I)
_WEEK = frozenset(wording.words_of("week"))
_DAY = {"today": 0, "tonight": 0, "now": 0, "currently": 0, "at the moment": 0, "tomorrow": 1, "yesterday": -1}
_WEEK_AWAY = {"this": 0, "current": 0, "next": 1, "last": -1}

_ANY_DAY = date(2026, 1, 1)

Span = tuple[date, date]


def may_pick(question: str) -> bool:
    return _WHO.match(question) is not None and _meant(question, _ANY_DAY) is not None


def of_span(question: str, found: Iterable[Excerpt], *, today: date | None) -> list[Excerpt]:
    """The rows of one table, where what the question says beside its week or day is what the table is about."""
    meant = _meant(question, today) if today else None
    if meant is None or today is None:
        return []
    words = wording.words_of(_NEAR.sub(" ", question))
    tables = dict[tuple[str, tuple[str, ...]], list[Excerpt]]()
    for row in found:
        begins = _begins(row, today) if row.kind == "row" else None
        labels = tuple(label for label, _ in cells_of(row)) if begins else ()
        about = wording.words_of(f"{row.candidate.title} {row.candidate.context} {row.lead} {' '.join(labels)}")
        if begins and words and words <= about and _is_in(begins, meant):
            tables.setdefault((row.candidate.page_id, labels), []).append(row)
    return next(iter(tables.values()), [])


def _is_in(begins: date, meant: Span) -> bool:
    """A day lies in the week that begins before it; a week is the one that begins in it."""
    first, last = meant
    return first <= begins <= last if first != last else begins <= first <= begins + timedelta(days=6)


def speaks_of_span(question: str, line: Excerpt, *, today: date | None) -> bool:
    """Whether it names a day of the week or day that is asked about, or was written in it and says so itself."""
    said = _NEAR.search(question)
    meant = _meant(question, today) if today and said and _WHO.match(question) else None
    if meant is None or today is None or said is None:
        return True
    edited = line.candidate.edited_at
    is_of_then = edited is not None and meant[0] <= edited.date() <= meant[1]
    if is_of_then and said[0].lower() in f"{line.shown} {line.lead} {line.candidate.context}".lower():
        return True
    return any(meant[0] <= each <= meant[1] for each in _days(f"{line.shown} {line.lead}", today))


def _meant(question: str, today: date) -> Span | None:
    found = _NEAR.search(question)
    if found is None:
        # "Who is on call?" is asked of today.
        is_now = _WHO_IS.match(question) and not days.told(question) and not re.search(r"\d|\bweek", question)
        return (today, today) if is_now else None
    said = found[0].lower().removeprefix("right ").removeprefix("just ")
    if said.endswith(" week"):
        monday = today + timedelta(days=7 * _WEEK_AWAY[said.split()[0]] - today.weekday())
        return monday, monday + timedelta(days=6)
    on = today + timedelta(days=_DAY[said])
    return on, on


def _begins(row: Excerpt, today: date) -> date | None:
    """The day in the cell under "Week", "Week from"."""
    weeks = [cell for label, cell in cells_of(row) if wording.words_of(label) & _WEEK]
    return next((day for cell in weeks for day in _days(cell, today)), None)


def _days(text: str, today: date) -> Sequence[date]:
    """Those that it names, in the year that is nearest."""
    made = list[date]()
    for told in sorted(days.told(text)):
        if told.isdigit():
            years = (today.year + away for away in (-1, 0, 1))
            possible = [each for year in years if (each := _date(year, int(told[:2]), int(told[2:])))]
            made += [min(possible, key=lambda each: abs(each - today))] if possible else []
    return made


def _date(year: int, month: int, day: int) -> date | None:
    try:
        return date(year, month, day)
    except ValueError:
        return None
