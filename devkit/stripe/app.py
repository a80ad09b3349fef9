"""The program: one address space for the API, the hosted pages and the control interface."""

from __future__ import annotations

import asyncio
import os
import sys
import time
import traceback
from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import Any

from devkit.notion import http
from devkit.notion.http import Receive, Request, Response, Scope, Send, json_response
from devkit.stripe import calls, checkout_page, clock_page, due, forms, hooks, invoice_page, portal_page, routes
from devkit.stripe import faults as faulty
from devkit.stripe.control import Control
from devkit.stripe.deliveries import Deliveries
from devkit.stripe.errors import VERSION, ApiError, other_version, unauthorized, unknown_url
from devkit.stripe.faults import Faults, Rule
from devkit.stripe.idempotency import Keys
from devkit.stripe.render import expanded, listing, view
from devkit.stripe.world import World

Json = dict[str, Any]
JOURNAL = 20_000
TICK_SECONDS = 1
Page = Callable[[World, Request, str, str], Response]
PAGES: dict[str, Page] = {
    "/c/pay/": checkout_page.answer,
    "/p/session/": portal_page.answer,
    "/invoice/": invoice_page.answer,
    "/clock/": clock_page.answer,
}


class StandIn:
    def __init__(self, base_url: str, *, file: Path | None = None, webhook: tuple[str, str] | None = None) -> None:
        self.world = World(base_url, file)
        self.webhook = webhook
        self.faults = Faults()
        self.deliveries = Deliveries(self.world)
        self.keys = Keys(self.world)
        self.control = Control(self)
        self.journal: deque[Json] = deque(maxlen=JOURNAL)
        self.requests = 0
        self._sender: asyncio.Task[None] | None = None
        self._ticker: asyncio.Task[None] | None = None
        self._set_webhook()

    def _set_webhook(self) -> None:
        if self.webhook is not None:
            hooks.add(self.world, hooks.FROM_COMMAND_LINE, self.webhook[0], self.webhook[1], ["*"])

    def forget(self) -> None:
        self.world.forget()
        self.faults = Faults()
        self.deliveries.forget()
        self.journal.clear()
        self._set_webhook()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        if self._sender is None:
            self._sender = asyncio.create_task(self.deliveries.run())
            self._ticker = asyncio.create_task(self._tick())
            for task in (self._sender, self._ticker):
                task.add_done_callback(_failed)
        request = await http.read(scope, receive)
        try:
            response = await self.answer(request)
        except Exception:
            traceback.print_exc(file=sys.stderr)
            response = Response(500, b"stand-in failed")
        await http.write(response, request, send)

    async def answer(self, request: Request) -> Response:
        if request.path.startswith("/__stand-in/"):
            return await self.control.answer(request)
        if request.path.startswith("/v1/"):
            return await self._api(request)
        return self._page(request)

    # -- the pages

    def _page(self, request: Request) -> Response:
        found = next((prefix for prefix in PAGES if request.path.startswith(prefix)), None)
        if found is None:
            return json_response(404, unknown_url(request.method, request.path).body())
        id, _, step = request.path.removeprefix(found).partition("/")
        try:
            with self.world.transaction():
                self.pass_time()
                response = PAGES[found](self.world, request, id, step)
        except ApiError as error:
            response = json_response(error.status, error.body())
        self.settle(changed=request.method != "GET")
        return response

    def pass_time(self) -> None:
        """What has become due by everybody's clock happens before anything else."""
        due.run(self.world, None, self.world.now())

    async def _tick(self) -> None:
        """While nobody calls, time goes on and webhooks tell of it."""
        while True:
            await asyncio.sleep(TICK_SECONDS)
            with self.world.transaction():
                self.pass_time()
            self.settle(changed=False)

    def settle(self, *, changed: bool) -> None:
        changed = changed or bool(self.world.outbox)
        self.deliveries.take()
        if changed:
            self.world.save()

    # -- the API

    async def _api(self, request: Request) -> Response:
        request_id = self.world.id("req", 14)
        entry = self._record(request, request_id)
        rule = self.faults.pick(request.method, request.path)
        entry["fault"] = rule.do if rule else None
        try:
            key = self._admitted(request)
        except ApiError as error:
            return self._finish(_refused(error), entry, request_id)
        try:
            response = await self._once(request, key, rule, request_id)
        except ApiError as error:
            response = _refused(error)
        return self._finish(response, entry, request_id)

    def _admitted(self, request: Request) -> str | None:
        token = request.token or (request.basic or ("",))[0]
        if not token.startswith("sk_test_"):
            raise unauthorized(token)
        if request.headers.get("stripe-version", VERSION) != VERSION:
            raise other_version(request.headers["stripe-version"])
        return self.keys.of(request)

    async def _once(self, request: Request, key: str | None, rule: Rule | None, request_id: str) -> Response:
        if key is None:
            return await self._troubled(request, rule, request_id, None)
        kept = self.keys.begin(key, request)
        if kept is not None:
            return kept
        try:
            return await self._troubled(request, rule, request_id, key)
        finally:
            self.keys.end(key)

    async def _troubled(self, request: Request, rule: Rule | None, request_id: str, key: str | None) -> Response:
        if rule is not None and rule.do in ("slow", "hang"):
            await self._wait(rule)
        if rule is not None and rule.do == "cut":
            return Response(200, b"", cut=0)
        refusal = faulty.refusal(rule) if rule is not None else None
        if refusal is not None:
            raise refusal
        response = self._executed(request, request_id, key)
        if rule is not None and rule.do in ("hang_after", "slow_after"):
            await self._wait(rule)
        if rule is not None and rule.do in ("cut_after", "hang_after"):
            return Response(200, b"", cut=0)
        if rule is not None and rule.do == "500_after":
            return _refused(ApiError(500, "An unknown error occurred", type="api_error"))
        return response

    async def _wait(self, rule: Rule) -> None:
        """At most so long; taking the rule away ends it."""
        until = time.monotonic() + rule.seconds
        while rule in self.faults.rules and time.monotonic() < until:
            await asyncio.sleep(min(0.02, rule.seconds))

    def _executed(self, request: Request, request_id: str, key: str | None) -> Response:
        """Nothing here waits, so one call is done before the next begins."""
        idempotency_key = key.partition(":")[2] if key else None
        self.world.asking = {"id": request_id, "idempotency_key": idempotency_key}
        try:
            with self.world.transaction():
                body = self._perform(request)
            response = json_response(200, body)
        except ApiError as error:
            if not error.executed:
                raise
            response = _refused(error)
        finally:
            self.world.asking = {"id": None, "idempotency_key": None}
        if key is not None:
            self.keys.keep(key, request, response, request_id)
        self.settle(changed=request.method != "GET")
        return response

    def _perform(self, request: Request) -> Json:
        asked, self.world.asking = self.world.asking, {"id": None, "idempotency_key": None}
        self.pass_time()
        self.world.asking = asked
        found = routes.find(request.method, request.path)
        if found is None:
            raise unknown_url(request.method, request.path)
        route, id = found
        pairs = request.query if request.method in ("GET", "DELETE") else request.query + request.form()
        params = forms.checked(forms.decode(pairs), route.spec)
        expand = params.pop("expand", [])
        answer = route.handler(calls.Call(self.world, params, id, route.kind))
        if isinstance(answer, list):
            data, has_more = calls.page(answer[::-1], params)
            shown = listing(request.path, [view(self.world, one) for one in data], has_more)
            return expanded(self.world, shown, expand)
        if "object" in answer and answer["object"] != "list":
            return view(self.world, answer, expand)
        return expanded(self.world, answer, expand)

    # -- the journal

    def _record(self, request: Request, request_id: str) -> Json:
        self.requests += 1
        entry: Json = {
            "n": self.requests,
            "method": request.method,
            "path": request.path,
            "query": request.query,
            "body": request.body.decode(errors="replace")[:4_000],
            "version": request.headers.get("stripe-version"),
            "idempotency_key": request.headers.get("idempotency-key"),
            "request_id": request_id,
            "status": None,
        }
        self.journal.append(entry)
        return entry

    def _finish(self, response: Response, entry: Json, request_id: str) -> Response:
        entry["status"] = response.status
        headers = {"request-id": request_id, "stripe-version": entry["version"] or ""}
        if entry["idempotency_key"]:
            headers["idempotency-key"] = entry["idempotency_key"]
        return Response(response.status, response.body, response.headers | headers, response.cut)


def _failed(task: asyncio.Task[None]) -> None:
    """Neither of them ever ends; a stand-in without its webhooks or its clock would only look alive."""
    if not task.cancelled():
        traceback.print_exception(task.exception())
        os._exit(1)


def _refused(error: ApiError) -> Response:
    return json_response(error.status, error.body(), error.headers)
