"""Which address does what. Ids in braces ending in _id are checked to be uuids, except of properties and tasks."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from devkit.notion import comment_writes, markdown_writes, reads, table_writes, uploads, writes
from devkit.notion.calls import Call
from devkit.notion.model import Json
from devkit.notion.render import OLD, V2025, V2026

NEW = (V2025, V2026)
Handler = Callable[[Call], Json]


@dataclass(frozen=True)
class Route:
    method: str
    pattern: re.Pattern[str]
    handler: Handler
    capability: str = "read"
    versions: tuple[str, ...] = (OLD, V2025, V2026)


def route(method: str, path: str, handler: Handler, capability: str = "read", only_new: bool = False) -> Route:
    pattern = re.compile("/v1/" + re.sub(r"\{(\w+)\}", r"(?P<\1>[^/]+)", path) + "/?")
    return Route(method, pattern, handler, capability, NEW if only_new else (OLD, *NEW))


ROUTES = [
    route("GET", "users/me", reads.me, ""),
    route("GET", "users", reads.users, ""),
    route("GET", "users/{user_id}", reads.user, ""),
    route("POST", "search", reads.search_all),
    route("POST", "pages", writes.create_page, "insert"),
    route("GET", "pages/{page_id}", reads.page),
    route("PATCH", "pages/{page_id}", writes.update_page, "update"),
    route("GET", "pages/{page_id}/markdown", reads.page_markdown, only_new=True),
    route("PATCH", "pages/{page_id}/markdown", markdown_writes.update_markdown, "update", only_new=True),
    route("GET", "async_tasks/{task_id}", markdown_writes.async_task, "", only_new=True),
    route("GET", "pages/{page_id}/properties/{property_id}", reads.page_property),
    route("POST", "pages/{page_id}/move", writes.move_page, "update", only_new=True),
    route("GET", "blocks/{block_id}", reads.block),
    route("PATCH", "blocks/{block_id}", writes.update_block, "update"),
    route("DELETE", "blocks/{block_id}", writes.delete_block, "update"),
    route("GET", "blocks/{block_id}/children", reads.block_children),
    route("PATCH", "blocks/{block_id}/children", writes.append_children, "insert"),
    route("POST", "databases", table_writes.create_database, "insert"),
    route("GET", "databases/{database_id}", reads.database),
    route("PATCH", "databases/{database_id}", table_writes.update_database, "update"),
    route("POST", "databases/{database_id}/query", reads.old_query),
    route("POST", "data_sources", table_writes.create_data_source, "insert", only_new=True),
    route("GET", "data_sources/{data_source_id}", reads.data_source, only_new=True),
    route("PATCH", "data_sources/{data_source_id}", table_writes.update_data_source, "update", only_new=True),
    route("GET", "data_sources/{data_source_id}/templates", reads.templates, only_new=True),
    route("POST", "data_sources/{data_source_id}/query", reads.query, only_new=True),
    route("GET", "comments", reads.comments, ""),
    route("POST", "comments", comment_writes.create_comment, "comments_insert"),
    route("GET", "comments/{comment_id}", reads.comment, ""),
    route("PATCH", "comments/{comment_id}", comment_writes.update_comment, "comments_insert"),
    route("DELETE", "comments/{comment_id}", comment_writes.delete_comment, "comments_insert"),
    route("GET", "file_uploads", uploads.uploads, ""),
    route("POST", "file_uploads", uploads.create_upload, "insert"),
    route("GET", "file_uploads/{file_upload_id}", uploads.upload, ""),
    route("POST", "file_uploads/{file_upload_id}/send", uploads.send_upload, "insert"),
    route("POST", "file_uploads/{file_upload_id}/complete", uploads.complete_upload, "insert"),
    *(
        route(method, path, reads.later(name), "")
        for method, path, name in (
            ("GET", "views", "list views"),
            ("POST", "views", "create view"),
            ("GET", "views/{view_id}", "retrieve view"),
            ("PATCH", "views/{view_id}", "update view"),
            ("DELETE", "views/{view_id}", "delete view"),
            ("POST", "views/{view_id}/queries", "create view query"),
            ("GET", "views/{view_id}/queries/{query_id}", "retrieve view query"),
            ("DELETE", "views/{view_id}/queries/{query_id}", "delete view query"),
            ("GET", "custom_emojis", "list custom emojis"),
            ("POST", "blocks/meeting_notes/query", "query meeting notes"),
        )
    ),
]


def find(method: str, path: str) -> tuple[Route, dict[str, str]] | None:
    for one in ROUTES:
        match = one.pattern.fullmatch(path)
        if match is not None and one.method == method:
            return one, match.groupdict()
    return None
