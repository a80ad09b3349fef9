"""How often a workspace's connections are read by themselves: as its plan allows, or as seldom as it chose."""

from datetime import datetime, timedelta

from django.db import transaction
from django.db.models.functions import Least

from accounts.models import Connection, Membership, Workspace
from accounts.permissions import check_can_change_settings
from accounts.services import note_settings
from billing.effective import Access, effective
from billing.models import Subscription
from billing.permissions import check_can_use
from billing.plans import SYNC_INTERVALS, Feature
from config.errors import InvalidField

# Once a day everything is listed, so a schedule is never slower.
LONGEST = timedelta(days=1)
MINUTE = timedelta(minutes=1)


def interval_of(workspace: Workspace, *, now: datetime) -> timedelta | None:
    """None when nothing may begin by itself."""
    subscription: Subscription | None = getattr(workspace, "subscription", None)
    if not workspace.is_active or subscription is None:
        return None
    current = effective(subscription, now)
    if current.access != Access.FULL or Feature.SCHEDULED_SYNC not in current.plan.features:
        return None
    return max(SYNC_INTERVALS[current.tier], MINUTE * (workspace.sync_interval_minutes or 0))


def shortest(workspace: Workspace, *, now: datetime) -> timedelta | None:
    """What the plan allows; nothing when it has no schedule."""
    current = effective(Subscription.objects.get(workspace=workspace), now)
    return SYNC_INTERVALS[current.tier] if Feature.SCHEDULED_SYNC in current.plan.features else None


def choose(*, by: Membership, minutes: int | None, now: datetime) -> None:
    """Read by itself this often from now on; None: as often as the plan allows."""
    check_can_change_settings(by)
    check_can_use(Subscription.objects.get(workspace=by.workspace), Feature.SCHEDULED_SYNC)
    least = shortest(by.workspace, now=now) or LONGEST
    if minutes is not None and not least <= MINUTE * minutes <= LONGEST:
        raise InvalidField(
            f"Your plan syncs at most every {least // MINUTE} minutes, and at least once a day: choose"
            f" {least // MINUTE} to {LONGEST // MINUTE}.",
            pointer="/sync_interval_minutes",
        )
    with transaction.atomic():
        mine = Workspace.objects.filter(pk=by.workspace_id)
        before = mine.select_for_update(no_key=True).values("sync_interval_minutes").get()
        mine.update(sync_interval_minutes=minutes)
        note_settings(by, before, {"sync_interval_minutes": minutes})
        by.workspace.sync_interval_minutes = minutes
        # A shorter one counts from now, not from what the longer one had planned.
        soonest = now + max(least, MINUTE * (minutes or 0))
        of_workspace = Connection.objects.filter(workspace_id=by.workspace_id)
        of_workspace.update(sync_due_at=Least("sync_due_at", soonest))
