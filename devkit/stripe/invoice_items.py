"""Invoice items: lines that wait for the next invoice of their subscription."""

from __future__ import annotations

from typing import Any

from devkit.stripe import events
from devkit.stripe.calls import Call
from devkit.stripe.lines import Line
from devkit.stripe.world import World

Json = dict[str, Any]


def add(world: World, subscription: Json, line: Line) -> Line:
    id = world.id("ii")
    price = world.objects[line.price]
    details = {"subscription": subscription["id"], "subscription_item": line.item}
    item = world.add(
        {
            "id": id,
            "object": "invoiceitem",
            "amount": line.amount,
            "currency": subscription["currency"],
            "customer": subscription["customer"],
            "date": world.now(subscription),
            "description": line.description,
            "discountable": False,
            "discounts": [],
            "invoice": None,
            "livemode": False,
            "metadata": {},
            "net_amount": line.amount,
            "parent": {"type": "subscription_details", "subscription_details": details},
            "period": {"start": line.start, "end": line.end},
            "pricing": {
                "type": "price_details",
                "price_details": {"price": price["id"], "product": price["product"]},
                "unit_amount_decimal": price["unit_amount_decimal"],
            },
            "proration": line.proration,
            "quantity": line.quantity,
            "quantity_decimal": str(line.quantity),
            "tax_rates": [],
            "test_clock": subscription["test_clock"],
        }
    )
    events.emit(world, "invoiceitem.created", item)
    return _of_item(item)


def waiting(world: World, subscription: Json) -> list[Line]:
    return [
        _of_item(item)
        for item in world.all("invoiceitem", invoice=None)
        if item["parent"]["subscription_details"]["subscription"] == subscription["id"]
    ]


def listed(call: Call) -> list[Json]:
    given = call.params
    return [
        one
        for one in call.world.all("invoiceitem")
        if given.get("customer") in (None, one["customer"])
        and given.get("invoice") in (None, one["invoice"])
        and given.get("pending") in (None, one["invoice"] is None)
    ]


def _of_item(item: Json) -> Line:
    parent = item["parent"]["subscription_details"]
    return Line(
        item["amount"],
        item["description"],
        item["pricing"]["price_details"]["price"],
        item["quantity"],
        item["period"]["start"],
        item["period"]["end"],
        parent["subscription_item"],
        parent["subscription"],
        proration=item["proration"],
        invoice_item=item["id"],
    )
