"""Dates as people write them in sentences and titles, moved by some days. Each keeps its form: with a year or without,
"29 Oct" or "29 October"."""

from __future__ import annotations

import re
from datetime import date, timedelta

MONTHS = (
    "January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November",
    "December",
)  # fmt: skip
_MONTH = rf"(?:{'|'.join((*MONTHS, *(month[:3] for month in MONTHS)))})\b"
_DAY = r"(?:[12]\d|3[01]|[1-9])(?!\d)"
_WRITTEN = re.compile(
    rf"\b(?:(?P<first>{_DAY})(?P<to> to | and |–))?(?P<day>{_DAY}) (?P<month>{_MONTH})(?P<year> \d{{4}})?"
    rf"|\b(?:(?P<from>{_MONTH})(?P<until> to ))?(?P<whole>{_MONTH})(?P<of> \d{{4}})"
    rf"|(?<=\b[Tt]he )(?P<ordinal>{_DAY})(?:st|nd|rd|th)\b"
)
MIDDLE = 15


def moved(text: str, by: timedelta, near: date) -> str:
    """Where only a day or a month is told, the one nearest to `near` is meant."""

    def again(found: re.Match[str]) -> str:
        if found["ordinal"]:
            return _ordinal((_nearest(int(found["ordinal"]), None, None, near) + by).day)
        if found["whole"]:
            year = int(found["of"])
            last = date(year, _number(found["whole"]), MIDDLE) + by
            first = date(year, _number(found["from"] or found["whole"]), MIDDLE) + by
            began = f"{_name(first, found['from'])}{found['until']}" if found["from"] else ""
            return f"{began}{_name(last, found['whole'])} {last.year}"
        month, given = _number(found["month"]), int(found["year"]) if found["year"] else None
        last = _nearest(int(found["day"]), month, given, near) + by
        told = f"{last.day} {_name(last, found['month'])}{f' {last.year}' if given else ''}"
        if not found["first"]:
            return told
        first_on = _nearest(int(found["first"]), month, given, near) + by
        own = f" {_name(first_on, found['month'])}" if first_on.month != last.month else ""
        return f"{first_on.day}{own}{found['to'] if not own else ' to '}{told}"

    return _WRITTEN.sub(again, text)


def _nearest(day: int, month: int | None, year: int | None, near: date) -> date:
    years = (year,) if year else (near.year - 1, near.year, near.year + 1)
    months = (month,) if month else range(1, 13)
    possible = [made for y in years for m in months if (made := _date(y, m, day))]
    return min(possible, key=lambda each: abs(each - near))


def _date(year: int, month: int, day: int) -> date | None:
    try:
        return date(year, month, day)
    except ValueError:
        return None


def _number(month: str) -> int:
    return next(number for number, name in enumerate(MONTHS, 1) if name[:3] == month[:3])


def _name(on: date, like: str) -> str:
    name = MONTHS[on.month - 1]
    return name[:3] if len(like) == 3 and like != "May" else name


def _ordinal(day: int) -> str:
    ending = "th" if day in (11, 12, 13) else {1: "st", 2: "nd", 3: "rd"}.get(day % 10, "th")
    return f"{day}{ending}"
