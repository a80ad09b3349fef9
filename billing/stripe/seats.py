"""The number of seats, told to Stripe after the membership has been committed: absolute, until Stripe has it."""

from datetime import datetime
from typing import Literal

import stripe
from django.db import transaction

from billing.effective import effective
from billing.models import StripeAccount, Subscription
from billing.seats import due
from billing.stripe import mirror, schedules, telling, truth

Behavior = Literal["always_invoice", "create_prorations", "none"]


def send(account: StripeAccount, *, change: str, now: datetime) -> None:
    """`change`: the same for a repeated attempt. In steps, between which the row is free for who changes the plan.

    Raises StripeError or UnknownPrice."""
    is_aside = _tell(account, change=change, now=now)
    if is_aside is None:
        return
    if is_aside:
        telling.finish_planned(account)
    telling.refresh(account, now=now)


def _tell(account: StripeAccount, *, change: str, now: datetime) -> bool | None:
    """Whether a plan that comes was taken aside for it; None where nobody pays for seats."""
    with transaction.atomic():
        subscription = Subscription.objects.select_for_update().get(workspace_id=account.workspace_id)
        account.refresh_from_db()
        if not effective(subscription, now).plan.is_per_seat or not account.subscription_id:
            return None
        bought = truth.api().v1.subscriptions.retrieve(account.subscription_id, {"expand": ["schedule"]})
        item, seats = truth.item_of(bought), due(subscription)
        if bought.status not in truth.STANDING or truth.tier_of(item.price) != subscription.tier:
            return False
        # Before the number is lowered: what this period was begun with is paid for.
        mirror.write_seats(account, subscription, bought)
        subscription.save(update_fields=["seats", "paid_seats", "paid_from"])
        key = f"seats:{account.workspace_id}:{change}"
        return _bring(bought, item, seats=seats, paid=subscription.paid_seats, key=key)


def _bring(bought: stripe.Subscription, item: stripe.SubscriptionItem, *, seats: int, paid: int, key: str) -> bool:
    """Whether a plan that comes was taken aside for it."""
    coming = schedules.coming(bought)
    is_ending = coming is not None and coming.tier is None
    is_aside = schedules.take_aside(bought) if item.quantity != seats else schedules.is_half_done(bought)
    for quantity, behavior in steps(item.quantity or 1, seats, paid=paid, is_ending=is_ending):
        truth.api().v1.subscriptions.update(
            bought.id,
            {"items": [{"id": item.id, "quantity": quantity}], "proration_behavior": behavior},
            # Cancelled between two attempts, it is another request, which Stripe refuses under the same key.
            {"idempotency_key": f"{key}:{quantity}:{behavior}"},
        )
    return is_aside


def steps(before: int, after: int, *, paid: int, is_ending: bool) -> list[tuple[int, Behavior]]:
    """A seat that was paid for in this period comes back for nothing; what goes beyond those is charged."""
    free = min(after, max(before, paid))
    found: list[tuple[int, Behavior]] = [(free, "none")] if free != before else []
    if after > free:
        found.append((after, proration(free, after, is_ending=is_ending)))
    return found


def proration(before: int, after: int, *, is_ending: bool = False) -> Behavior:
    """A seat more is paid from now on, at once when no later invoice is sure to come; a seat less from then on."""
    if after <= before:
        return "none"
    return "always_invoice" if is_ending else "create_prorations"
