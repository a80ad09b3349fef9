"""Each request of a browser in which one of our staff sees what a member sees: whose it is, and what it may do.

This is the one place that refuses. What only looks may write nothing: not by its method, and not to the database
either, so that an address that changes something for a GET is refused without being known here.
"""

import logging
import re
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from typing import Any, cast

from django.db import connections
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import render
from django.utils import timezone

from accounts import impersonation, tenancy
from accounts.models import Impersonation, Membership
from accounts.tenancy import SAFE_METHODS, StaffRequest
from config import errors
from config.errors import AppError
from config.staff import site
from config.views import wants_problem

log = logging.getLogger(__name__)
# Where staff are themselves: their own pages, and what those ask of them.
OWN = re.compile(r"/staff(/|$)|/accounts/(logout|2fa/reauthenticate)/$")
# Routes, by how they begin, that stay closed whatever the customer allows: who they are, what opens doors, and copies.
CLOSED = (
    "accounts/",
    "auth/",
    "app/keys",
    "user/api-keys",
    "workspace/export",
    "workspace/audit",
    "app/settings/audit/export",
    "app/usage/export",
    "app/switch-workspace",
    "app/invitations/",
    "invitations/",
    "app/connect/notion",
    "app/connect/callback",
    "mails",
)
# Those that can be looked at: money and members.
CLOSED_TO_CHANGES = (
    "subscription",
    "user/upgrade-subscription",
    "app/plan",
    "admin/users",
    "app/members",
    "workspace/invitations",
    "workspace/restore",
    "user/account",
    "app/account",
    "app/closing",
)
# Forms of the settings that are neither about the person, nor the way out, nor about what staff may do.
OPEN_SECTIONS = frozenset({"workspace", "sharing", "connection"})
CHANGE = re.compile(r'\s*(?:INSERT\s+INTO|UPDATE|DELETE\s+FROM)\s+(?:"?public"?\.)?"?(\w+)', re.I)
HIDDEN_CHANGE = re.compile(r"\s*WITH\b.*(?:INSERT\s+INTO|DELETE\s+FROM|(?<!FOR )(?<!KEY )UPDATE)\s", re.I | re.S)
# The browser's own session, what is told of it, what the payment provider said, and repairs for a worker: nothing that
# a customer has set.
NOT_THE_CUSTOMERS = frozenset(
    {"django_session", "accounts_auditevent", "accounts_job", "billing_subscription", "billing_stripeaccount"}
)


class ViewIsOver(AppError):
    code = "view-is-over"
    status = 403


class OnlyLooking(AppError):
    code = "only-looking"
    status = 403


class ClosedToStaff(AppError):
    code = "closed-to-staff"
    status = 403


class ImpersonationMiddleware:
    """After the browser's user is known and before anything asks for it."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        key = request.session.get(impersonation.KEY)
        if key is None:
            return self.get_response(request)
        found = _found(request, key)
        is_own = OWN.match(request.path) is not None
        if found is None:
            del request.session[impersonation.KEY]
            return self.get_response(request) if is_own else refused(request, ViewIsOver(OVER))
        one, member = found
        cast(StaffRequest, request).viewing = one
        if is_own:
            return self.get_response(request)
        _act_as(request, one, member)
        with _guarded(request, member):
            response = self.get_response(request)
        if "attachment" in response.headers.get("Content-Disposition", ""):
            response.close()
            return refused(request, ClosedToStaff(NO_COPIES))
        return response

    def process_view(self, request: HttpRequest, view: Any, args: Any, kwargs: Any) -> HttpResponse | None:
        if tenancy.impersonation_of(request) is None:
            return None
        try:
            check(request)
        except AppError as error:
            return refused(request, error)
        return None


OVER = "The half hour, or what you were allowed to see, is over. From now on you are yourself again."
NO_COPIES = "Staff take no copy of what a customer keeps."


def _found(request: HttpRequest, key: object) -> tuple[Impersonation, Membership] | None:
    """Staff who may no longer enter their own pages see nobody else's either."""
    user = tenancy.signed_in(request)
    if user is None or not site.has_permission(request):
        return None
    return impersonation.current(user, key, now=timezone.now())


def _act_as(request: HttpRequest, one: Impersonation, member: Membership) -> None:
    request.user = member.user
    staff = cast(StaffRequest, request)
    staff.impersonation = one
    staff.may_act = impersonation.may_act(member.workspace, timezone.now())


def check(request: HttpRequest) -> None:
    """Before the view. Raises ClosedToStaff or OnlyLooking."""
    route = request.resolver_match.route if request.resolver_match else ""
    if _is_closed(request, route):
        raise ClosedToStaff("This stays closed to staff, whatever the customer allows.")
    if request.method not in SAFE_METHODS and not _may_act(request):
        raise OnlyLooking(
            "You are only looking, so nothing was changed. An owner or admin can let staff act here for a day, in the"
            " settings."
        )


def _is_closed(request: HttpRequest, route: str) -> bool:
    if route.startswith(CLOSED):
        return True
    if request.method in SAFE_METHODS:
        return False
    if route == "app/settings":
        return request.POST.get("section") not in OPEN_SECTIONS
    return route.startswith(CLOSED_TO_CHANGES) or (route == "workspace" and request.method == "DELETE")


def _may_act(request: HttpRequest) -> bool:
    return bool(getattr(request, "may_act", False))


def _guarded(request: HttpRequest, member: Membership) -> AbstractContextManager[Any]:
    if _may_act(request) and request.method not in SAFE_METHODS:
        return nullcontext()
    guard: AbstractContextManager[Any] = connections["default"].execute_wrapper(_only_reading)
    return guard


def _only_reading(execute: Any, sql: Any, params: Any, many: bool, context: Any) -> Any:
    words = sql if isinstance(sql, str) else sql.as_string(None)
    change = CHANGE.match(words)
    if (change and change[1] not in NOT_THE_CUSTOMERS) or HIDDEN_CHANGE.match(words):
        raise OnlyLooking("You are only looking, and this address changes something. Nothing was changed.")
    return execute(sql, params, many, context)


def refused(request: HttpRequest, error: AppError) -> HttpResponse:
    """Without the frame of the customer's pages."""
    if wants_problem(request):
        return errors.answer(request, error)
    context = {"error": error, "code": error.code, "detail": error.detail}
    return render(request, "only_looking.html", context, status=error.status)


def shown(request: HttpRequest) -> dict[str, Any]:
    """Context processor: the banner of every page."""
    one: Impersonation | None = getattr(request, "viewing", None)
    return {"impersonation": one, "may_act": _may_act(request)} if one else {}
