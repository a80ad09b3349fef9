"""Waiting for a warm schema when many people sign up at once."""

import time
from collections.abc import Callable
from typing import TypeVar

import kombu.exceptions
from django.db import connections

from accounts import schemas

# The first schema of a worker costs seconds: eight sign-ups at once took up to 8 on two busy cores.
LONGEST_WAIT_SECONDS = 15.0
STEP_SECONDS = 0.1
# Who fills may have been busy with the few before, and a wish that comes meanwhile is not heard.
WAKE_AGAIN_SECONDS = 1.0
# After somebody waited in vain nobody waits here: a crowd would hold every thread for nothing.
REST_SECONDS = 10.0
_resting_until = 0.0
T = TypeVar("T")


def with_schema(work: Callable[[], T]) -> T:
    """The answer of `work`, which claims a schema; when there is none, tried again for some seconds. No transaction.

    Raises NoSchemaReady.
    """
    global _resting_until
    try:
        return work()
    except schemas.NoSchemaReady:
        wake_filler()
        if time.monotonic() < _resting_until:
            raise
    began = woken_at = time.monotonic()
    while True:
        # Back to the others of this process; waiting needs none.
        connections["default"].close()
        time.sleep(STEP_SECONDS)
        try:
            return work()
        except schemas.NoSchemaReady:
            now = time.monotonic()
            if now - began > LONGEST_WAIT_SECONDS:
                _resting_until = now + REST_SECONDS
                raise
            if now - woken_at > WAKE_AGAIN_SECONDS:
                woken_at = now
                wake_filler()


def wake_filler() -> None:
    from accounts.jobs import fill_pool

    try:
        fill_pool.apply_async(retry=False)
    except (kombu.exceptions.OperationalError, OSError):
        return  # beat fills the pool when the broker is back
