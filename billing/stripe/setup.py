"""What Docent needs to stand at Stripe: products, prices, the Portal's settings, the endpoint for events.

Everything is found by a name of ours, never by an id; making it twice changes nothing.
"""

from functools import cache
from typing import Literal, get_args

import stripe
from django.conf import settings

from billing.plans import CURRENCY, PLANS, Plan
from billing.stripe import truth
from integrations.stripe import VERSION, StripeClient

EventType = Literal[
    "checkout.session.completed",
    "checkout.session.expired",
    "customer.subscription.created",
    "customer.subscription.updated",
    "customer.subscription.deleted",
    "customer.subscription.paused",
    "customer.subscription.resumed",
    "invoice.paid",
    "invoice.payment_failed",
    "invoice.payment_action_required",
    "subscription_schedule.updated",
    "subscription_schedule.released",
    "subscription_schedule.canceled",
    "subscription_schedule.completed",
]
EVENTS: tuple[EventType, ...] = get_args(EventType)
Portal = Literal["card", "upgrade"]


class NotSetUp(Exception):
    """Stripe has not what Docent needs: run `manage.py stripe_setup`."""


@cache
def price_of(plan: Plan) -> str:
    """The id of the plan's price. Raises NotSetUp."""
    found = truth.api().v1.prices.list({"lookup_keys": [truth.lookup_key(plan)], "active": True}).data
    if not found:
        raise NotSetUp(f"Stripe has no price {truth.lookup_key(plan)!r}: run `manage.py stripe_setup`.")
    _check_is_ours(found[0], plan)
    return found[0].id


@cache
def portal_configuration(kind: Portal) -> str:
    """The id of the Portal's settings. Raises NotSetUp."""
    found = _configuration(kind)
    if found is None:
        raise NotSetUp("Stripe has no Portal settings of ours: run `manage.py stripe_setup`.")
    return found.id


def forget() -> None:
    """What was found is looked up again."""
    price_of.cache_clear()
    portal_configuration.cache_clear()
    truth.amounts_of.cache_clear()


def set_up() -> list[str]:
    """Makes what is missing; answers what was made, a line each."""
    made = _prices()
    forget()
    return [*made, *_portals()]


def _paid() -> list[Plan]:
    return [plan for plan in PLANS.values() if plan.trial is None]


def missing_prices(client: StripeClient) -> list[str]:
    """The names of those that Stripe has not, asked in one request."""
    keys = [truth.lookup_key(plan) for plan in _paid()]
    found = client.v1.prices.list({"lookup_keys": keys, "active": True}).data
    return sorted(set(keys) - {price.lookup_key or "" for price in found})


def _prices() -> list[str]:
    api, made = truth.api().v1, []
    for plan in _paid():
        product = truth.product_id(plan)
        try:
            api.products.retrieve(product)
        except stripe.InvalidRequestError as error:
            if error.code != "resource_missing":
                raise
            api.products.create(
                {"id": product, "name": f"Docent {plan.name}"}, {"idempotency_key": f"product:{product}"}
            )
            made.append(f"product {product}")
        found = api.prices.list(
            {"lookup_keys": [truth.lookup_key(plan)], "active": True, "expand": ["data.tiers"]}
        ).data
        if found:
            _check_is_ours(found[0], plan)
        if found and _is_right(found[0], plan):
            continue
        api.prices.create(_price(plan, product))
        made.append(f"price {truth.lookup_key(plan)}")
    return made


def _price(plan: Plan, product: str) -> "stripe.params.PriceCreateParams":
    """A new amount takes the name over from the price before; who pays the old one goes on paying it."""
    price: stripe.params.PriceCreateParams = {
        "product": product,
        "currency": CURRENCY,
        "lookup_key": truth.lookup_key(plan),
        "transfer_lookup_key": True,
        "recurring": {"interval": "month"},
    }
    if not plan.is_per_seat:
        return {**price, "unit_amount": plan.price_cents}
    return {
        **price,
        "billing_scheme": "tiered",
        "tiers_mode": "graduated",
        "tiers": [{"up_to": "inf", "flat_amount": plan.price_cents, "unit_amount": plan.price_per_user_cents}],
    }


def _check_is_ours(price: stripe.Price, plan: Plan) -> None:
    """Raises NotSetUp for what nobody may be charged with, and what only who made it can say the meaning of."""
    product = price.product if isinstance(price.product, str) else price.product.id
    every = (price.recurring.interval_count, price.recurring.interval) if price.recurring else None
    wrong = [
        *([] if every == (1, "month") else [f"is paid {_in_words(every)}"]),
        *([] if price.currency == CURRENCY else [f"is in {price.currency.upper()}"]),
        *([] if product == truth.product_id(plan) else [f"is of product {product!r}"]),
    ]
    if wrong:
        raise NotSetUp(
            f"Price {price.id} has the lookup key {truth.lookup_key(plan)!r} and {' and '.join(wrong)}; {plan.name} is"
            f" paid every month in {CURRENCY.upper()} and of product {truth.product_id(plan)!r}. Archive it in"
            " Stripe's dashboard, and run `manage.py stripe_setup` again."
        )


def _in_words(every: tuple[int, str] | None) -> str:
    if every is None:
        return "once"
    count, unit = every
    return f"every {unit}" if count == 1 else f"every {count} {unit}s"


def _is_right(price: stripe.Price, plan: Plan) -> bool:
    if not plan.is_per_seat:
        return price.unit_amount == plan.price_cents
    tiers = price.tiers or []
    amounts = [(tier.flat_amount, tier.unit_amount) for tier in tiers]
    return amounts == [(plan.price_cents, plan.price_per_user_cents)]


def _portals() -> list[str]:
    """The settings are written each time: they name the prices, and Stripe lists them without their products."""
    portals, made = truth.api().v1.billing_portal.configurations, []
    for kind in ("card", "upgrade"):
        known = _configuration(kind)
        if known is None:
            portals.create(_settings(kind))
            made.append(f"portal {kind}")
        else:
            portals.update(known.id, _settings(kind))  # type: ignore[arg-type]  # takes all that creating one takes
    return made


def _configuration(kind: str) -> "stripe.billing_portal.Configuration | None":
    found = truth.api().v1.billing_portal.configurations.list({"active": True, "limit": 100})
    return next(
        (one for one in found.auto_paging_iter() if one.metadata and one.metadata.to_dict().get("docent") == kind), None
    )


def _settings(kind: str) -> "stripe.params.billing_portal.ConfigurationCreateParams":
    """Plans change through Docent alone, which knows the rules; so only the deep link of an upgrade may change one."""
    products: list[stripe.params.billing_portal.ConfigurationCreateParamsFeaturesSubscriptionUpdateProduct] = [
        {"product": truth.product_id(plan), "prices": [price_of(plan)]} for plan in _paid()
    ]
    update: stripe.params.billing_portal.ConfigurationCreateParamsFeaturesSubscriptionUpdate = (
        {
            "enabled": True,
            "default_allowed_updates": ["price", "quantity"],
            "proration_behavior": "always_invoice",
            "products": products,
            # A page may be confirmed when its plan is no longer the larger one.
            "schedule_at_period_end": {"conditions": [{"type": "decreasing_item_amount"}]},
        }
        if kind == "upgrade"
        else {"enabled": False}
    )
    return {
        "metadata": {"docent": kind},
        "business_profile": {"headline": "Docent"},
        "default_return_url": f"{settings.PUBLIC_URL}/app/plan",
        "features": {
            "payment_method_update": {"enabled": True},
            "invoice_history": {"enabled": True},
            "customer_update": {"enabled": True, "allowed_updates": ["email", "address", "tax_id"]},
            "subscription_cancel": {"enabled": False},
            "subscription_update": update,
        },
    }


def endpoint(url: str) -> str:
    """The endpoint for events at this address, made or mended: what was done, with its secret when it is new; empty
    when it was right."""
    endpoints = truth.api().v1.webhook_endpoints
    mine = [one for one in endpoints.list({"limit": 100}).auto_paging_iter() if one.url == url]
    known = next((one for one in mine if one.status == "enabled"), None)
    if known is None:
        made = endpoints.create({"url": url, "enabled_events": list(EVENTS), "api_version": VERSION})
        return f"made the endpoint; set STRIPE_WEBHOOK_SECRETS={made.secret}"
    missing = set(EVENTS).difference(known.enabled_events)
    if not missing or "*" in known.enabled_events:
        return ""
    # What somebody else added to it stays.
    others = set(known.enabled_events).difference(EVENTS)
    endpoints.update(known.id, {"enabled_events": [*EVENTS, *others]})  # type: ignore[arg-type]  # as Stripe named them
    return f"the endpoint hears of {len(missing)} more kinds of events now; its secret stays"
