"""The stand-in over HTTP: both protocols under one address, control requests under `/__stand-in/`.

    with ModelServer() as vendor:
        vendor.say({"text": "28 days «28 days of paid»."})     # for /v1/chat/completions and /v1/messages

`vendor.openai_url` and `vendor.anthropic_url` are base URLs for the vendors' own clients.
"""

from __future__ import annotations

import json
import socket
import threading
import time
from collections.abc import Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import MappingProxyType, ModuleType, TracebackType
from typing import Any, ClassVar

from devkit.models import anthropic, openai
from devkit.models.script import Json, Script, Turn

HOST = "127.0.0.1"
NO_HEADS: Mapping[str, str] = MappingProxyType({})
PROTOCOLS: tuple[ModuleType, ...] = (openai, anthropic)


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    script: ClassVar[Script]
    ending: ClassVar[threading.Event]

    def log_message(self, *_: Any) -> None:
        """Nothing."""

    def do_GET(self) -> None:
        if self.path == "/__stand-in/seen":
            self._answer(200, {"seen": self.script.seen})
        else:
            self._answer(200, {"ok": True})

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers.get("content-length") or 0)) or b"{}")
        if self.path.startswith("/__stand-in/"):
            return self._control(self.path.rpartition("/")[2], body)
        path = self.path.partition("?")[0]
        protocol = next((each for each in PROTOCOLS if path.endswith(each.PATH)), None)
        if protocol is None:
            return self._answer(404, openai.error(404))
        key = self.headers.get("x-api-key") or self.headers.get("authorization", "").removeprefix("Bearer ")
        turn = self.script.next(path, body, key)
        try:
            self._speak(protocol, turn, body)
        except OSError:
            # Who listened has gone.
            self.close_connection = turn.was_left = True

    def _control(self, what: str, body: Json) -> None:
        if what == "reset":
            self.script.reset()
        elif what == "say":
            try:
                self.script.add(body)
            except (ValueError, TypeError, KeyError) as error:
                return self._answer(400, {"error": str(error)})
        else:
            return self._answer(404, {"error": "say or reset"})
        self._answer(200, {"ok": True})

    def _speak(self, protocol: ModuleType, turn: Turn, body: Json) -> None:
        self.ending.wait(turn.hang_seconds)
        if turn.is_dropped:
            return self._drop()
        if turn.status:
            heads = {"location": turn.location, "retry-after": turn.retry_after}
            return self._answer(turn.status, protocol.error(turn.status), {k: f"{v}" for k, v in heads.items() if v})
        if not body.get("stream"):
            return self._answer(200, protocol.whole(turn, body))
        self.send_response(200)
        self.send_header("content-type", "text/event-stream")
        self.send_header("transfer-encoding", "chunked")
        self.end_headers()
        self._stream(protocol, turn, body)

    def _stream(self, protocol: ModuleType, turn: Turn, body: Json) -> None:
        pieces = 0
        if turn.is_overloaded:
            self._chunk(protocol.overloaded())
            return self._chunk("")
        for event, is_piece in protocol.stream(turn, body):
            if is_piece:
                if pieces == turn.cut_after:
                    return self._drop()
                if pieces == turn.overload_after:
                    self._chunk(protocol.overloaded())
                    break
                if pieces == turn.stall_after:
                    self.ending.wait(3_600)
                    return self._drop()
                pieces += 1
                self.ending.wait(turn.pause_seconds)
            self._chunk(event)
        self._chunk("")

    def _chunk(self, text: str) -> None:
        data = text.encode()
        self.wfile.write(b"%x\r\n%s\r\n" % (len(data), data))
        self.wfile.flush()

    def _drop(self) -> None:
        self.close_connection = True
        self.connection.shutdown(socket.SHUT_RDWR)

    def _answer(self, status: int, data: Json, heads: Mapping[str, str] = NO_HEADS) -> None:
        text = json.dumps(data).encode()
        self.send_response(status)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(text)))
        for name, value in heads.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(text)


class ModelServer:
    def __init__(self, port: int = 0) -> None:
        self.script, self.ending = Script(), threading.Event()
        handler = type("Own", (Handler,), {"script": self.script, "ending": self.ending})
        self.server = ThreadingHTTPServer((HOST, port), handler)
        self.server.daemon_threads = True
        self.url = f"http://{HOST}:{self.server.server_port}"
        self.openai_url, self.anthropic_url = f"{self.url}/v1", self.url

    def serve(self) -> None:
        self.server.serve_forever(poll_interval=0.05)

    def say(self, *turns: Json, model: str = "") -> None:
        """Answers to come, in order; of one model or of any."""
        self.script.add({"turns": list(turns), "model": model})

    def reset(self) -> None:
        self.script.reset()

    @property
    def seen(self) -> list[Json]:
        return self.script.seen

    def wait_for_requests(self, number: int, *, seconds: float = 60) -> None:
        deadline = time.monotonic() + seconds
        while len(self.seen) < number:
            if time.monotonic() > deadline:
                raise TimeoutError(f"{len(self.seen)} of {number} requests came")
            time.sleep(0.02)

    def __enter__(self) -> ModelServer:
        threading.Thread(target=self.serve, daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.ending.set()
        self.server.shutdown()
        self.server.server_close()
