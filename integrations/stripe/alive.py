"""That Stripe answers: who waits for a turn to ask it, or for who asks it, waits on as long as it does."""

import time
from contextlib import suppress
from typing import Any

import redis

from config import valkey

KEY = "stripe:answers"
# For so long after an answer the other processes know of it; each says so again after a part of that.
SECONDS, AGAIN_SECONDS = 2.0, 0.5

_answered_at = _told_at = 0.0


def note(*_answer: Any, **_more: Any) -> None:
    """With each answer, whatever it says."""
    global _answered_at, _told_at
    _answered_at = time.monotonic()
    if _answered_at - _told_at >= AGAIN_SECONDS:
        _told_at = _answered_at
        with suppress(redis.RedisError):
            valkey.brief_client().set(KEY, 1, px=int(SECONDS * 1000))


def has_answered_since(moment: float) -> bool:
    """This process, by `time.monotonic`."""
    return _answered_at >= moment


def has_answered_just_now() -> bool:
    """Any process. False while Valkey is away."""
    try:
        return bool(valkey.brief_client().exists(KEY))
    except redis.RedisError:
        return False
