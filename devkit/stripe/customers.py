"""Customers."""

from __future__ import annotations

from typing import Any

from devkit.stripe import cards, events, subscriptions
from devkit.stripe.calls import Call
from devkit.stripe.errors import no_such
from devkit.stripe.forms import merged
from devkit.stripe.render import view
from devkit.stripe.world import World

Json = dict[str, Any]
PLAIN = ("name", "email", "description", "phone", "balance")


def create(call: Call) -> Json:
    clock = call.named("test_clock", "test_helpers.test_clock")
    customer = make(call.world, call.params, test_clock=clock["id"] if clock else None)
    if call.params.get("payment_method"):
        cards.attach(call.world, customer, call.params["payment_method"])
    _default(call, customer)
    events.emit(call.world, "customer.created", customer)
    return customer


def make(world: World, given: Json, *, test_clock: str | None = None) -> Json:
    customer: Json = {
        "id": world.id("cus", 14),
        "object": "customer",
        "address": None,
        "balance": given.get("balance") or 0,
        "created": world.now({"test_clock": test_clock}),
        "currency": None,
        "default_source": None,
        "delinquent": False,
        "description": given.get("description"),
        "discount": None,
        "email": given.get("email"),
        "invoice_prefix": world.id("", 8)[1:].upper(),
        "invoice_settings": {
            "custom_fields": None,
            "default_payment_method": None,
            "footer": None,
            "rendering_options": None,
        },
        "livemode": False,
        "metadata": merged({}, given),
        "name": given.get("name"),
        "next_invoice_sequence": 1,
        "phone": given.get("phone"),
        "preferred_locales": [],
        "shipping": None,
        "tax_exempt": "none",
        "test_clock": test_clock,
    }
    return world.add(customer)


def find(call: Call) -> Json:
    customer = call.found
    if customer.get("deleted"):
        return {"id": customer["id"], "object": "customer", "deleted": True}
    return customer


def living(world: World, id: str, param: str | None = "customer") -> Json:
    customer = world.get("customer", id, param)
    if customer.get("deleted"):
        raise no_such("customer", id, param=param)
    return customer


def update(call: Call) -> Json:
    customer = living(call.world, call.id, None)
    before = view(call.world, customer)
    changes = {name: call.params[name] for name in PLAIN if name in call.params}
    call.world.change(customer, **changes, metadata=merged(customer["metadata"], call.params))
    _default(call, customer)
    events.emit(call.world, "customer.updated", customer, before)
    return customer


def _default(call: Call, customer: Json) -> None:
    wanted = (call.params.get("invoice_settings") or {}).get("default_payment_method")
    if wanted:
        cards.of_customer(call.world, customer, wanted, "invoice_settings[default_payment_method]")
        cards.make_default(call.world, customer, wanted)


def listed(call: Call) -> list[Json]:
    email = call.params.get("email")
    clock = call.params.get("test_clock")
    return [
        one
        for one in call.world.all("customer")
        if not one.get("deleted") and email in (None, one["email"]) and clock == one["test_clock"]
    ]


def delete(call: Call) -> Json:
    """Ends all their subscriptions at once."""
    customer = living(call.world, call.id, None)
    for subscription in call.world.all("subscription", customer=customer["id"]):
        if subscription["ended_at"] is None:
            subscriptions.end(call.world, subscription, reason="cancellation_requested")
    call.world.change(customer, deleted=True)
    events.emit(call.world, "customer.deleted", customer)
    return {"id": customer["id"], "object": "customer", "deleted": True}
