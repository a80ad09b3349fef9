"""The day that a command names, from where its writer is. Pure.

A weekday is the next one, today counted; "next Friday" is that of next week. Whoever reads it sees the date.
"""

import calendar
import re
from datetime import date, timedelta

from agent.days import MONTHS, ORDINALS

_WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_MONTH = "|".join((*MONTHS, "sept", *(month[:3] for month in MONTHS)))
_DAY = rf"(?P<day>[0-3]?\d|{'|'.join(sorted(ORDINALS, key=len, reverse=True))})(?:st|nd|rd|th)?"
_YEAR = r"(?:,? (?P<year>\d{4}))?"
_NUMBERS = ("one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve")
_ISO = re.compile(r"(?P<year>\d{4})-(?P<month>\d\d)-(?P<day>\d\d)")
# With dots the day stands first; with slashes nobody knows.
_DOTTED = re.compile(r"(?P<day>[0-3]?\d)\.(?P<month>[01]?\d)\.(?P<year>\d{4})")
_WRITTEN = (
    re.compile(rf"(?:the )?{_DAY}(?: of)? (?P<month>{_MONTH})\.?{_YEAR}"),
    re.compile(rf"(?P<month>{_MONTH})\.? (?:the )?{_DAY}{_YEAR}"),
)
_NEAR = {"today": 0, "tonight": 0, "tomorrow": 1, "the day after tomorrow": 2, "day after tomorrow": 2}
_WEEKDAY = re.compile(rf"(?:(?P<which>this|next|coming) )?(?P<name>{'|'.join(_WEEKDAYS)})(?P<week> next week)?")
_NAMED = re.compile(rf"(?P<name>{'|'.join(_WEEKDAYS)}),? (?:the )?(?=.*\d)")
_IN = re.compile(rf"in (?P<n>\d{{1,3}}|an?|{'|'.join(_NUMBERS)}) (?P<unit>day|week|month)s?")
_END = re.compile(r"(?:the )?end of (?:the |this )?(?P<unit>week|month|year)")
_NEXT = re.compile(r"(?:the )?next (?P<unit>week|month)|(?:the )?(?:start|beginning) of next (?P<begin>week|month)")


def resolved(words: str, *, today: date) -> date | None:
    """None when it names no day, or more than one."""
    said = " ".join(words.lower().replace(",", ", ").split()).strip(" .!").replace(" ,", ",")
    if said in _NEAR:
        return today + timedelta(days=_NEAR[said])
    named = _NAMED.match(said)
    try:
        found = _dated(said[named.end() :] if named else said, today) or _counted(said, today)
    except (ValueError, OverflowError):
        return None
    # "Friday, 5 December" is no day when that is a Saturday.
    is_another = named and found and found.weekday() != _WEEKDAYS.index(named["name"])
    return None if is_another else found


def _dated(said: str, today: date) -> date | None:
    for form in (_ISO, _DOTTED, *_WRITTEN):
        if found := form.fullmatch(said):
            month, day = _month(found["month"]), _day(found["day"])
            if found["year"]:
                return date(int(found["year"]), month, day)
            return next(each for each in _in_years(today.year, month, day) if each >= today)
    return None


def _in_years(year: int, month: int, day: int) -> list[date]:
    """That day in the years to come; there may be none for three of them."""
    return [
        date(each, month, day) for each in range(year, year + 9) if (month, day) != (2, 29) or calendar.isleap(each)
    ]


def _counted(said: str, today: date) -> date | None:
    monday = today - timedelta(days=today.weekday())
    if found := _WEEKDAY.fullmatch(said):
        number = _WEEKDAYS.index(found["name"])
        if found["which"] == "next" or found["week"]:
            return monday + timedelta(days=7 + number)
        return today + timedelta(days=(number - today.weekday()) % 7)
    if found := _IN.fullmatch(said):
        return _later(today, _number(found["n"]), found["unit"])
    if found := _END.fullmatch(said):
        ends = {"week": monday + timedelta(days=4), "month": _end_of_month(today), "year": date(today.year, 12, 31)}
        return max(ends[found["unit"]], today)
    if found := _NEXT.fullmatch(said):
        is_week = "week" in (found["unit"], found["begin"])
        return monday + timedelta(days=7) if is_week else _end_of_month(today) + timedelta(days=1)
    return None


def _later(today: date, number: int, unit: str) -> date:
    if unit != "month":
        return today + timedelta(days=number * (7 if unit == "week" else 1))
    year, month = divmod(today.year * 12 + today.month - 1 + number, 12)
    return date(year, month + 1, min(today.day, calendar.monthrange(year, month + 1)[1]))


def _end_of_month(on: date) -> date:
    return date(on.year, on.month, calendar.monthrange(on.year, on.month)[1])


def _month(said: str) -> int:
    return int(said) if said.isdigit() else [name[:3] for name in MONTHS].index(said[:3]) + 1


def _day(said: str) -> int:
    return int(said) if said.isdigit() else ORDINALS.index(said) + 1


def _number(said: str) -> int:
    return int(said) if said.isdigit() else 1 if said in {"a", "an"} else _NUMBERS.index(said) + 1
