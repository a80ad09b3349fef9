"""The audit log: who did what, written in the transaction that does it, and never changed afterwards.

It holds addresses of people, ids and settings; never a token, a password, a title or a text of what somebody keeps.
"""

import logging
import uuid
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any

import redis
from allauth.account.adapter import get_adapter
from allauth.core import context as current
from django.core.cache import cache
from django.core.exceptions import ImproperlyConfigured, PermissionDenied
from django.db import connection, transaction
from django.http import HttpRequest

from accounts import tenancy
from accounts.models import ActorKind, AuditAction, AuditEvent, Membership, User, Workspace
from config import logs
from config.errors import AppError

log = logging.getLogger(__name__)
# Of what changes nothing and can be brought about at will, one event of a kind for each person in so long.
AGAIN_AFTER_SECONDS = 60


class NotInTransaction(Exception):
    """What is told of could stay undone, or be done untold."""


@dataclass(frozen=True)
class Actor:
    kind: ActorKind
    id: uuid.UUID | None = None
    email: str = ""


SYSTEM = Actor(ActorKind.SYSTEM)
PROVIDER = Actor(ActorKind.PROVIDER)
# Whoever looks after the installation, at its command line.
OPERATOR = Actor(ActorKind.STAFF)

_acting: ContextVar[tuple[Actor, Actor | None] | None] = ContextVar("_acting", default=None)


def member(user: User) -> Actor:
    return Actor(ActorKind.MEMBER, user.pk, user.email)


def staff(user: User) -> Actor:
    return Actor(ActorKind.STAFF, user.pk, user.email)


@contextmanager
def acting(actor: Actor, *, really: Actor | None = None) -> Iterator[None]:
    """What happens inside is this one's doing, whoever sent the request. `really`: who does it in the actor's name."""
    before = _acting.set((actor, really))
    try:
        yield
    finally:
        _acting.reset(before)


def record(
    action: AuditAction,
    *,
    workspace_id: uuid.UUID,
    by: User | None = None,
    about: object = "",
    before: Mapping[str, Any] | None = None,
    after: Mapping[str, Any] | None = None,
) -> None:
    """In the transaction of the change, or it raises NotInTransaction. Without `by` it was whoever is `acting`, else
    who sent the request, else nobody but ourselves."""
    _write(action, [workspace_id], by=by, about=str(about), before=before, after=after)


def record_everywhere(
    action: AuditAction,
    user: User,
    *,
    by: User | None = None,
    before: Mapping[str, Any] | None = None,
    after: Mapping[str, Any] | None = None,
) -> None:
    """Something about an account, told in each workspace that it opens. As `record`."""
    with tenancy.shared():
        places = Membership.objects.filter(user_id=user.pk).exclude(workspace__state=Workspace.State.ERASING)
        found = places.values_list("workspace_id", flat=True)
        _write(action, found, by=by, about=user.email, before=before, after=after)


def record_refused_sign_in(email: str) -> None:
    """Nothing was changed, so it stands alone. Its actor is the account that was tried; an unknown one has none."""
    user = User.objects.filter(email=email.strip().lower()).first()
    if user is not None and _is_first(AuditAction.SIGN_IN_REFUSED, user.pk):
        with transaction.atomic():
            record_everywhere(AuditAction.SIGN_IN_REFUSED, user, by=user)


def note_refusal(error: Exception, request: HttpRequest) -> None:
    """When a role was not enough for what a member asked for: which, and where."""
    membership: Membership | None = getattr(request, "membership", None)
    if membership is None or not isinstance(error, AppError) or error.code != "forbidden":
        return
    if _is_first(AuditAction.ACCESS_REFUSED, membership.pk):
        with transaction.atomic():
            record(
                AuditAction.ACCESS_REFUSED,
                workspace_id=membership.workspace_id,
                by=membership.user,
                about=f"{request.method} {logs.place(request)}"[:254],
                after={"role": membership.role},
            )


def record_download(action: AuditAction, *, by: Membership, about: object = "") -> None:
    """Nothing is changed by it, and a HEAD sends nothing."""
    request: HttpRequest | None = current.request
    if request is not None and request.method == "HEAD":
        return
    if _is_first(action, f"{by.pk}:{about}"):
        with transaction.atomic():
            record(action, workspace_id=by.workspace_id, by=by.user, about=about)


def record_new_password(user: User) -> None:
    """Theirs where a page was sent; a command is the operator's."""
    with acting(OPERATOR if current.request is None else member(user)):
        record_everywhere(AuditAction.PASSWORD_CHANGED, user)


def _is_first(action: AuditAction, whose: object) -> bool:
    try:
        return bool(cache.add(f"audit:{action}:{whose}", "y", timeout=AGAIN_AFTER_SECONDS))
    except redis.RedisError as error:
        log.warning("whether %s was told just now is not known: %s", action, type(error).__name__)
        return True


def _write(action: AuditAction, workspace_ids: Iterable[uuid.UUID], *, by: User | None, **said: Any) -> None:
    if not connection.in_atomic_block:
        raise NotInTransaction(action)
    request: HttpRequest | None = current.request
    actor, really = (member(by), None) if by is not None else _acting.get() or (_sender(request), None)
    # Where the request came from is a workspace's to see if its members alone did it.
    is_members = {who.kind for who in (actor, really) if who is not None} == {ActorKind.MEMBER}
    AuditEvent.objects.bulk_create(
        AuditEvent(
            workspace_id=workspace_id,
            action=action,
            actor_kind=actor.kind,
            actor_id=actor.id,
            actor_email=actor.email,
            real_actor_kind=really.kind if really else "",
            real_actor_id=really.id if really else None,
            real_actor_email=really.email if really else "",
            address=_address(request) if is_members else None,
            **said,
        )
        for workspace_id in workspace_ids
    )


def _sender(request: HttpRequest | None) -> Actor:
    membership: Membership | None = getattr(request, "membership", None)
    return member(membership.user) if membership is not None else SYSTEM


def _address(request: HttpRequest | None) -> str | None:
    """As the limits of signing in see it."""
    if request is None:
        return None
    try:
        return str(get_adapter(request).get_client_ip(request))
    except (PermissionDenied, ImproperlyConfigured, ValueError):
        # Fewer proxies than there are said to be, or what is no address.
        return None
