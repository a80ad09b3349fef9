"""Test clocks: a time of their own for some customers."""

from __future__ import annotations

from typing import Any

from devkit.stripe import due, events
from devkit.stripe.calls import Call
from devkit.stripe.errors import invalid
from devkit.stripe.periods import DAY
from devkit.stripe.world import World

Json = dict[str, Any]
KIND = "test_helpers.test_clock"
# Stripe allows two billing intervals at a time; the longest here is a month.
FARTHEST = 2 * 366 * DAY


def create(call: Call) -> Json:
    world = call.world
    clock = world.add(
        {
            "id": world.id("clock"),
            "object": KIND,
            "created": world.now(),
            "deletes_after": world.now() + 30 * DAY,
            "frozen_time": call.params["frozen_time"],
            "livemode": False,
            "name": call.params.get("name"),
            "status": "ready",
            "status_details": {},
        }
    )
    events.emit(world, "test_helpers.test_clock.created", clock)
    return clock


def listed(call: Call) -> list[Json]:
    return call.world.all(KIND)


def advance(call: Call) -> Json:
    """All of it happens before the answer, which says `advancing` all the same, as Stripe's does."""
    world, clock, to = call.world, call.found, call.params["frozen_time"]
    if to <= clock["frozen_time"]:
        raise invalid("The frozen_time must be later than the clock's present time.", "frozen_time")
    if to > clock["frozen_time"] + FARTHEST:
        raise invalid("A test clock cannot be advanced that far at once.", "frozen_time")
    move(world, clock, to)
    return clock | {"status": "advancing", "status_details": {"advancing": {"target_frozen_time": to}}}


def move(world: World, clock: Json, to: int) -> None:
    advancing = {"advancing": {"target_frozen_time": to}}
    world.change(clock, status="advancing", status_details=advancing)
    events.emit(world, "test_helpers.test_clock.advancing", clock)
    due.run(world, clock, to)
    world.change(clock, frozen_time=to, status="ready", status_details={})
    events.emit(world, "test_helpers.test_clock.ready", clock)


def delete(call: Call) -> Json:
    """Takes its customers and all that is theirs along."""
    world, clock = call.world, call.found
    customers = {one["id"] for one in world.all("customer", test_clock=clock["id"])}
    for one in list(world.objects.values()):
        if one["id"] in customers or one.get("customer") in customers:
            world.remove(one)
    world.remove(clock)
    return {"id": clock["id"], "object": KIND, "deleted": True}
