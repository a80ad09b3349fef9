"""Stripe's truth written into our mirror.

Whoever calls holds the lock on the subscription's row before Stripe is asked: otherwise the older of two answers could
be written last.
"""

import logging
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache

import stripe
from django.conf import settings

from billing.models import StripeAccount, Subscription
from billing.plans import PLANS, Plan, Tier
from integrations.stripe import StripeClient, client

log = logging.getLogger(__name__)
PAYING = {"active", "trialing"}
LATE = {"past_due", "unpaid", "paused"}
# An `incomplete` one has not been paid for once: it gives nothing, and ends by itself.
STANDING = PAYING | LATE


class UnknownPrice(Exception):
    """A subscription at Stripe is for something that is not one of our plans."""


def api(*, is_brief: bool = False) -> StripeClient:
    return client(key=settings.STRIPE_SECRET_KEY, url=settings.STRIPE_API_URL, is_brief=is_brief)


def lookup_key(plan: Plan) -> str:
    return f"{plan.tier}_monthly"


def product_id(plan: Plan) -> str:
    return f"docent_{plan.tier}"


TIERS = {product_id(plan): plan.tier for plan in PLANS.values() if plan.trial is None}


def tier_of(price: stripe.Price) -> Tier:
    """By the product: a price that has been replaced has no lookup key any more, and is paid on."""
    product = price.product if isinstance(price.product, str) else price.product.id
    tier = TIERS.get(product)
    if tier is None:
        raise UnknownPrice(f"price {price.id} is of product {product!r}, none of {', '.join(TIERS)}")
    return tier


@cache
def amounts_of(price_id: str) -> tuple[int, int]:
    """Cents a month, and for each seat. Stripe never changes those of a price."""
    price = api().v1.prices.retrieve(price_id, {"expand": ["tiers"]})
    if price.unit_amount is not None:
        return price.unit_amount, 0
    if not price.tiers:
        raise UnknownPrice(f"price {price.id} has no amount")
    return price.tiers[0].flat_amount or 0, price.tiers[0].unit_amount or 0


def item_of(bought: stripe.Subscription) -> stripe.SubscriptionItem:
    """The one item: a plan is one price, Teams with its seats included."""
    items = bought["items"].data
    if len(items) != 1:
        raise UnknownPrice(f"subscription {bought.id} has {len(items)} items instead of one")
    item: stripe.SubscriptionItem = items[0]
    return item


def moment(seconds: int) -> datetime:
    return datetime.fromtimestamp(seconds, tz=UTC)


@dataclass(frozen=True)
class Truth:
    """What Stripe says of a customer: the subscription that stands, else the one that ended last."""

    bought: stripe.Subscription | None
    is_standing: bool


def ask(account: StripeAccount) -> Truth:
    found = list(
        api()
        .v1.subscriptions.list(
            {
                "customer": account.customer_id,
                "status": "all",
                "limit": 100,
                "expand": ["data.schedule"],
            }
        )
        .auto_paging_iter()
    )
    standing = [one for one in found if one.status in STANDING]
    if len(standing) > 1:
        names = ", ".join(one.id for one in standing)
        log.error("customer %s pays for %d subscriptions: %s", account.customer_id, len(standing), names)
    if standing:
        return Truth(min(standing, key=lambda one: (one.created, one.id)), is_standing=True)
    ended = [one for one in found if one.status == "canceled"]
    return Truth(max(ended, key=lambda one: (one.ended_at or 0, one.id), default=None), is_standing=False)


def mirror(account: StripeAccount, subscription: Subscription, *, now: datetime) -> bool:
    """Makes our row equal to what Stripe says now. True when it differed. Raises StripeError or UnknownPrice."""
    truth = ask(account)
    facts, paid = _facts(subscription), _paid(subscription)
    before = facts, account.subscription_id
    if truth.bought is not None:
        if truth.is_standing:
            _write_standing(account, subscription, truth.bought, now)
            account.subscription_id = truth.bought.id
        else:
            if _is_about_the_end(account, subscription, truth.bought):
                _write_ended(subscription, truth.bought)
            account.subscription_id, account.ended_id = "", truth.bought.id
    account.synced_at = now
    account.save()
    if _facts(subscription) != facts:
        subscription.changed_at = now
        subscription.save()
    elif _paid(subscription) != paid:
        subscription.save()
    return (_facts(subscription), account.subscription_id) != before


FACTS = (
    "tier",
    "status",
    "seats",
    "price_cents",
    "price_per_user_cents",
    "anchor_at",
    "past_due_since",
    "pending_tier",
    "pending_at",
    "pending_price_cents",
    "ended_at",
)


def _facts(subscription: Subscription) -> tuple[object, ...]:
    return tuple(getattr(subscription, name) for name in FACTS)


def _paid(subscription: Subscription) -> tuple[object, ...]:
    """What each period begins anew with: no sign that our mirror was wrong."""
    return subscription.paid_seats, subscription.paid_from


def write_seats(account: StripeAccount, subscription: Subscription, bought: stripe.Subscription) -> None:
    """As many as are paid for now, and the most of this period; a new period was begun with those that stand."""
    item = item_of(bought)
    starts_at, seats = moment(item.current_period_start), item.quantity or 1
    is_begun = account.subscription_id == bought.id and subscription.paid_from == starts_at
    subscription.paid_seats = max(subscription.paid_seats, seats) if is_begun else seats
    subscription.seats, subscription.paid_from = seats, starts_at


def _write_standing(
    account: StripeAccount, subscription: Subscription, bought: stripe.Subscription, now: datetime
) -> None:
    item = item_of(bought)
    subscription.tier = tier_of(item.price)
    subscription.price_cents, subscription.price_per_user_cents = amounts_of(item.price.id)
    write_seats(account, subscription, bought)
    subscription.anchor_at, subscription.ended_at = moment(bought.billing_cycle_anchor), None
    if bought.status in LATE:
        subscription.status = Subscription.Status.PAST_DUE
        subscription.past_due_since = _late_since(bought) or subscription.past_due_since or now
    else:
        subscription.status, subscription.past_due_since = Subscription.Status.ACTIVE, None
    subscription.forget_pending()
    if bought.cancel_at:
        subscription.pending_at = moment(bought.cancel_at)
    elif bought.cancel_at_period_end:
        subscription.pending_at = moment(item.current_period_end)
    elif (next_plan := planned(bought)) is not None:
        subscription.pending_tier, subscription.pending_at = next_plan.tier, next_plan.at
        subscription.pending_price_cents = next_plan.price_cents


def _late_since(bought: stripe.Subscription) -> datetime | None:
    """Since the earliest invoice was made that is still unpaid, however many have been since."""
    unpaid = api().v1.invoices.list({"subscription": bought.id, "status": "open", "limit": 100}).auto_paging_iter()
    return min((moment(invoice.created) for invoice in unpaid if invoice.amount_remaining), default=None)


@dataclass(frozen=True)
class Planned:
    tier: Tier
    at: datetime
    price_cents: int


def planned(bought: stripe.Subscription) -> Planned | None:
    """The plan of the next phase. The schedule has to be expanded."""
    schedule = bought.schedule
    if not isinstance(schedule, stripe.SubscriptionSchedule) or schedule.current_phase is None:
        return None
    end = schedule.current_phase.end_date
    for phase in schedule.phases:
        if phase.start_date >= end:
            price = phase["items"][0].price
            full = price if isinstance(price, stripe.Price) else api().v1.prices.retrieve(str(price))
            return Planned(tier_of(full), moment(phase.start_date), amounts_of(full.id)[0])
    return None


def _is_about_the_end(account: StripeAccount, subscription: Subscription, bought: stripe.Subscription) -> bool:
    """False for a plan that staff gave after this end, and for a trial that nobody has bought in."""
    if account.subscription_id == bought.id:
        return True
    if subscription.status == Subscription.Status.TRIALING:
        return False
    if subscription.ended_at is not None:
        return subscription.ended_at <= _ended_at(bought)
    # It stood beside an end that was not written down: by a release before `ended_id`, or because our ids were lost.
    return account.ended_id != bought.id and subscription.changed_at <= _ended_at(bought)


def _ended_at(bought: stripe.Subscription) -> datetime:
    return moment(bought.ended_at or bought.canceled_at or bought.created)


def _write_ended(subscription: Subscription, bought: stripe.Subscription) -> None:
    item = item_of(bought)
    subscription.tier, subscription.seats = tier_of(item.price), item.quantity or 1
    subscription.anchor_at = moment(bought.billing_cycle_anchor)
    subscription.status, subscription.past_due_since = Subscription.Status.CANCELED, None
    subscription.ended_at = _ended_at(bought)
    subscription.price_cents = subscription.price_per_user_cents = None
    subscription.forget_pending()
