"""The recorded answers and the schema of Notion's own client, both kept beside the project."""

from __future__ import annotations

import json
import re
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from jsonschema_rs import Draft7Validator

SHARED = Path(__file__).resolve().parents[3] / ".." / "shared" / "notion"
RECORDED = SHARED / "recorded"
SCHEMA = SHARED / "fidelity" / "notionhq-client-5.26.0.responses.schema.json"
needs_recordings = pytest.mark.skipif(not RECORDED.is_dir(), reason="../shared/notion/recorded is absent")
needs_schema = pytest.mark.skipif(not SCHEMA.is_file(), reason="../shared/notion/fidelity is absent")

Json = dict[str, Any]
# What answers which address, by the names of Notion's own client; `*` is an id.
ANSWERS = [
    ("GET", "users/me", "GetSelfResponse"),
    ("GET", "users", "ListUsersResponse"),
    ("GET", "users/*", "GetUserResponse"),
    ("POST", "search", "SearchResponse"),
    ("POST", "pages", "CreatePageResponse"),
    ("GET", "pages/*", "GetPageResponse"),
    ("PATCH", "pages/*", "UpdatePageResponse"),
    ("GET", "pages/*/markdown", "GetPageMarkdownResponse"),
    ("PATCH", "pages/*/markdown", "UpdatePageMarkdownResponse"),
    ("GET", "async_tasks/*", "GetAsyncTaskResponse"),
    ("GET", "pages/*/properties/*", "GetPagePropertyResponse"),
    ("POST", "pages/*/move", "MovePageResponse"),
    ("GET", "blocks/*", "GetBlockResponse"),
    ("PATCH", "blocks/*", "UpdateBlockResponse"),
    ("DELETE", "blocks/*", "DeleteBlockResponse"),
    ("GET", "blocks/*/children", "ListBlockChildrenResponse"),
    ("PATCH", "blocks/*/children", "AppendBlockChildrenResponse"),
    ("POST", "databases", "CreateDatabaseResponse"),
    ("GET", "databases/*", "GetDatabaseResponse"),
    ("PATCH", "databases/*", "UpdateDatabaseResponse"),
    ("POST", "databases/*/query", "QueryDataSourceResponse"),
    ("POST", "data_sources", "CreateDataSourceResponse"),
    ("GET", "data_sources/*", "GetDataSourceResponse"),
    ("PATCH", "data_sources/*", "UpdateDataSourceResponse"),
    ("GET", "data_sources/*/templates", "ListDataSourceTemplatesResponse"),
    ("POST", "data_sources/*/query", "QueryDataSourceResponse"),
    ("GET", "comments", "ListCommentsResponse"),
    ("GET", "comments/*", "GetCommentResponse"),
    ("POST", "comments", "CreateCommentResponse"),
    ("PATCH", "comments/*", "UpdateCommentResponse"),
    ("DELETE", "comments/*", "DeleteCommentResponse"),
    ("GET", "file_uploads", "ListFileUploadsResponse"),
    ("POST", "file_uploads", "CreateFileUploadResponse"),
    ("GET", "file_uploads/*", "GetFileUploadResponse"),
    ("POST", "file_uploads/*/send", "SendFileUploadResponse"),
    ("POST", "file_uploads/*/complete", "CompleteFileUploadResponse"),
    ("POST", "oauth/token", "OauthTokenResponse"),
    ("POST", "oauth/introspect", "OauthIntrospectResponse"),
    ("POST", "oauth/revoke", "OauthRevokeResponse"),
]
WHOLE = {
    "page": "PageObjectResponse",
    "data_source": "DataSourceObjectResponse",
    "database": "DatabaseObjectResponse",
    "comment": "CommentObjectResponse",
    "file_upload": "FileUploadObjectResponse",
    "user": "UserObjectResponse",
    "page_markdown": "PageMarkdownResponse",
    "async_task": "GetAsyncTaskResponse",
}


def interactions(name: str) -> list[Json]:
    recording = json.loads((RECORDED / f"{name}.json").read_text())
    found: list[Json] = recording.get("sequence", [recording])
    return found


@cache
def validator(definition: str) -> Draft7Validator:
    definitions = json.loads(SCHEMA.read_text())["definitions"]
    return Draft7Validator({"$ref": f"#/definitions/{definition}", "definitions": definitions}, validate_formats=False)


def definition_of(method: str, path: str) -> str:
    """The type of an address's answer. An address that is missing here fails its test."""
    for known, pattern, definition in ANSWERS:
        if known == method and re.fullmatch(pattern.replace("*", "[^/]+"), path.removeprefix("/v1/")):
            return definition
    raise AssertionError(f"No type is known for the answer of {method} {path}")


def check(method: str, path: str, body: Json, *, version: str = "") -> None:
    """A whole answer against the schema, and every object in it against the type of whole objects.

    The types of answers allow stubs of an object and an id, and so anything that has both.
    """
    if not SCHEMA.is_file():
        return
    is_put_off = body.get("object") == "async_task"
    _hold(body, WHOLE["async_task"] if is_put_off else definition_of(method, path))
    for shown in body["results"] if body.get("object") == "list" else [body]:
        if shown.get("object") in (None, "property_item") or set(shown) - {"request_id"} == {"object", "id"}:
            continue
        _hold(_typed(shown, version), _whole(shown))


def _hold(body: Json, definition: str) -> None:
    errors = [f"{error.instance_path}: {error.message[:300]}" for error in validator(definition).iter_errors(body)]
    assert not errors, f"This is no {definition}: {errors[:3]}"


def _whole(shown: Json) -> str:
    if shown["object"] == "block":
        return "".join(word.capitalize() for word in shown["type"].split("_")) + "BlockObjectResponse"
    return WHOLE[shown["object"]]


def _typed(shown: Json, version: str) -> Json:
    """Buttons and places are real and missing from the types, as are two keys from databases of the oldest version."""
    if shown["object"] == "database" and version == "2022-06-28":
        return shown | {"is_locked": False, "data_sources": []}
    if shown["object"] != "data_source":
        return shown
    kept = {n: p for n, p in shown["properties"].items() if p["type"] not in ("button", "place", "verification")}
    return shown | {"properties": kept}
