"""What an invoice would be, without making it: by the same functions that make it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from devkit.stripe import changes, customers, invoice_items, invoices, lines, prices, schedules, subscriptions
from devkit.stripe.calls import Call
from devkit.stripe.errors import ApiError, invalid, missing_parameter
from devkit.stripe.lines import Change, Line
from devkit.stripe.periods import next_boundary
from devkit.stripe.world import World

Json = dict[str, Any]


def create(call: Call) -> Json:
    world, given = call.world, call.params
    if given.get("schedule") or "schedule_details" in given:
        return _of_schedule(call)
    if given.get("subscription"):
        subscription = world.get("subscription", given["subscription"], "subscription")
        _check_customer(given, subscription)
        return of_subscription(world, subscription, given.get("subscription_details") or {}, given.get("preview_mode"))
    if given.get("customer") and (given.get("subscription_details") or {}).get("items"):
        return _of_nothing_yet(call)
    raise missing_parameter("subscription")


def _check_customer(given: Json, subscription: Json) -> None:
    if given.get("customer") not in (None, subscription["customer"]):
        raise invalid("The subscription does not belong to the customer.", "subscription")


def of_subscription(world: World, subscription: Json, details: Json, mode: str | None = None) -> Json:
    """With `always_invoice` what would be charged now, else what the next renewal takes."""
    if subscription["ended_at"] is not None:
        raise _none(subscription)
    items = subscription["items"]["data"]
    changed: list[Change] = []
    if "items" in details:
        items, changed = changes.wanted(world, subscription, details["items"])
    behavior = details.get("proration_behavior", "create_prorations")
    parts: list[Line] = []
    if behavior != "none":
        parts = lines.prorations(world, subscription, changed, changes.moment_of(world, subscription, details))
        parts = [replace(part, invoice_item=world.id("ii")) for part in parts]
    waiting = invoice_items.waiting(world, subscription)
    if behavior == "always_invoice" and parts:
        return _shown(world, subscription, [*waiting, *parts], "subscription_update", (parts[0].start,) * 2)
    ending = details.get("cancel_at_period_end", subscription["cancel_at"] is not None)
    if ending and not (parts or waiting):
        raise _none(subscription)
    if mode == "recurring":
        parts, waiting = [], []
    coming = [] if ending else _next_period(world, subscription, items)
    return _shown(world, subscription, [*waiting, *parts, *coming], "upcoming", lines.period_of(subscription))


def _none(subscription: Json) -> ApiError:
    message = f"No upcoming invoices for customer: {subscription['customer']}"
    return ApiError(404, message, code="invoice_upcoming_none")


def _next_period(world: World, subscription: Json, items: list[Json]) -> list[Line]:
    _, end = lines.period_of(subscription)
    recurring = world.objects[items[0]["price"]]["recurring"]
    anchor = subscription["billing_cycle_anchor"]
    after = next_boundary(anchor, recurring["interval"], recurring["interval_count"], end)
    moved = [one | {"current_period_start": end, "current_period_end": after} for one in items]
    return subscriptions.renewal_lines(world, subscription | {"items": {"data": moved}})


def _shown(world: World, subscription: Json, parts: list[Line], reason: str, period: tuple[int, int]) -> Json:
    preview = invoices.build(world, subscription, parts, reason, period)
    id = f"upcoming_in_{preview['id'].partition('_')[2]}"
    data = [line | {"invoice": id} for line in preview["lines"]["data"]]
    shown = preview["lines"] | {"data": data, "url": f"/v1/invoices/{id}/lines"}
    next_attempt = None if reason == "subscription_update" else period[1] + world.settings["draft_seconds"]
    return preview | {
        "id": id,
        "lines": shown,
        "ending_balance": preview["_ending_balance"],
        "next_payment_attempt": next_attempt,
    }


def _of_schedule(call: Call) -> Json:
    """The next renewal under the phases given, or the schedule's own."""
    world, given = call.world, call.params
    details = given.get("schedule_details") or {}
    if given.get("schedule"):
        schedule = world.get("subscription_schedule", given["schedule"], "schedule")
        subscription = world.get("subscription", schedule["subscription"], "schedule")
    elif given.get("subscription"):
        subscription = world.get("subscription", given["subscription"], "subscription")
        schedule = schedules.draft(world, subscription)
    else:
        raise missing_parameter("schedule")
    phases = schedule["phases"]
    if "phases" in details:
        phases = schedules.laid_out(world, schedule, subscription, details["phases"])
    _, end = lines.period_of(subscription)
    phase = next((one for one in phases if one["start_date"] <= end < one["end_date"]), None)
    if phase is None and details.get("end_behavior", schedule["end_behavior"]) == "cancel":
        raise _none(subscription)
    items = subscription["items"]["data"]
    parts = _of_present_phase(world, subscription, phases, details)
    waiting = invoice_items.waiting(world, subscription)
    if given.get("preview_mode") == "recurring":
        parts, waiting = [], []
    if phase is not None:
        items = [items[0] | {"price": one["price"], "quantity": one["quantity"]} for one in phase["items"]]
    coming = _next_period(world, subscription, items)
    return _shown(world, subscription, [*waiting, *parts, *coming], "upcoming", lines.period_of(subscription))


def _of_present_phase(world: World, subscription: Json, phases: list[Json], details: Json) -> list[Line]:
    """What a change of the quantity in the current phase would put on the next invoice."""
    behavior = details.get("proration_behavior", "create_prorations")
    if behavior == "always_invoice":
        raise invalid("This stand-in previews no invoice of its own for a phase.", "schedule_details")
    now = world.now(subscription)
    current = next((one for one in phases if one["start_date"] <= now < one["end_date"]), None)
    if current is None or "phases" not in details or behavior == "none":
        return []
    present = subscription["items"]["data"]
    wanted = [
        {"id": old["id"], "price": one["price"], "quantity": one["quantity"]}
        for old, one in zip(present, current["items"], strict=True)
    ]
    _, changed = changes.wanted(world, subscription, wanted)
    parts = lines.prorations(world, subscription, changed, now)
    return [replace(part, invoice_item=world.id("ii")) for part in parts]


def _of_nothing_yet(call: Call) -> Json:
    """The first invoice of a subscription that does not exist."""
    world, given = call.world, call.params
    customer = customers.living(world, given["customer"])
    now = world.now({"customer": customer["id"]})
    wanted = []
    for at, one in enumerate(given["subscription_details"]["items"]):
        where = f"subscription_details[items][{at}][price]"
        if not one.get("price"):
            raise missing_parameter(where)
        wanted.append((prices.sold(world, one["price"], where), one.get("quantity", 1), one))
    subscriptions.check_together(wanted)
    items = [subscriptions.new_item(world, "", price, quantity, now, now, one) for price, quantity, one in wanted]
    currency = wanted[0][0]["currency"]
    imagined = {"id": None, "customer": customer["id"], "currency": currency, "metadata": {}, "items": {"data": items}}
    parts = [replace(part, subscription=None) for part in subscriptions.renewal_lines(world, imagined)]
    preview = _shown(world, imagined, parts, "upcoming", (now, now))
    return preview | {"parent": None}
