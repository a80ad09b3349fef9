"""Writing to Notion what stands in the outbox: never twice, never lost, and only over what we have seen.

Each step is kept before the next begins, so a worker may die at any line: whoever comes next reads Notion first.
"""

import logging
import random
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import transaction
from django.utils import timezone
from django.utils.dateparse import parse_datetime

from accounts import background, connections
from accounts.models import Connection
from billing import reading
from billing.effective import PaymentRequired, TrialExpired
from config import valkey
from config.errors import AppError
from integrations import notion
from integrations.notion import Notion
from integrations.notion.setup import budget_from_settings
from tasks import attempts, merging, outbox, writing
from tasks.mapping import read_row, refreshed
from tasks.models import Outgoing, Task, TaskChange, TaskSource

log = logging.getLogger(__name__)
Json = dict[str, Any]
# Whether a plan that has ended goes on.
LOOK_AGAIN = timedelta(hours=1)
# Clocks differ, and Notion tells minutes.
OVERLAP = timedelta(minutes=5)
MOST_CONFLICTS = 3
SHOWN = 25


class Gone(Exception):
    """Notion has the page in its trash, or shows it no longer."""


def send(*, outgoing_id: str) -> None:
    lease = attempts.claim(outgoing_id)
    if lease is None:
        return
    connection = None
    try:
        outgoing = Outgoing.objects.get(pk=outgoing_id)
        connection = Connection.objects.filter(pk=outgoing.connection_id, status=Connection.Status.ACTIVE).first()
        if connection is None:
            attempts.wait(outgoing_id, "Connect Notion again; the change goes then.", due_in=None)
            return
        reading.check_is_open(connection.workspace_id, now=timezone.now())
        with _opened(connection, outgoing_id, lease) as client:
            _send_all(client, outgoing_id, lease)
    except (TrialExpired, PaymentRequired) as closed:
        attempts.wait(outgoing_id, f"{closed.detail} The change goes then.", due_in=LOOK_AGAIN.total_seconds())
    except Gone:
        attempts.gone(outgoing_id)
    except notion.Unauthorized:
        if connection is not None:
            Connection.objects.filter(pk=connection.pk).update(status=Connection.Status.REAUTHORIZE)
        attempts.wait(
            outgoing_id, "Notion no longer accepts the connection. Connect again; the change goes then.", due_in=None
        )
    except (notion.Unreachable, notion.Conflict) as error:
        attempts.wait(outgoing_id, str(error), due_in=getattr(error, "retry_after", None) or 0.0)
    except writing.NoColumn as error:
        attempts.fail(outgoing_id, f"The database has no column any more that could hold this: {error}.")
    except notion.NotionError as error:
        attempts.fail(outgoing_id, f"Notion said: {error}")
    except (attempts.Taken, Outgoing.DoesNotExist, Task.DoesNotExist):
        log.info("%s is in other hands or gone", outgoing_id)
    finally:
        attempts.release(outgoing_id, lease)


def _send_all(client: Notion, outgoing_id: str, lease: uuid.UUID) -> None:
    conflicts = 0
    while True:
        outgoing = Outgoing.objects.select_related("task__task_source").filter(pk=outgoing_id).first()
        if outgoing is None or outgoing.state != Outgoing.State.WAITING or not outgoing.fields:
            return
        try:
            if not outgoing.task.notion_page_id:
                _create(client, outgoing, lease)
            else:
                _update(client, outgoing, lease)
        except notion.Conflict:
            conflicts += 1
            if conflicts >= MOST_CONFLICTS:
                raise
            time.sleep(settings.NOTION_FIRST_PAUSE_SECONDS * conflicts * random.uniform(0.5, 1.0))


def _create(client: Notion, outgoing: Outgoing, lease: uuid.UUID) -> None:
    task, source = outgoing.task, outgoing.task.task_source
    assert source is not None
    if outgoing.attempted_at is not None:
        found = _made_before(client, outgoing)
        if found is not None:
            _adopt(outgoing, found)
            return
    if task.trashed_at is not None:
        # Thrown away before Notion ever had it.
        task.delete()
        return
    fields = {name: each["fact"] for name, each in outgoing.fields.items() if name != outbox.TRASH}
    values = writing.properties(fields, _columns_now(client, outgoing))
    attempt = {"attempted_at": outgoing.attempted_at or timezone.now(), "sent": fields}
    attempts.note(outgoing, lease, **attempt)
    try:
        page = client.create_page(writing.new_page(source.data_source_id, values, task.pk))
    except notion.Unreachable as error:
        made = error.details.get("committed_resource_id")
        if not isinstance(made, str):
            raise
        page = client.page(made)
    except notion.Refused:
        # A refusal is certain: no page was made, so nothing has to be looked for.
        if outgoing.attempted_at is None:
            attempts.note(outgoing, lease, attempted_at=None, sent={})
        raise
    _adopt(outgoing, page)


def _made_before(client: Notion, outgoing: Outgoing) -> Json | None:
    """The page that an earlier attempt made, known by the line in it."""
    assert outgoing.attempted_at is not None
    assert outgoing.task.task_source is not None
    since = (outgoing.attempted_at - OVERLAP).replace(second=0, microsecond=0)
    by_time = {"timestamp": "created_time", "created_time": {"on_or_after": since.isoformat()}}
    bot = client.me()["id"]
    wanted = writing.marker(outgoing.task_id)
    for row in client.query(outgoing.task.task_source.data_source_id, filter=by_time):
        if (row.get("created_by") or {}).get("id") != bot or not isinstance(row.get("properties"), dict):
            continue
        for block in client.children(row["id"]):
            texts = (block.get("paragraph") or {}).get("rich_text") or []
            if "".join(str(text.get("plain_text", "")) for text in texts) == wanted:
                return client.page(row["id"])
    return None


def _adopt(outgoing: Outgoing, page: Json) -> None:
    """The page is the task's. A sync may have met it before we knew: then it holds a second task, which goes."""
    with transaction.atomic():
        task = Task.objects.select_for_update().filter(pk=outgoing.task_id).first()
        if task is None:
            return
        twins = Task.objects.select_for_update().filter(connection_id=task.connection_id, notion_page_id=page["id"])
        for twin in twins.exclude(pk=task.pk):
            TaskChange.objects.filter(task=twin).update(task=task)
            twin.delete()
        task.notion_page_id = page["id"]
        task.written_at = _edited_at(page)
        # What the attempt carried has arrived; whatever Notion says beyond it is somebody's edit.
        current = Outgoing.objects.select_for_update().get(pk=outgoing.pk)
        for field, fact in current.sent.items():
            waiting = current.fields.get(field)
            if waiting and merging.same(field, waiting["fact"], fact):
                task.base[field] = [fact, waiting["shown"]]
                del current.fields[field]
        current.save()
        _take_over(task, page)


def _update(client: Notion, outgoing: Outgoing, lease: uuid.UUID) -> None:
    page = _page(client, outgoing.task)
    trash = outgoing.fields.get(outbox.TRASH)
    if page.get("in_trash") and not (trash and trash["fact"] is False):
        if trash:
            _written(outgoing, page, {outbox.TRASH: trash})
            return
        raise Gone
    with transaction.atomic():
        task = Task.objects.select_for_update().get(pk=outgoing.task_id)
        _take_over(task, page)
    left = Outgoing.objects.filter(pk=outgoing.pk).first()
    if left is None or not left.fields:
        return
    sending = dict(left.fields)
    if outbox.TRASH in sending:
        # Alone: a page is changed before it goes, or after it is back.
        sending = {outbox.TRASH: sending[outbox.TRASH]}
    facts = {name: each["fact"] for name, each in sending.items()}
    attempts.note(left, lease, sent=left.sent | facts)
    if outbox.TRASH in facts:
        body: Json = {outbox.TRASH: facts[outbox.TRASH]}
    else:
        body = {"properties": writing.properties(facts, _columns_now(client, left), page)}
    try:
        answer = client.update_page(outgoing.task.notion_page_id, body)
    except notion.Invalid as error:
        # Also when only a page above it is in the trash.
        if "archived" in str(error) or _page(client, outgoing.task).get("in_trash"):
            raise Gone from error
        raise
    _written(left, _whole(client, answer), sending)


def _written(outgoing: Outgoing, page: Json, sent: Json) -> None:
    """Notion has these. What the member edited meanwhile stays to be sent."""
    with transaction.atomic():
        task = Task.objects.select_for_update().filter(pk=outgoing.task_id).first()
        current = Outgoing.objects.select_for_update().filter(pk=outgoing.pk).first()
        if task is None or current is None:
            return
        for name, each in sent.items():
            if (current.fields.get(name) or {}).get("at") == each["at"]:
                del current.fields[name]
        if outbox.TRASH in sent and sent[outbox.TRASH]["fact"]:
            # The rest cannot be written any more, and nobody sees it.
            current.fields = {name: each for name, each in current.fields.items() if name == outbox.TRASH}
        current.tries, current.reason = 0, ""
        task.written_at = _edited_at(page)
        found = read_row(task.task_source, page)
        merging.merge(task, current, page, found, now=timezone.now())
        merging.settle(task, current)


def _take_over(task: Task, page: Json) -> None:
    """Under the task's lock: what Notion says, beside what waits to be sent."""
    outgoing = Outgoing.objects.select_for_update().filter(task=task).first()
    merging.merge(task, outgoing, page, read_row(task.task_source, page), now=timezone.now())
    merging.settle(task, outgoing)


def look(*, task_id: str) -> None:
    """Make a task equal its row as it is this moment."""
    task = Task.objects.select_related("task_source").filter(pk=task_id).exclude(notion_page_id="").first()
    connection = Connection.objects.filter(pk=task.connection_id).first() if task and task.connection_id else None
    if task is None or connection is None or connection.status != Connection.Status.ACTIVE:
        return
    if not reading.can_read(connection, now=timezone.now()):
        return
    with _opened(connection) as client:
        page = client.page(task.notion_page_id)
        page = _whole(client, page)
    if page.get("in_trash"):
        return
    with transaction.atomic():
        locked = Task.objects.select_for_update().filter(pk=task.pk).first()
        # A write that began meanwhile takes over what it finds by itself.
        if locked is not None and locked.written_at == task.written_at:
            _take_over(locked, page)


def _page(client: Notion, task: Task) -> Json:
    try:
        return _whole(client, client.page(task.notion_page_id))
    except notion.NotFound as error:
        raise Gone from error


def _whole(client: Notion, page: Json) -> Json:
    """Lists of people beyond the 25 that a page shows."""
    values = dict(page.get("properties") or {})
    for name, value in values.items():
        if value.get("type") == "people" and len(value.get("people") or []) >= SHOWN:
            items = client.page_property(page["id"], value["id"])
            values[name] = value | {"people": [item["people"] for item in items if "people" in item]}
    return {**page, "properties": values}


def _columns_now(client: Notion, outgoing: Outgoing) -> Json:
    """The columns as they are now: options are written by ids that exist."""
    source = outgoing.task.task_source
    assert source is not None
    schema = client.data_source(source.data_source_id).get("properties") or {}
    fresh = refreshed(source, schema)
    if any(getattr(source, name) != value for name, value in fresh.items()):
        type(source).objects.filter(pk=source.pk).update(**fresh)
    return dict(fresh["columns"])


class NotionAway(AppError):
    code = "notion-unreachable"
    status = 503


def learn_columns(source: TaskSource) -> None:
    connection = Connection.objects.filter(pk=source.connection_id, status=Connection.Status.ACTIVE).first()
    if connection is None:
        raise NotionAway("Connect Notion again, then change this task.")
    try:
        with _opened(connection) as client:
            schema = client.data_source(source.data_source_id).get("properties") or {}
    except notion.NotionError as error:
        raise NotionAway(f"Notion did not say which columns there are: {error}. Try again.") from error
    TaskSource.objects.filter(pk=source.pk).update(**refreshed(source, schema))
    source.refresh_from_db()


def _edited_at(page: Json) -> datetime | None:
    return parse_datetime(str(page.get("last_edited_time")))


def give_up(*, outgoing_id: str) -> None:
    attempts.fail(outgoing_id, "Sending this stopped the worker every time.")


@contextmanager
def _opened(connection: Connection, outgoing_id: str | None = None, lease: uuid.UUID | None = None) -> Iterator[Notion]:
    def wait(seconds: float) -> None:
        background.renew_lease()
        if outgoing_id is not None:
            Outgoing.objects.filter(pk=outgoing_id, lease=lease).update(leased_until=timezone.now() + attempts.life())
        time.sleep(seconds)

    with Notion(
        connections.access_token(connection),
        settings.NOTION_API_URL,
        budget=budget_from_settings(valkey.client(), str(connection.id)),
        version=settings.NOTION_VERSION,
        wait=wait,
        patience=notion.HASTY,
        renew=lambda rejected: connections.renewed_token(connection, rejected=rejected),
    ) as client:
        yield client
