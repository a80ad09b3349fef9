"""The settings of this installation, turned into the objects of this package."""

import redis

from integrations.notion.budget import BURST, KEPT, Budget


def budget_from_settings(
    redis_client: redis.Redis, connection: str, *, workspace: str = "", background: bool = False
) -> Budget:
    """The budget of one connection. Background work leaves a few requests to people who wait."""
    from django.conf import settings

    rate: float = settings.NOTION_REQUESTS_PER_SECOND
    burst = max(BURST, rate if rate > 10 else 0.0)
    keep = burst * KEPT if background else 0.0
    return Budget(redis_client, connection, workspace=workspace, rate=rate, burst=burst, keep=keep)
