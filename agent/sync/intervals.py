"""How often a workspace's connections are read by themselves."""

from datetime import datetime, timedelta

from accounts.models import Workspace
from billing.effective import Access, effective
from billing.models import Subscription
from billing.plans import SYNC_INTERVALS, Feature


def interval_of(workspace: Workspace, *, now: datetime) -> timedelta | None:
    """None when nothing may begin by itself."""
    subscription: Subscription | None = getattr(workspace, "subscription", None)
    if not workspace.is_active or subscription is None:
        return None
    current = effective(subscription, now)
    if current.access != Access.FULL or Feature.SCHEDULED_SYNC not in current.plan.features:
        return None
    return SYNC_INTERVALS[current.tier]
