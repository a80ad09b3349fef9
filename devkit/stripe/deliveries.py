"""Webhooks on their way: signed as by Stripe; late, twice, out of order or lost as told; tried again when refused."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import ipaddress
import json
import random
import time
from collections import deque
from typing import Any
from urllib.parse import urlsplit

import httpx

from devkit.stripe import hooks
from devkit.stripe.world import World

Json = dict[str, Any]
KEPT = 10_000
DEFAULTS: Json = {
    "mode": "auto",  # "held": nothing goes out before /__stand-in/webhooks/deliver
    "seed": 0,
    "duplicate": 0.0,
    "lose": 0.0,
    "shuffle": False,
    "delay": [0, 0],  # seconds, real ones, between least and most
    "retries": [0.5, 1, 2, 5, 10, 30, 60, 300],  # seconds after each refusal; then given up
    "timeout": 10,
}


class Deliveries:
    def __init__(self, world: World) -> None:
        self.world = world
        self.wake = asyncio.Event()
        self.flying = 0
        self.forget()

    def forget(self) -> None:
        self.faults: Json = dict(DEFAULTS)
        self.dice = random.Random(0)
        self.log: deque[Json] = deque(maxlen=KEPT)

    def configure(self, given: Json) -> Json:
        unknown = given.keys() - DEFAULTS.keys()
        if unknown:
            raise ValueError(f"unknown: {', '.join(sorted(unknown))}")
        self.faults |= given
        self.dice = random.Random(self.faults["seed"])
        self.wake.set()
        return self.faults

    def take(self) -> None:
        """Puts what just happened on its way. What goes wrong is decided here, by the seed alone."""
        batch: list[Json] = []
        for event_id in self.world.outbox:
            event = self.world.objects[event_id]
            for endpoint in hooks.listening(self.world, event["type"]):
                batch += self._copies(event_id, endpoint["id"])
        self.world.outbox.clear()
        if self.faults["shuffle"]:
            self.dice.shuffle(batch)
        self.world.waiting += batch
        if batch:
            self.wake.set()

    def _copies(self, event: str, endpoint: str) -> list[Json]:
        if self.dice.random() < self.faults["lose"]:
            self.log.append({"event": event, "endpoint": endpoint, "status": "lost"})
            return []
        times = 2 if self.dice.random() < self.faults["duplicate"] else 1
        least, most = self.faults["delay"]
        return [
            {
                "event": event,
                "endpoint": endpoint,
                "attempt": 0,
                "not_before": time.time() + self.dice.uniform(least, most),
            }
            for _ in range(times)
        ]

    # -- sending

    async def run(self) -> None:
        """For as long as the program lives."""
        async with httpx.AsyncClient(trust_env=False) as client:
            while True:
                self.wake.clear()
                ready = self._ready() if self.faults["mode"] == "auto" else []
                for one in ready:
                    await self.send(client, one)
                if not ready:
                    await self._rest()

    def _ready(self) -> list[Json]:
        """In order of their time; each is taken by one sender only."""
        now = time.time()
        ready = sorted(
            (one for one in self.world.waiting if one["not_before"] <= now), key=lambda one: one["not_before"]
        )
        return ready

    async def _rest(self) -> None:
        coming = [one["not_before"] for one in self.world.waiting] if self.faults["mode"] == "auto" else []
        pause = max(0.01, min(coming) - time.time()) if coming else None
        try:
            await asyncio.wait_for(self.wake.wait(), pause)
        except TimeoutError:
            return

    async def deliver(self, *, limit: int | None = None, shuffle: bool = False) -> list[Json]:
        """Sends what is held, now and one by one, and answers how each was received. Refused ones stay."""
        held = list(self.world.waiting)
        if shuffle:
            self.dice.shuffle(held)
        async with httpx.AsyncClient(trust_env=False) as client:
            return [await self.send(client, one) for one in held[:limit]]

    async def send(self, client: httpx.AsyncClient, one: Json) -> Json:
        if not any(waiting is one for waiting in self.world.waiting):
            return {}
        self.world.waiting = [waiting for waiting in self.world.waiting if waiting is not one]
        event, endpoint = self.world.objects.get(one["event"]), self.world.objects.get(one["endpoint"])
        if event is None or endpoint is None:
            return {}
        self.flying += 1
        try:
            status = await self._post(client, endpoint, event)
        finally:
            self.flying -= 1
        if self.world.objects.get(event["id"]) is not event:
            return {}  # Forgotten meanwhile.
        entry = {"event": event["id"], "type": event["type"], "endpoint": endpoint["id"], "status": status}
        self.log.append(entry | {"attempt": one["attempt"]})
        if isinstance(status, int) and 200 <= status < 300:
            event["pending_webhooks"] = max(0, event["pending_webhooks"] - 1)
        elif status != "elsewhere" and one["attempt"] < len(self.faults["retries"]):
            wait = self.faults["retries"][one["attempt"]]
            self.world.waiting.append(one | {"attempt": one["attempt"] + 1, "not_before": time.time() + wait})
        self.world.save()
        return entry

    async def _post(self, client: httpx.AsyncClient, endpoint: Json, event: Json) -> int | str:
        if not is_here(endpoint["url"]):
            return "elsewhere"
        body = json.dumps(event | {"api_version": endpoint["api_version"] or event["api_version"]}, indent=2).encode()
        headers = {
            "content-type": "application/json; charset=utf-8",
            "stripe-signature": signature(endpoint["_secret"], body, int(time.time())),
            "user-agent": "Stripe/1.0 (+https://stripe.com/docs/webhooks)",
        }
        try:
            timeout = self.faults["timeout"]
            answer = await client.post(endpoint["url"], content=body, headers=headers, timeout=timeout)
        except (httpx.HTTPError, httpx.InvalidURL) as failed:
            return f"{type(failed).__name__}"
        return answer.status_code

    @property
    def is_idle(self) -> bool:
        return not self.world.waiting and not self.flying


def signature(secret: str, body: bytes, at: int) -> str:
    signed = hmac.new(secret.encode(), f"{at}.".encode() + body, hashlib.sha256).hexdigest()
    return f"t={at},v1={signed}"


def is_here(url: str) -> bool:
    """Whether an address is on this machine: events of a stand-in go nowhere else."""
    host = urlsplit(url).hostname or ""
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
