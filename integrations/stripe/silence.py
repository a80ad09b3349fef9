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
    """A refused or broken connection has made nobody wait.

    The library repeats a POST that had no answer under the same idempotency key, which Stripe refuses while it is still
    about the first.
    """
    if isinstance(error, stripe.APIConnectionError):
        return isinstance(error.__cause__, requests.Timeout)
    answer = error.error if isinstance(error, stripe.StripeError) else None
    return answer is not None and answer.code == "idempotency_key_in_use"


def note(error: BaseException) -> None:
    if is_hang(error):
        with suppress(redis.RedisError):
            valkey.brief_client().set(KEY, 1, ex=SECONDS)


def is_known() -> bool:
    try:
        return bool(valkey.brief_client().exists(KEY))
    except redis.RedisError:
        return False
