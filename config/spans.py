"""From when until when: the filter `from` and `to` that lists and sums share."""

from collections.abc import Mapping
from datetime import UTC, date, datetime, time, timedelta, tzinfo

from django.utils.dateparse import parse_date, parse_datetime
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter

from config.errors import InvalidField

# What `asked` reads, for the description of the API.
SPANNED = [
    OpenApiParameter("from", OpenApiTypes.STR, description="A day or a moment."),
    OpenApiParameter("to", OpenApiTypes.STR, description="A day, which counts whole, or a moment."),
]


def asked(given: Mapping[str, str], zone: tzinfo) -> tuple[datetime | None, datetime | None]:
    """The first moment, and the first one after. Raises InvalidField."""
    given_from, given_to = given.get("from"), given.get("to")
    starts_at = _moment(given_from, "from", zone, day_ends=False) if given_from else None
    ends_at = _moment(given_to, "to", zone, day_ends=True) if given_to else None
    if starts_at and ends_at and starts_at >= ends_at:
        raise InvalidField("From a moment before `to`.", pointer="/from")
    return starts_at, ends_at


def _moment(text: str, name: str, zone: tzinfo, *, day_ends: bool) -> datetime:
    """A day means the whole of it, where the member lives."""
    try:
        day: date | None = parse_date(text)
        moment = datetime.combine(day, time.min, zone) if day else parse_datetime(text)
        if day and day_ends and moment:
            moment += timedelta(days=1)
        # The calendar's first and last days have no neighbours.
        if moment is not None and 1971 <= moment.year <= 9000:
            return (moment if moment.tzinfo else moment.replace(tzinfo=zone)).astimezone(UTC)
    except (ValueError, OverflowError):
        pass  # said below
    raise InvalidField("A day such as 2026-11-23, or a moment such as 2026-11-23T08:00:00Z.", pointer=f"/{name}")
