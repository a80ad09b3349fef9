"""Subscription schedules: what a subscription becomes, and when."""

from __future__ import annotations

from typing import Any

from devkit.stripe import events, lines, phases, prices, subscriptions
from devkit.stripe.calls import Call, created_within
from devkit.stripe.errors import invalid
from devkit.stripe.forms import merged
from devkit.stripe.periods import intervals_after
from devkit.stripe.render import view
from devkit.stripe.world import World

Json = dict[str, Any]
LIVING = ("not_started", "active")


def create(call: Call) -> Json:
    world = call.world
    subscription = world.get("subscription", call.params["from_subscription"], "from_subscription")
    if subscription["schedule"]:
        raise invalid(
            "You cannot migrate a subscription that is already attached to a schedule: "
            f"{subscription['id']} is attached to {subscription['schedule']}.",
            "from_subscription",
        )
    if subscription["ended_at"] is not None:
        raise invalid("You cannot migrate a subscription that is canceled.", "from_subscription")
    before = view(world, subscription)
    schedule = world.add(draft(world, subscription) | {"metadata": merged({}, call.params)})
    cancel_at = subscription["cancel_at"]
    if cancel_at:
        world.change(schedule, end_behavior="cancel")
    world.change(subscription, schedule=schedule["id"])
    events.emit(world, "subscription_schedule.created", schedule)
    events.emit(world, "customer.subscription.updated", subscription, before)
    return schedule


def draft(world: World, subscription: Json) -> Json:
    """As it begins: one phase, the current period as it is."""
    start, end = lines.period_of(subscription)
    phase = _phase(
        [{"price": one["price"], "quantity": one["quantity"]} for one in subscription["items"]["data"]],
        start,
        end,
        subscription["currency"],
        {},
    )
    return {
        "id": world.id("sub_sched"),
        "object": "subscription_schedule",
        "application": None,
        "billing_mode": subscription["billing_mode"],
        "canceled_at": None,
        "completed_at": None,
        "created": world.now(subscription),
        "current_phase": {"end_date": end, "start_date": start},
        "customer": subscription["customer"],
        "default_settings": {
            "application_fee_percent": None,
            "automatic_tax": {"disabled_reason": None, "enabled": False, "liability": None},
            "billing_cycle_anchor": "automatic",
            "billing_thresholds": None,
            "collection_method": "charge_automatically",
            "default_payment_method": None,
            "description": None,
            "invoice_settings": {"account_tax_ids": None, "days_until_due": None, "issuer": {"type": "self"}},
            "on_behalf_of": None,
            "transfer_data": None,
        },
        "end_behavior": "release",
        "livemode": False,
        "metadata": {},
        "pause_schedules": [],
        "phases": [phase],
        "released_at": None,
        "released_subscription": None,
        "status": "active",
        "subscription": subscription["id"],
        "test_clock": subscription["test_clock"],
    }


def _phase(items: list[Json], start: int, end: int, currency: str, given: Json) -> Json:
    return {
        "add_invoice_items": [],
        "application_fee_percent": None,
        "billing_cycle_anchor": None,
        "billing_thresholds": None,
        "collection_method": None,
        "currency": currency,
        "default_payment_method": None,
        "default_tax_rates": [],
        "description": None,
        "discounts": [],
        "end_date": end,
        "invoice_settings": None,
        "items": [
            {
                "billing_thresholds": None,
                "discounts": [],
                "metadata": one.get("metadata") or {},
                "plan": one["price"],
                "price": one["price"],
                "quantity": one.get("quantity", 1),
                "tax_rates": [],
            }
            for one in items
        ],
        "metadata": given.get("metadata") or {},
        "on_behalf_of": None,
        "proration_behavior": given.get("proration_behavior", "create_prorations"),
        "start_date": start,
        "transfer_data": None,
        "trial_end": None,
    }


def listed(call: Call) -> list[Json]:
    given = call.params
    return [
        one
        for one in call.world.all("subscription_schedule")
        if given.get("customer") in (None, one["customer"]) and created_within(one, given.get("created"))
    ]


def update(call: Call) -> Json:
    schedule, world, given = _living(call), call.world, call.params
    subscription = world.objects[schedule["subscription"]]
    before = view(world, schedule)
    changes: Json = {"metadata": merged(schedule["metadata"], given)}
    if "end_behavior" in given:
        changes["end_behavior"] = given["end_behavior"]
    if "phases" in given:
        changes["phases"] = laid_out(world, schedule, subscription, given["phases"])
        now = world.now(schedule)
        current = next(one for one in changes["phases"] if one["start_date"] <= now < one["end_date"])
        changes["current_phase"] = {"start_date": current["start_date"], "end_date": current["end_date"]}
        if _shape(current) != [(one["price"], one["quantity"]) for one in subscription["items"]["data"]]:
            raise invalid(
                "This stand-in changes nothing in the current phase: update the subscription, or begin a new phase.",
                "phases[0][items]",
            )
    world.change(schedule, **changes)
    events.emit(world, "subscription_schedule.updated", schedule, before)
    return schedule


def _shape(phase: Json) -> list[tuple[str, int]]:
    return [(one["price"], one["quantity"]) for one in phase["items"]]


def _living(call: Call) -> Json:
    schedule = call.found
    if schedule["status"] not in LIVING:
        raise invalid(
            f"You cannot change a subscription schedule that is {schedule['status']}: only those with the status"
            " `not_started` or `active`."
        )
    return schedule


def laid_out(world: World, schedule: Json, subscription: Json, given: list[Json]) -> list[Json]:
    """Each phase begins where the one before ends; the first is the current one."""
    if not given:
        raise invalid("A schedule needs at least one phase.", "phases")
    now = world.now(schedule)
    start = schedule["current_phase"]["start_date"]
    first = given[0].get("start_date")
    if first is None:
        raise invalid("The start date must be set on the first phase.", "phases[0][start_date]", "parameter_missing")
    if first != start:
        raise invalid("You can not modify the start date of the current phase.", "phases[0][start_date]")
    result: list[Json] = []
    for at, one in enumerate(given):
        if at and one.get("start_date") not in (None, start):
            raise invalid(
                "The start date of a phase must be the end date of the one before.", f"phases[{at}][start_date]"
            )
        items = one["items"]
        for n, item in enumerate(items):
            prices.sold(world, item["price"], f"phases[{at}][items][{n}][price]")
        end = _end(world, one, start, now, at)
        if end <= start or (at == 0 and end < now):
            raise invalid("The end date of a phase must be after its start, and not past.", f"phases[{at}][end_date]")
        result.append(_phase(items, start, end, subscription["currency"], one))
        start = end
    return result


def _end(world: World, phase: Json, start: int, now: int, at: int) -> int:
    """Without an end a phase lasts one interval of its price."""
    if phase.get("end_date") and phase.get("duration"):
        raise invalid("You may only specify one of these parameters: duration, end_date.", f"phases[{at}][duration]")
    if phase.get("end_date"):
        return now if phase["end_date"] == "now" else int(phase["end_date"])
    recurring = world.objects[phase["items"][0]["price"]]["recurring"]
    lasts = phase.get("duration") or {"interval": recurring["interval"], "interval_count": recurring["interval_count"]}
    return intervals_after(start, lasts["interval"], lasts.get("interval_count", 1))


def release(call: Call) -> Json:
    schedule = _living(call)
    phases.release(call.world, schedule)
    return schedule


def cancel(call: Call) -> Json:
    """Ends the subscription too."""
    schedule, world = _living(call), call.world
    subscription = world.objects[schedule["subscription"]]
    subscriptions.end(world, subscription, reason="cancellation_requested")
    return schedule
