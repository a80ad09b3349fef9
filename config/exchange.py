"""One HTTP exchange as ASGI sees it: the request's body, and an answer that is held whole."""

import json
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any
from urllib.parse import quote

from django.conf import settings

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Mapping[str, Any]]]
Send = Callable[[Mapping[str, Any]], Awaitable[None]]
Headers = list[tuple[bytes, bytes]]
ASCII = bytes(range(128))
REQUEST_ID = b"x-request-id"
# Django judges the body itself; this only keeps a flood out of memory.
MOST_BYTES = 2 * settings.DATA_UPLOAD_MAX_MEMORY_SIZE


class TooLarge(Exception):
    pass


class TooSlow(Exception):
    """The client left before its body was complete."""


@dataclass
class Answer:
    status: int = 200
    headers: Headers = field(default_factory=list)
    body: bytes = b""

    @classmethod
    def json(cls, status: int, content: object, content_type: str = "application/json") -> "Answer":
        body = json.dumps(content).encode()
        headers = [(b"content-type", content_type.encode()), (b"content-length", str(len(body)).encode())]
        return cls(status, [*headers, (b"cache-control", b"no-store")], body)

    async def receive(self, message: Mapping[str, Any]) -> None:
        """An ASGI `send` that keeps what it is given."""
        if message["type"] == "http.response.start":
            self.status, self.headers = message["status"], list(message["headers"])
        else:
            self.body += message.get("body", b"")

    async def send(self, send: Send) -> None:
        await send({"type": "http.response.start", "status": self.status, "headers": self.headers})
        await send({"type": "http.response.body", "body": self.body})

    def without(self, *names: bytes) -> Headers:
        return [pair for pair in self.headers if pair[0] not in names]


def problem(status: int, code: str, detail: str, instance: str) -> Answer:
    """The same document as `config.errors` gives, before Django."""
    content = {"type": f"/problems/{code}", "title": HTTPStatus(status).phrase, "status": status}
    return Answer.json(status, {**content, "detail": detail, "instance": instance}, "application/problem+json")


async def read_body(scope: Scope, receive: Receive) -> bytes:
    announced = dict(scope["headers"]).get(b"content-length", b"0")
    if announced.isdigit() and int(announced) > MOST_BYTES:
        raise TooLarge
    body = bytearray()
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise TooSlow
        body += message.get("body", b"")
        if len(body) > MOST_BYTES:
            raise TooLarge
        if not message.get("more_body", False):
            return bytes(body)


def measured(scope: Scope, body: bytes) -> Scope:
    """With the length of what was read: a body in chunks has none, and Django reads no further than it says."""
    headers = [pair for pair in scope["headers"] if pair[0] not in (b"content-length", b"transfer-encoding")]
    return {**scope, "headers": [*headers, (b"content-length", str(len(body)).encode())]}


def spelled_out(scope: Scope) -> Scope:
    """With the query as a browser writes it: some programs send its letters as they are, and CGI knows ASCII alone."""
    return {**scope, "query_string": quote(scope["query_string"], safe=ASCII).encode()}


def unambiguous(scope: Scope) -> Scope:
    """CGI writes `-` and `_` of a header's name alike, so a name with `_` could pass for one that a proxy vouches for.

    It also joins what is sent twice with commas; the pieces of a cookie belong together with semicolons (RFC 9113).
    """
    headers = [pair for pair in scope["headers"] if b"_" not in pair[0] and pair[0] != b"cookie"]
    cookies = b"; ".join(value for name, value in scope["headers"] if name == b"cookie")
    return {**scope, "headers": [*headers, (b"cookie", cookies)] if cookies else headers}


def named(scope: Scope, request_id: str) -> Scope:
    """As if the client had called its request so."""
    headers = [pair for pair in scope["headers"] if pair[0] != REQUEST_ID]
    return {**scope, "headers": [*headers, (REQUEST_ID, request_id.encode())]}


def naming(send: Send, request_id: str) -> Send:
    """Each answer says the name of its request."""

    async def sending(message: Mapping[str, Any]) -> None:
        if message["type"] == "http.response.start":
            headers = [pair for pair in message["headers"] if pair[0].lower() != REQUEST_ID]
            message = {**message, "headers": [*headers, (REQUEST_ID, request_id.encode())]}
        await send(message)

    return sending


def for_django(scope: Scope, body: bytes) -> Scope:
    """What the bridge (a2wsgi) makes a faithful CGI environment of."""
    return unambiguous(spelled_out(measured(scope, body)))


def replay(body: bytes) -> Receive:
    async def receive() -> Mapping[str, Any]:
        return {"type": "http.request", "body": body, "more_body": False}

    return receive


async def until_gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
