"""What a run says while it works, for whoever listens: a Redis stream, read by `config.waiting`.

Nothing depends on it: the run itself stands in Postgres, so a Redis that is away costs only liveliness.
"""

import json
import logging
import uuid
from collections.abc import Collection, Iterator
from datetime import timedelta
from typing import Any

import redis
from django.core.serializers.json import DjangoJSONEncoder

from config import valkey
from config.waiting import Entry

log = logging.getLogger(__name__)
KEPT = timedelta(hours=1)
MOST_EVENTS = 5_000


def stream(workspace_id: uuid.UUID, run_id: uuid.UUID) -> str:
    return f"run:{workspace_id}:{run_id}"


def erase(workspace_id: uuid.UUID, run_ids: Collection[uuid.UUID]) -> None:
    """Raises when Redis is away: what has to go is not given up."""
    if run_ids:
        valkey.client().delete(*(stream(workspace_id, each) for each in run_ids))


def are_kept(workspace_id: uuid.UUID, run_ids: Collection[uuid.UUID]) -> bool:
    return bool(run_ids) and bool(valkey.client().exists(*(stream(workspace_id, each) for each in run_ids)))


class Events:
    """`say` adds an event; `page` is what a page gets in its place: another name and HTML instead of data."""

    kept = MOST_EVENTS

    def __init__(self, workspace_id: uuid.UUID, run_id: uuid.UUID) -> None:
        self.key = stream(workspace_id, run_id)

    def say(self, name: str, data: Any, *, page: tuple[str, str] | None = None) -> None:
        text = dumps(data)
        shown, content = page if page is not None else (name, text)
        pipe = valkey.client().pipeline()
        fields: dict[Any, Any] = {"e": name, "d": text, "pe": shown, "pd": content}
        pipe.xadd(self.key, fields, maxlen=self.kept, approximate=self.kept > 1)
        pipe.expire(self.key, KEPT)
        self._execute(pipe)

    def forget(self) -> None:
        """A run that begins again says everything again."""
        pipe = valkey.client().pipeline()
        pipe.delete(self.key)
        self._execute(pipe)

    def said(self) -> list[Entry]:
        """Everything so far, without waiting. Empty when it has expired or Redis is away."""
        try:
            entries: Any = valkey.client().xrange(self.key)
        except redis.RedisError:
            log.warning("cannot read events: Redis is away")
            return []
        return [Entry(key, fields) for key, fields in entries]

    def last(self) -> Entry | None:
        try:
            last: Any = valkey.client().xrevrange(self.key, count=1)
        except redis.RedisError:
            return None
        return Entry(*last[0]) if last else None

    @staticmethod
    def _execute(pipe: Any) -> None:
        try:
            pipe.execute()
        except redis.RedisError as error:
            log.warning("an event is not shown: %s", type(error).__name__)


def rebuilt(events: list[tuple[str, Any]], *, at_milliseconds: int) -> Iterator[Entry]:
    """The same entries for a run whose stream is gone; their ids come after all that the stream can have had."""
    for number, (name, data) in enumerate(events):
        text = dumps(data).encode()
        key = f"{at_milliseconds}-{1_000_000 + number}".encode()
        yield Entry(key, {b"e": name.encode(), b"d": text, b"pe": name.encode(), b"pd": text})


def dumps(data: Any) -> str:
    return json.dumps(data, cls=DjangoJSONEncoder, ensure_ascii=False)
