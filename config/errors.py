"""The one place where a refusal becomes an answer: RFC 9457 problem documents for programs."""

import math
from collections.abc import Sequence
from http import HTTPStatus
from typing import Any, ClassVar

from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, JsonResponse
from rest_framework import exceptions
from rest_framework.response import Response

CONTENT_TYPE = "application/problem+json"


class AppError(Exception):
    """A refusal with a code, a status and a message that says what to do. Subclasses stand beside what raises them."""

    code: ClassVar[str] = "refused"
    status: ClassVar[int] = 400
    # True where it would not be said to whom has paid for more.
    is_for_payment: ClassVar[bool] = False

    def __init__(self, detail: str, *, retry_after: float | None = None, **extra: Any) -> None:
        super().__init__(detail)
        self.detail = detail
        self.retry_after = retry_after
        self.extra = extra


class InvalidField(AppError):
    """Input that only a service can judge; `pointer` names the field as in a JSON pointer."""

    code = "invalid"

    def __init__(self, detail: str, *, pointer: str, field_code: str = "invalid") -> None:
        super().__init__(detail, errors=[{"pointer": pointer, "code": field_code, "detail": detail}])
        self.field = pointer.removeprefix("/")


def problem(*, code: str, status: int, detail: str, instance: str, **extra: Any) -> dict[str, Any]:
    return {
        "type": f"/problems/{code}",
        "title": HTTPStatus(status).phrase,
        "status": status,
        "detail": detail,
        "instance": instance,
        **extra,
    }


def handler(error: Exception, context: dict[str, Any]) -> Response | None:
    """DRF's exception handler. What it does not know becomes a 500 with Django's own logging."""
    request = context["request"]
    headers: dict[str, str] = {}
    if isinstance(error, AppError):
        body = problem(code=error.code, status=error.status, detail=error.detail, instance=request.path, **error.extra)
        if error.retry_after is not None:
            headers["Retry-After"] = str(math.ceil(error.retry_after))
    elif isinstance(error, Http404):
        body = problem(code="not-found", status=404, detail="There is nothing here for you.", instance=request.path)
    elif isinstance(error, PermissionDenied):
        body = problem(code="forbidden", status=403, detail=str(error) or "Not allowed.", instance=request.path)
    elif isinstance(error, exceptions.APIException):
        body = _from_framework(error, request.path, context["view"].allowed_methods)
        if wait := getattr(error, "wait", None):
            headers["Retry-After"] = str(math.ceil(wait))
        if authenticate := getattr(error, "auth_header", None):
            headers["WWW-Authenticate"] = authenticate
    else:
        return None
    return Response(body, status=body["status"], headers=headers, content_type=CONTENT_TYPE)


CODES = {
    "parse_error": "malformed",
    "not_authenticated": "not-authenticated",
    "authentication_failed": "not-authenticated",
    "permission_denied": "forbidden",
    "not_found": "not-found",
    "method_not_allowed": "method-not-allowed",
    "unsupported_media_type": "unsupported-media-type",
    "not_acceptable": "not-acceptable",
    "throttled": "rate-limited",
}


# The framework says what is wrong and not what to do.
WORDS = {
    "not_authenticated": "Nobody is signed in. Send an access token, which POST /auth/login gives, or an API key in "
    "the header Authorization: Bearer ACCESS.",
    "bad_authorization_header": "The header Authorization cannot be read. Send it as Authorization: Bearer ACCESS.",
    "unsupported_media_type": "Only JSON is read. Send it with the header Content-Type: application/json.",
}


def _words(error: exceptions.APIException, code: str, allowed: Sequence[str]) -> str:
    if isinstance(error, exceptions.MethodNotAllowed):
        return f"This address cannot be called like that. It takes {', '.join(allowed)}."
    if isinstance(error, exceptions.NotAcceptable) and error.available_renderers:
        kind = error.available_renderers[0].media_type
        return f"The answer is of the type {kind}. Send the header Accept: {kind}, or none."
    # simplejwt's refusals carry a mapping.
    return WORDS.get(code) or str(error.detail["detail"] if isinstance(error.detail, dict) else error.detail)


def _from_framework(error: exceptions.APIException, path: str, allowed: Sequence[str]) -> dict[str, Any]:
    if isinstance(error, exceptions.ValidationError):
        errors = list(_fields(error.get_full_details(), ""))
        detail = errors[0]["detail"] if len(errors) == 1 else "Some fields are not right."
        return problem(code="invalid", status=400, detail=detail, instance=path, errors=errors)
    codes = error.get_codes()
    code = codes if isinstance(codes, str) else error.default_code
    name = CODES.get(code, code.replace("_", "-"))
    return problem(code=name, status=error.status_code, detail=_words(error, code, allowed), instance=path)


def _fields(details: Any, pointer: str) -> Any:
    """Every leaf of a serializer's errors with the JSON pointer to its field."""
    if _is_leaf(details):
        yield {"pointer": pointer, "code": str(details["code"]), "detail": str(details["message"])}
    elif isinstance(details, dict):
        for name, inner in details.items():
            step = "" if name == "non_field_errors" else f"/{name}"
            yield from _fields(inner, pointer + step)
    else:
        for index, inner in enumerate(details):
            nested = isinstance(inner, dict) and not _is_leaf(inner)
            yield from _fields(inner, f"{pointer}/{index}" if nested else pointer)


def _is_leaf(details: Any) -> bool:
    """Fields may have these names too; there they hold lists."""
    return isinstance(details, dict) and set(details) == {"message", "code"} and isinstance(details["code"], str)


def answer(request: HttpRequest, error: AppError) -> JsonResponse:
    """The same document outside DRF."""
    response = JsonResponse(
        problem(code=error.code, status=error.status, detail=error.detail, instance=request.path, **error.extra),
        status=error.status,
        content_type=CONTENT_TYPE,
    )
    if error.retry_after is not None:
        response["Retry-After"] = str(math.ceil(error.retry_after))
    return response
