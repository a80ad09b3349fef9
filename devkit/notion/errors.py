"""What Notion answers when it refuses. The wordings are recorded or documented ones; FIDELITY.md says which."""

from __future__ import annotations

import json
from typing import Any

Json = dict[str, Any]


class ApiError(Exception):
    def __init__(self, status: int, code: str, message: str, additional_data: Json | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message
        self.additional_data = additional_data
        self.headers: dict[str, str] = {}

    def body(self, request_id: str) -> Json:
        body: Json = {"object": "error", "status": self.status, "code": self.code, "message": self.message}
        if self.additional_data is not None:
            body["additional_data"] = self.additional_data
        body["request_id"] = request_id
        return body


def invalid(message: str, additional_data: Json | None = None) -> ApiError:
    return ApiError(400, "validation_error", message, additional_data)


def shown(value: object) -> str:
    """A value as the validation messages quote it."""
    return "undefined" if value is None else f"`{json.dumps(value, ensure_ascii=False)}`"


def wrong(where: str, expected: str, value: object) -> ApiError:
    """`where` starts with "path", "query" or "body": path.page_id, body.children[0].type, ..."""
    part = where.split(".")[0]
    return invalid(f"{part} failed validation: {where} should be {expected}, instead was {shown(value)}.")


def object_at(where: str, value: Any) -> Json:
    """What should be an object; nothing is an empty one."""
    if value is not None and not isinstance(value, dict):
        raise wrong(where, "an object", value)
    return value or {}


def string_at(where: str, value: Any) -> str:
    if not isinstance(value, str):
        raise wrong(where, "defined" if value is None else "a string", value)
    return value


def too_many(where: str, limit: int, value: int) -> ApiError:
    return wrong(where, f"≤ `{limit}`", value)


def unknown_url() -> ApiError:
    return ApiError(400, "invalid_request_url", "Invalid request URL.")


def unsupported(name: str) -> ApiError:
    return ApiError(400, "invalid_request", f"Unsupported request: {name}.")


def bad_json() -> ApiError:
    return ApiError(400, "invalid_json", "Error parsing JSON body.")


def unauthorized() -> ApiError:
    return ApiError(401, "unauthorized", "API token is invalid.")


def restricted() -> ApiError:
    return ApiError(403, "restricted_resource", "API token does not have access to this resource.")


def missing_version() -> ApiError:
    return ApiError(
        400,
        "missing_version",
        "Notion-Version header failed validation: Notion-Version header should be defined, instead was undefined.",
    )


def not_found(kind: str, id: str, *, integration: str, bot_id: str) -> ApiError:
    if kind == "user":
        why = (
            "Make sure your integration has capabilities to read user information. With those capabilities, only"
            " members and guests in the integration's workspace are visible."
        )
    else:
        why = f'Make sure the relevant pages and databases are shared with your integration "{integration}".'
    message = f"Could not find {kind} with ID: {id}. {why}"
    return ApiError(404, "object_not_found", message, {"integration_id": bot_id})


def rate_limited(retry_after: object, reason: str = "public_api_request_rate_limit") -> ApiError:
    data: Json = {"rate_limit_reason": reason}
    if retry_after is not None:
        data["retry_after"] = str(retry_after)
    message = "You have been rate limited. Please try again in a few minutes."
    error = ApiError(429, "rate_limited", message, data)
    if retry_after is not None:
        error.headers["retry-after"] = str(retry_after)
    return error


def dead_cursor(cursor: str) -> ApiError:
    return invalid(f"The start_cursor provided is invalid: {cursor}")


def archived() -> ApiError:
    return invalid("Can't edit block that is archived. You must unarchive the block before editing.")


def several_sources(database_id: str, sources: list[str]) -> ApiError:
    return invalid(
        "Databases with multiple data sources are not supported in this API version.",
        {
            "error_type": "multiple_data_sources_for_database",
            "database_id": database_id,
            "child_data_source_ids": sources,
            "minimum_api_version": "2025-09-03",
        },
    )
