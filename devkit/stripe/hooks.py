"""Webhook endpoints: where events go, and which."""

from __future__ import annotations

from typing import Any

from devkit.stripe.calls import Call
from devkit.stripe.forms import merged
from devkit.stripe.world import World

Json = dict[str, Any]
FROM_COMMAND_LINE = "we_commandline"


def listening(world: World, type: str) -> list[Json]:
    return [
        one
        for one in world.all("webhook_endpoint", status="enabled")
        if "*" in one["enabled_events"] or type in one["enabled_events"]
    ]


def create(call: Call) -> Json:
    given = call.params
    id = call.world.id("we")
    endpoint = add(call.world, id, given["url"], call.world.id("whsec", 32), given["enabled_events"])
    call.world.change(
        endpoint,
        api_version=given.get("api_version"),
        description=given.get("description"),
        metadata=merged({}, given),
    )
    return endpoint | {"secret": endpoint["_secret"]}


def add(world: World, id: str, url: str, secret: str, enabled_events: list[str]) -> Json:
    return world.add(
        {
            "id": id,
            "object": "webhook_endpoint",
            "api_version": None,
            "application": None,
            "created": world.now(),
            "description": None,
            "enabled_events": enabled_events,
            "livemode": False,
            "metadata": {},
            "status": "enabled",
            "url": url,
            "_secret": secret,
        }
    )


def update(call: Call) -> Json:
    endpoint = call.found
    changes: Json = {
        name: call.params[name] for name in ("url", "enabled_events", "description") if name in call.params
    }
    if "disabled" in call.params:
        changes["status"] = "disabled" if call.params["disabled"] else "enabled"
    return call.world.change(endpoint, **changes, metadata=merged(endpoint["metadata"], call.params))


def delete(call: Call) -> Json:
    id = call.found["id"]
    call.world.remove(call.found)
    return {"id": id, "object": "webhook_endpoint", "deleted": True}


def listed(call: Call) -> list[Json]:
    return call.world.all("webhook_endpoint")
