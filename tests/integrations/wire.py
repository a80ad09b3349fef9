"""A server that answers with the raw bytes it was told to, for faults that a real server would not show on request."""

import json
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

SILENCE = b"silence"
TOKEN = "ntn_alice_1234567890"
PAGE = "393abc1e-edcd-81f5-ae94-ec2d55fe98ed"
PROXY = "<html><body>404 Not Found</body></html>"


class Clock:
    """Time passes only while somebody waits."""

    def __init__(self) -> None:
        self.now = 1_000.0
        self.waits: list[float] = []

    def __call__(self) -> float:
        return self.now

    def wait(self, seconds: float) -> None:
        self.waits.append(seconds)
        self.now += seconds


@dataclass
class Request:
    method: str
    path: str
    headers: dict[str, str]
    body: Any


@dataclass
class ScriptedServer:
    url: str
    answers: list[bytes] = field(default_factory=list)
    requests: list[Request] = field(default_factory=list)

    def says(self, *answers: bytes) -> None:
        """One answer per request; the last is repeated."""
        self.answers = list(answers)


def answer(status: int, body: object = "", *, headers: dict[str, str] | None = None, cut: int = 0) -> bytes:
    """`cut` announces that many bytes more than are sent."""
    raw = body if isinstance(body, str) else json.dumps(body)
    lines = [f"HTTP/1.1 {status} X", f"Content-Length: {len(raw.encode()) + cut}", "Connection: close"]
    lines += [f"{name}: {value}" for name, value in (headers or {}).items()]
    return ("\r\n".join(lines) + "\r\n\r\n" + raw).encode()


def error(status: int, code: str, message: str = "", **more: Any) -> bytes:
    headers = more.pop("headers", None)
    return answer(
        status, {"object": "error", "status": status, "code": code, "message": message, **more}, headers=headers
    )


def listing(ids: list[str], cursor: str | None = None, **more: Any) -> bytes:
    results = [{"object": "block", "id": each} for each in ids]
    return answer(
        200, {"object": "list", "results": results, "next_cursor": cursor, "has_more": cursor is not None, **more}
    )


@contextmanager
def scripted_server() -> Iterator[ScriptedServer]:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        server = ScriptedServer(f"http://127.0.0.1:{listener.getsockname()[1]}")
        thread = threading.Thread(target=_serve, args=(listener, server), daemon=True)
        thread.start()
        yield server
        # On Linux a close alone does not wake an accept.
        with suppress(OSError):
            listener.shutdown(socket.SHUT_RDWR)
    thread.join(5)


def _serve(listener: socket.socket, server: ScriptedServer) -> None:
    while True:
        try:
            connection, _ = listener.accept()
        except OSError:
            return
        with connection, suppress(ConnectionError):
            connection.settimeout(5)
            server.requests.append(_read(connection))
            said = server.answers.pop(0) if len(server.answers) > 1 else server.answers[0]
            if said is SILENCE:
                connection.recv(1)  # until the other side hangs up
            else:
                connection.sendall(said)


def _read(connection: socket.socket) -> Request:
    stream = connection.makefile("rb")
    method, path, _ = stream.readline().decode().split(" ", 2)
    headers = {}
    while line := stream.readline().decode().strip():
        name, value = line.split(":", 1)
        headers[name.lower()] = value.strip()
    raw = stream.read(int(headers.get("content-length", "0")))
    return Request(method, path, headers, json.loads(raw) if raw else None)
