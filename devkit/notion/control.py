"""The interface for tests and the demo, under /__emulator/. Notion has nothing like it."""

from __future__ import annotations

import gc
import json
import re
from collections.abc import Callable
from inspect import isawaitable
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from devkit.notion import recorded, seed, webhook_control
from devkit.notion.clock import parse_time
from devkit.notion.edit import edit
from devkit.notion.errors import ApiError
from devkit.notion.http import Request, Response, json_response
from devkit.notion.model import Json, Workspace
from devkit.notion.render import Renderer

if TYPE_CHECKING:
    from devkit.notion.app import Emulator


class Control:
    def __init__(self, emulator: Emulator) -> None:
        self.emulator = emulator
        self.routes: dict[tuple[str, str], Callable[[Request, Json], Any]] = {
            ("GET", "health"): lambda request, body: {"ok": True},
            ("POST", "seed"): self.seed,
            ("POST", "reset"): self.reset,
            ("GET", "state"): self.state,
            ("GET", "journal"): self.journal,
            ("POST", "clock"): self.clock,
            ("POST", "edit"): lambda request, body: edit(self.emulator.state, body),
            ("POST", "faults"): self.add_fault,
            ("GET", "faults"): self.faults,
            ("DELETE", "faults"): self.remove_faults,
            ("POST", "limits"): self.limits,
            ("POST", "tokens"): self.tokens,
            ("GET", "events"): self.events,
        } | webhook_control.routes(emulator)

    async def answer(self, request: Request) -> Response:
        name = request.path.removeprefix("/__emulator/").strip("/")
        route = self.routes.get((request.method, name))
        if route is None:
            return json_response(404, {"error": f"no control {request.method} {name}"})
        try:
            body = json.loads(request.body) if request.body else {}
            answer = route(request, body)
            return json_response(200, await answer if isawaitable(answer) else answer)
        except (ValueError, KeyError, TypeError, IndexError, AttributeError, re.error, ApiError, OSError) as error:
            return json_response(400, {"error": f"{type(error).__name__}: {error}"})
        finally:
            if request.method != "GET":
                self.emulator.state.changed()

    def seed(self, request: Request, body: Json) -> Json:
        if "recorded" in body:
            at = parse_time(body["clock"]) if body.get("clock") else None
            state, folder, can_write = self.emulator.state, Path(body["recorded"]), bool(body.get("can_write"))
            made = recorded.load(state, folder, body["token"], at=at, can_write=can_write)
        else:
            made = seed.load(self.emulator.state, body["seed"], str(body.get("namespace", "")))
        # Walking through all that was seeded, again and again, would be most of the time of small requests.
        gc.freeze()
        return made

    def reset(self, request: Request, body: Json) -> Json:
        self.emulator.reset()
        return {}

    def state(self, request: Request, body: Json) -> Json:
        key = request.one("workspace")
        spaces = list(self.emulator.state.workspaces.values())
        return {"workspaces": [self._whole(one) for one in spaces if key in (None, one.id, one.key)]}

    def _whole(self, workspace: Workspace) -> Json:
        state = self.emulator.state
        renderer = Renderer(state, None)
        objects = {
            node.id: renderer.object(node) | {"children": node.children, "trashed": state.trashed(node)}
            for node in state.inside(workspace.id)
        }
        grants = [seed.describe(one) for one in state.grants.values() if one.workspace is workspace]
        now = workspace.clock.now().isoformat()
        about = {"id": workspace.id, "key": workspace.key, "name": workspace.name, "now": now}
        return about | {"objects": objects, "grants": grants}

    def journal(self, request: Request, body: Json) -> Json:
        since = int(request.one("since") or 0)
        token = request.one("token")
        journal = self.emulator.journal
        known = self.emulator.requests - len(journal)
        newer = islice(journal, max(since - known, 0), None)
        kept = [entry for entry in newer if token in (None, entry["token"])]
        return {"requests": kept, "last": self.emulator.requests}

    def clock(self, request: Request, body: Json) -> Json:
        state = self.emulator.state
        spaces = [state.workspace(body["workspace"])] if "workspace" in body else list(state.workspaces.values())
        for space in spaces:
            if "set" in body:
                space.clock.set(parse_time(body["set"]))
            if "search_lag" in body:
                space.search_lag = float(body["search_lag"])
            if "advance" in body:
                space.clock.advance(float(body["advance"]))
            if body.get("freeze"):
                space.clock.freeze()
            if body.get("run"):
                space.clock.run(float(body["run"]))
        self.emulator.webhooks.wake()
        return {space.key: space.clock.now().isoformat() for space in spaces}

    def events(self, request: Request, body: Json) -> Json:
        """Every change: the log that webhooks are sent from."""
        since, wanted = int(request.one("since") or 0), request.one("workspace")
        told = [
            {"n": one.n, "at": one.at.isoformat(), "type": one.type, "entity": one.entity, "by": one.by} | one.data
            for one in self.emulator.state.events
            if one.n > since and wanted in (None, one.workspace.id, one.workspace.key)
        ]
        return {"events": told, "last": self.emulator.state.happened}

    def add_fault(self, request: Request, body: Json) -> Json:
        return {"id": self.emulator.faults.add(body).id}

    def faults(self, request: Request, body: Json) -> Json:
        rules = self.emulator.faults.rules
        return {"faults": [{"id": r.id, "match": r.match, "do": r.do, "seen": r.seen, "hits": r.hits} for r in rules]}

    def remove_faults(self, request: Request, body: Json) -> Json:
        id = request.one("id")
        self.emulator.faults.remove(id=int(id) if id else None, token=request.one("token"))
        return {}

    def limits(self, request: Request, body: Json) -> Json:
        """{"token", "per_minute"} for a connection, {"workspace", "per_space_minute", "retry_after"} for all."""
        state = self.emulator.state
        if "per_minute" in body:
            state.grants[body["token"]].per_minute = body["per_minute"]
        space = state.grants[body["token"]].workspace if "token" in body else state.workspace(body["workspace"])
        if "per_space_minute" in body:
            space.per_space_minute = body["per_space_minute"]
        if "retry_after" in body:
            space.retry_after = body["retry_after"]
        return {}

    def tokens(self, request: Request, body: Json) -> Json:
        """{"token", "do": "expire" | "revoke"}: an expired one can still be refreshed."""
        grant = self.emulator.state.grants[body["token"]]
        if body["do"] == "expire":
            grant.expires_at = grant.workspace.clock.now()
        else:
            grant.revoked = True
        return {}
