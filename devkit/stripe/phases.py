"""The phases of a schedule: how one follows another, and what a subscription becomes when it does."""

from __future__ import annotations

from typing import Any

from devkit.stripe import events, subscriptions
from devkit.stripe.render import view
from devkit.stripe.world import World

Json = dict[str, Any]


def turn(world: World, schedule: Json) -> None:
    """The current phase is over: the next begins, or the schedule ends as it was told to."""
    ended = schedule["current_phase"]["end_date"]
    following = next((phase for phase in schedule["phases"] if phase["start_date"] == ended), None)
    if following is None:
        finish(world, schedule)
        return
    before = view(world, schedule)
    world.change(schedule, current_phase={"start_date": ended, "end_date": following["end_date"]})
    apply(world, schedule, following)
    events.emit(world, "subscription_schedule.updated", schedule, before)


def finish(world: World, schedule: Json) -> None:
    if schedule["end_behavior"] == "release":
        release(world, schedule)
        return
    subscription = world.objects[schedule["subscription"]]
    world.change(schedule, status="completed", completed_at=world.now(), current_phase=None)
    world.change(subscription, schedule=None)
    events.emit(world, "subscription_schedule.completed", schedule)
    subscriptions.end(world, subscription, reason="cancellation_requested")


def release(world: World, schedule: Json) -> None:
    subscription = world.objects[schedule["subscription"]]
    before = view(world, subscription)
    world.change(
        schedule,
        status="released",
        released_at=world.now(schedule),
        released_subscription=subscription["id"],
        subscription=None,
        current_phase=None,
    )
    world.change(subscription, schedule=None)
    events.emit(world, "subscription_schedule.released", schedule)
    events.emit(world, "customer.subscription.updated", subscription, before)


def apply(world: World, schedule: Json, phase: Json) -> None:
    """The subscription takes the items of a phase. At a period's end nothing is left to prorate."""
    subscription = world.objects[schedule["subscription"]]
    before = view(world, subscription)
    old = subscription["items"]["data"]
    template = old[0]
    items = []
    for at, wanted in enumerate(phase["items"]):
        kept = old[at] if at < len(old) else template | {"id": world.id("si", 14)}
        items.append(kept | {"price": wanted["price"], "quantity": wanted["quantity"]})
    metadata = {
        key: value for key, value in (subscription["metadata"] | (phase["metadata"] or {})).items() if value != ""
    }
    listed = subscription["items"] | {"data": items, "total_count": len(items)}
    world.change(subscription, items=listed, metadata=metadata)
    events.emit(world, "customer.subscription.updated", subscription, before)
