from collections.abc import Callable
from typing import Any

from django.contrib.auth import logout
from django.contrib.auth.views import redirect_to_login
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.utils import timezone

from accounts import audit, tenancy
from accounts.zones import zone_of
from config.errors import AppError
from config.views import again_url

TEMPLATES: dict[str | int, str] = {
    tenancy.OtherWorkspace.code: "409.html",
    tenancy.Suspended.code: "suspended.html",
    # What only looks and would have written: `impersonation_edge`.
    "only-looking": "only_looking.html",
    402: "402.html",
    403: "403.html",
    404: "404.html",
}


# Where what was deleted is kept after all.
TAKEN_BACK_AT: dict[type[AppError], str] = {tenancy.AccountClosing: "account-closing", tenancy.Closing: "closing"}


class WorkspaceMiddleware:
    """Every request starts and ends with no workspace. For our pages it finds out who is asking, where and when.

    API classes do the same in their authentication, which Django's middleware cannot see.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        tenancy.leave()
        try:
            return self.get_response(request)
        finally:
            tenancy.leave()
            timezone.deactivate()

    def process_view(self, request: HttpRequest, view: Any, args: Any, kwargs: Any) -> HttpResponse | None:
        page = getattr(view, "view_class", None)
        if not getattr(page, "is_workspace_page", False):
            return None
        try:
            return self._find_membership(request, page)
        except (tenancy.AccountClosing, tenancy.Closing) as error:
            is_looking = request.method in tenancy.SAFE_METHODS and not request.headers.get("HX-Request")
            return redirect(TAKEN_BACK_AT[type(error)]) if is_looking else refusal(request, error)
        except tenancy.OtherWorkspace as error:
            return _of_another_workspace(request, error)
        except AppError as error:  # Django gives only a view's own errors to process_exception
            return refusal(request, error)

    def _find_membership(self, request: HttpRequest, page: Any) -> HttpResponse | None:
        user = tenancy.signed_in(request)
        if user is None:
            return redirect_to_login(request.get_full_path())
        let_in = getattr(page, "while_closing", ())
        try:
            chosen = tenancy.chosen_workspace_id(request)
            membership = tenancy.member(user_id=user.pk, workspace_id=chosen, while_closing=let_in)
        except tenancy.NotAMember:
            if tenancy.impersonation_of(request) is not None:
                raise
            home = tenancy.home(user)
            if home is None:
                logout(request)
                return redirect_to_login(request.get_full_path())
            membership = tenancy.member(user_id=user.pk, workspace_id=home.workspace_id, while_closing=let_in)
            request.session["workspace"] = str(membership.workspace_id)
        # Before it may be refused: the refusal's page says in which workspace it is.
        tenancy.act_as(request, membership)
        timezone.activate(zone_of(membership.user))
        tenancy.check_served(membership, opened_to=page.open_when_suspended, method=request.method or "")
        tenancy.check_same_workspace(request, membership, must_say=True)
        tenancy.note_activity(membership, request)
        return None

    def process_exception(self, request: HttpRequest, error: Exception) -> HttpResponse | None:
        """Refusals on pages: the page for its status, with the message that says what to do."""
        audit.note_refusal(error, request)
        return refusal(request, error) if isinstance(error, AppError) else None


def _of_another_workspace(request: HttpRequest, error: tenancy.OtherWorkspace) -> HttpResponse:
    is_looking = request.method in tenancy.SAFE_METHODS
    # A question that was typed is not lost: it goes along to the workspace it was meant for.
    typed = request.POST.get("prompt", "")
    page = refusal(request, error, other_workspace=tenancy.meant(request), is_looking=is_looking, typed=typed)
    if "workspace" in request.GET:
        # A part of a page that looks again and again: its whole page says where it belongs.
        page["HX-Redirect"] = request.get_full_path()
    return page


def refusal(request: HttpRequest, error: AppError, **more: Any) -> HttpResponse:
    """Each says its own detail; a 404 says the same of everything, so that a stranger learns nothing."""
    template = TEMPLATES.get(error.code) or TEMPLATES.get(error.status, "refused.html")
    context = {"error": error, "code": error.code, "detail": error.detail, "again_url": again_url(request), **more}
    response = render(request, template, context, status=error.status)
    if error.retry_after is not None:
        response["Retry-After"] = str(int(error.retry_after) + 1)
    return response
