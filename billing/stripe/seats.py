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
        is_ending = bool(bought.cancel_at_period_end or bought.cancel_at)
        behavior = proration(item.quantity or 1, seats, is_ending=is_ending)
        truth.api().v1.subscriptions.update(
            bought.id,
            {"items": [{"id": item.id, "quantity": seats}], "proration_behavior": behavior},
            # Cancelled between two attempts, it is another request, which Stripe refuses under the same key.
            {"idempotency_key": f"{key}:{behavior}"},
        )
    if planned is not None:
        schedules.arrange(bought.id, planned)


def proration(
    before: int, after: int, *, is_ending: bool = False
) -> Literal["always_invoice", "create_prorations", "none"]:
    """A seat more is paid from now on, at once when no later invoice is sure to come; a seat less from then on."""
    if after <= before:
        return "none"
    return "always_invoice" if is_ending else "create_prorations"
