"""Who takes the money. Manual: nobody, so a change of plan applies at once, or waits for staff when hosted."""

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured

from accounts.models import Membership
from billing.models import PlanRequest, Subscription
from billing.plans import Tier

ACTIVE, CHECKOUT_REQUIRED, PENDING_APPROVAL = "active", "checkout_required", "pending_approval"


@dataclass(frozen=True)
class Change:
    status: str
    subscription: Subscription
    checkout_url: str | None = None


class Gateway(Protocol):
    def change(
        self, subscription: Subscription, *, tier: Tier, seats: int, by: Membership, now: datetime
    ) -> Change: ...


class Manual:
    def change(self, subscription: Subscription, *, tier: Tier, seats: int, by: Membership, now: datetime) -> Change:
        if settings.IS_PRODUCTION:
            PlanRequest.objects.update_or_create(
                workspace_id=subscription.workspace_id,
                decided_at=None,
                defaults={"tier": tier, "seats": seats, "requested_by": by.user, "requested_at": now},
            )
            return Change(PENDING_APPROVAL, subscription)
        subscription.buy(tier, seats=seats, by=by.user_id, now=now)
        return Change(ACTIVE, subscription)


def gateway() -> Gateway:
    if settings.BILLING_GATEWAY != "manual":
        raise ImproperlyConfigured(f"BILLING_GATEWAY is manual, not {settings.BILLING_GATEWAY!r}.")
    return Manual()
