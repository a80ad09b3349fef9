"""The stand-in as a process of its own, for tests."""

from __future__ import annotations

import json
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path
from types import TracebackType
from typing import Any

from devkit.home import PROJECT, free_port

READY_IN_SECONDS = 60
KEY = "sk_test_stand_in"
WEBHOOK_SECRET = "whsec_stand_in"


class StripeProcess:
    """`with StripeProcess() as vendor:` then `stripe.StripeClient(KEY, base_addresses=vendor.base_addresses)`."""

    def __init__(
        self,
        *,
        port: int | None = None,
        webhook_url: str | None = None,
        webhook_secret: str = WEBHOOK_SECRET,
        state: Path | None = None,
    ) -> None:
        self.port = port or free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.webhook_secret = webhook_secret
        command = [sys.executable, "-m", "devkit.stripe", "--port", str(self.port)]
        if webhook_url:
            command += ["--webhook-url", webhook_url, "--webhook-secret", webhook_secret]
        if state:
            command += ["--state", str(state)]
        self.process = subprocess.Popen(command, cwd=PROJECT)
        self._wait()

    @property
    def base_addresses(self) -> dict[str, str]:
        """All of them, so that nothing can reach the real Stripe."""
        return {"api": self.url, "connect": self.url, "files": self.url, "meter_events": self.url}

    def _wait(self) -> None:
        deadline = time.monotonic() + READY_IN_SECONDS
        while time.monotonic() < deadline:
            if self.process.poll() is not None:
                raise RuntimeError(f"the stand-in for Stripe ended with {self.process.returncode}")
            try:
                self.control("health")
                return
            except (urllib.error.URLError, ConnectionError):
                time.sleep(0.05)
        self.stop()
        raise RuntimeError("the stand-in for Stripe did not become ready")

    def control(self, path: str, json_body: Any = None, *, method: str | None = None) -> Any:
        """GET without a body, POST with one. A refusal is raised with its text."""
        data = None if json_body is None else json.dumps(json_body).encode()
        request = urllib.request.Request(f"{self.url}/__stand-in/{path}", data=data, method=method)
        request.add_header("content-type", "application/json")
        try:
            with urllib.request.urlopen(request, timeout=60) as response:
                return json.loads(response.read())
        except urllib.error.HTTPError as refused:
            raise ValueError(refused.read().decode()) from refused

    def reset(self) -> None:
        self.control("reset", {})

    def now(self) -> int:
        return int(self.control("clock")["now"])

    def advance(self, seconds: float) -> int:
        """Everybody's clock; what becomes due has happened when this returns."""
        return int(self.control("clock", {"advance": int(seconds)})["now"])

    def set_clock(self, to: int, *, freeze: bool = True) -> None:
        self.control("clock", {"set": to, "freeze": freeze})

    def give_card(self, customer: str, number: str) -> str:
        return str(self.control("cards", {"customer": customer, "number": number})["id"])

    def fault(self, do: str, *, times: int = 1, seconds: float | None = None, **match: Any) -> None:
        given: dict[str, Any] = {"do": do, "times": times, "match": match}
        self.control("faults", given if seconds is None else given | {"seconds": seconds})

    def webhooks(self, **settings: Any) -> None:
        self.control("webhooks", settings)

    def send_webhooks_to(self, url: str, secret: str = WEBHOOK_SECRET) -> None:
        self.control("webhooks/endpoint", {"url": url, "secret": secret})

    def deliver(self, *, limit: int | None = None, shuffle: bool = False) -> list[dict[str, Any]]:
        """For webhooks(mode="held"): sends what is held and says how each was received."""
        delivered: list[dict[str, Any]] = self.control("webhooks/deliver", {"limit": limit, "shuffle": shuffle})[
            "delivered"
        ]
        return delivered

    def drain(self, timeout: float = 20) -> bool:
        return bool(self.control("webhooks/drain", {"timeout": timeout})["idle"])

    def stop(self) -> None:
        self.process.terminate()
        try:
            self.process.wait(timeout=5)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()

    def __enter__(self) -> StripeProcess:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()
