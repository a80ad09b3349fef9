"""The web process: Django on a fixed pool of threads; probes, waiting and streaming on the event loop."""

import asyncio
import os
import time
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, cast

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
# Who holds a row may be waiting for somebody else; a thread does not wait for that as a job can.
os.environ.setdefault("DATABASE_LOCK_SECONDS", "2")

from a2wsgi import WSGIMiddleware
from django.conf import settings
from django.urls import Resolver404, get_resolver, resolve

from config import checks, exchange, handover, logs, probes, waiting
from config.celery import app as celery
from config.exchange import (
    Answer,
    Receive,
    Scope,
    Send,
    TooLarge,
    TooSlow,
    for_django,
    problem,
    read_body,
    replay,
    until_gone,
)
from config.wsgi import application as wsgi

# Whatever waits for the payment provider waits here, and nobody else for it.
PAYMENT_THREADS = 4
BODY_SECONDS = 30


def _on_threads(number: int) -> Callable[[Scope, Receive, Send], Awaitable[None]]:
    # a2wsgi describes the same protocol with types of its own.
    return cast(Callable[[Scope, Receive, Send], Awaitable[None]], WSGIMiddleware(cast(Any, wsgi), workers=number))


# A thread holds its connection for as long as its request takes, and the probe has one beside them.
checks.insist_on_connections(settings.THREADS + PAYMENT_THREADS + 1, of="THREADS, payments and the probe")
_django, _payments = _on_threads(settings.THREADS), _on_threads(PAYMENT_THREADS)


async def application(scope: Scope, receive: Receive, send: Send) -> None:
    if scope["type"] == "lifespan":
        await _lifespan(receive, send)
    elif scope["type"] != "http":
        await send({"type": "websocket.close", "code": 1000})
    else:
        said = dict(scope["headers"]).get(exchange.REQUEST_ID, b"").decode("latin1")
        with logs.about(request_id=logs.request_id(said)):
            name = logs.this_request()
            await _answer(exchange.named(scope, name), receive, exchange.naming(send, name))


async def _answer(scope: Scope, receive: Receive, send: Send) -> None:
    if scope["path"] == "/healthz":
        await Answer.json(200, {"status": "ok"}).send(send)
    elif scope["path"] == "/readyz":
        await (await probes.ready()).send(send)
    else:
        await _serve(scope, receive, send)


async def _lifespan(receive: Receive, send: Send) -> None:
    while True:
        message = await receive()
        if message["type"] == "lifespan.startup":
            await asyncio.to_thread(_warm)
        await send({"type": f"{message['type']}.complete"})
        if message["type"] == "lifespan.shutdown":
            await waiting.close()
            return


def _warm() -> None:
    """Load every view and job now rather than in the first customer's request."""
    list(get_resolver().url_patterns)
    celery.loader.import_default_modules()


async def _serve(scope: Scope, receive: Receive, send: Send) -> None:
    try:
        # Read here, because a slow sender would otherwise hold one of the few threads.
        body = await asyncio.wait_for(read_body(scope, receive), BODY_SECONDS)
    except TooLarge:
        await problem(413, "too-large", "The body is too large.", scope["path"]).send(send)
        return
    except (TooSlow, TimeoutError):
        await problem(408, "too-slow", "The body did not arrive in time.", scope["path"]).send(send)
        return
    scope = for_django(scope, body)
    passing, began = _Passing(send), time.monotonic()
    threads = _payments if _asks_for_payments(scope["path"]) else _django
    await threads({**scope, handover.MARK: True}, replay(body), passing)
    if passing.held is None or passing.handover is None:
        return
    gone = asyncio.ensure_future(until_gone(receive))
    work = asyncio.ensure_future(_take_over(scope, passing.handover, passing.held, send, began))
    try:
        await asyncio.wait((gone, work), return_when=asyncio.FIRST_COMPLETED)
    finally:
        gone.cancel()
        # A client that went away frees its place and its connection to Redis at once.
        if not work.done():
            work.cancel()
        await asyncio.gather(gone, work, return_exceptions=True)
    if not work.cancelled() and (error := work.exception()):
        raise error


def _asks_for_payments(path: str) -> bool:
    try:
        found = resolve(path)
    except Resolver404:
        return False
    view = getattr(found.func, "view_class", getattr(found.func, "cls", None))
    return "admin" in found.app_names or getattr(view, "asks_for_payments", False)


async def _take_over(scope: Scope, order: handover.Handover, first: Answer, send: Send, began: float) -> None:
    if order.mode != handover.Mode.WAIT:
        await waiting.stream(scope, order, first, send)
        return

    async def ask() -> Answer:
        """The same client's question for the answer, as Django sees it now."""
        answer = Answer()
        headers = [pair for pair in scope["headers"] if pair[0] in KEPT]
        again = {**scope, "method": "GET", "path": order.answer, "raw_path": order.answer.encode(), "headers": headers}
        again |= {"query_string": b"", handover.WAITED: time.monotonic() - began}
        await _django(again, replay(b""), answer.receive)
        return answer

    await (await waiting.wait(order, first, ask)).send(send)


# What says who asks and how; the rest of the headers belonged to the POST.
KEPT = frozenset(
    name.encode()
    for name in (
        *("authorization", "cookie", "host", "x-workspace", "x-forwarded-for", "x-forwarded-proto"),
        *("user-agent", "accept-language", "x-request-id"),
    )
)


class _Passing:
    """Django's answer on its way to the client; held back when it carries a handover."""

    def __init__(self, send: Send) -> None:
        self._send = send
        self._is_gone = False
        self.handover: handover.Handover | None = None
        self.held: Answer | None = None

    async def __call__(self, message: Mapping[str, Any]) -> None:
        if message["type"] == "http.response.start":
            message = self._without_header(message)
        if self.held is not None:
            await self.held.receive(message)
        elif not self._is_gone:
            try:
                await self._send(message)
            except (OSError, RuntimeError):
                # The client left. Django's thread must still be able to finish, or it would wait for ever.
                self._is_gone = True

    def _without_header(self, message: Mapping[str, Any]) -> Mapping[str, Any]:
        name = handover.HEADER.lower().encode()
        found = [value for key, value in message["headers"] if key == name]
        if found:
            self.handover = handover.taken(found[-1].decode("latin1"))
            if self.handover is not None:
                self.held = Answer()
        return {**message, "headers": [pair for pair in message["headers"] if pair[0] != name]}
