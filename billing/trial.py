"""Where a workspace stands with its trial, in words."""

import math
import uuid
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from billing.effective import Access, effective
from billing.models import Subscription
from billing.plans import Tier, upgrade_url
from billing.standing import sentence

DAY = timedelta(days=1)


def trial_status(*, workspace_id: uuid.UUID, now: datetime, zone: ZoneInfo) -> dict[str, Any]:
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
        "erases_at": current.erases_at,
        "content_erased_at": current.erased_at,
        "message": sentence(current, now, zone),
        "upgrade_url": upgrade_url(),
    }
