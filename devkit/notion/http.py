"""Requests and answers on the wire, over plain ASGI."""

from __future__ import annotations

import base64
import binascii
import gzip
import json
import re
from collections.abc import Awaitable, Callable, MutableMapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl

import orjson

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]

JSON = "application/json; charset=utf-8"
HTML = "text/html; charset=utf-8"
WORTH_PACKING = 300


@dataclass
class Part:
    """Of a form that is sent in parts."""

    content: bytes
    filename: str | None = None
    content_type: str | None = None


@dataclass
class Request:
    method: str
    path: str
    query: list[tuple[str, str]]
    headers: dict[str, str]
    body: bytes

    @property
    def token(self) -> str:
        scheme, _, token = self.headers.get("authorization", "").partition(" ")
        return token.strip() if scheme.lower() == "bearer" else ""

    @property
    def basic(self) -> tuple[str, str] | None:
        scheme, _, encoded = self.headers.get("authorization", "").partition(" ")
        try:
            name, _, secret = base64.b64decode(encoded, validate=True).decode().partition(":")
        except (binascii.Error, UnicodeDecodeError):
            return None
        return (name, secret) if scheme.lower() == "basic" else None

    @property
    def identity(self) -> str:
        """Whom faults and the journal know: the token, or the client's id where a client speaks for itself."""
        return self.token or (self.basic or ("",))[0]

    def one(self, name: str) -> str | None:
        return next((value for key, value in self.query if key == name), None)

    def form(self) -> list[tuple[str, str]]:
        return parse_qsl(self.body.decode(), keep_blank_values=True)

    @property
    def boundary(self) -> bytes | None:
        found = re.fullmatch(r'multipart/form-data;.*boundary="?([^";]+)"?.*', self.headers.get("content-type", ""))
        return found[1].encode() if found else None

    def parts(self) -> dict[str, Part]:
        if self.boundary is None:
            return {}
        found: dict[str, Part] = {}
        for piece in (b"\r\n" + self.body).split(b"\r\n--" + self.boundary)[1:]:
            head, _, content = piece.partition(b"\r\n\r\n")
            said = head.decode(errors="replace")
            name, filename = (re.search(rf'; {key}="([^"]*)"', said) for key in ("name", "filename"))
            type = re.search(r"(?im)^content-type: *(\S+)", said)
            if name is not None:
                found[name[1]] = Part(content, filename[1] if filename else None, type[1] if type else None)
        return found


@dataclass
class Response:
    """`cut` sends only so many bytes and drops the connection."""

    status: int
    body: bytes
    headers: dict[str, str] = field(default_factory=dict)
    cut: int | None = None


def json_response(status: int, value: object, headers: dict[str, str] | None = None) -> Response:
    try:
        body = orjson.dumps(value)
    except TypeError:
        # Half a character: JSON can spell it, UTF-8 cannot.
        body = json.dumps(value).encode()
    return Response(status, body, {"content-type": JSON} | (headers or {}))


def html_response(status: int, page: str) -> Response:
    return Response(status, page.encode(), {"content-type": HTML})


def redirect(to: str) -> Response:
    return Response(302, b"", {"location": to})


async def read(scope: Scope, receive: Receive) -> Request:
    body = bytearray()
    more = True
    while more:
        message = await receive()
        body += message.get("body", b"")
        more = message.get("more_body", False)
    raw = scope.get("raw_path") or scope["path"].encode()
    return Request(
        method=scope["method"],
        path=raw.decode("latin-1").partition("?")[0],
        query=parse_qsl(scope["query_string"].decode("latin-1"), keep_blank_values=True),
        headers={name.decode("latin-1").lower(): value.decode("latin-1") for name, value in scope["headers"]},
        body=bytes(body),
    )


async def write(response: Response, request: Request, send: Send) -> None:
    body, headers = response.body, dict(response.headers)
    packable = headers.get("content-type") == JSON and len(body) >= WORTH_PACKING
    if packable and response.cut is None and "gzip" in request.headers.get("accept-encoding", ""):
        body = gzip.compress(body, compresslevel=1)
        headers |= {"content-encoding": "gzip", "vary": "Accept-Encoding"}
    headers["content-length"] = str(len(body) if response.cut is None else max(len(body), response.cut + 1))
    raw = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in headers.items()]
    await send({"type": "http.response.start", "status": response.status, "headers": raw})
    if response.cut is None:
        await send({"type": "http.response.body", "body": body})
    else:
        # Ending while more is promised makes the server close the connection.
        await send({"type": "http.response.body", "body": body[: response.cut], "more_body": True})
