"""What answers when no app does: the start address, refusals of the framework, and the closed staff pages."""

import logging
import math
import sys

import psycopg
import redis
from django.core.exceptions import RequestDataTooBig
from django.db import InterfaceError, OperationalError
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.template import loader
from django.utils.translation import gettext
from django.views.decorators.http import require_safe

from config import logs
from config.errors import CONTENT_TYPE, AppError, answer

log = logging.getLogger(__name__)
RETRY_SECONDS = 60
# Postgres or Valkey does not answer, or breaks off: a supervisor has it back in seconds.
AWAY = (OperationalError, InterfaceError, psycopg.OperationalError, redis.ConnectionError, redis.TimeoutError)
AWAY_SECONDS = 5

# The first part of every address that programs call; a test compares it with the routes.
API_ROOTS = frozenset(
    {
        "admin",
        "agent",
        "auth",
        "erasures",
        "invitations",
        "subscription",
        "tasks",
        "usage",
        "user",
        "webhooks",
        "workspace",
    }
)


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


class TooMany(AppError):
    code = "rate-limited"
    status = 429


class ServerError(AppError):
    code = "server-error"
    status = 500


class Unavailable(AppError):
    code = "unavailable"
    status = 503


def wants_problem(request: HttpRequest) -> bool:
    """Whether a program asks: by the address or its token, else by what it likes best."""
    if request.path.lstrip("/").partition("/")[0] in API_ROOTS:
        return True
    if request.headers.get("Authorization", "").lower().startswith("bearer "):
        return True
    best = request.get_preferred_type(["text/html", "application/json", CONTENT_TYPE])
    return best is not None and "json" in best


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
    return _refusal(request, Forbidden(gettext("This is not for you. Ask an owner of the workspace.")), "403.html")


def not_found(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    return _refusal(request, NotFound(gettext("There is nothing here for you.")), "404.html")


def forgery(request: HttpRequest, reason: str = "") -> HttpResponse:
    """Django's check that a form came from one of our own pages has failed."""
    log.warning("a form was refused: %s", reason)
    words = gettext("This form was open for too long, or cookies are off. Reload the page and send it again.")
    return _refusal(request, Forbidden(words), "refused.html")


def too_many(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    """The limits of the sign-in pages."""
    words = gettext("There were too many attempts from here. Wait a minute and try again.")
    return _refusal(request, TooMany(words, retry_after=RETRY_SECONDS), "429.html")


def server_error(request: HttpRequest) -> HttpResponse:
    """Within the handling of what was raised."""
    number, is_away = logs.this_request(), isinstance(sys.exception(), AWAY)
    log.error("error %s at %s", number, logs.place(request))
    words = gettext("The fault is on our side. Number to quote: %s") % number
    error: AppError = ServerError(words, request_id=number)
    if is_away:
        words = gettext("A part of Docent does not answer at this moment. Try again in a few seconds.")
        error = Unavailable(words, retry_after=AWAY_SECONDS, request_id=number)
    if wants_problem(request):
        return answer(request, error)
    # Without the request: what failed may have been a context processor.
    context = {"request_id": number, "error": error, "is_away": is_away}
    response = HttpResponse(loader.get_template("500.html").render(context), status=error.status)
    if is_away:
        response["Retry-After"] = str(AWAY_SECONDS)
    return response


def again_url(request: HttpRequest) -> str:
    """The page that was asked for, or empty where its address only takes what is sent."""
    view = getattr(request.resolver_match and request.resolver_match.func, "view_class", None)
    if not hasattr(view, "get"):
        return ""
    return request.get_full_path() if request.method == "GET" else request.path


def _refusal(request: HttpRequest, error: AppError, template: str) -> HttpResponse:
    if wants_problem(request):
        return answer(request, error)
    context = {"error": error, "code": error.code, "detail": error.detail, "again_url": again_url(request)}
    response = render(request, template, context, status=error.status)
    if error.retry_after is not None:
        response["Retry-After"] = str(math.ceil(error.retry_after))
    return response
