"""The one place where a workspace is entered and left."""

import uuid
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any, cast

from django.conf import settings
from django.contrib.auth.models import AnonymousUser
from django.db import connections
from django.db.models import F, Q
from django.http import HttpRequest
from django.utils import timezone

from accounts.models import Impersonation, Membership, Role, User, Workspace
from config import logs
from config.errors import AppError

LAST_ACTIVE_PRECISION = timedelta(minutes=5)
SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})


class NotAMember(AppError):
    """Also said of workspaces that do not exist: a stranger learns nothing."""

    code = "no-workspace"
    status = 403


class Suspended(AppError):
    code = "workspace-suspended"
    status = 403


class Closing(AppError):
    """Said of a deleted workspace until it is erased, but where its owners take that back."""

    code = "workspace-closing"
    status = 403


class AccountClosing(AppError):
    """Said to whose account was deleted, until it is erased."""

    code = "account-closing"
    status = 403


class OtherWorkspace(AppError):
    """A page opened in one workspace must not act in another."""

    code = "other-workspace"
    status = 409


class WorkspaceRequest(HttpRequest):
    """A request of a signed-in member; `membership.workspace` is the workspace it acts in."""

    user: User
    membership: Membership


class StaffRequest(HttpRequest):
    """One of a browser in which our staff see what a member sees. `impersonation`: where it acts as the member;
    `viewing`: on their own pages too, for the banner."""

    viewing: Impersonation
    impersonation: Impersonation
    may_act: bool


def act_as(request: HttpRequest, membership: Membership) -> None:
    """From here on the request is this member's, a `WorkspaceRequest`."""
    cast(WorkspaceRequest, request).membership = membership
    logs.note(workspace_id=membership.workspace_id)


def acting(request: HttpRequest) -> Membership:
    """Who makes a request for which `act_as` was called."""
    return cast(WorkspaceRequest, request).membership


@contextmanager
def within(workspace: Workspace) -> Iterator[None]:
    """Run the block in the workspace's schema, as its database role; afterwards where it was before."""
    connection = _connection()
    before = connection.tenant
    connection.set_tenant(workspace)
    try:
        with logs.about(workspace_id=workspace.pk):
            yield
    finally:
        connection.set_tenant(before)


@contextmanager
def shared() -> Iterator[None]:
    """Run the block in the shared schema, with no workspace."""
    connection = _connection()
    before = connection.tenant
    connection.set_schema_to_public()
    try:
        yield
    finally:
        connection.set_tenant(before)


def enter(workspace: Workspace) -> None:
    """As `within`, until `leave`. Only for the edges, which leave in a `finally` of their own."""
    _connection().set_tenant(workspace)


def leave() -> None:
    """Back to the shared schema."""
    _connection().set_schema_to_public()


def _connection() -> Any:
    # The wrapper is django-tenants', which has no types.
    return connections["default"]


def active_workspace_id() -> uuid.UUID | None:
    """The workspace that this thread's connection is in."""
    return getattr(_connection().tenant, "id", None)


def member(*, user_id: object, workspace_id: object, while_closing: Collection[Role] = ()) -> Membership:
    """The membership that lets this user into this workspace now; read anew for every request. What is open in one
    that is suspended is for `check_served` to say.

    `while_closing`: the roles that are let in although it was deleted. Raises NotAMember, AccountClosing or Closing.
    """
    membership = (
        Membership.objects.select_related("workspace", "user")
        .filter(user_id=_uuid(user_id), workspace_id=_uuid(workspace_id), user__is_active=True)
        .exclude(workspace__state=Workspace.State.ERASING)
        .first()
    )
    if membership is None:
        raise NotAMember("You are not a member of this workspace. Sign in to one of yours.")
    check_stays(membership.user)
    if membership.workspace.state == Workspace.State.CLOSING and membership.role not in while_closing:
        raise closing(membership.workspace)
    return membership


def check_served(membership: Membership, *, opened_to: Collection[str] = (), method: str = "") -> None:
    """Raises Suspended, but for the methods that a view keeps open as the way out."""
    if membership.workspace.state == Workspace.State.SUSPENDED and method not in opened_to:
        raise Suspended(
            f"{settings.PRODUCT_NAME}'s staff has suspended this workspace: questions, syncs and changes in Notion are"
            " stopped. Write to support. What is here can still be exported or deleted."
        )


def check_stays(user: User) -> None:
    """Raises AccountClosing."""
    if user.erases_at is not None:
        raise AccountClosing(
            f"Your account was deleted and will be erased on {user.erases_at:%-d %B %Y at %H:%M} UTC. Until then, sign "
            "in at /accounts/login/ to keep it.",
            erases_at=user.erases_at,
        )


def closing(workspace: Workspace) -> Closing:
    assert workspace.erases_at is not None
    return Closing(
        f"This workspace was deleted and will be erased on {workspace.erases_at:%-d %B %Y at %H:%M} UTC. Until then an "
        "owner can take that back: at /app/closing, or with POST /workspace/restore.",
        erases_at=workspace.erases_at,
    )


def is_deleted(workspace_id: uuid.UUID) -> bool:
    """Or about to be gone."""
    return not Workspace.objects.filter(pk=workspace_id).exclude(state=Workspace.State.ERASING).exists()


def note_activity(membership: Membership, request: HttpRequest) -> None:
    """Keep `last_active_at` within five minutes of the truth, without a write for each request."""
    if impersonation_of(request) is not None:
        return
    now = timezone.now()
    if membership.last_active_at is None or now - membership.last_active_at > LAST_ACTIVE_PRECISION:
        Membership.objects.filter(pk=membership.pk).update(last_active_at=now)


def home(user: User, remembered: object = None) -> Membership | None:
    """The workspace to open after signing in: the remembered one, else where the user was last. One that was deleted
    only where there is no other."""
    memberships = Membership.objects.select_related("workspace").filter(
        ~Q(workspace__state=Workspace.State.ERASING), user=user
    )
    return (
        memberships.filter(workspace_id=_uuid(remembered)).first()
        or memberships.order_by(
            F("workspace__erases_at").asc(nulls_first=True), F("last_active_at").desc(nulls_last=True), "joined_at"
        ).first()
    )


def impersonation_of(request: HttpRequest | None) -> Impersonation | None:
    """Set where one of our staff sends it as a member: `accounts.impersonation_edge`."""
    return getattr(request, "impersonation", None)


def chosen_workspace_id(request: HttpRequest) -> object:
    """By the browser's session, or the one workspace that one of our staff sees as a member."""
    one = impersonation_of(request)
    return request.session.get("workspace") if one is None else one.workspace_id


def check_same_workspace(request: HttpRequest, membership: Membership, *, must_say: bool = False) -> None:
    """A page sends the workspace it was opened in; when the session has moved on, nothing happens.

    With `must_say` a request that changes something and does not say its workspace is refused too.
    """
    sent = _sent(request)
    if not sent and must_say and request.method not in SAFE_METHODS:
        raise OtherWorkspace("This form does not say which workspace it belongs to. Reload the page.")
    if sent and sent != str(membership.workspace_id):
        raise OtherWorkspace("This page belongs to another workspace than the one now open.")


def _sent(request: HttpRequest) -> str | None:
    """Addresses that lead here from elsewhere name it too."""
    given = request.POST if request.method == "POST" else request.GET
    return request.headers.get("X-Workspace") or given.get("workspace")


def meant(request: HttpRequest) -> Workspace | None:
    """The workspace that the page was opened in, if it is one of theirs who sends it."""
    try:
        return member(user_id=request.user.pk, workspace_id=_sent(request)).workspace
    except (NotAMember, AccountClosing, Closing):
        return None


def is_signed_in(request: HttpRequest) -> bool:
    return not isinstance(request.user, AnonymousUser) and request.user.is_authenticated


def signed_in(request: HttpRequest) -> User | None:
    return request.user if isinstance(request.user, User) else None


def _uuid(value: object) -> uuid.UUID:
    """What is no UUID becomes the nil one, which belongs to nobody."""
    try:
        return uuid.UUID(str(value))
    except ValueError:
        return uuid.UUID(int=0)
