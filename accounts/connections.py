"""Connections to Notion: making one, its tokens, sharing and ending it. What is read through one is not known here."""

import hashlib
import secrets
import uuid
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import transaction

from accounts import audit, sealed, tenancy
from accounts.models import AuditAction, Connection, Membership, OAuthState, User
from accounts.names import cleaned
from accounts.roles import Action
from config.errors import AppError
from integrations import notion
from integrations.notion import Grant, Notion, Unmetered, oauth

STATE_LIFE = timedelta(minutes=20)
# Refuses what the plan has no room for; called first in the transaction that keeps a connection.
Admit = Callable[[Membership, Grant], None]


class TokenRefused(AppError):
    code = "notion-token-refused"
    status = 400


class NotionAway(AppError):
    code = "notion-unreachable"
    status = 503


class NotionNotConfigured(AppError):
    code = "notion-not-configured"
    status = 503


class StateRefused(AppError):
    """Not begun here, used already, or too late."""

    code = "authorization-refused"
    status = 400


class AccessNotGiven(AppError):
    code = "access-not-given"
    status = 400


class NotAllowed(AppError):
    code = "forbidden"
    status = 403


class NoConnection(AppError):
    code = "not-found"
    status = 404


def connect_with_token(
    *, membership: Membership, token: str, is_shared: bool, now: datetime, admit: Admit
) -> Connection:
    """Keep an internal integration's token after asking Notion who it is."""
    check_can_connect(membership)
    try:
        with Notion(
            token.strip(),
            settings.NOTION_API_URL,
            budget=Unmetered(),
            version=settings.NOTION_VERSION,
            patience=notion.HASTY,
        ) as client:
            bot = client.me()
    except (notion.Unauthorized, notion.Restricted, notion.Invalid, notion.NotConfigured) as error:
        raise TokenRefused("Notion does not accept this token. Copy it again from the integration's page.") from error
    except notion.NotionError as error:
        raise NotionAway("Notion did not answer. Nothing was saved; try again in a minute.", retry_after=30) from error
    about = bot.get("bot") or {}
    grant = Grant(
        access_token=token.strip(),
        refresh_token=None,
        bot_id=str(bot["id"]),
        workspace_id=str(about.get("workspace_id") or ""),
        workspace_name=str(about.get("workspace_name") or "Notion"),
    )
    return _keep(membership, grant, kind=Connection.Kind.TOKEN, is_shared=is_shared, now=now, admit=admit)


def begin_authorization(*, membership: Membership, session_key: str, is_shared: bool, now: datetime) -> str:
    """The address of Notion's consent page. Its state is good once, for this member, workspace and session."""
    check_can_connect(membership)
    if not can_authorize():
        raise NotionNotConfigured("This installation has no Notion integration. Connect with an internal token.")
    state = secrets.token_urlsafe(32)
    OAuthState.objects.create(
        digest=_digest(state),
        workspace_id=membership.workspace_id,
        user_id=membership.user_id,
        session_digest=_digest(session_key) if session_key else "",
        is_shared=is_shared,
        expires_at=now + STATE_LIFE,
    )
    return oauth.authorize_url(
        client_id=settings.NOTION_CLIENT_ID,
        redirect_uri=redirect_uri(),
        state=state,
        base_url=settings.NOTION_API_URL,
    )


def complete_authorization(
    *, membership: Membership, session_key: str, state: str, code: str, refusal: str, now: datetime, admit: Admit
) -> Connection:
    """What Notion's consent page sent back. Whoever began it uses the state up, whatever happens; nobody else can."""
    with transaction.atomic():
        begun = (
            OAuthState.objects.select_for_update()
            .filter(
                digest=_digest(state),
                user_id=membership.user_id,
                workspace_id=membership.workspace_id,
                session_digest__in=["", _digest(session_key)],
            )
            .first()
        )
        if begun is not None:
            begun.delete()
    if begun is None or begun.expires_at < now:
        raise StateRefused("This authorization was not begun here, or took too long. Connect again.")
    if refusal or not code:
        raise AccessNotGiven("Notion access was not given. Nothing was saved.")
    try:
        grant = oauth.exchange(
            client_id=settings.NOTION_CLIENT_ID,
            client_secret=settings.NOTION_CLIENT_SECRET,
            code=code,
            redirect_uri=redirect_uri(),
            base_url=settings.NOTION_API_URL,
        )
    except notion.Refused as error:
        raise StateRefused("Notion did not accept this authorization. Connect again.") from error
    except notion.NotionError as error:
        raise NotionAway("Notion did not answer. Nothing was saved; connect again.", retry_after=30) from error
    return _keep(membership, grant, kind=Connection.Kind.OAUTH, is_shared=begun.is_shared, now=now, admit=admit)


def redirect_uri() -> str:
    return f"{settings.PUBLIC_URL}/app/connect/callback"


def _keep(
    membership: Membership, grant: Grant, *, kind: Connection.Kind, is_shared: bool, now: datetime, admit: Admit
) -> Connection:
    """One connection for each bot and member: authorizing again renews it."""
    with transaction.atomic():
        admit(membership, grant)
        connection = (
            Connection.objects.select_for_update()
            .filter(workspace_id=membership.workspace_id, owner_id=membership.user_id, bot_id=grant.bot_id)
            .first()
        ) or Connection(
            workspace_id=membership.workspace_id,
            owner_id=membership.user_id,
            bot_id=grant.bot_id,
            # Authorizing again must not change who may read.
            is_shared=is_shared,
            status=Connection.Status.DISCONNECTED,
        )
        is_new = connection.status == Connection.Status.DISCONNECTED
        if is_new:
            # Renewing keeps it: which one was connected first decides what a smaller plan goes on syncing.
            connection.connected_at = now
        connection.kind, connection.status = kind, Connection.Status.ACTIVE
        connection.notion_workspace_id = grant.workspace_id
        connection.notion_workspace_name = cleaned(grant.workspace_name)[:200]
        _seal(connection, grant)
        connection.save()
        _note(AuditAction.CONNECTED if is_new else AuditAction.RECONNECTED, connection, by=membership.user)
    return connection


def _note(action: AuditAction, connection: Connection, *, by: User | None, **said: Any) -> None:
    """Whose it is, but not which place of theirs it leads to, unless it is shared: that is theirs to tell."""
    about: dict[str, Any] = {"kind": connection.kind, "shared": connection.is_shared}
    if connection.is_shared:
        about["notion_workspace"] = connection.notion_workspace_name
    audit.record(action, workspace_id=connection.workspace_id, by=by, about=connection.pk, **{"after": about, **said})


def _seal(connection: Connection, grant: Grant) -> None:
    where = connection.workspace_id
    connection.sealed_access_token = sealed.seal(
        grant.access_token, workspace_id=where, place=connection.place("access_token")
    )
    connection.sealed_refresh_token = (
        sealed.seal(grant.refresh_token, workspace_id=where, place=connection.place("refresh_token"))
        if grant.refresh_token
        else ""
    )


def access_token(connection: Connection) -> str:
    return sealed.unseal(
        connection.sealed_access_token,
        workspace_id=connection.workspace_id,
        place=connection.place("access_token"),
    )


def renewed_token(connection: Connection, *, rejected: str) -> str:
    """The token that holds now: another worker's new one, or ours after one refresh under a lock.

    Raises notion.Unauthorized when there is none: the member has to connect again, and the connection says so at once.
    """
    with tenancy.shared(), transaction.atomic():
        held = Connection.objects.select_for_update().get(pk=connection.pk)
        current = access_token(held)
        connection.sealed_access_token = held.sealed_access_token
        if current != rejected:
            return current
        grant = _refreshed(held)
        if grant is None:
            # Kept, so that nobody asks again with it; the next worker finds no refresh token.
            held.sealed_refresh_token = ""
            held.save(update_fields=["sealed_refresh_token"])
            refused(held)
        else:
            _seal(held, grant)
            held.save(update_fields=["sealed_access_token", "sealed_refresh_token"])
            connection.sealed_access_token = held.sealed_access_token
    if grant is None:
        raise notion.Unauthorized("This connection's token is dead and cannot be renewed")
    return grant.access_token


def _refreshed(held: Connection) -> Grant | None:
    if not held.sealed_refresh_token:
        return None
    token = sealed.unseal(held.sealed_refresh_token, workspace_id=held.workspace_id, place=held.place("refresh_token"))
    try:
        return oauth.refresh(
            client_id=settings.NOTION_CLIENT_ID,
            client_secret=settings.NOTION_CLIENT_SECRET,
            refresh_token=token,
            base_url=settings.NOTION_API_URL,
        )
    except notion.InvalidGrant:
        return None


def refused(connection: Connection) -> None:
    """Notion accepts this token no longer. One that was authorized anew meanwhile, or ended, stays as it is."""
    same = Connection.objects.filter(pk=connection.pk, sealed_access_token=connection.sealed_access_token)
    same.filter(status=Connection.Status.ACTIVE).update(status=Connection.Status.REAUTHORIZE)


def share(connection: Connection, *, by: Membership, is_shared: bool) -> None:
    """Let the whole workspace read what was read through it, or its owner alone. Only the owner decides."""
    check_can_connect(by)
    if connection.owner_id != by.user_id:
        raise NotAllowed("Only the member who connected Notion can share it.")
    with transaction.atomic():
        if not Connection.objects.filter(pk=connection.pk, is_shared=not is_shared).update(is_shared=is_shared):
            return
        before = {"shared": not is_shared}
        _note(AuditAction.CONNECTION_SHARED, connection, by=by.user, before=before, after={"shared": is_shared})


def revoke(connection: Connection) -> bool:
    """Give the token back to Notion, as far as Notion can be reached. Answers whether Notion took it."""
    if connection.kind == Connection.Kind.OAUTH and connection.sealed_access_token:
        # Disconnecting must work when Notion is away; without our copy the token is of no use to us.
        with suppress(notion.NotionError, sealed.Unreadable):
            oauth.revoke(
                client_id=settings.NOTION_CLIENT_ID,
                client_secret=settings.NOTION_CLIENT_SECRET,
                token=access_token(connection),
                base_url=settings.NOTION_API_URL,
            )
            return True
    return False


@transaction.atomic
def end(connection: Connection, *, by: Membership | None = None) -> None:
    """Forget the tokens. From now on nobody reads through this connection. Told once, however often it is done."""
    mine = Connection.objects.filter(pk=connection.pk)
    if mine.select_for_update().exclude(status=Connection.Status.DISCONNECTED):
        _note(AuditAction.DISCONNECTED, connection, by=by.user if by else None)
    mine.update(
        status=Connection.Status.DISCONNECTED,
        sealed_access_token="",
        sealed_refresh_token="",
        open_sync=None,
        is_paused=False,
    )


def can_authorize() -> bool:
    """Whether this installation has an integration of its own at Notion."""
    return bool(settings.NOTION_CLIENT_ID and settings.NOTION_CLIENT_SECRET)


def can_connect(membership: Membership) -> bool:
    return membership.may(Action.CONNECT)


def check_can_connect(membership: Membership) -> None:
    if not can_connect(membership):
        raise NotAllowed("Viewers cannot connect Notion. Ask an owner for another role.")


def owned(membership: Membership, connection_id: uuid.UUID) -> Connection:
    """A connection that this member may change: their own, or for owners and admins a shared one."""
    check_can_connect(membership)
    return endable(membership, connection_id)


def endable(membership: Membership, connection_id: uuid.UUID) -> Connection:
    """A connection that this member may end. Who became a viewer can still take back what they gave."""
    for connection in Connection.objects.readable_by(membership).filter(pk=connection_id):
        if connection.owner_id == membership.user_id or membership.may(Action.MANAGE_CONNECTIONS):
            return connection
    raise NoConnection("There is no such connection.")


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
