"""Cards: Stripe's published test numbers and how each behaves. Any other number is refused and never kept."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from devkit.stripe import events
from devkit.stripe.calls import Call
from devkit.stripe.errors import ApiError, card_error, invalid, missing_parameter
from devkit.stripe.forms import merged
from devkit.stripe.render import view
from devkit.stripe.world import World

Json = dict[str, Any]


@dataclass(frozen=True)
class Refusal:
    code: str
    decline_code: str | None
    message: str


DECLINED = Refusal("card_declined", "generic_decline", "Your card was declined.")
EMPTY = Refusal("card_declined", "insufficient_funds", "Your card has insufficient funds.")
EXPIRED = Refusal("expired_card", None, "Your card has expired.")
WRONG_CVC = Refusal("incorrect_cvc", None, "Your card's security code is incorrect.")


@dataclass(frozen=True)
class Card:
    """`refusal` at each charge, and already when it is attached unless `attaches`."""

    number: str
    brand: str
    token: str
    says: str
    refusal: Refusal | None = None
    attaches: bool = True
    authentication: str = "never"  # "once": until it was set up by the customer; "always": at each charge


CARDS = (
    Card("4242424242424242", "visa", "pm_card_visa", "pays"),
    Card("5555555555554444", "mastercard", "pm_card_mastercard", "pays"),
    Card("4000000000000002", "visa", "pm_card_visa_chargeDeclined", "is declined", DECLINED, attaches=False),
    Card(
        "4000000000009995",
        "visa",
        "pm_card_visa_chargeDeclinedInsufficientFunds",
        "has insufficient funds",
        EMPTY,
        attaches=False,
    ),
    Card("4000000000000069", "visa", "pm_card_chargeDeclinedExpiredCard", "has expired", EXPIRED, attaches=False),
    Card(
        "4000000000000127", "visa", "pm_card_chargeDeclinedIncorrectCvc", "has a wrong CVC", WRONG_CVC, attaches=False
    ),
    Card(
        "4000002500003155",
        "visa",
        "pm_card_authenticationRequiredOnSetup",
        "asks for 3-D Secure the first time",
        authentication="once",
    ),
    Card(
        "4000002760003184",
        "visa",
        "pm_card_authenticationRequired",
        "asks for 3-D Secure each time",
        authentication="always",
    ),
    Card(
        "4000000000000341",
        "visa",
        "pm_card_chargeCustomerFail",
        "can be added, but fails at the next renewal",
        DECLINED,
    ),
)
BY_NUMBER = {card.number: card for card in CARDS}
BY_TOKEN = {card.token: card for card in CARDS} | {"pm_card_chargeDeclined": BY_NUMBER["4000000000000002"]}


def by_number(typed: str) -> Card | None:
    return BY_NUMBER.get("".join(sign for sign in typed if sign.isdigit()))


def make(world: World, card: Card, customer: Json | None = None) -> Json:
    """A payment method, not yet attached."""
    return world.add(
        {
            "id": world.id("pm"),
            "object": "payment_method",
            "allow_redisplay": "unspecified",
            "billing_details": {"address": None, "email": None, "name": None, "phone": None, "tax_id": None},
            "card": {
                "brand": card.brand,
                "checks": {"address_line1_check": None, "address_postal_code_check": None, "cvc_check": "pass"},
                "country": "US",
                "display_brand": card.brand,
                "exp_month": 12,
                "exp_year": 2034,
                "fingerprint": f"standin{card.number[-9:]}",
                "funding": "credit",
                "generated_from": None,
                "last4": card.number[-4:],
                "networks": {"available": [card.brand], "preferred": None},
                "three_d_secure_usage": {"supported": True},
                "wallet": None,
            },
            "created": world.now(customer),
            "customer": None,
            "livemode": False,
            "metadata": {},
            "type": "card",
            "_number": card.number,
            "_set_up": False,
        }
    )


def card_of(method: Json) -> Card:
    return BY_NUMBER[method["_number"]]


def refused(refusal: Refusal, *, keep: bool = False, **more: Any) -> ApiError:
    return card_error(refusal.message, refusal.code, decline_code=refusal.decline_code, keep=keep, **more)


def attach(world: World, customer: Json, id: str) -> Json:
    """`id` is a payment method or one of Stripe's test tokens."""
    method = (
        make(world, BY_TOKEN[id], customer) if id in BY_TOKEN else world.get("payment_method", id, "payment_method")
    )
    card = card_of(method)
    if card.refusal and not card.attaches:
        raise refused(card.refusal)
    if method["customer"] not in (None, customer["id"]):
        raise invalid("The payment method you provided has already been attached to a customer.", "payment_method")
    if method["customer"] is None:
        world.change(method, customer=customer["id"])
        events.emit(world, "payment_method.attached", method)
    return method


def of_customer(world: World, customer: Json, id: str, param: str) -> Json:
    method = world.get("payment_method", id, param)
    if method["customer"] != customer["id"]:
        raise invalid(f"The customer does not have a payment method with the ID {id}.", param, "resource_missing")
    return method


def make_default(world: World, customer: Json, id: str) -> None:
    world.change(customer, invoice_settings=customer["invoice_settings"] | {"default_payment_method": id})


def paying_for(world: World, subscription: Json) -> Json | None:
    customer = world.objects[subscription["customer"]]
    id = subscription["default_payment_method"] or customer["invoice_settings"]["default_payment_method"]
    return world.objects.get(id) if id else None


def create(call: Call) -> Json:
    given = call.params.get("card") or {}
    token = given.get("token", "")
    card = by_number(given.get("number", "")) or BY_TOKEN.get(token.replace("tok_", "pm_card_"))
    if card is None:
        raise card_error("This stand-in takes Stripe's test cards only.", "incorrect_number")
    return make(call.world, card)


def attach_call(call: Call) -> Json:
    customer = call.named("customer", "customer")
    if customer is None:
        raise missing_parameter("customer")
    return attach(call.world, customer, call.id)


def detach(call: Call) -> Json:
    method, world = call.found, call.world
    customer = world.objects.get(method["customer"] or "")
    if customer is None:
        raise invalid("The payment method you provided is not attached to a customer so detachment is impossible.")
    before = view(world, method)
    if customer["invoice_settings"]["default_payment_method"] == method["id"]:
        world.change(customer, invoice_settings=customer["invoice_settings"] | {"default_payment_method": None})
    for subscription in world.all("subscription", default_payment_method=method["id"]):
        world.change(subscription, default_payment_method=None)
    world.change(method, customer=None)
    events.emit(world, "payment_method.detached", method, before)
    return method


def update(call: Call) -> Json:
    return call.world.change(call.found, metadata=merged(call.found["metadata"], call.params))


def listed(call: Call) -> list[Json]:
    customer = call.params.get("customer") or call.id
    if not customer:
        return []
    call.world.get("customer", customer, "customer")
    return call.world.all("payment_method", customer=customer)


def add(world: World, customer: Json, card: Card) -> Json:
    """A new card that a person typed in."""
    if card.refusal and not card.attaches:
        raise refused(card.refusal)
    method = make(world, card, customer)
    world.change(method, customer=customer["id"])
    events.emit(world, "payment_method.attached", method)
    return method


def use(world: World, customer: Json, method: Json) -> None:
    """From now on for everything: the customer's default, and that of each living subscription."""
    before = view(world, customer)
    make_default(world, customer, method["id"])
    events.emit(world, "customer.updated", customer, before)
    for subscription in world.all("subscription", customer=customer["id"]):
        if subscription["ended_at"] is None and subscription["default_payment_method"]:
            was = view(world, subscription)
            world.change(subscription, default_payment_method=method["id"])
            events.emit(world, "customer.subscription.updated", subscription, was)
