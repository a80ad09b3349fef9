"""Waiting for, and streaming, what a worker writes to a Redis stream. No thread, no database connection.

An entry has the fields `e` (the event's name), `d` (its data as JSON), and, when a page shows it differently, `pe` and
`pd`. The events in ENDS close the stream.
"""

import asyncio
import json
import logging
import re
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any, NamedTuple

import redis
import redis.asyncio
from django.conf import settings
from django.http import HttpRequest
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff

from config.exchange import Answer, Headers, Scope, Send
from config.handover import Handover, Mode

log = logging.getLogger(__name__)
ENDS = frozenset({b"done", b"error"})
OPEN = frozenset({"queued", "running"})
# What the client is told about the request that it sent; the rest belongs to the answer at the end.
OF_THE_POST = (b"set-cookie", b"idempotency-replayed", b"allow", b"location")
WAIT_SECONDS = 90.0
QUIET_SECONDS = 15.0
# A stream whose end was lost is closed some time; the browser comes back by itself and is told the end.
STREAM_SECONDS = 120.0
RETRY = b"retry: 500\n\n"
KEEP_ALIVE = b": keep-alive\n\n"
EVENT_ID = re.compile(r"\d{1,20}-\d{1,20}")
EVENT_STREAM: Headers = [
    (b"content-type", b"text/event-stream; charset=utf-8"),
    (b"cache-control", b"no-cache, no-transform"),
    (b"x-accel-buffering", b"no"),
]
Fields = dict[bytes, bytes]
_client: redis.asyncio.Redis | None = None


class Entry(NamedTuple):
    id: bytes
    fields: Fields

    @property
    def is_end(self) -> bool:
        return self.fields[b"e"] in ENDS


def client() -> redis.asyncio.Redis:
    global _client
    if _client is None:
        # Blocking reads outlast any socket timeout, so there is none; a dead peer is noticed by keep-alive.
        _client = redis.asyncio.Redis.from_url(
            settings.REDIS_URL,
            socket_timeout=None,
            socket_connect_timeout=2,
            socket_keepalive=True,
            max_connections=settings.STREAM_CLIENTS,
            # After Redis was restarted every pooled connection is dead; each is made anew when it is used next.
            retry=Retry(NoBackoff(), retries=1),
        )
    return _client


async def close() -> None:
    if _client is not None:
        await _client.aclose()


async def wait(order: Handover, first: Answer, ask: Callable[[], Awaitable[Answer]]) -> Answer:
    """The answer at the end; `first`, which says where to look later, when that takes too long."""
    loop = asyncio.get_running_loop()
    deadline = loop.time() + WAIT_SECONDS
    last = b"0"
    while (left := deadline - loop.time()) > 0:
        try:
            entries, is_over = await _read(order, last, min(left, QUIET_SECONDS))
        except (redis.RedisError, OSError) as error:
            log.warning("cannot wait: %s", type(error).__name__)
            return first
        # Silence may mean that the end was never written, so the one who knows is asked.
        if is_over or not entries or any(entry.is_end for entry in entries):
            answer = await ask()
            if not _is_open(answer):
                kept = [pair for pair in first.headers if pair[0] in OF_THE_POST]
                return Answer(answer.status, [*answer.without(*OF_THE_POST), *kept], answer.body)
        last = entries[-1].id if entries else last
    return first


def _is_open(answer: Answer) -> bool:
    if answer.status != 200:
        return False
    said = json.loads(answer.body)
    return isinstance(said, dict) and said.get("status") in OPEN


async def stream(scope: Scope, order: Handover, first: Answer, send: Send) -> None:
    headers = first.without(b"content-type", b"content-length", b"cache-control", b"content-encoding", b"etag")
    await send({"type": "http.response.start", "status": 200, "headers": [*headers, *EVENT_STREAM]})
    await _part(send, RETRY)
    try:
        async for piece in _pieces(order, last_event_id(dict(scope["headers"]).get(b"last-event-id", b""))):
            await _part(send, piece)
    except (redis.RedisError, OSError) as error:
        # Ending the answer makes the client come back and go on where it was.
        log.warning("stream broken: %s", type(error).__name__)
    await send({"type": "http.response.body", "body": b""})


async def _part(send: Send, piece: bytes) -> None:
    await send({"type": "http.response.body", "body": piece, "more_body": True})


async def _pieces(order: Handover, last: bytes) -> AsyncIterator[bytes]:
    loop = asyncio.get_running_loop()
    deadline = loop.time() + STREAM_SECONDS
    while loop.time() < deadline:
        entries, is_over = await _read(order, last, QUIET_SECONDS)
        if is_over:
            return
        if not entries:
            yield KEEP_ALIVE
            continue
        yield b"".join(frame(entry, is_page=order.mode == Mode.PAGE) for entry in entries)
        if any(entry.is_end for entry in entries):
            return
        last = entries[-1].id


async def _read(order: Handover, last: bytes, seconds: float) -> tuple[list[Entry], bool]:
    """What was said since, and whether it may be heard no longer."""
    streams: Any = {order.stream: last, **dict.fromkeys(order.until, b"0")}
    found: Any = dict(await client().xread(streams, count=200, block=max(1, int(seconds * 1000))) or [])
    said = found.get(order.stream.encode(), [])
    return [Entry(key, fields) for key, fields in said], any(each.encode() in found for each in order.until)


def last_event_id(value: bytes) -> bytes:
    """What a client that comes back has already; anything else starts at the beginning."""
    return value if EVENT_ID.fullmatch(value.decode("latin1")) else b"0"


def heard_until(request: HttpRequest) -> tuple[int, int]:
    """The position of the last event that a client has which comes back."""
    return position(last_event_id(request.headers.get("Last-Event-ID", "").encode("latin1", "ignore")))


def position(event_id: bytes) -> tuple[int, int]:
    """The order of ids: milliseconds, then a number."""
    first, _, second = event_id.partition(b"-")
    return int(first), int(second or 0)


def frame(entry: Entry, *, is_page: bool) -> bytes:
    """One server-sent event; nothing for an event that a page does not show."""
    name, data = (
        (entry.fields.get(b"pe", b""), entry.fields.get(b"pd", b""))
        if is_page
        else (entry.fields[b"e"], entry.fields[b"d"])
    )
    if not name:
        return b""
    lines = b"".join(b"data: " + line + b"\n" for line in data.splitlines() or [b""])
    return b"id: " + entry.id + b"\nevent: " + name + b"\n" + lines + b"\n"
