"""The interface for tests and the demo, under /__stand-in/. Stripe has nothing like it."""

from __future__ import annotations

import asyncio
import json
import re
import time
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

from devkit.notion.http import Request, Response, json_response
from devkit.stripe import cards, due, hooks
from devkit.stripe.errors import ApiError
from devkit.stripe.render import view
from devkit.stripe.world import SETTINGS

if TYPE_CHECKING:
    from devkit.stripe.app import StandIn

Json = dict[str, Any]
Answer = Callable[[Request, Json], Any]
SOON = 0.01


class Control:
    def __init__(self, program: StandIn) -> None:
        self.program = program
        self.routes: dict[tuple[str, str], Answer] = {
            ("GET", "health"): lambda request, body: {"ok": True},
            ("POST", "reset"): self.reset,
            ("GET", "state"): self.state,
            ("GET", "objects"): lambda request, body: {"objects": list(program.world.objects.values())},
            ("POST", "objects"): self.put_objects,
            ("GET", "journal"): self.journal,
            ("GET", "clock"): self.clock,
            ("POST", "clock"): self.move_clock,
            ("GET", "settings"): lambda request, body: program.world.settings,
            ("POST", "settings"): self.settings,
            ("GET", "cards"): self.cards,
            ("POST", "cards"): self.give_card,
            ("POST", "faults"): lambda request, body: program.faults.add(body).shown(),
            ("GET", "faults"): lambda request, body: {"faults": [rule.shown() for rule in program.faults.rules]},
            ("DELETE", "faults"): self.remove_faults,
            ("GET", "webhooks"): self.webhooks,
            ("POST", "webhooks"): lambda request, body: program.deliveries.configure(body),
            ("POST", "webhooks/endpoint"): self.endpoint,
            ("POST", "webhooks/deliver"): self.deliver,
            ("POST", "webhooks/drain"): self.drain,
            ("POST", "webhooks/resend"): self.resend,
        }

    async def answer(self, request: Request) -> Response:
        name = request.path.removeprefix("/__stand-in/").strip("/")
        route = self.routes.get((request.method, name))
        if route is None:
            return json_response(404, {"error": f"no control {request.method} {name}"})
        try:
            answer = route(request, json.loads(request.body) if request.body else {})
            if isinstance(answer, Awaitable):
                answer = await answer
        except (ValueError, KeyError, TypeError, AttributeError, re.error, ApiError, OSError) as error:
            return json_response(400, {"error": f"{type(error).__name__}: {error}"})
        if request.method != "GET":
            self.program.settle(changed=True)
        return json_response(200, answer)

    def reset(self, request: Request, body: Json) -> Json:
        self.program.forget()
        return {}

    def state(self, request: Request, body: Json) -> Json:
        kind = request.one("kind")
        world = self.program.world
        return {"objects": [view(world, one) for one in world.objects.values() if kind in (None, one["object"])]}

    def put_objects(self, request: Request, body: Json) -> Json:
        """What GET answered, once more: no need to make it all again after a reset."""
        self.program.world.objects |= {one["id"]: one for one in body["objects"]}
        return {}

    def journal(self, request: Request, body: Json) -> Json:
        since = int(request.one("since") or 0)
        kept = [entry for entry in self.program.journal if entry["n"] > since]
        return {"requests": kept, "last": self.program.requests}

    # -- time

    def clock(self, request: Request, body: Json) -> Json:
        world = self.program.world
        return {"now": world.now(), "frozen": world.frozen is not None}

    def move_clock(self, request: Request, body: Json) -> Json:
        """{"set": unix time} or {"advance": seconds}; {"freeze": true | false}. Only forwards."""
        world = self.program.world
        to = int(body.get("set", world.now())) + int(body.get("advance", 0))
        due.move_clock(world, to, freeze=bool(body["freeze"]) if "freeze" in body else None)
        return self.clock(request, body)

    def settings(self, request: Request, body: Json) -> Json:
        unknown = body.keys() - SETTINGS.keys()
        if unknown:
            raise ValueError(f"unknown: {', '.join(sorted(unknown))}")
        self.program.world.settings |= body
        return self.program.world.settings

    # -- cards

    def cards(self, request: Request, body: Json) -> Json:
        return {
            "cards": [{"number": one.number, "token": one.token, "says": one.says} for one in cards.CARDS],
        }

    def give_card(self, request: Request, body: Json) -> Json:
        """{"customer", "number"}: their only card from now on, for whatever they have; pays no open invoice."""
        world = self.program.world
        customer = world.get("customer", body["customer"])
        card = cards.by_number(str(body["number"]))
        if card is None:
            raise ValueError("not one of the test cards")
        with world.transaction():
            method = cards.make(world, card, customer)
            world.change(method, customer=customer["id"], _set_up=bool(body.get("set_up", False)))
            cards.use(world, customer, method)
        return view(world, method)

    # -- trouble

    def remove_faults(self, request: Request, body: Json) -> Json:
        self.program.faults.rules.clear()
        return {}

    # -- webhooks

    def webhooks(self, request: Request, body: Json) -> Json:
        deliveries = self.program.deliveries
        waiting = self.program.world.waiting
        return {"settings": deliveries.faults, "waiting": waiting, "log": list(deliveries.log)}

    def endpoint(self, request: Request, body: Json) -> Json:
        """{"url", "secret"}: instead of the one given on the command line, until the next reset."""
        events = body.get("enabled_events", ["*"])
        world = self.program.world
        return view(world, hooks.add(world, hooks.FROM_COMMAND_LINE, body["url"], body["secret"], events))

    async def deliver(self, request: Request, body: Json) -> Json:
        """{"limit"?, "shuffle"?}"""
        deliveries = self.program.deliveries
        sent = await deliveries.deliver(limit=body.get("limit"), shuffle=bool(body.get("shuffle")))
        return {"delivered": sent}

    async def drain(self, request: Request, body: Json) -> Json:
        """Answers when everything was received or given up; retries wait as long as they are set to."""
        until = time.monotonic() + float(body.get("timeout", 20))
        deliveries = self.program.deliveries
        while not deliveries.is_idle and time.monotonic() < until:
            await asyncio.sleep(SOON)
        return {"idle": deliveries.is_idle, "waiting": len(self.program.world.waiting)}

    def resend(self, request: Request, body: Json) -> Json:
        """{"event"}: once more, as a person can do in Stripe's dashboard."""
        event = self.program.world.get("event", body["event"])
        self.program.world.outbox.append(event["id"])
        return {}
