"""Lines of invoices, before an invoice has them: pure values, the same for a preview and for the real thing."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from devkit.stripe import money, prices
from devkit.stripe.world import World

Json = dict[str, Any]


@dataclass(frozen=True)
class Line:
    amount: int
    description: str
    price: str
    quantity: int
    start: int
    end: int
    item: str | None
    subscription: str | None
    proration: bool = False
    invoice_item: str | None = None


@dataclass(frozen=True)
class Change:
    """One item before and after; None where there is none."""

    item: str | None
    old_price: Json | None
    old_quantity: int
    price: Json | None
    quantity: int

    @property
    def matters(self) -> bool:
        old = (self.old_price and self.old_price["id"], self.old_quantity)
        return old != (self.price and self.price["id"], self.quantity)


def day(moment: int) -> str:
    return datetime.fromtimestamp(moment, UTC).strftime("%d %b %Y")


def of_period(
    world: World, subscription: str | None, item: str | None, price: Json, quantity: int, start: int, end: int
) -> Line:
    description = f"{quantity} × {prices.name_of(world, price)}"
    return Line(money.amount(price, quantity), description, price["id"], quantity, start, end, item, subscription)


def prorations(world: World, subscription: Json, changes: list[Change], at: int) -> list[Line]:
    """What was paid for the rest of the period comes back, what the rest costs now is taken; to the second."""
    lines: list[Line] = []
    for change in changes:
        if not change.matters:
            continue
        start, end = period_of(subscription)
        for price, quantity, sign, words in (
            (change.old_price, change.old_quantity, -1, "Unused"),
            (change.price, change.quantity, 1, "Remaining"),
        ):
            if price is None:
                continue
            cents = sign * money.share(money.amount(price, quantity), end - at, end - start)
            text = f"{words} time on {quantity} × {prices.name_of(world, price)} after {day(at)}"
            lines.append(
                Line(cents, text, price["id"], quantity, at, end, change.item, subscription["id"], proration=True)
            )
    return lines


def period_of(subscription: Json) -> tuple[int, int]:
    first = subscription["items"]["data"][0]
    return first["current_period_start"], first["current_period_end"]


def as_json(world: World, line: Line, invoice: str | None, currency: str) -> Json:
    price = world.objects[line.price]
    details = {
        "invoice_item": line.invoice_item,
        "proration": line.proration,
        "proration_details": {"credited_items": None} if line.proration else None,
        "subscription": line.subscription,
        "subscription_item": line.item,
    }
    return {
        "id": world.id("il"),
        "object": "line_item",
        "amount": line.amount,
        "currency": currency,
        "description": line.description,
        "discount_amounts": [],
        "discountable": not line.proration,
        "discounts": [],
        "invoice": invoice,
        "livemode": False,
        "metadata": {},
        "parent": {"type": "subscription_item_details", "subscription_item_details": details},
        "period": {"start": line.start, "end": line.end},
        "pretax_credit_amounts": [],
        "pricing": {
            "type": "price_details",
            "price_details": {"price": price["id"], "product": price["product"]},
            "unit_amount_decimal": price["unit_amount_decimal"],
        },
        "quantity": line.quantity,
        "quantity_decimal": str(line.quantity),
        "subtotal": line.amount,
        "taxes": [],
    }
