"""What Stripe answers when it refuses."""

from __future__ import annotations

from typing import Any

Json = dict[str, Any]
VERSION = "2026-10-28.endive"
DOCS = "https://stripe.com/docs/error-codes/"


class ApiError(Exception):
    """`executed`: the work had begun, so that an idempotency key keeps this answer.
    `keep`: what was done before the refusal stays done (a payment that was tried and declined)."""

    def __init__(
        self,
        status: int,
        message: str,
        *,
        type: str = "invalid_request_error",
        code: str | None = None,
        param: str | None = None,
        executed: bool = True,
        keep: bool = False,
        **more: Any,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.executed = executed
        self.keep = keep
        self.headers: dict[str, str] = {}
        self.error: Json = {"message": message, "type": type}
        if code:
            self.error |= {"code": code, "doc_url": DOCS + code.replace("_", "-")}
        if param:
            self.error["param"] = param
        self.error |= {name: value for name, value in more.items() if value is not None}

    def body(self) -> Json:
        return {"error": self.error}


def invalid(message: str, param: str | None = None, code: str | None = None) -> ApiError:
    return ApiError(400, message, code=code, param=param)


def unreadable(message: str, param: str, code: str) -> ApiError:
    """The parameters themselves are wrong: nothing was executed, and no idempotency key remembers it."""
    return ApiError(400, message, code=code, param=param, executed=False)


def unknown_parameter(name: str) -> ApiError:
    return unreadable(f"Received unknown parameter: {name}", name, "parameter_unknown")


def missing_parameter(name: str) -> ApiError:
    return unreadable(f"Missing required param: {name}.", name, "parameter_missing")


def no_such(kind: str, id: str, *, param: str | None = None) -> ApiError:
    """404 for what the address names, 400 for what a parameter names."""
    status = 404 if param is None else 400
    return ApiError(status, f"No such {kind}: '{id}'", code="resource_missing", param=param or "id")


def unknown_url(method: str, path: str) -> ApiError:
    message = f"Unrecognized request URL ({method}: {path}). This stand-in does not know it, or Stripe does not."
    return ApiError(404, message, executed=False)


def other_version(version: str) -> ApiError:
    return ApiError(400, f"Invalid Stripe API version: {version}. This stand-in speaks {VERSION} only.", executed=False)


def unauthorized(key: str) -> ApiError:
    if not key:
        message = "You did not provide an API key. Provide it in the Authorization header, using Bearer auth."
    elif key.startswith("sk_live_"):
        message = "This is a stand-in for Stripe: it takes test keys only, never a live key."
    else:
        message = f"Invalid API Key provided: {key[:8]}****{key[-4:]}"
    return ApiError(401, message, executed=False)


def card_error(
    message: str, code: str, *, decline_code: str | None = None, keep: bool = False, **more: Any
) -> ApiError:
    return ApiError(402, message, type="card_error", code=code, decline_code=decline_code, keep=keep, **more)


def rate_limited() -> ApiError:
    error = ApiError(
        429,
        "Request rate limit exceeded. Learn more about rate limits at https://docs.stripe.com/rate-limits.",
        code="rate_limit",
        executed=False,
    )
    error.headers["stripe-rate-limited-reason"] = "global-rate"
    return error


def server_failed() -> ApiError:
    return ApiError(500, "An unknown error occurred", type="api_error")
