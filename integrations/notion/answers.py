"""Turns an unsuccessful answer of Notion into one of our errors."""

import json
import math
import time
from collections.abc import Mapping
from email.utils import parsedate_to_datetime
from typing import Any

from integrations.notion import errors
from integrations.notion.cleaning import storable

DEFAULT_RETRY_AFTER = 30.0

_BY_STATUS: dict[int, type[errors.Refused]] = {
    400: errors.Invalid,
    401: errors.Unauthorized,
    403: errors.Restricted,
    409: errors.Conflict,
}


def error_for(status: int, headers: Mapping[str, str], text: str) -> errors.NotionError:
    body = _body(text)
    details = body.get("additional_data")
    details = details if isinstance(details, dict) else {}
    # OAuth answers in Notion's form or in the form of RFC 6749.
    code = _text(body.get("code")) or _text(body.get("error"))
    message = _text(body.get("message")) or _text(body.get("error_description"))
    facts: dict[str, Any] = {
        "status": status,
        "code": code,
        "request_id": _text(body.get("request_id")) or headers.get("x-notion-request-id", ""),
        "details": details,
    }
    said = message or code or f"Notion answered {status}"

    if details.get("rate_limit_reason") == "public_api_request_blocked":
        return errors.Restricted(said, **facts)
    if status in (429, 529):
        pause = retry_after(headers, details)
        return errors.RateLimited(said, retry_after=DEFAULT_RETRY_AFTER if pause is None else pause, **facts)
    if status == 504:
        return errors.TimedOut(said, retry_after=retry_after(headers, details), **facts)
    # A refusal counts only when Notion itself says it: a proxy's HTML 404 must never pass for a deleted page.
    if status >= 500 or not code:
        return errors.Unreachable(said, retry_after=retry_after(headers, details), **facts)
    return _refusal(status, code, message)(said, **facts)


def retry_after(headers: Mapping[str, str], details: Mapping[str, Any]) -> float | None:
    """Seconds to stay away, from the header (seconds or a date) or the body; None when nothing usable is said."""
    for value in (headers.get("retry-after"), details.get("retry_after")):
        seconds = _seconds(value)
        if seconds is not None:
            return seconds
    return None


def _refusal(status: int, code: str, message: str) -> type[errors.Refused]:
    if code == "invalid_grant":
        return errors.InvalidGrant
    if status == 404:
        return errors.NotFound if code == "object_not_found" else errors.Refused
    if status == 400 and "start_cursor provided is invalid" in message:
        return errors.StaleCursor
    return _BY_STATUS.get(status, errors.Refused)


def _seconds(value: object) -> float | None:
    if not isinstance(value, (str, int, float)) or isinstance(value, bool):
        return None
    try:
        seconds = float(value)
    except ValueError:
        try:
            seconds = parsedate_to_datetime(str(value)).timestamp() - time.time()
        except (ValueError, OverflowError):
            return None
    return max(0.0, seconds) if math.isfinite(seconds) else None


def _body(text: str) -> dict[str, Any]:
    try:
        body = storable(json.loads(text))
    except (ValueError, RecursionError):
        return {}
    return body if isinstance(body, dict) else {}


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""
