"""The number of seats, told to Stripe after the membership has been committed: absolute, until Stripe has it."""

from datetime import datetime
from typing import Literal

import stripe
from django.db import transaction

from billing.effective import effective
from billing.models import StripeAccount, Subscription
from billing.seats import due
from billing.stripe import schedules, truth


def send(account: StripeAccount, *, change: str, now: datetime) -> None:
    """`change`: the same for a repeated attempt. Raises StripeError or UnknownPrice."""
    with transaction.atomic():
        subscription = Subscription.objects.select_for_update().get(workspace_id=account.workspace_id)
        if not effective(subscription, now).plan.is_per_seat or not account.subscription_id:
            return
        bought = truth.api().v1.subscriptions.retrieve(account.subscription_id, {"expand": ["schedule"]})
        item, seats = truth.item_of(bought), due(subscription)
        if bought.status in truth.STANDING and truth.tier_of(item.price) == subscription.tier:
            _bring(bought, item, seats=seats, key=f"seats:{account.workspace_id}:{seats}:{change}")
        truth.mirror(account, subscription, now=now)


def _bring(bought: stripe.Subscription, item: stripe.SubscriptionItem, *, seats: int, key: str) -> None:
    differs = item.quantity != seats
    planned = schedules.take_aside(bought) if differs or not bought.schedule else None
    if differs:
        truth.api().v1.subscriptions.update(
            bought.id,
            {
                "items": [{"id": item.id, "quantity": seats}],
                "proration_behavior": proration(item.quantity or 1, seats),
            },
            {"idempotency_key": key},
        )
    if planned is not None:
        schedules.arrange(bought.id, planned)


def proration(before: int, after: int) -> Literal["create_prorations", "none"]:
    """A seat more is paid from now on, a seat less from the next month on."""
    return "create_prorations" if after > before else "none"
