"""OAuth: consent, code, tokens, refresh with rotation, introspection, revocation."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING
from urllib.parse import urlencode, urlsplit

from devkit.notion import consent, seed
from devkit.notion.calls import parsed
from devkit.notion.errors import ApiError
from devkit.notion.http import Request, Response, html_response, json_response, redirect
from devkit.notion.ids import make_id
from devkit.notion.model import Grant, Integration, Json, User, Workspace
from devkit.notion.render import Renderer

if TYPE_CHECKING:
    from devkit.notion.app import Emulator

CODE_LIFE = timedelta(minutes=10)
LOOPBACK = ("localhost", "127.0.0.1", "::1")
Handler = Callable[[Request, str], Response]


@dataclass
class Code:
    integration: Integration
    workspace: Workspace
    user: User
    roots: set[str]
    redirect_uri: str
    expires_at: datetime


class OAuth:
    def __init__(self, emulator: Emulator) -> None:
        self.emulator = emulator
        self.codes: dict[str, Code] = {}

    def handler(self, request: Request) -> Handler | None:
        known = {
            "/v1/oauth/token": self.token,
            "/v1/oauth/introspect": self.introspect,
            "/v1/oauth/revoke": self.revoke,
        }
        return known.get(request.path) if request.method == "POST" else None

    # -- the browser

    def authorize(self, request: Request) -> Response:
        asked = dict(request.query)
        state = self.emulator.state
        integration = state.integrations.get(asked.get("client_id", ""))
        if integration is None:
            return html_response(400, consent.problem("Missing or invalid client_id."))
        uri = asked.get("redirect_uri") or next(iter(integration.redirect_uris), "")
        if not allowed(integration, uri):
            return html_response(400, consent.problem("Missing or invalid redirect_uri."))
        if asked.get("response_type") != "code":
            return html_response(400, consent.problem("Missing or invalid response_type."))
        workspace = self._workspace(integration, asked.get("workspace"))
        if workspace is None:
            return html_response(400, consent.problem("There is no workspace to connect."))
        if request.method == "POST":
            return self._decided(integration, workspace, uri, request, asked)
        if asked.get("auto") == "deny":
            return back(uri, {"error": "access_denied"}, asked.get("state"))
        if asked.get("auto") == "allow":
            roots = asked["roots"].split(",") if asked.get("roots") else "all"
            user = self._user(workspace, asked.get("user"))
            return self._allow(integration, workspace, user, seed.pick_roots(workspace, roots), uri, asked.get("state"))
        return html_response(200, consent.page(state, integration, workspace, asked))

    def _workspace(self, integration: Integration, key: str | None) -> Workspace | None:
        state = self.emulator.state
        if key:
            same = [one for one in state.workspaces.values() if key in (one.id, one.key)]
            return same[-1] if same else None
        if integration.default_workspace in state.workspaces:
            return state.workspaces[integration.default_workspace]
        return next(iter(state.workspaces.values()), None)

    def _user(self, workspace: Workspace, key: str | None) -> User:
        people = [user for user in workspace.users.values() if user.kind == "person"]
        return next((user for user in people if key in (user.id, user.key)), people[0])

    def _decided(
        self, integration: Integration, workspace: Workspace, uri: str, request: Request, asked: dict[str, str]
    ) -> Response:
        form = request.form()
        answer = dict(form)
        if answer.get("decision") != "allow":
            return back(uri, {"error": "access_denied"}, asked.get("state"))
        picked = {value for name, value in form if name == "root"}
        user = self._user(workspace, answer.get("user"))
        return self._allow(integration, workspace, user, picked, uri, asked.get("state"))

    def _allow(
        self, integration: Integration, workspace: Workspace, user: User, roots: set[str], uri: str, state: str | None
    ) -> Response:
        code = secrets.token_urlsafe(24)
        expires_at = workspace.clock.now() + CODE_LIFE
        self.codes[code] = Code(integration, workspace, user, roots, uri, expires_at)
        return back(uri, {"code": code}, state)

    # -- the program

    def token(self, request: Request, request_id: str) -> Response:
        return self._guarded(request, request_id, self._token)

    def introspect(self, request: Request, request_id: str) -> Response:
        return self._guarded(request, request_id, self._introspect)

    def revoke(self, request: Request, request_id: str) -> Response:
        return self._guarded(request, request_id, self._revoke)

    def _guarded(self, request: Request, request_id: str, work: Callable[[Integration, Json], Json]) -> Response:
        integration: Integration | None = None
        try:
            name, secret = request.basic or ("", "")
            integration = self.emulator.state.integrations.get(name)
            if integration is None or not secrets.compare_digest(integration.client_secret, secret):
                raise ApiError(401, "invalid_client", "Client authentication failed.")
            body = work(integration, parsed(request))
        except ApiError as error:
            if integration is not None and integration.rfc_errors:
                short = {"error": error.code, "error_description": error.message, "request_id": request_id}
                return json_response(error.status, short)
            raise
        return json_response(200, body | {"request_id": request_id})

    def _token(self, integration: Integration, body: Json) -> Json:
        kinds = {"authorization_code": self._exchange, "refresh_token": self._refresh}
        if "grant_type" not in body:
            raise ApiError(400, "invalid_request", "grant_type should be defined.")
        if body["grant_type"] not in kinds:
            raise ApiError(400, "unsupported_grant_type", f"Unsupported grant_type: {body['grant_type']}.")
        return self._described(kinds[body["grant_type"]](integration, body))

    def _exchange(self, integration: Integration, body: Json) -> Grant:
        code = self.codes.pop(str(body.get("code")), None)
        if code is None or code.integration.client_id != integration.client_id:
            raise ApiError(400, "invalid_grant", "Invalid code: this code has been revoked.")
        if code.workspace.clock.now() > code.expires_at:
            raise ApiError(400, "invalid_grant", "Invalid code: this code has expired.")
        if body.get("redirect_uri", code.redirect_uri) != code.redirect_uri:
            raise ApiError(400, "invalid_grant", "Invalid redirect_uri: it does not match the authorization request.")
        workspace = code.workspace
        own = make_id(workspace.namespace, workspace.key, "bot", integration.client_id, code.user.id)
        known = [
            grant
            for grant in self.emulator.state.grants.values()
            if grant.integration.client_id == integration.client_id
            and grant.workspace is workspace
            and grant.user is code.user
        ]
        bot_id = known[-1].bot_id if known else own
        return self._issue(integration, workspace, code.user, code.roots, bot_id, known[-1:] or None)

    def _refresh(self, integration: Integration, body: Json) -> Grant:
        given = body.get("refresh_token")
        for grant in list(self.emulator.state.grants.values()):
            alive = grant.integration.client_id == integration.client_id and not grant.revoked
            if alive and given is not None and grant.refresh_token == given:
                return self._issue(integration, grant.workspace, grant.user, grant.roots, grant.bot_id, [grant])
        raise ApiError(400, "invalid_grant", "Invalid refresh token: this token has been revoked.")

    def _issue(
        self,
        integration: Integration,
        workspace: Workspace,
        user: User | None,
        roots: set[str],
        bot_id: str,
        known: list[Grant] | None,
    ) -> Grant:
        return seed.issue(
            self.emulator.state,
            integration,
            workspace,
            user,
            roots=roots,
            bot_id=bot_id,
            access_token=f"ntn_{secrets.token_hex(23)}",
            refresh_token=f"nrt_{secrets.token_hex(23)}",
            per_minute=known[0].per_minute if known else workspace.per_minute,
        )

    def _described(self, grant: Grant) -> Json:
        renderer = Renderer(self.emulator.state, grant)
        owner: Json = {"type": "workspace", "workspace": True}
        if grant.user is not None:
            owner = {"type": "user", "user": renderer.user(grant.user)}
        return {
            "access_token": grant.access_token,
            "token_type": "bearer",
            "refresh_token": grant.refresh_token,
            "bot_id": grant.bot_id,
            "workspace_id": grant.workspace.id,
            "workspace_name": grant.workspace.name,
            "workspace_icon": grant.workspace.icon,
            "owner": owner,
            "duplicated_template_id": None,
        }

    def _introspect(self, integration: Integration, body: Json) -> Json:
        grant = self.emulator.state.grant_of(str(body.get("token")))
        if grant is None or grant.integration.client_id != integration.client_id:
            return {"active": False}
        return {"active": True, "scope": "read_content", "iat": int(grant.issued_at.timestamp())}

    def _revoke(self, integration: Integration, body: Json) -> Json:
        grant = self.emulator.state.grants.get(str(body.get("token")))
        if grant is not None and grant.integration.client_id == integration.client_id:
            grant.revoked = True
        return {}


def allowed(integration: Integration, uri: str) -> bool:
    if uri in integration.redirect_uris:
        return True
    if any(known.endswith("*") and uri.startswith(known[:-1]) for known in integration.redirect_uris):
        return True
    if not integration.any_loopback_port:
        return False
    parts = urlsplit(uri)
    known_paths = {urlsplit(known).path for known in integration.redirect_uris}
    return parts.scheme == "http" and parts.hostname in LOOPBACK and (not known_paths or parts.path in known_paths)


def back(uri: str, answer: dict[str, str], state: str | None) -> Response:
    if state is not None:
        answer["state"] = state
    return redirect(f"{uri}{'&' if urlsplit(uri).query else '?'}{urlencode(answer)}")
