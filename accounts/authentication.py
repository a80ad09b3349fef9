"""Who is asking, and in which workspace.

A token's claim or a session's choice is only a hint; membership is read each time.
"""

import copy
from collections.abc import Collection
from datetime import timedelta
from typing import Any

from django.utils import timezone
from rest_framework.authentication import SessionAuthentication
from rest_framework.exceptions import PermissionDenied
from rest_framework.request import Request
from rest_framework_simplejwt.authentication import JWTAuthentication
from rest_framework_simplejwt.exceptions import AuthenticationFailed, InvalidToken, TokenError
from rest_framework_simplejwt.tokens import AccessToken

from accounts import keys, scopes, tenancy
from accounts.models import Membership, Role, User
from accounts.zones import zone_of
from config import handover

UNUSABLE = (
    "This access token has expired or is none of ours. Get a new one from POST /auth/refresh, or sign in again at "
    "POST /auth/login."
)

UNREADABLE = "The header Authorization cannot be read. Send it as Authorization: Bearer ACCESS."
FORGED = (
    "This call came with a browser's session and without the page's own token. Send that in the header X-CSRFToken, or "
    "call with an access token or an API key."
)


class _Access(AccessToken):
    """Good when its bearer began to wait: what was asked and charged is told, however long it took."""

    def __init__(self, raw: bytes, *, waited: float) -> None:
        self._waited = waited
        super().__init__(raw)  # type: ignore[arg-type]  # its annotation says a token; it takes the text

    def get_token_backend(self) -> Any:
        backend = copy.copy(super().get_token_backend())
        backend.leeway = self._waited
        return backend


class AccessTokenAuthentication(JWTAuthentication):
    def authenticate(self, request: Request) -> tuple[Any, Any] | None:
        header = self.get_header(request)
        raw = self.get_raw_token(header) if header is not None else None
        if raw is None:
            return None
        try:
            token = _Access(raw, waited=handover.waited(request._request))
        except TokenError as error:
            raise InvalidToken(UNUSABLE) from error
        membership = tenancy.member(
            user_id=token.get("sub"), workspace_id=token.get("ws"), while_closing=_let_in_while_closing(request)
        )
        if token.get("tv") != membership.user.token_version or token.get("mb") != membership.pk:
            raise InvalidToken("This token was ended. Sign in again.")
        enter(request, membership)
        return membership.user, token

    def get_raw_token(self, header: bytes) -> bytes | None:
        """The name of a scheme may be written in any case (RFC 9110)."""
        scheme, space, rest = header.partition(b" ")
        plain = b"Bearer" + space + rest if scheme.lower() == b"bearer" else header
        try:
            raw: bytes | None = super().get_raw_token(plain)
        except AuthenticationFailed as error:
            raise AuthenticationFailed(UNREADABLE) from error
        return raw


class ApiKeyAuthentication(AccessTokenAuthentication):
    """Before access tokens, which take nothing else after Bearer. What the key may not do is refused here, so that no
    view can forget to ask."""

    def authenticate(self, request: Request) -> tuple[Any, Any] | None:
        header = self.get_header(request)
        raw = self.get_raw_token(header) if header is not None else None
        if raw is None or not keys.is_meant(raw):
            return None
        now, asked = timezone.now(), request._request
        # As for a token: good when its bearer began to wait.
        key = keys.find(raw, now=now - timedelta(seconds=handover.waited(asked)))
        membership = tenancy.member(user_id=key.membership.user_id, workspace_id=key.membership.workspace_id)
        keys.note_use(key, now=now)
        method, route = request.method or "", asked.resolver_match.route if asked.resolver_match else ""
        # Of other methods the framework says which there are.
        if method in request.parser_context["view"].allowed_methods and method != "OPTIONS":
            scopes.check(key.scopes, scopes.address_of(route), method)
        act_as(request, membership)
        return membership.user, key


class BrowserSessionAuthentication(SessionAuthentication):
    """The browser's session, with Django's CSRF check."""

    def authenticate(self, request: Request) -> tuple[User, Any] | None:
        found = super().authenticate(request)
        if found is None:
            return None
        user = found[0]
        membership = tenancy.member(
            user_id=user.pk,
            workspace_id=tenancy.chosen_workspace_id(request._request),
            while_closing=_let_in_while_closing(request),
        )
        tenancy.check_same_workspace(request._request, membership)
        enter(request, membership)
        return membership.user, None

    def enforce_csrf(self, request: Request) -> None:
        try:
            super().enforce_csrf(request)
        except PermissionDenied as error:
            raise PermissionDenied(FORGED) from error

    def authenticate_header(self, request: Request) -> str:
        return "Bearer"


def _let_in_while_closing(request: Request) -> Collection[Role]:
    roles: Collection[Role] = getattr(request.parser_context["view"], "while_closing", ())
    return roles


def enter(request: Request, membership: Membership) -> None:
    tenancy.note_activity(membership, request._request)
    act_as(request, membership)


def act_as(request: Request, membership: Membership) -> None:
    """Without a note that the member was here: signing in opens the workspace where a person was last, not a key."""
    tenancy.act_as(request._request, membership)
    timezone.activate(zone_of(membership.user))
