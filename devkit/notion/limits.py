"""How often a connection may ask: fixed windows of one minute on its workspace's clock. Off unless set."""

from __future__ import annotations

import math

from devkit.notion.errors import rate_limited
from devkit.notion.model import Grant

WINDOW = 60


class Limiter:
    def __init__(self) -> None:
        self._windows: dict[str, tuple[int, int]] = {}

    def check(self, grant: Grant) -> None:
        if grant.per_minute is None:
            return
        now = grant.workspace.clock.now().timestamp()
        window = int(now // WINDOW)
        last, used = self._windows.get(grant.bot_id, (window, 0))
        used = used + 1 if last == window else 1
        self._windows[grant.bot_id] = (window, used)
        if used > grant.per_minute:
            raise rate_limited(max(1, math.ceil((window + 1) * WINDOW - now)))
