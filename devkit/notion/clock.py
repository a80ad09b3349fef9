"""Each workspace has its own clock: it runs like ours until it is set, moved or stopped."""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta


class Clock:
    def __init__(self, at: datetime | None = None, *, frozen: bool = False) -> None:
        self._origin = datetime.now(UTC)
        self._at_origin = self._origin
        self._factor = 1.0
        self._frozen: datetime | None = None
        if at is not None:
            self.set(at)
        if frozen:
            self._frozen = at or self._origin

    def now(self) -> datetime:
        return self._frozen or self._at_origin + (datetime.now(UTC) - self._origin) * self._factor

    def set(self, at: datetime) -> None:
        if self._frozen is not None:
            self._frozen = at
        self._origin, self._at_origin = datetime.now(UTC), at

    def advance(self, seconds: float) -> None:
        self.set(self.now() + timedelta(seconds=seconds))

    def freeze(self) -> None:
        self._frozen = self.now()

    def run(self, factor: float = 1.0) -> None:
        """From now on, and so many times as fast as ours."""
        now = self.now()
        self._frozen = None
        self._factor = factor
        self.set(now)

    def seconds_until(self, moment: datetime) -> float:
        """Of our time; a stopped clock never gets there."""
        away = (moment - self.now()).total_seconds()
        if away <= 0:
            return 0
        return math.inf if self._frozen is not None else away / self._factor


def wall_time(seconds: float) -> datetime:
    """So many seconds from now by our own clock, which is what readers of headers have."""
    return datetime.now(UTC) + timedelta(seconds=seconds)


def parse_time(value: object) -> datetime:
    """YAML gives dates and datetimes, JSON gives text; all become aware UTC datetimes."""
    if isinstance(value, datetime):
        return value.astimezone(UTC) if value.tzinfo else value.replace(tzinfo=UTC)
    moment = datetime.fromisoformat(str(value))
    return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)


def minute(moment: datetime) -> str:
    return moment.isoformat(timespec="minutes")[:16] + ":00.000Z"


def millis(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%S.") + f"{moment.microsecond // 1000:03d}+00:00"
