"""Where a workspace stands with its trial, in words."""

import math
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from accounts.models import Membership
from billing import hearing
from billing.effective import Access, State, effective
from billing.models import Subscription
from billing.plans import Tier, upgrade_url
from billing.standing import sentence

DAY = timedelta(days=1)
UNPAID = {State.TRIAL, State.TRIAL_ENDED, State.ENDED}


def trial_status(*, membership: Membership, now: datetime, zone: ZoneInfo) -> dict[str, Any]:
    mine, is_known = Subscription.objects.filter(workspace_id=membership.workspace_id), True
    if effective(mine.get(), now).state in UNPAID:
        is_known = hearing.look(membership=membership, now=now)
    subscription = mine.get()
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
        "message": sentence(current, zone),
        "is_known": is_known,
        "upgrade_url": upgrade_url(),
    }
