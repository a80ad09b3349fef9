"""When to ask again: the one place that decides it.

Rate limits are waited out through the shared budget. Everything else that may pass is tried a few times with growing,
scattered pauses. The waiting for one call is bounded in all; past it the error goes to the caller, who can put the work
back into its queue until `retry_after`.
"""

import logging
import random
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from integrations.notion.budget import SLICE, Limiter, Wait
from integrations.notion.errors import Conflict, RateLimited, Unreachable

logger = logging.getLogger("integrations.notion")

T = TypeVar("T")


@dataclass(frozen=True)
class Patience:
    tries: int = 5
    first_pause: float = 1.0
    longest_pause: float = 30.0
    longest_in_all: float = 300.0

    def pause(self, failures: int) -> float:
        grown = min(self.longest_pause, self.first_pause * 2.0 ** (failures - 1))
        return grown * random.uniform(0.5, 1.0)


# Somebody is looking at a page that waits for this.
HASTY = Patience(tries=2, first_pause=0.5, longest_in_all=8.0)

SHORTEST_BLOCK = 1.0
# The reason of a refusal that all integrations of one Notion workspace share.
OF_THE_WORKSPACE = "public_api_space_request_rate_limit"


class Asking:
    """The waiting of one call. `ask` may run the request several times; `failed` hears of each failure before."""

    def __init__(self, *, budget: Limiter, wait: Wait, patience: Patience) -> None:
        self._budget, self._wait, self._patience = budget, wait, patience
        self._waited = 0.0

    def read(self, request: Callable[[], T], *, failed: Callable[[Unreachable], None] | None = None) -> T:
        failures = 0
        while True:
            try:
                self._take_turn()
                return request()
            except RateLimited as error:
                self._stay_away(error)
            except Conflict as error:
                # Somebody was saving; a read changes nothing, so it only comes again. Other conflicts stay.
                failures += 1
                if failures >= self._patience.tries or error.code != "conflict_error":
                    raise
                self._pause(self._patience.pause(failures), error)
            except Unreachable as error:
                failures += 1
                if failures >= self._patience.tries:
                    raise
                self._pause(max(self._patience.pause(failures), error.retry_after or 0.0), error)
                if failed is not None:
                    failed(error)

    def write(self, request: Callable[[], T]) -> T:
        """Repeats only what Notion certainly did not do. After anything else the caller looks first."""
        while True:
            self._take_turn()
            try:
                return request()
            except RateLimited as error:
                self._stay_away(error)

    def _take_turn(self) -> None:
        self._waited += self._budget.acquire(self._wait, at_most=self._left())

    def _stay_away(self, error: RateLimited) -> None:
        if error.status is None:  # our own budget's refusal: it has counted the waiting already
            raise error
        pause = max(error.retry_after or 0.0, SHORTEST_BLOCK)
        reason = error.details.get("rate_limit_reason")
        self._budget.block(pause, whole_workspace=reason == OF_THE_WORKSPACE)
        logger.info("Notion limits the rate (%s), nothing is sent for %.1f s", error.status, pause)
        if pause > self._left():
            raise error

    def _pause(self, seconds: float, error: Unreachable | Conflict) -> None:
        if seconds > self._left():
            raise error
        logger.info("Notion is not to be had (%s %s), again in %.1f s", type(error).__name__, error.status, seconds)
        self._waited += seconds
        while seconds > 0:
            self._wait(min(seconds, SLICE))
            seconds -= SLICE

    def _left(self) -> float:
        return self._patience.longest_in_all - self._waited
