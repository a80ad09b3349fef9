"""Subscriptions: begun, listed and ended. `changes` holds their updates, `due` what time does to them."""

from __future__ import annotations

from typing import Any

from devkit.stripe import cards, events, invoice_items, invoices, lines, money, payments, prices, standing
from devkit.stripe.calls import Call, created_within
from devkit.stripe.errors import invalid, no_such
from devkit.stripe.forms import positive
from devkit.stripe.lines import Line
from devkit.stripe.periods import intervals_after
from devkit.stripe.render import listing, view
from devkit.stripe.world import World

Json = dict[str, Any]
ENDED = ("canceled", "incomplete_expired")


def create(call: Call) -> Json:
    world, given = call.world, call.params
    customer = world.get("customer", given["customer"], "customer")
    if customer.get("deleted"):
        raise no_such("customer", customer["id"], param="customer")
    behavior = given.get("payment_behavior", "allow_incomplete")
    if behavior == "pending_if_incomplete":
        raise invalid("`pending_if_incomplete` is only for updates of subscriptions.", "payment_behavior")
    subscription = begin(world, customer, given)
    invoice = world.objects[subscription["latest_invoice"]]
    if behavior == "default_incomplete":
        payments.intent_of(world, invoice) if invoice["amount_due"] else standing.collect(world, invoice, None)
        return subscription
    outcome = standing.collect(world, invoice, cards.paying_for(world, subscription))
    if not outcome.paid and behavior == "error_if_incomplete":
        raise payments.error(world, invoice, outcome, of="subscription", keep=False)
    return subscription


def begin(world: World, customer: Json, given: Json) -> Json:
    """An incomplete subscription with its first invoice, open."""
    now = world.now({"customer": customer["id"]})
    id = world.id("sub")
    wanted = [
        (prices.sold(world, item["price"], f"items[{at}][price]"), item.get("quantity", 1), item)
        for at, item in enumerate(given["items"])
    ]
    check_together(wanted)
    method = given.get("default_payment_method")
    if method:
        cards.of_customer(world, customer, method, "default_payment_method")
    data = [new_item(world, id, price, quantity, now, now, item) for price, quantity, item in wanted]
    subscription = world.add(_blank(id, customer, wanted[0][0]["currency"], now))
    world.change(
        subscription,
        default_payment_method=method,
        description=given.get("description"),
        items=listing(f"/v1/subscription_items?subscription={id}", data) | {"total_count": len(data)},
        metadata=given.get("metadata") or {},
    )
    events.emit(world, "customer.subscription.created", subscription)
    invoice = invoices.make(world, subscription, renewal_lines(world, subscription), "subscription_create", (now, now))
    invoices.finalize(world, invoice)
    return subscription


def check_together(wanted: list[tuple[Json, int, Json]]) -> None:
    if not wanted:
        raise invalid("A subscription needs at least one item.", "items")
    for at, (_, quantity, _) in enumerate(wanted):
        positive(quantity, f"items[{at}][quantity]")
    shapes = {(p["currency"], p["recurring"]["interval"], p["recurring"]["interval_count"]) for p, _, _ in wanted}
    if len(shapes) > 1:
        raise invalid("This stand-in takes items of one currency and interval only.", "items")
    if len({price["id"] for price, _, _ in wanted}) < len(wanted):
        raise invalid("Cannot add multiple subscription items with the same price.", "items")


def new_item(world: World, subscription: str, price: Json, quantity: int, start: int, anchor: int, given: Json) -> Json:
    recurring = price["recurring"]
    return {
        "id": world.id("si", 14),
        "object": "subscription_item",
        "billing_thresholds": None,
        "created": start,
        "current_period_end": intervals_after(anchor, recurring["interval"], recurring["interval_count"]),
        "current_period_start": start,
        "discounts": [],
        "metadata": given.get("metadata") or {},
        "price": price["id"],
        "quantity": quantity,
        "subscription": subscription,
        "tax_rates": [],
    }


def renewal_lines(world: World, subscription: Json) -> list[Line]:
    return [
        lines.of_period(
            world,
            subscription["id"],
            item["id"],
            world.objects[item["price"]],
            item["quantity"],
            item["current_period_start"],
            item["current_period_end"],
        )
        for item in subscription["items"]["data"]
    ]


# Values are replaced whole, never changed inside, so that all may begin with the same ones.
BLANK: Json = {
    "object": "subscription",
    "application": None,
    "application_fee_percent": None,
    "automatic_tax": {"disabled_reason": None, "enabled": False, "liability": None},
    "billing_cycle_anchor_config": None,
    "billing_schedules": [],
    "billing_thresholds": None,
    "cancel_at": None,
    "cancel_at_period_end": False,
    "canceled_at": None,
    "cancellation_details": {"comment": None, "feedback": None, "reason": None},
    "collection_method": "charge_automatically",
    "days_until_due": None,
    "default_payment_method": None,
    "default_source": None,
    "default_tax_rates": [],
    "description": None,
    "discounts": [],
    "ended_at": None,
    "invoice_settings": {"account_tax_ids": None, "issuer": {"type": "self"}},
    "latest_invoice": None,
    "livemode": False,
    "metadata": {},
    "next_pending_invoice_item_invoice": None,
    "on_behalf_of": None,
    "pause_collection": None,
    "payment_settings": {
        "payment_method_options": None,
        "payment_method_types": None,
        "save_default_payment_method": "off",
    },
    "pending_invoice_item_interval": None,
    "pending_setup_intent": None,
    "pending_update": None,
    "schedule": None,
    "status": "incomplete",
    "transfer_data": None,
    "trial_end": None,
    "trial_settings": {"end_behavior": {"missing_payment_method": "create_invoice"}},
    "trial_start": None,
    "_pending_items": None,
    "_last_attempt": None,
}


def _blank(id: str, customer: Json, currency: str, now: int) -> Json:
    return BLANK | {
        "id": id,
        "billing_cycle_anchor": now,
        "billing_mode": {"flexible": {"proration_discounts": "included"}, "type": "flexible", "updated_at": now},
        "created": now,
        "currency": currency,
        "customer": customer["id"],
        "items": listing("", []),
        "start_date": now,
        "test_clock": customer["test_clock"],
    }


def listed(call: Call) -> list[Json]:
    """Without a status, everything that is not canceled."""
    given = call.params
    call.named("customer", "customer")
    status = given.get("status")
    return [
        one
        for one in call.world.all("subscription")
        if given.get("customer") in (None, one["customer"])
        and _has_status(one, status)
        and (given.get("price") is None or given["price"] in [item["price"] for item in one["items"]["data"]])
        and created_within(one, given.get("created"))
    ]


def _has_status(subscription: Json, status: str | None) -> bool:
    if status == "all":
        return True
    if status == "ended":
        return subscription["status"] in ENDED
    return bool(subscription["status"] != "canceled" if status is None else subscription["status"] == status)


def cancel(call: Call) -> Json:
    subscription, world, given = call.found, call.world, call.params
    if subscription["ended_at"] is not None:
        raise no_such("subscription", subscription["id"])
    if given.get("prorate"):
        _credit_the_rest(world, subscription)
    details = given.get("cancellation_details") or {}
    end(world, subscription, reason="cancellation_requested", details=details)
    if given.get("invoice_now"):
        waiting = invoice_items.waiting(world, subscription)
        if waiting:
            now = world.now(subscription)
            invoice = invoices.make(world, subscription, waiting, "manual", (now, now))
            invoices.finalize(world, invoice)
            standing.collect(world, invoice, cards.paying_for(world, subscription))
    return subscription


def _credit_the_rest(world: World, subscription: Json) -> None:
    gone = [
        lines.Change(item["id"], world.objects[item["price"]], item["quantity"], None, 0)
        for item in subscription["items"]["data"]
    ]
    for line in lines.prorations(world, subscription, gone, world.now(subscription)):
        invoice_items.add(world, subscription, line)


def end(world: World, subscription: Json, *, reason: str, details: Json | None = None) -> None:
    """At once. An open invoice of it is no longer tried by itself."""
    now = world.now(subscription)
    schedule = world.objects.get(subscription["schedule"] or "")
    if schedule is not None:
        world.change(schedule, status="canceled", canceled_at=now, current_phase=None)
        events.emit(world, "subscription_schedule.canceled", schedule)
    world.change(
        subscription,
        status="canceled",
        canceled_at=subscription["canceled_at"] or now,
        ended_at=now,
        pending_update=None,
        schedule=None,
        cancellation_details=subscription["cancellation_details"] | (details or {}) | {"reason": reason},
    )
    for invoice in world.all("invoice"):
        if invoices.subscription_of(world, invoice) is subscription and invoice["status"] in ("open", "draft"):
            before = view(world, invoice)
            world.change(invoice, auto_advance=False, next_payment_attempt=None, automatically_finalizes_at=None)
            events.emit(world, "invoice.updated", invoice, before)
    events.emit(world, "customer.subscription.deleted", subscription)


def amount(world: World, subscription: Json) -> int:
    return sum(money.amount(world.objects[item["price"]], item["quantity"]) for item in subscription["items"]["data"])
