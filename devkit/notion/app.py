"""The program: one address space for the API, the files, the consent page and the control interface."""

from __future__ import annotations

import asyncio
import json
import sys
import time
import traceback
from collections import deque
from typing import Any
from uuid import uuid4

from devkit.notion import faults as faulty
from devkit.notion import http, routes, uploads
from devkit.notion.calls import WRITING, Call, parsed
from devkit.notion.clock import parse_time
from devkit.notion.control import Control
from devkit.notion.edit import edit
from devkit.notion.errors import (
    ApiError,
    invalid,
    missing_version,
    unauthorized,
    unknown_url,
    wrong,
)
from devkit.notion.faults import Faults
from devkit.notion.http import Receive, Request, Response, Scope, Send, json_response
from devkit.notion.ids import parse_id
from devkit.notion.limits import Limiter
from devkit.notion.model import Json, Node, State
from devkit.notion.oauth import OAuth
from devkit.notion.query import Queries
from devkit.notion.render import VERSIONS
from devkit.notion.webhooks import Webhooks

JOURNAL = 50_000
READING = ("", "read")


class Emulator:
    def __init__(self, base_url: str) -> None:
        self.base_url = base_url
        self.webhooks = Webhooks(State(base_url))
        self.reset()

    def reset(self) -> None:
        self.webhooks.stop()
        self.state = State(self.base_url)
        self.webhooks = Webhooks(self.state)
        self.state.listeners.append(self.webhooks.hear)
        self.limiter = Limiter()
        self.queries = Queries()
        self.faults = Faults(faulty.KINDS)
        self.oauth = OAuth(self)
        self.control = Control(self)
        self.journal: deque[Json] = deque(maxlen=JOURNAL)
        self.requests = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        request = await http.read(scope, receive)
        try:
            response = await self.answer(request)
        except Exception:
            traceback.print_exc(file=sys.stderr)
            response = Response(500, b"emulator failed")
        await http.write(response, request, send)

    async def answer(self, request: Request) -> Response:
        if request.path.startswith("/__emulator/"):
            return await self.control.answer(request)
        if request.path.startswith("/files/"):
            return self._file(request)
        if request.path == "/v1/oauth/authorize":
            return self.oauth.authorize(request)
        if request.path == "/favicon.ico":
            # Browsers ask for it with every page, and a refusal would stand in their console as an error.
            return Response(204, b"")
        return await self._api(request)

    def _file(self, request: Request) -> Response:
        """Signed addresses die after an hour on the workspace's clock."""
        parts = request.path.split("/")
        workspace = self.state.workspaces.get(parts[2]) if len(parts) == 5 else None
        signed = request.one("X-Amz-Date")
        if workspace is None or not signed or not request.one("X-Amz-Signature"):
            return Response(403, b"<Error><Code>AccessDenied</Code></Error>", {"content-type": "application/xml"})
        if (workspace.clock.now() - parse_time(signed)).total_seconds() > 3600:
            return Response(403, b"<Error><Code>AccessDenied</Code></Error>", {"content-type": "application/xml"})
        upload = self.state.nodes.get(parts[3])
        if upload is not None and upload.kind == "file_upload":
            type = upload.data["content_type"] or "application/octet-stream"
            return Response(200, upload.data["content"], {"content-type": type})
        return Response(200, f"content of {parts[4]}\n".encode(), {"content-type": "application/octet-stream"})

    # -- the API

    async def _api(self, request: Request) -> Response:
        request_id = str(uuid4())
        entry = self._record(request, request_id)
        effects: Json = {}
        try:
            found = routes.find(request.method, request.path)
            oauth = self.oauth.handler(request)
            if found is None and oauth is None:
                raise unknown_url()
            effects = self.faults.pick(request.method, request.path, request.identity, _page_size(request))
            entry["faults"] = sorted(effects)
            await self._delay(effects)
            self._change_state(effects, request)
            refusal = faulty.refusal(effects)
            if "refresh_invalid_grant" in effects and b"refresh_token" in request.body:
                return self._finish(faulty.invalid_grant(effects, request_id), entry, request_id)
            if isinstance(refusal, ApiError):
                raise refusal
            if refusal is not None:
                return self._finish(refusal, entry, request_id)
            if found is None:
                assert oauth is not None
                response = oauth(request, request_id)
            else:
                response = self._respond(request, *found, request_id, effects)
        except ApiError as error:
            response = json_response(error.status, error.body(request_id), error.headers)
        if "drift" in effects:
            edit(self.state, effects["drift"])
        if "commit_then" in effects and effects["commit_then"].get("status") == "hang":
            await self._delay({"hang": effects["commit_then"]})
        return self._finish(faulty.change_response(effects, response), entry, request_id)

    def _respond(
        self, request: Request, route: routes.Route, params: dict[str, str], request_id: str, effects: Json
    ) -> Response:
        call = self._check(request, route, params)
        call.row_limit = effects.get("limit_results", {}).get("n")
        try:
            used: list[Node] = []
            if route.capability in WRITING:
                call.body = uploads.found_in(call, call.body, "body", used)
            body = route.handler(call)
            for upload in used:
                upload.data["attached"] = True
        finally:
            # What is refused halfway may have changed something too.
            if route.capability not in READING:
                self.state.changed()
        faulty.change_body(effects, body, call.param("start_cursor") or call.body.get("start_cursor"))
        if "templates" not in body:
            body["request_id"] = request_id
        return json_response(call.status, body)

    def _check(self, request: Request, route: routes.Route, params: dict[str, str]) -> Call:
        """In Notion's order: token, version, rate, ids, JSON; lookups go on with access, then capability."""
        grant = self.state.grant_of(request.token)
        if grant is None:
            raise unauthorized()
        version = self._version(request)
        if version not in route.versions:
            raise unknown_url()
        self.limiter.check(grant)
        params = _checked(params)
        body = parsed(request)
        return Call(self, grant, version, params, request.query, body, route.capability, parts=request.parts())

    def _version(self, request: Request) -> str:
        version = request.headers.get("notion-version")
        if version is None:
            raise missing_version()
        if version not in VERSIONS:
            allowed = ", ".join(f'`"{known}"`' for known in VERSIONS)
            raise invalid(f'Notion-Version header failed validation: should be {allowed}, instead was `"{version}"`.')
        return version

    # -- faults

    async def _delay(self, effects: Json) -> None:
        if "slow" in effects:
            until = time.monotonic() + effects["slow"].get("ms", 1000) / 1000
            while self.faults.has("slow", effects["slow"]) and (left := until - time.monotonic()) > 0:
                await asyncio.sleep(min(0.02, left))
        if "hang" in effects:
            await asyncio.sleep(effects["hang"].get("seconds", 3600))

    def _change_state(self, effects: Json, request: Request) -> None:
        grant = self.state.grants.get(request.token)
        if "revoke_token" in effects and grant is not None:
            grant.revoked = True
        if "search_lag" in effects and grant is not None:
            grant.workspace.search_lag = float(effects["search_lag"].get("s", 20))
        if "unshare" in effects and grant is not None:
            edit(self.state, {"op": "unshare", "token": request.token, **effects["unshare"]})

    # -- the journal

    def _record(self, request: Request, request_id: str) -> Json:
        self.requests += 1
        grant = self.state.grants.get(request.token)
        entry: Json = {
            "n": self.requests,
            "at": time.time(),
            "method": request.method,
            "path": request.path,
            "query": request.query,
            "token": request.identity,
            "bot_id": grant.bot_id if grant else None,
            "version": request.headers.get("notion-version"),
            "body": request.body[:8000].decode(errors="replace")[:2000],
            "request_id": request_id,
            "status": None,
            "faults": [],
        }
        self.journal.append(entry)
        return entry

    def _finish(self, response: Response, entry: Json, request_id: str) -> Response:
        entry |= {"status": response.status, "ended": time.time()}
        response.headers |= {"x-notion-request-id": request_id, "server": "cloudflare"}
        return response


def _checked(params: dict[str, str]) -> dict[str, str]:
    checked: dict[str, str] = {}
    for name, value in params.items():
        id = value if name in ("property_id", "task_id") else parse_id(value)
        if id is None:
            raise wrong(f"path.{name}", "a valid uuid", value)
        checked[name] = id
    return checked


def _page_size(request: Request) -> int:
    """What a rule about big pages looks at; 100 is what Notion takes when nothing is said."""
    given: Any = request.one("page_size")
    if given is None and request.body:
        try:
            body = json.loads(request.body)
        except ValueError:
            return 100
        given = body.get("page_size") if isinstance(body, dict) else None
    return int(given) if given is not None and str(given).isdigit() else 100
