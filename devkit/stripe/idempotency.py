"""Idempotency keys: the first answer is kept and given again."""

from __future__ import annotations

import hashlib
from typing import Any

from devkit.notion.http import Request, Response
from devkit.stripe.errors import ApiError
from devkit.stripe.periods import DAY
from devkit.stripe.world import World

Json = dict[str, Any]
LIVES = 30 * DAY
LONGEST = 255


class Keys:
    """Kept by key and API key; those in use now are known to this process alone."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.in_use: set[str] = set()

    def of(self, request: Request) -> str | None:
        key = request.headers.get("idempotency-key")
        if key is None or request.method == "GET":
            return None
        if not 0 < len(key) <= LONGEST:
            raise ApiError(400, "Idempotency keys are 1 to 255 characters long.", executed=False)
        return f"{request.token}:{key}"

    def begin(self, key: str, request: Request) -> Response | None:
        """The kept answer, if there is one; else the key is in use until `end`."""
        kept = self.world.answers.get(key)
        if kept is not None and kept["at"] + LIVES > self.world.now():
            if kept["asked"] != _fingerprint(request):
                raise _other_parameters(key)
            headers = kept["headers"] | {"idempotent-replayed": "true", "original-request": kept["request_id"]}
            return Response(kept["status"], kept["body"].encode(), headers)
        if key in self.in_use:
            raise ApiError(
                409,
                "There is currently another in-progress request using this Idempotent Key (that probably means you"
                f" submitted twice, and the other request is still going through): {_shown(key)}.",
                code="idempotency_key_in_use",
                executed=False,
            )
        self.in_use.add(key)
        return None

    def keep(self, key: str, request: Request, response: Response, request_id: str) -> None:
        self.world.answers[key] = {
            "asked": _fingerprint(request),
            "at": self.world.now(),
            "body": response.body.decode(),
            "headers": response.headers,
            "request_id": request_id,
            "status": response.status,
        }

    def end(self, key: str) -> None:
        self.in_use.discard(key)


def _shown(key: str) -> str:
    return key.partition(":")[2]


def _other_parameters(key: str) -> ApiError:
    return ApiError(
        400,
        "Keys for idempotent requests can only be used with the same parameters they were first used with. Try using"
        f" a key other than '{_shown(key)}' if you meant to execute a different request.",
        type="idempotency_error",
        executed=False,
    )


def _fingerprint(request: Request) -> str:
    asked = "\n".join((request.method, request.path, repr(sorted(request.query)), repr(sorted(request.form()))))
    return hashlib.sha256(asked.encode()).hexdigest()
