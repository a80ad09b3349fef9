"""What tests and the demo do with webhooks: subscribe, flush, look, and spoil them."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from devkit.notion.http import Request
from devkit.notion.model import Json
from devkit.notion.webhooks import Webhooks, find_integration

if TYPE_CHECKING:
    from devkit.notion.app import Emulator


def routes(emulator: Emulator) -> dict[tuple[str, str], Callable[[Request, Json], Any]]:
    webhooks = emulator.webhooks

    async def subscribe(request: Request, body: Json) -> Json:
        return await webhooks.subscribe(find_integration(emulator.state, body["integration"]), body)

    async def resend(request: Request, body: Json) -> Json:
        integration = find_integration(emulator.state, body["integration"])
        return {"handshake_status": await webhooks.handshake(webhooks.subscriptions[integration.id])}

    def verify(request: Request, body: Json) -> Json:
        return webhooks.verify(find_integration(emulator.state, body["integration"]), body["token"])

    def unsubscribe(request: Request, body: Json) -> Json:
        webhooks.unsubscribe(find_integration(emulator.state, request.one("integration")))
        return {}

    async def flush(request: Request, body: Json) -> Json:
        return {"deliveries": await webhooks.flush(retries=bool(body.get("retries")))}

    def deliveries(request: Request, body: Json) -> Json:
        return _deliveries(webhooks, since=int(request.one("since") or 0), workspace=request.one("workspace"))

    def add_fault(request: Request, body: Json) -> Json:
        """Matches like other faults; `path_regex` looks at the event's type, `integration` at whose they are."""
        match = dict(body.get("match", {}))
        if "integration" in match:
            match["token"] = find_integration(emulator.state, match.pop("integration")).id
        return {"id": webhooks.faults.add({"match": match, "do": body["do"]}).id}

    def remove_faults(request: Request, body: Json) -> Json:
        id, wanted = request.one("id"), request.one("integration")
        token = find_integration(emulator.state, wanted).id if wanted else None
        webhooks.faults.remove(id=int(id) if id else None, token=token)
        return {}

    return {
        ("POST", "webhooks/subscribe"): subscribe,
        ("DELETE", "webhooks/subscribe"): unsubscribe,
        ("POST", "webhooks/resend"): resend,
        ("POST", "webhooks/verify"): verify,
        ("POST", "webhooks/flush"): flush,
        ("GET", "webhooks/deliveries"): deliveries,
        ("POST", "webhooks/faults"): add_fault,
        ("DELETE", "webhooks/faults"): remove_faults,
    }


def _deliveries(webhooks: Webhooks, *, since: int, workspace: str | None) -> Json:
    kept = [one for one in webhooks.log if one["n"] > since and workspace in (None, one.get("workspace_id"))]
    waiting = [one for one in webhooks.waiting if workspace in (None, one.workspace.id)]
    return {
        "deliveries": kept,
        "last": webhooks.sent,
        "waiting": [one.payload | {"due": one.due.isoformat(), "attempts": one.attempt} for one in waiting],
    }
