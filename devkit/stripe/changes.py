"""Updates of subscriptions: items, with what that costs for the rest of the period, and cancelling later."""

from __future__ import annotations

from typing import Any

from devkit.stripe import cards, events, invoice_items, invoices, lines, payments, prices, standing
from devkit.stripe.calls import Call
from devkit.stripe.errors import ApiError, invalid, missing_parameter
from devkit.stripe.forms import merged
from devkit.stripe.lines import Change, Line
from devkit.stripe.periods import HOUR
from devkit.stripe.render import view
from devkit.stripe.subscriptions import check_together, new_item
from devkit.stripe.world import World

Json = dict[str, Any]
PENDING_LIVES = 23 * HOUR


def update(call: Call) -> Json:
    subscription, world, given = call.found, call.world, call.params
    if subscription["ended_at"] is not None:
        raise invalid("A canceled subscription can only update its cancellation_details and metadata.")
    before = view(world, subscription)
    _check_schedule(subscription, given)
    _plain(world, subscription, given)
    if "items" in given:
        change_items(world, subscription, given, before)
    events.emit(world, "customer.subscription.updated", subscription, before)
    return subscription


def _check_schedule(subscription: Json, given: Json) -> None:
    if subscription["schedule"] is None:
        return
    for names, what in ((("items",), "items"), (("cancel_at_period_end", "cancel_at"), "any cancelation behavior")):
        if any(name in given for name in names):
            raise invalid(
                f"The subscription is managed by the subscription schedule `{subscription['schedule']}`, and updating"
                f" {what} directly is not allowed. Please update the schedule instead."
            )


def _plain(world: World, subscription: Json, given: Json) -> None:
    changes: Json = {"metadata": merged(subscription["metadata"], given)}
    if "description" in given:
        changes["description"] = given["description"]
    if given.get("default_payment_method"):
        customer = world.objects[subscription["customer"]]
        cards.of_customer(world, customer, given["default_payment_method"], "default_payment_method")
        changes["default_payment_method"] = given["default_payment_method"]
    if "cancel_at_period_end" in given and "cancel_at" in given:
        raise invalid("You may only specify one of these parameters: cancel_at, cancel_at_period_end.")
    world.change(subscription, **changes)
    if "cancel_at_period_end" in given:
        cancel_later(world, subscription, given["cancel_at_period_end"], given)
    if "cancel_at" in given:
        _cancel_at(world, subscription, given["cancel_at"])


def cancel_later(world: World, subscription: Json, wanted: bool, given: Json) -> None:
    if wanted == subscription["cancel_at_period_end"] and (wanted or subscription["cancel_at"] is None):
        return
    world.change(subscription, cancel_at_period_end=wanted)
    _set_end(world, subscription, lines.period_of(subscription)[1] if wanted else None, given)


def _cancel_at(world: World, subscription: Json, moment: Any) -> None:
    if moment in ("min_period_end", "max_period_end"):
        moment = lines.period_of(subscription)[1]
    if moment is not None and not str(moment).isdigit():
        raise ApiError(400, f"Invalid timestamp: {moment}", param="cancel_at", executed=False)
    if moment is not None and int(moment) <= world.now(subscription):
        raise invalid("`cancel_at` must be in the future.", "cancel_at")
    world.change(subscription, cancel_at_period_end=False)
    _set_end(world, subscription, None if moment is None else int(moment), {})


def _set_end(world: World, subscription: Json, moment: int | None, given: Json) -> None:
    details = subscription["cancellation_details"] | (given.get("cancellation_details") or {})
    world.change(
        subscription,
        cancel_at=moment,
        canceled_at=None if moment is None else world.now(subscription),
        cancellation_details=details | {"reason": None if moment is None else "cancellation_requested"},
    )


# -- items


def wanted(world: World, subscription: Json, given: list[Json]) -> tuple[list[Json], list[Change]]:
    """The items afterwards, and what changes; nothing is written."""
    items = list(subscription["items"]["data"])
    changes: list[Change] = []
    start, _ = lines.period_of(subscription)
    for at, one in enumerate(given):
        where = f"items[{at}]"
        old = next((item for item in items if item["id"] == one["id"]), None) if one.get("id") else None
        if one.get("id") and old is None:
            raise invalid(f"No such subscription item: '{one['id']}'", f"{where}[id]", "resource_missing")
        if old is None and not one.get("price"):
            raise missing_parameter(f"{where}[price]")
        price = prices.sold(world, one["price"], f"{where}[price]") if one.get("price") else None
        if old is None:
            assert price is not None
            added = new_item(world, subscription["id"], price, one.get("quantity", 1), start, start, one)
            _, end = lines.period_of(subscription)
            items.append(added | {"current_period_end": end})
            changes.append(Change(added["id"], None, 0, price, added["quantity"]))
            continue
        before = world.objects[old["price"]]
        if one.get("deleted"):
            items.remove(old)
            changes.append(Change(old["id"], before, old["quantity"], None, 0))
            continue
        after = price or before
        quantity = one.get("quantity", old["quantity"])
        items[items.index(old)] = old | {"price": after["id"], "quantity": quantity}
        changes.append(Change(old["id"], before, old["quantity"], after, quantity))
    check_together([(world.objects[item["price"]], item["quantity"], item) for item in items])
    if (
        world.objects[items[0]["price"]]["recurring"]
        != world.objects[subscription["items"]["data"][0]["price"]]["recurring"]
    ):
        raise invalid("This stand-in does not change the interval of a subscription.", "items")
    return items, changes


def moment_of(world: World, subscription: Json, given: Json) -> int:
    at: int = given.get("proration_date") or world.now(subscription)
    start, end = lines.period_of(subscription)
    if not start <= at <= end:
        raise invalid("Cannot specify a proration date outside of the current period.", "proration_date")
    return at


def change_items(world: World, subscription: Json, given: Json, before: Json) -> None:
    items, changes = wanted(world, subscription, given["items"])
    behavior = given.get("proration_behavior", "create_prorations")
    if behavior == "none" and given.get("proration_date"):
        raise invalid("`proration_date` cannot be used with `proration_behavior=none`.", "proration_date")
    parts: list[Line] = []
    if behavior != "none" and subscription["status"] != "incomplete":
        parts = lines.prorations(world, subscription, changes, moment_of(world, subscription, given))
    if behavior == "always_invoice" and parts:
        _invoice_now(world, subscription, items, parts, given, before)
        return
    for part in parts:
        invoice_items.add(world, subscription, part)
    _set_items(world, subscription, items)


def _set_items(world: World, subscription: Json, items: list[Json]) -> None:
    world.change(subscription, items=subscription["items"] | {"data": items, "total_count": len(items)})


def _invoice_now(
    world: World, subscription: Json, items: list[Json], parts: list[Line], given: Json, before: Json
) -> None:
    """The four ways to deal with a card that does not pay differ only here."""
    behavior = given.get("payment_behavior", "allow_incomplete")
    waiting = invoice_items.waiting(world, subscription)
    parts = [invoice_items.add(world, subscription, part) for part in parts]
    period = (parts[0].start, parts[0].start)
    invoice = invoices.make(world, subscription, [*waiting, *parts], "subscription_update", period)
    invoices.finalize(world, invoice)
    method = cards.paying_for(world, subscription)
    if behavior == "pending_if_incomplete":
        _hold(world, subscription, items)
        outcome = standing.collect(world, invoice, method)
        if not outcome.paid:
            return
    elif behavior == "default_incomplete" and invoice["amount_due"]:
        _set_items(world, subscription, items)
        payments.intent_of(world, invoice)
        world.change(subscription, status="past_due")
    else:
        _set_items(world, subscription, items)
        events.emit(world, "customer.subscription.updated", subscription, before)
        authenticated = bool(given.get("_authenticated"))
        outcome = standing.collect(world, invoice, method, authenticated=authenticated)
        if not outcome.paid and behavior == "error_if_incomplete":
            raise payments.error(world, invoice, outcome, of="subscription", keep=False)
        before.clear()
        before.update(view(world, subscription))


def _hold(world: World, subscription: Json, items: list[Json]) -> None:
    """Applied when the invoice is paid, given up after 23 hours."""
    _, end = lines.period_of(subscription)
    shown = view(world, subscription | {"items": subscription["items"] | {"data": items}})["items"]["data"]
    expires_at = min(world.now(subscription) + PENDING_LIVES, end)
    held = {
        "billing_cycle_anchor": None,
        "expires_at": expires_at,
        "subscription_items": shown,
        "trial_end": None,
        "trial_from_plan": None,
    }
    world.change(subscription, pending_update=held, _pending_items=items)
