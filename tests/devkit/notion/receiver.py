"""Somebody's webhook address: keeps what comes, and answers as told."""

from __future__ import annotations

import hashlib
import hmac
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass
class Received:
    body: bytes
    signature: str

    @property
    def payload(self) -> Any:
        return json.loads(self.body)

    def signed_with(self, token: str) -> bool:
        return self.signature == f"sha256={hmac.new(token.encode(), self.body, hashlib.sha256).hexdigest()}"


@dataclass
class Receiver:
    url: str = ""
    got: list[Received] = field(default_factory=list)
    answers: list[int] = field(default_factory=list)
    came: threading.Condition = field(default_factory=threading.Condition)

    @property
    def events(self) -> list[Any]:
        return [one.payload for one in self.got if "type" in one.payload]

    def wait_for(self, count: int) -> list[Any]:
        with self.came:
            assert self.came.wait_for(lambda: len(self.events) >= count, timeout=60), self.events
        return self.events


@contextmanager
def receiver() -> Iterator[Receiver]:
    kept = Receiver()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            with kept.came:
                kept.got.append(Received(body, self.headers["x-notion-signature"]))
                kept.came.notify_all()
                status = kept.answers.pop(0) if kept.answers else 200
            self.send_response(status)
            self.send_header("content-length", "0")
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:
            """Nothing is printed."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    kept.url = f"http://127.0.0.1:{server.server_port}/webhooks/notion"
    try:
        yield kept
    finally:
        server.shutdown()
        server.server_close()
