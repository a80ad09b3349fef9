"""Asking Notion about a task: its row and the columns of its database, as they are this moment."""

import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.conf import settings
from django.utils import timezone

from accounts import background, connections
from accounts.models import Connection
from config import valkey
from config.errors import AppError
from integrations import notion
from integrations.notion import Notion
from integrations.notion.setup import budget_from_settings
from tasks import attempts
from tasks.mapping import refreshed
from tasks.models import Outgoing, Task, TaskSource

Json = dict[str, Any]
SHOWN = 25


class Gone(Exception):
    """Notion has the page in its trash or in another place, or shows it no longer."""


class DatabaseGone(Exception):
    """As `Gone`, of the database that the row lies in or is to be made in."""


class NotionAway(AppError):
    code = "notion-unreachable"
    status = 503


@contextmanager
def opened(connection: Connection, outgoing_id: str | None = None, lease: uuid.UUID | None = None) -> Iterator[Notion]:
    def wait(seconds: float) -> None:
        background.renew_lease()
        if outgoing_id is not None:
            Outgoing.objects.filter(pk=outgoing_id, lease=lease).update(leased_until=timezone.now() + attempts.life())
        time.sleep(seconds)

    with Notion(
        connections.access_token(connection),
        settings.NOTION_API_URL,
        budget=budget_from_settings(valkey.client(), str(connection.id), workspace=connection.notion_workspace_id),
        version=settings.NOTION_VERSION,
        wait=wait,
        patience=notion.HASTY,
        renew=lambda rejected: connections.renewed_token(connection, rejected=rejected),
    ) as client:
        yield client


def page_of(client: Notion, task: Task) -> Json:
    try:
        page = whole(client, client.page(task.notion_page_id))
    except notion.NotFound as error:
        raise Gone from error
    if has_moved(task, page):
        raise Gone
    return page


def has_moved(task: Task, page: Json) -> bool:
    """Out of the database whose rows are tasks: its columns say nothing of this page."""
    parent = page.get("parent") or {}
    return task.task_source is not None and parent.get("data_source_id") != task.task_source.data_source_id


def whole(client: Notion, page: Json) -> Json:
    """Lists of people beyond the 25 that a page shows."""
    values = dict(page.get("properties") or {})
    for name, value in values.items():
        if value.get("type") == "people" and len(value.get("people") or []) >= SHOWN:
            items = client.page_property(page["id"], value["id"])
            values[name] = value | {"people": [item["people"] for item in items if "people" in item]}
    return {**page, "properties": values}


def columns_now(client: Notion, outgoing: Outgoing) -> Json:
    """The columns as they are now: options are written by ids that exist."""
    source = outgoing.task.task_source
    assert source is not None
    schema = client.data_source(source.data_source_id).get("properties") or {}
    fresh = refreshed(source, schema)
    if any(getattr(source, name) != value for name, value in fresh.items()):
        type(source).objects.filter(pk=source.pk).update(**fresh)
    return dict(fresh["columns"])


def learn_columns(source: TaskSource) -> None:
    connection = Connection.objects.filter(pk=source.connection_id, status=Connection.Status.ACTIVE).first()
    if connection is None:
        raise NotionAway("Connect Notion again, then change this task.")
    try:
        with opened(connection) as client:
            schema = client.data_source(source.data_source_id).get("properties") or {}
    except notion.NotionError as error:
        raise NotionAway(f"Notion did not say which columns there are: {error}. Try again.") from error
    TaskSource.objects.filter(pk=source.pk).update(**refreshed(source, schema))
    source.refresh_from_db()
