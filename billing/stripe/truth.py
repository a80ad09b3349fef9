"""What Stripe says of a customer, in our words."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache

import stripe
from django.conf import settings

from billing.models import StripeAccount
from billing.plans import PLANS, Plan, Tier
from integrations.stripe import StripeClient, brief_client, client

log = logging.getLogger(__name__)
PAYING = {"active", "trialing"}
LATE = {"past_due", "unpaid", "paused"}
# An `incomplete` one has not been paid for once: it gives nothing, and ends by itself.
STANDING = PAYING | LATE


class UnknownPrice(Exception):
    """A subscription at Stripe is for something that is not one of our plans."""


_brief: ContextVar[StripeClient | None] = ContextVar("brief", default=None)


@contextmanager
def briefly() -> Iterator[None]:
    """Whatever is asked or told inside is not waited for long: a row is locked meanwhile, or somebody waits."""
    if _brief.get() is not None:
        yield
        return
    with brief_client(key=settings.STRIPE_SECRET_KEY, url=settings.STRIPE_API_URL) as client:
        token = _brief.set(client)
        try:
            yield
        finally:
            _brief.reset(token)


def api() -> StripeClient:
    return _brief.get() or client(key=settings.STRIPE_SECRET_KEY, url=settings.STRIPE_API_URL)


def lookup_key(plan: Plan) -> str:
    return f"{plan.tier}_monthly"


def product_id(plan: Plan) -> str:
    return f"docent_{plan.tier}"


TIERS = {product_id(plan): plan.tier for plan in PLANS.values() if plan.trial is None}


def tier_of(price: stripe.Price) -> Tier:
    """By the product: a price that has been replaced has no lookup key any more, and is paid on."""
    product = _product(price)
    tier = TIERS.get(product)
    if tier is None:
        raise UnknownPrice(f"price {price.id} is of product {product!r}, none of {', '.join(TIERS)}")
    return tier


def _product(price: stripe.Price) -> str:
    return price.product if isinstance(price.product, str) else price.product.id


@cache
def amounts_of(price_id: str) -> tuple[int, int]:
    """Cents a month, and for each seat. Stripe never changes those of a price."""
    price = api().v1.prices.retrieve(price_id, {"expand": ["tiers"]})
    if price.unit_amount is not None:
        return price.unit_amount, 0
    if not price.tiers:
        raise UnknownPrice(f"price {price.id} has no amount")
    return price.tiers[0].flat_amount or 0, price.tiers[0].unit_amount or 0


def monthly_cents(price_id: str, seats: int) -> int:
    flat, each = amounts_of(price_id)
    return flat + each * seats


def item_of(bought: stripe.Subscription) -> stripe.SubscriptionItem:
    """The plan's: a plan is one price, Teams with its seats included."""
    items: list[stripe.SubscriptionItem] = [one for one in bought["items"].data if _product(one.price) in TIERS]
    if len(items) != 1:
        raise UnknownPrice(f"subscription {bought.id} has {len(items)} plans of ours instead of one")
    return items[0]


def foreign(bought: stripe.Subscription) -> list[str]:
    """The prices that somebody has put beside the plan by hand, in Stripe's dashboard."""
    return [one.price.id for one in bought["items"].data if _product(one.price) not in TIERS]


def moment(seconds: int) -> datetime:
    return datetime.fromtimestamp(seconds, tz=UTC)


@dataclass(frozen=True)
class Truth:
    """What Stripe says of a customer: the subscription that stands, else the one that ended last."""

    bought: stripe.Subscription | None
    is_standing: bool


def is_missing(error: stripe.InvalidRequestError) -> bool:
    """What is asked for is not there: it was deleted, or is of the other mode, test or live."""
    return error.code == "resource_missing"


@contextmanager
def of_who_may_be_gone() -> Iterator[None]:
    """A customer whom Stripe does not know has nothing there; what is done inside ends then."""
    try:
        yield
    except stripe.InvalidRequestError as error:
        if not is_missing(error) or error.param != "customer":
            raise


def ask(account: StripeAccount) -> Truth:
    found = _subscriptions(account, api())
    standing = [one for one in found if one.status in STANDING]
    if len(standing) > 1:
        names = ", ".join(one.id for one in standing)
        log.error("customer %s pays for %d subscriptions: %s", account.customer_id, len(standing), names)
    if standing:
        return Truth(min(standing, key=lambda one: (one.created, one.id)), is_standing=True)
    ended = [one for one in found if one.status == "canceled"]
    return Truth(max(ended, key=lambda one: (one.ended_at or 0, one.id), default=None), is_standing=False)


def _subscriptions(account: StripeAccount, client: StripeClient) -> list[stripe.Subscription]:
    """A customer whom Stripe does not know has bought nothing; what is paid for here has to be known there."""
    subscriptions = client.v1.subscriptions
    with of_who_may_be_gone():
        return list(
            subscriptions.list(
                {
                    "customer": account.customer_id,
                    "status": "all",
                    "limit": 100,
                    "expand": ["data.schedule", "data.latest_invoice"],
                }
            ).auto_paging_iter()
        )
    if not account.subscription_id:
        return []
    return [subscriptions.retrieve(account.subscription_id, {"expand": ["schedule", "latest_invoice"]})]


@dataclass(frozen=True)
class Planned:
    tier: Tier
    at: datetime
    price_cents: int
    seats: int


def planned(bought: stripe.Subscription) -> Planned | None:
    """The plan of the next phase. The schedule has to be expanded."""
    schedule = bought.schedule
    if not isinstance(schedule, stripe.SubscriptionSchedule) or schedule.current_phase is None:
        return None
    end = schedule.current_phase.end_date
    for phase in schedule.phases:
        if phase.start_date >= end:
            return _of_phase(phase)
    return None


def _of_phase(phase: stripe.SubscriptionSchedule.Phase) -> Planned:
    for item in phase["items"]:
        price = item.price
        full = price if isinstance(price, stripe.Price) else api().v1.prices.retrieve(str(price))
        if _product(full) in TIERS:
            return Planned(tier_of(full), moment(phase.start_date), amounts_of(full.id)[0], item.quantity or 1)
    raise UnknownPrice("what is planned is no plan of ours")
