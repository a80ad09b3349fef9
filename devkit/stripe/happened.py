"""The events as the API lists them."""

from __future__ import annotations

from fnmatch import fnmatchcase
from typing import Any

from devkit.stripe.calls import Call, created_within
from devkit.stripe.errors import invalid
from devkit.stripe.periods import DAY

Json = dict[str, Any]
KEPT = 30 * DAY


def listed(call: Call) -> list[Json]:
    given = call.params
    if "type" in given and "types" in given:
        raise invalid("You may only specify one of these parameters: type, types.", "types")
    wanted = given.get("types") or ([given["type"]] if given.get("type") else ["*"])
    oldest = call.world.now() - KEPT
    return [
        one
        for one in call.world.all("event")
        if any(fnmatchcase(one["type"], pattern) for pattern in wanted)
        and created_within(one, given.get("created"))
        and one["created"] > oldest
    ]
