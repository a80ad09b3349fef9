"""One call of the API, ready to be carried out; and the paging of every list."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from devkit.stripe.errors import no_such, unreadable
from devkit.stripe.world import World

Json = dict[str, Any]
PAGING: Json = {"limit": "int", "starting_after": "text", "ending_before": "text", "expand": ["text"]}
CREATED: Json = {"gt": "int", "gte": "int", "lt": "int", "lte": "int"}


@dataclass
class Call:
    """`found` is the object that the address names."""

    world: World
    params: Json
    id: str = ""
    kind: str = ""

    @property
    def found(self) -> Json:
        return self.world.get(self.kind, self.id)

    def named(self, name: str, kind: str) -> Json | None:
        """The object that a parameter names."""
        id = self.params.get(name)
        return self.world.get(kind, id, name) if id else None


def page(newest_first: list[Json], params: Json) -> tuple[list[Json], bool]:
    limit = params.get("limit", 10)
    if not 1 <= limit <= 100:
        raise unreadable("Limit must be between 1 and 100.", "limit", "parameter_invalid_integer")
    ids = [one["id"] for one in newest_first]
    for name in ("starting_after", "ending_before"):
        if params.get(name) and params[name] not in ids:
            raise no_such("object", params[name], param=name)
    if params.get("ending_before"):
        end = ids.index(params["ending_before"])
        start = max(0, end - limit)
        return newest_first[start:end], start > 0
    start = ids.index(params["starting_after"]) + 1 if params.get("starting_after") else 0
    return newest_first[start : start + limit], len(newest_first) > start + limit


def created_within(obj: Json, limits: Json | None) -> bool:
    created = obj["created"]
    tests = {
        "gt": lambda limit: created > limit,
        "gte": lambda limit: created >= limit,
        "lt": lambda limit: created < limit,
        "lte": lambda limit: created <= limit,
    }
    return all(tests[name](limit) for name, limit in (limits or {}).items())
