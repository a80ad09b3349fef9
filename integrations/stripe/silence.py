"""That Stripe hangs, known to all processes for a moment: one has waited for it in vain, so who comes next need not.

Kept in Valkey. While that is away nobody knows of it, and everybody waits for themselves.
"""

from contextlib import suppress

import redis
import requests
import stripe

from config import valkey

KEY = "stripe:hangs"
# Then one more tries: a single answer that was lost must not keep everybody from paying for long.
SECONDS = 15


def is_hang(error: BaseException) -> bool:
    """A refused or broken connection has made nobody wait."""
    return isinstance(error, stripe.APIConnectionError) and isinstance(error.__cause__, requests.Timeout)


def note(error: BaseException) -> None:
    if is_hang(error):
        with suppress(redis.RedisError):
            valkey.brief_client().set(KEY, 1, ex=SECONDS)


def is_known() -> bool:
    try:
        return bool(valkey.brief_client().exists(KEY))
    except redis.RedisError:
        return False
