"""Sending what waits: signed, tried up to eight times on the workspace's clock, and spoiled on demand."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
import time
from collections import deque
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import httpx

from devkit.notion.faults import Faults
from devkit.notion.model import Integration, Json, State, Workspace

ATTEMPTS = 8
# About a day from the first to the last.
PAUSES = (60, 300, 900, 3600, 10_800, 21_600, 46_800)
LOG = 20_000
KINDS = frozenset({"duplicate", "reorder", "drop", "tamper", "wrong_token", "delay", "ignore_answer"})
LONGEST_NAP = 3600.0


@dataclass(eq=False)
class Subscription:
    id: str
    integration: Integration
    url: str
    token: str
    event_types: list[str] | None
    version: str
    window: float
    delay: float
    timeout: float
    pauses: tuple[float, ...]
    tell_who: bool
    active: bool = False
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    wake: asyncio.Event = field(default_factory=asyncio.Event)

    def wants(self, type: str) -> bool:
        return self.active and (self.event_types is None or type in self.event_types)


@dataclass(eq=False)
class Delivery:
    """One event on its way to one subscription. `closes` is when its window ends, `due` when it is sent next."""

    subscription: Subscription
    workspace: Workspace
    payload: Json
    closes: datetime
    due: datetime
    attempt: int = 0
    held: bool = False
    delayed: bool = False


class Sender:
    def __init__(self, state: State) -> None:
        self.state = state
        self.subscriptions: dict[str, Subscription] = {}
        self.waiting: list[Delivery] = []
        self.log: deque[Json] = deque(maxlen=LOG)
        self.faults = Faults(KINDS)
        self.sent = 0
        self.tasks: dict[str, asyncio.Task[None]] = {}

    def wake(self) -> None:
        """Something new is waiting, or a clock was moved."""
        for subscription in self.subscriptions.values():
            subscription.wake.set()

    async def work(self, subscription: Subscription) -> None:
        while True:
            subscription.wake.clear()
            await self.send_due(subscription)
            nap = min((_seconds_until(one) for one in self._own(subscription)), default=LONGEST_NAP)
            try:
                await asyncio.wait_for(subscription.wake.wait(), min(nap, LONGEST_NAP))
            except TimeoutError:
                continue

    def _own(self, subscription: Subscription) -> list[Delivery]:
        return [one for one in self.waiting if one.subscription is subscription and not one.held]

    async def flush(self, *, retries: bool = False) -> list[Json]:
        """Sends everything now, whatever its window or delay; what failed before only when asked."""
        first = self.sent
        for subscription in list(self.subscriptions.values()):
            await self.send_due(subscription, everything=True, retries=retries)
        return [entry for entry in self.log if entry["n"] > first]

    async def send_due(self, subscription: Subscription, *, everything: bool = False, retries: bool = False) -> None:
        async with subscription.lock:
            ready = [
                one
                for one in self.waiting
                if one.subscription is subscription
                and ((everything and (retries or one.attempt == 0)) or (not one.held and _is_due(one)))
            ]
            ready.sort(key=lambda one: (one.held, one.due))
            for one in ready:
                if one in self.waiting:
                    await self._attempt(one, everything=everything)
            if everything:
                await self._send_held(subscription)

    async def _attempt(self, one: Delivery, *, everything: bool) -> None:
        subscription = one.subscription
        effects = {} if one.held else self.faults.pick("POST", one.payload["type"], subscription.integration.id, 1)
        if "delay" in effects and not everything and not one.delayed:
            one.delayed = True
            one.due = one.workspace.clock.now() + timedelta(seconds=float(effects["delay"].get("seconds", 60)))
            self._note(one, effects)
            return
        if "reorder" in effects:
            # It goes out right behind the next one, or with the next flush.
            one.held = True
            self._note(one, effects)
            return
        one.held = False
        one.attempt += 1
        one.payload["attempt_number"] = one.attempt
        if "drop" in effects:
            self.waiting.remove(one)
            self._note(one, effects)
            return
        for _ in range(1 + int(effects.get("duplicate", {"times": 0}).get("times", 1))):
            entry = await self.post(subscription, one.payload, effects)
            self.keep(entry | self._about(one))
        accepted = entry["status"] is not None and 200 <= entry["status"] < 300 and "ignore_answer" not in effects
        if accepted or one.attempt >= ATTEMPTS:
            if one in self.waiting:
                self.waiting.remove(one)
        else:
            pause = subscription.pauses[min(one.attempt, len(subscription.pauses)) - 1]
            one.due = one.workspace.clock.now() + timedelta(seconds=pause)
        await self._send_held(subscription)

    async def _send_held(self, subscription: Subscription) -> None:
        for one in [one for one in self.waiting if one.held and one.subscription is subscription]:
            if one in self.waiting:
                await self._attempt(one, everything=True)

    async def post(self, subscription: Subscription, payload: Json, effects: Json) -> Json:
        body = json.dumps(payload, ensure_ascii=False, separators=(",", ":")).encode()
        token = "secret_of_somebody_else" if "wrong_token" in effects else subscription.token
        signature = f"sha256={hmac.new(token.encode(), body, hashlib.sha256).hexdigest()}"
        if "tamper" in effects:
            body = json.dumps(payload | {"workspace_name": "tampered with"}).encode()
        headers = {"content-type": "application/json", "x-notion-signature": signature, "user-agent": "notion-api"}
        started = time.time()
        status, error = None, None
        try:
            async with httpx.AsyncClient(timeout=subscription.timeout, trust_env=False) as client:
                status = (await client.post(subscription.url, content=body, headers=headers)).status_code
        except httpx.HTTPError as failed:
            error = type(failed).__name__
        entry: Json = {"sent_at": started, "status": status, "error": error, "signature": signature}
        return entry | {"body": body.decode(), "faults": sorted(effects), "url": subscription.url}

    # -- what tests look at

    def _about(self, one: Delivery) -> Json:
        about = {key: one.payload[key] for key in ("id", "type", "entity", "timestamp", "workspace_id")}
        return about | {"attempt": one.attempt, "at": one.workspace.clock.now().isoformat()}

    def _note(self, one: Delivery, effects: Json) -> None:
        self.keep(self._about(one) | {"status": None, "error": None, "faults": sorted(effects)})

    def keep(self, entry: Json) -> None:
        self.sent += 1
        self.log.append({"n": self.sent} | entry)


def _is_due(one: Delivery) -> bool:
    return one.workspace.clock.now() >= one.due


def _seconds_until(one: Delivery) -> float:
    return one.workspace.clock.seconds_until(one.due)
