"""Where a workspace stands with its trial, in words."""

import math
import uuid
from datetime import datetime, timedelta
from typing import Any

from billing.effective import Access, effective
from billing.models import Subscription
from billing.plans import Tier, upgrade_url

DAY = timedelta(days=1)


def trial_status(*, workspace_id: uuid.UUID, now: datetime) -> dict[str, Any]:
    subscription = Subscription.objects.get(workspace_id=workspace_id)
    current = effective(subscription, now)
    is_trial = current.tier == Tier.TRIAL
    left = max(subscription.trial_ends_at - now, timedelta()) if is_trial else timedelta()
    is_active = current.access != Access.CLOSED
    return {
        "tier": current.tier,
        "is_trial": is_trial,
        "active": is_active,
        "trial_ends_at": subscription.trial_ends_at,
        "seconds_remaining": int(left.total_seconds()),
        "days_remaining": math.ceil(left / DAY),
        "message": _message(current.plan.name, is_trial=is_trial, is_active=is_active, left=left),
        "upgrade_url": upgrade_url(),
    }


def _message(plan: str, *, is_trial: bool, is_active: bool, left: timedelta) -> str:
    if not is_trial:
        return f"You are on the {plan} plan." if is_active else "The subscription has ended. Choose a plan to go on."
    if not is_active:
        return "The trial has ended. Choose a plan to go on; what is here stays."
    days = math.ceil(left / DAY)
    return "The trial ends today." if days <= 1 else f"The trial ends in {days} days."
