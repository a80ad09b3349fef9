"""What a run says while it works, for whoever listens: a Redis stream, read by `config.waiting`.

Nothing depends on it: the run itself stands in Postgres, so a Redis that is away costs only liveliness.
"""

import json
import logging
import uuid
from collections.abc import Collection, Iterator
from datetime import timedelta
from functools import partial
from typing import Any

import redis
from django.core.serializers.json import DjangoJSONEncoder
from django.db import transaction
from django.http import HttpRequest

from accounts import tenancy
from accounts.models import ApiKey, Membership
from config import valkey
from config.waiting import Entry

log = logging.getLogger(__name__)
KEPT = timedelta(hours=1)
MOST_EVENTS = 5_000
# In one step, so that nothing is added to what has just been closed.
_SAY = """
if redis.call('EXISTS', KEYS[2]) == 1 then return end
redis.call('XADD', KEYS[1], 'MAXLEN', ARGV[1], ARGV[2], '*', 'e', ARGV[4], 'd', ARGV[5], 'pe', ARGV[6], 'pd', ARGV[7])
redis.call('EXPIRE', KEYS[1], ARGV[3])
"""


def stream(workspace_id: uuid.UUID, run_id: uuid.UUID) -> str:
    return f"run:{workspace_id}:{run_id}"


def erase(workspace_id: uuid.UUID, run_ids: Collection[uuid.UUID]) -> None:
    """Raises when Redis is away: what has to go is not given up."""
    if run_ids:
        valkey.client().delete(*(stream(workspace_id, each) for each in run_ids))


def close(workspace_id: uuid.UUID, run_ids: Collection[uuid.UUID]) -> None:
    """As `erase`, and what these go on saying is not kept until they `forget` it. Raises when Redis is away."""
    pipe = valkey.client().pipeline()
    for each in run_ids:
        key = stream(workspace_id, each)
        pipe.set(_closed(key), 1, ex=KEPT)
        pipe.delete(key)
    if run_ids:
        pipe.execute()


def _closed(key: str) -> str:
    return f"{key}:closed"


def ends(request: HttpRequest) -> tuple[str, ...]:
    """Streams that are empty while who listens may: of the membership, and of the API key that they showed."""
    shown = getattr(request, "auth", None)
    membership_end = _membership_end(tenancy.acting(request))
    return (membership_end, _key_end(shown)) if isinstance(shown, ApiKey) else (membership_end,)


def _membership_end(membership: Membership) -> str:
    # Without the workspace: an erased one leaves nothing behind that names it.
    return f"ended:{membership.pk}"


def _key_end(key: ApiKey) -> str:
    # Not by its id: one that is made anew keeps that.
    return f"ended:{key.start}"


def on_membership_ended(sender: Any, instance: Membership, using: str, **_: Any) -> None:
    """Whatever ended it. What is open ends; coming back is refused as every other request is."""
    transaction.on_commit(partial(_end, _membership_end(instance)), using=using)


def on_key_ended(sender: Any, key: ApiKey, **_: Any) -> None:
    transaction.on_commit(partial(_end, _key_end(key)))


def _end(key: str) -> None:
    try:
        pipe = valkey.client().pipeline()
        pipe.xadd(key, {"e": "ended"}, maxlen=1)
        pipe.expire(key, KEPT)
        pipe.execute()
    except redis.RedisError as error:
        log.warning("who listens is not told that they may no longer: %s", type(error).__name__)


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
        how = "~" if self.kept > 1 else "="
        values = (how, self.kept, int(KEPT.total_seconds()), name, text, shown, content)
        try:
            valkey.client().eval(_SAY, 2, self.key, _closed(self.key), *values)
        except redis.RedisError as error:
            log.warning("an event is not shown: %s", type(error).__name__)

    def forget(self) -> None:
        """A run that begins again says everything again."""
        try:
            valkey.client().delete(self.key, _closed(self.key))
        except redis.RedisError as error:
            log.warning("what was said is not forgotten: %s", type(error).__name__)

    @staticmethod
    def _execute(pipe: Any) -> None:
        try:
            pipe.execute()
        except redis.RedisError as error:
            log.warning("an event is not shown: %s", type(error).__name__)

    def is_closed(self) -> bool:
        try:
            return bool(valkey.client().exists(_closed(self.key)))
        except redis.RedisError:
            return False

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


def rebuilt(events: list[tuple[str, Any]], *, at_milliseconds: int) -> Iterator[Entry]:
    """The same entries for a run whose stream is gone; their ids come after all that the stream can have had."""
    for number, (name, data) in enumerate(events):
        text = dumps(data).encode()
        key = f"{at_milliseconds}-{1_000_000 + number}".encode()
        yield Entry(key, {b"e": name.encode(), b"d": text, b"pe": name.encode(), b"pd": text})


def dumps(data: Any) -> str:
    return json.dumps(data, cls=DjangoJSONEncoder, ensure_ascii=False)
