"""Each workspace has its own clock: it runs like ours until it is set, moved or stopped."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta


class Clock:
    def __init__(self, at: datetime | None = None, *, frozen: bool = False) -> None:
        self._offset = timedelta()
        self._frozen: datetime | None = None
        if at is not None:
            self.set(at)
        if frozen:
            self.freeze()

    def now(self) -> datetime:
        return self._frozen or datetime.now(UTC) + self._offset

    def set(self, at: datetime) -> None:
        if self._frozen is not None:
            self._frozen = at
        self._offset = at - datetime.now(UTC)

    def advance(self, seconds: float) -> None:
        self.set(self.now() + timedelta(seconds=seconds))

    def freeze(self) -> None:
        self._frozen = self.now()

    def run(self) -> None:
        if self._frozen is not None:
            self._offset = self._frozen - datetime.now(UTC)
            self._frozen = None


def parse_time(value: object) -> datetime:
    """YAML gives dates and datetimes, JSON gives text; all become aware UTC datetimes."""
    if isinstance(value, datetime):
        return value.astimezone(UTC) if value.tzinfo else value.replace(tzinfo=UTC)
    moment = datetime.fromisoformat(str(value))
    return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)


def minute(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:00.000Z")


def millis(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%S.") + f"{moment.microsecond // 1000:03d}+00:00"
