"""What answers when no app does: the start address, refusals of the framework, and the closed staff pages."""

import logging
import secrets

from django.core.exceptions import RequestDataTooBig
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.template import loader
from django.utils.translation import gettext
from django.views.decorators.http import require_safe

from config.errors import AppError, answer

log = logging.getLogger(__name__)

# The first part of every address that programs call; a test compares it with the routes.
API_ROOTS = frozenset({"admin", "agent", "auth", "invitations", "subscription", "tasks", "usage", "user", "workspace"})


class BadRequest(AppError):
    code = "malformed"
    status = 400


class TooLarge(AppError):
    code = "too-large"
    status = 413


class Forbidden(AppError):
    code = "forbidden"
    status = 403


class NotFound(AppError):
    code = "not-found"
    status = 404


class ServerError(AppError):
    code = "server-error"
    status = 500


def wants_problem(request: HttpRequest) -> bool:
    """Whether a program asks: by the address, else by what it accepts."""
    if request.path.lstrip("/").partition("/")[0] in API_ROOTS:
        return True
    accepted = request.headers.get("Accept", "")
    return "json" in accepted and "text/html" not in accepted


@require_safe
def start(request: HttpRequest) -> HttpResponseBase:
    return redirect("/app" if request.user.is_authenticated else "account_login")


@require_safe
def to_staff(request: HttpRequest) -> HttpResponseBase:
    """Customers' administration is `/admin/users`; ours is elsewhere."""
    return redirect("/staff/")


def bad_request(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    error: AppError = BadRequest(gettext("This request cannot be read."))
    if isinstance(exception, RequestDataTooBig):
        error = TooLarge(gettext("The body is too large."))
    return _refusal(request, error, "refused.html")


def forbidden(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    return _refusal(request, Forbidden(gettext("You may not do this here.")), "403.html")


def not_found(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    return _refusal(request, NotFound(gettext("There is nothing here for you.")), "404.html")


def forgery(request: HttpRequest, reason: str = "") -> HttpResponse:
    """Django's check that a form came from one of our own pages has failed."""
    log.warning("a form was refused: %s", reason)
    words = gettext("This form was open for too long, or cookies are off. Reload the page and send it again.")
    return _refusal(request, Forbidden(words), "refused.html")


def server_error(request: HttpRequest) -> HttpResponse:
    number = secrets.token_hex(4)
    log.error("error %s at %s", number, request.path)
    if wants_problem(request):
        words = gettext("The fault is on our side. Number to quote: %s") % number
        return answer(request, ServerError(words, request_id=number))
    # Without the request: what failed may have been a context processor.
    return HttpResponse(loader.get_template("500.html").render({"request_id": number}), status=500)


def _refusal(request: HttpRequest, error: AppError, template: str) -> HttpResponse:
    if wants_problem(request):
        return answer(request, error)
    context = {"error": error, "code": error.code, "detail": error.detail}
    return render(request, template, context, status=error.status)
