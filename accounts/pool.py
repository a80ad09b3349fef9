"""Waiting for a warm schema when many people sign up at once."""

import time
from datetime import timedelta

import kombu.exceptions

from accounts import schemas
from accounts.models import WorkspaceSchema

LONGEST_WAIT = timedelta(seconds=3)
STEP = timedelta(milliseconds=100)


def wait_for_schema() -> None:
    """Return when there is one, or after three seconds; who claims it then sees for itself. Not in a transaction."""
    if is_ready():
        return
    wake_filler()
    deadline = time.monotonic() + LONGEST_WAIT.total_seconds()
    while not is_ready() and time.monotonic() < deadline:
        time.sleep(STEP.total_seconds())


def is_ready() -> bool:
    return WorkspaceSchema.objects.filter(state=WorkspaceSchema.State.WARM, head=schemas.head()).exists()


def wake_filler() -> None:
    from accounts.jobs import fill_pool

    try:
        fill_pool.apply_async(retry=False)
    except (kombu.exceptions.OperationalError, OSError):
        return  # beat fills the pool when the broker is back
