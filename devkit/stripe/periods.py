"""Months counted from the anchor, so that the 31st comes back after a short month."""

from __future__ import annotations

import calendar
from datetime import UTC, datetime

DAY = 86_400
HOUR = 3_600


def months_after(anchor: int, months: int) -> int:
    start = datetime.fromtimestamp(anchor, UTC)
    index = start.year * 12 + start.month - 1 + months
    year, month = divmod(index, 12)
    last = calendar.monthrange(year, month + 1)[1]
    return int(start.replace(year=year, month=month + 1, day=min(start.day, last)).timestamp())


def intervals_after(anchor: int, interval: str, count: int) -> int:
    if interval == "day":
        return anchor + count * DAY
    if interval == "week":
        return anchor + count * 7 * DAY
    return months_after(anchor, count * (12 if interval == "year" else 1))


def next_boundary(anchor: int, interval: str, every: int, after: int) -> int:
    """The first boundary later than `after`."""
    passed = max(0, _roughly(anchor, interval, after) // every - 1)
    while (boundary := intervals_after(anchor, interval, passed * every)) <= after:
        passed += 1
    return boundary


def _roughly(anchor: int, interval: str, after: int) -> int:
    """Never more than the whole intervals between the two."""
    longest = {"day": DAY, "week": 7 * DAY, "month": 31 * DAY, "year": 366 * DAY}[interval]
    return max(0, after - anchor) // longest
