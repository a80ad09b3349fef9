"""How often one may ask: fixed windows of one minute on the workspace's clock. Off unless set.

A connection has a window of its own, and all connections of a workspace share another; both start with the minute.
"""

from __future__ import annotations

import math
from email.utils import format_datetime

from devkit.notion.clock import wall_time
from devkit.notion.errors import ApiError, rate_limited
from devkit.notion.model import Grant, Workspace

WINDOW = 60
OWN = "public_api_request_rate_limit"
SHARED = "public_api_space_request_rate_limit"


class Limiter:
    def __init__(self) -> None:
        self._windows: dict[str, tuple[int, int]] = {}

    def check(self, grant: Grant) -> None:
        """A request that is refused counts too."""
        space = grant.workspace
        own = self._over(grant.bot_id, space, grant.per_minute)
        if self._over(space.id, space, space.per_space_minute):
            raise self._refusal(space, SHARED)
        if own:
            raise self._refusal(space, OWN)

    def _over(self, key: str, space: Workspace, limit: int | None) -> bool:
        if limit is None:
            return False
        window = int(space.clock.now().timestamp() // WINDOW)
        last, used = self._windows.get(key, (window, 0))
        used = used + 1 if last == window else 1
        self._windows[key] = (window, used)
        return used > limit

    def _refusal(self, space: Workspace, reason: str) -> ApiError:
        left = WINDOW - space.clock.now().timestamp() % WINDOW
        return refusal(left, space.retry_after, reason)


def refusal(seconds: float, form: str, reason: str) -> ApiError:
    """`form` of the header: int, date, float or absent."""
    error = rate_limited(max(1, math.ceil(seconds)), reason)
    if form == "absent":
        return rate_limited(None, reason)
    if form == "date":
        error.headers["retry-after"] = format_datetime(wall_time(math.ceil(seconds)), usegmt=True)
    if form == "float":
        error.headers["retry-after"] = f"{seconds:.1f}"
    return error
