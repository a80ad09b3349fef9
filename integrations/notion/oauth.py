"""Connecting a Notion workspace through Notion's own consent page. developers.notion.com/docs/authorization

A refresh token works once: keep both new tokens in the transaction that asked for them, and never repeat a refresh
whose answer was lost.
"""

from contextlib import closing
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

from integrations.notion.errors import BrokenAnswer, NotConfigured, Unauthorized
from integrations.notion.wire import DEFAULT_BASE_URL, VERSION, Json, Wire

_TIMEOUT = 20.0


@dataclass(frozen=True)
class Grant:
    """`bot_id` names the connection: two members of one workspace get two bots that see different pages."""

    access_token: str = field(repr=False)
    refresh_token: str | None = field(repr=False)
    bot_id: str
    workspace_id: str
    workspace_name: str


def authorize_url(*, client_id: str, redirect_uri: str, state: str, base_url: str = DEFAULT_BASE_URL) -> str:
    if not client_id:
        raise NotConfigured("There is no Notion client id")
    question = {
        "client_id": client_id,
        "redirect_uri": redirect_uri,
        "response_type": "code",
        "owner": "user",
        "state": state,
    }
    return f"{base_url.rstrip('/')}/v1/oauth/authorize?{urlencode(question)}"


def exchange(
    *, client_id: str, client_secret: str, code: str, redirect_uri: str, base_url: str = DEFAULT_BASE_URL
) -> Grant:
    body = {"grant_type": "authorization_code", "code": code, "redirect_uri": redirect_uri}
    return _grant(_ask("token", body, client_id=client_id, client_secret=client_secret, base_url=base_url))


def refresh(*, client_id: str, client_secret: str, refresh_token: str, base_url: str = DEFAULT_BASE_URL) -> Grant:
    body = {"grant_type": "refresh_token", "refresh_token": refresh_token}
    return _grant(_ask("token", body, client_id=client_id, client_secret=client_secret, base_url=base_url))


def introspect(*, client_id: str, client_secret: str, token: str, base_url: str = DEFAULT_BASE_URL) -> bool:
    """Whether the token lives. Tells a dead token from pages that are merely no longer shared."""
    answer = _ask("introspect", {"token": token}, client_id=client_id, client_secret=client_secret, base_url=base_url)
    active = answer.get("active")
    if not isinstance(active, bool):
        raise BrokenAnswer("Notion does not say whether the token lives")
    return active


def revoke(*, client_id: str, client_secret: str, token: str, base_url: str = DEFAULT_BASE_URL) -> None:
    _ask("revoke", {"token": token}, client_id=client_id, client_secret=client_secret, base_url=base_url)


def _ask(what: str, body: Json, *, client_id: str, client_secret: str, base_url: str) -> Json:
    if not (client_id and client_secret):
        raise NotConfigured("There is no Notion client id and secret")
    with closing(Wire(base_url=base_url, token=None, version=VERSION, timeout=_TIMEOUT)) as wire:
        try:
            return wire.send("POST", f"oauth/{what}", body=body, basic=(client_id, client_secret))
        except Unauthorized as error:
            raise NotConfigured(
                "Notion does not accept our client id and secret", status=error.status, code=error.code
            ) from error


def _grant(answer: Json) -> Grant:
    return Grant(
        access_token=_needed(answer, "access_token"),
        refresh_token=_text(answer.get("refresh_token")),
        bot_id=_needed(answer, "bot_id"),
        workspace_id=_needed(answer, "workspace_id"),
        workspace_name=_text(answer.get("workspace_name")) or "",
    )


def _needed(answer: dict[str, Any], key: str) -> str:
    value = answer.get(key)
    if not isinstance(value, str) or not value:
        raise BrokenAnswer(f"Notion's grant has no {key}")
    return value


def _text(value: object) -> str | None:
    return value if isinstance(value, str) and value else None
