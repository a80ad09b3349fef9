"""Date conditions. Notion keeps and compares moments by the minute; a bare day compares by the day."""

from __future__ import annotations

from calendar import monthrange
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache

from devkit.notion.clock import parse_time
from devkit.notion.errors import wrong
from devkit.notion.model import Json

RELATIVE = {
    "today": (0, 0),
    "tomorrow": (1, 0),
    "yesterday": (-1, 0),
    "one_week_ago": (-7, 0),
    "one_week_from_now": (7, 0),
    "one_month_ago": (0, -1),
    "one_month_from_now": (0, 1),
}
WINDOWS = {
    "past_week": (-7, 0, 0),
    "past_month": (0, -1, 0),
    "past_year": (0, -12, 0),
    "next_week": (7, 0, 1),
    "next_month": (0, 1, 1),
    "next_year": (0, 12, 1),
}


def matches(start: str | None, condition: str, wanted: object, now: datetime, where: str) -> bool:
    if condition == "is_empty":
        return start is None
    if condition == "is_not_empty":
        return start is not None
    if condition == "this_week" or condition in WINDOWS:
        return start is not None and _in_window(_day(start), condition, now.date())
    target = _target(wanted, now.date(), f"{where}.{condition}")
    if start is None:
        return False
    one, other = _pair(start, target)
    return {
        "equals": one == other,
        "before": one < other,
        "after": one > other,
        "on_or_before": one <= other,
        "on_or_after": one >= other,
    }[condition]


CONDITIONS = ("equals", "before", "after", "on_or_before", "on_or_after", "is_empty", "is_not_empty", "this_week")


def known(condition: str) -> bool:
    return condition in CONDITIONS or condition in WINDOWS


def _target(wanted: object, today: date, where: str) -> str:
    if wanted in RELATIVE:
        days, months = RELATIVE[str(wanted)]
        return shift(today, days, months).isoformat()
    try:
        parse_time(wanted)
    except ValueError:
        raise wrong(where, "a valid ISO 8601 date string", wanted) from None
    return str(wanted)


def _pair(start: str, target: str) -> tuple[datetime | date, datetime | date]:
    if len(target) <= 10:
        return _day(start), date.fromisoformat(target)
    return _minute(start), _minute(target)


@lru_cache(maxsize=10_000)
def _minute(text: str) -> datetime:
    return parse_time(text).replace(second=0, microsecond=0)


@lru_cache(maxsize=10_000)
def _day(text: str) -> date:
    return parse_time(text).astimezone(UTC).date()


def _in_window(day: date, name: str, today: date) -> bool:
    if name == "this_week":
        monday = today - timedelta(days=today.weekday())
        return monday <= day <= monday + timedelta(days=6)
    days, months, _ = WINDOWS[name]
    edge = shift(today, days, months)
    return min(edge, today) <= day <= max(edge, today)


def shift(day: date, days: int, months: int) -> date:
    month = day.month - 1 + months
    year, month = day.year + month // 12, month % 12 + 1
    moved = day.replace(year=year, month=month, day=min(day.day, monthrange(year, month)[1]))
    return moved + timedelta(days=days)


def moment(value: Json | None) -> datetime | None:
    return parse_time(value["start"]) if value and value.get("start") else None
