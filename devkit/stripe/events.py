"""What happened, as Stripe tells it. Each event keeps its object as it was at that moment."""

from __future__ import annotations

from typing import Any

from devkit.stripe import hooks
from devkit.stripe.errors import VERSION
from devkit.stripe.render import view
from devkit.stripe.world import World

Json = dict[str, Any]


def emit(world: World, type: str, obj: Json, before: Json | None = None) -> None:
    """`before` is the view of the object before it was changed: without any difference there is no event."""
    shown = view(world, obj)
    data: Json = {"object": shown}
    if before is not None:
        previous = differences(before, shown)
        if not previous:
            return
        data["previous_attributes"] = previous
    event: Json = {
        "id": world.id("evt"),
        "object": "event",
        "api_version": VERSION,
        "context": None,
        "created": world.now(obj),
        "data": data,
        "livemode": False,
        "pending_webhooks": len(hooks.listening(world, type)),
        "request": dict(world.asking),
        "type": type,
    }
    world.add(event)
    world.outbox.append(event["id"])


def differences(before: Json, now: Json) -> Json:
    """The old values of what changed; inside objects only what changed there, lists whole."""
    changed: Json = {}
    for name in before.keys() | now.keys():
        old, new = before.get(name), now.get(name)
        if old == new:
            continue
        if isinstance(old, dict) and isinstance(new, dict) and old.get("id") == new.get("id"):
            changed[name] = differences(old, new)
        else:
            changed[name] = old
    return changed
