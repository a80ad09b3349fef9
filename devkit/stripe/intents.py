"""Setup intents, and payment intents as the API lists them."""

from __future__ import annotations

from typing import Any

from devkit.stripe import cards, customers, events
from devkit.stripe.calls import Call, created_within
from devkit.stripe.errors import missing_parameter
from devkit.stripe.forms import merged
from devkit.stripe.world import World

Json = dict[str, Any]


def listed(call: Call) -> list[Json]:
    return _of(call, "payment_intent")


def setups(call: Call) -> list[Json]:
    return _of(call, "setup_intent")


def _of(call: Call, kind: str) -> list[Json]:
    customer = call.params.get("customer")
    return [
        one
        for one in call.world.all(kind)
        if customer in (None, one["customer"]) and created_within(one, call.params.get("created"))
    ]


def set_up(call: Call) -> Json:
    world, given = call.world, call.params
    customer = customers.living(world, given["customer"]) if given.get("customer") else None
    method = None
    if given.get("payment_method"):
        if customer is None:
            raise missing_parameter("customer")
        method = cards.attach(world, customer, given["payment_method"])
    intent = make(world, customer, method, merged({}, given), usage=given.get("usage", "off_session"))
    if given.get("confirm") and method is not None:
        demands = cards.card_of(method).authentication != "never"
        world.change(intent, status="requires_action" if demands else "succeeded")
        if not demands:
            world.change(method, _set_up=True)
            events.emit(world, "setup_intent.succeeded", intent)
    return intent


def make(
    world: World, customer: Json | None, method: Json | None, metadata: dict[str, str], *, usage: str = "off_session"
) -> Json:
    id = world.id("seti")
    intent = {
        "id": id,
        "object": "setup_intent",
        "application": None,
        "cancellation_reason": None,
        "client_secret": f"{id}_secret_{world.id('x')[2:]}",
        "created": world.now(customer),
        "customer": customer["id"] if customer else None,
        "description": None,
        "last_setup_error": None,
        "latest_attempt": None,
        "livemode": False,
        "mandate": None,
        "metadata": metadata,
        "next_action": None,
        "payment_method": method["id"] if method else None,
        "payment_method_types": ["card"],
        "status": "requires_confirmation" if method else "requires_payment_method",
        "usage": usage,
    }
    world.add(intent)
    events.emit(world, "setup_intent.created", intent)
    return intent
