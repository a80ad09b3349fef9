"""The emulator as a process of its own, for tests."""

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
from uuid import uuid4

from devkit.home import PROJECT, free_port

READY_IN_SECONDS = 60


class EmulatorProcess:
    """`with EmulatorProcess() as notion:` then `notion.url`, `notion.seed(...)`, `notion.control(...)`."""

    def __init__(self, *seeds: Path, port: int | None = None, base_url: str | None = None) -> None:
        self.port = port or free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        command = [sys.executable, "-m", "devkit.notion", "--port", str(self.port)]
        if base_url:
            command += ["--base-url", base_url]
        for seed in seeds:
            command += ["--seed", str(seed)]
        self.process = subprocess.Popen(command, cwd=PROJECT)
        self._wait()

    def _wait(self) -> None:
        deadline = time.monotonic() + READY_IN_SECONDS
        while time.monotonic() < deadline:
            if self.process.poll() is not None:
                raise RuntimeError(f"the Notion emulator ended with {self.process.returncode}")
            try:
                self.control("health")
                return
            except (urllib.error.URLError, ConnectionError):
                time.sleep(0.05)
        self.stop()
        raise RuntimeError("the Notion emulator did not become ready")

    def control(self, path: str, json_body: Any = None, *, method: str | None = None) -> Any:
        """GET without a body, POST with one. A refusal is raised with its text."""
        data = None if json_body is None else json.dumps(json_body, default=str).encode()
        request = urllib.request.Request(f"{self.url}/__emulator/{path}", data=data, method=method)
        request.add_header("content-type", "application/json")
        try:
            with urllib.request.urlopen(request, timeout=30) as response:
                return json.loads(response.read())
        except urllib.error.HTTPError as refused:
            raise ValueError(refused.read().decode()) from refused

    def seed(self, seed: dict[str, Any], namespace: str | None = None) -> Any:
        """Adds a copy of its own unless a namespace is given."""
        return self.control("seed", {"seed": seed, "namespace": uuid4().hex if namespace is None else namespace})

    def edit(self, **what: Any) -> Any:
        return self.control("edit", what)

    def fault(self, do: Any, **match: Any) -> int:
        return int(self.control("faults", {"match": match, "do": do})["id"])

    def journal(self, token: str | None = None, since: int = 0) -> list[dict[str, Any]]:
        query = f"journal?since={since}" + (f"&token={token}" if token else "")
        entries: list[dict[str, Any]] = self.control(query)["requests"]
        return entries

    def subscribe(self, integration: str, url: str, **options: Any) -> Any:
        return self.control("webhooks/subscribe", {"integration": integration, "url": url, **options})

    def flush_webhooks(self, *, retries: bool = False) -> list[dict[str, Any]]:
        """Sends what waits, and answers what was sent."""
        sent: list[dict[str, Any]] = self.control("webhooks/flush", {"retries": retries})["deliveries"]
        return sent

    def webhook_fault(self, do: Any, **match: Any) -> int:
        return int(self.control("webhooks/faults", {"match": match, "do": do})["id"])

    def stop(self) -> None:
        self.process.terminate()
        try:
            self.process.wait(timeout=5)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()

    def __enter__(self) -> EmulatorProcess:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()
