"""Making a task equal its row in Notion, beside what waits to be sent."""

import uuid
from collections.abc import Mapping
from typing import Any

from django.db import transaction
from django.utils import timezone
from django.utils.dateparse import parse_datetime

from accounts import background, tenancy
from accounts.models import Connection
from billing import reading
from tasks import merging, outbox, parting
from tasks.answers import take_over
from tasks.asking import has_moved, opened, whole
from tasks.mapping import read_row
from tasks.models import Outgoing, Task, TaskSource
from tasks.sources import held


def mirror(
    *,
    connection_id: uuid.UUID,
    owner_id: uuid.UUID,
    data_source_id: str,
    row: Mapping[str, Any],
) -> None:
    """Make the task equal its Notion row, beside what waits to be sent. Rows of an unmapped database are no tasks, and
    one that has moved there, or to a page, is none any more."""
    source = TaskSource.objects.filter(connection_id=connection_id, data_source_id=data_source_id).first()
    if source is None:
        parting.hide(connection_id=connection_id, notion_page_ids=[str(row["id"])])
        return
    found = read_row(source, row)
    if set(found.people.items()) - set(source.people.items()):
        TaskSource.objects.filter(pk=source.pk).update(people=source.people | found.people)
    with transaction.atomic(savepoint=False):
        if not held(source):
            return
        task = Task.objects.select_for_update().filter(connection_id=connection_id, notion_page_id=row["id"]).first()
        if task is None:
            task = Task(
                connection_id=connection_id,
                notion_page_id=str(row["id"]),
                created_at=parse_datetime(str(row.get("created_time"))) or timezone.now(),
            )
        if task.sync_state == Task.SyncState.GONE:
            # Its row is back, and what could not be written to it can be now.
            outbox.retry(task)
        outgoing = Outgoing.objects.select_for_update().filter(task=task).first() if not task._state.adding else None
        if task.gone_at is not None:
            parting.show_again(connection_id=connection_id, notion_page_ids=[task.notion_page_id])
            task.gone_at = None
        task.owner_id, task.task_source = owner_id, source
        if _may_be_older(task, row) and any(
            not merging.same(field, known[0], found.facts.get(field)) for field, known in task.base.items()
        ):
            _look_again(task)
            return
        if outgoing is None or outbox.TRASH not in outgoing.fields:
            task.trashed_at = None
        merging.merge(task, outgoing, row, found, now=timezone.now())
        merging.settle(task, outgoing)


def gone(*, connection_id: uuid.UUID) -> list[str]:
    """Rows that were gone when a change of theirs was to be sent."""
    tasks = Task.objects.filter(connection_id=connection_id, sync_state=Task.SyncState.GONE, gone_at=None)
    return list(tasks.values_list("notion_page_id", flat=True))


def found(*, connection_id: uuid.UUID, rows: Mapping[str, str]) -> None:
    """These are there, each in this database: what could not be written to them goes, though nobody has edited them."""
    with transaction.atomic():
        tasks = Task.objects.select_for_update(of=("self",)).select_related("task_source")
        for task in tasks.filter(connection_id=connection_id, notion_page_id__in=rows).order_by("pk"):
            is_in_place = task.task_source and task.task_source.data_source_id == rows[task.notion_page_id]
            if task.sync_state == Task.SyncState.GONE and is_in_place:
                outbox.retry(task)


def _may_be_older(task: Task, row: Mapping[str, Any]) -> bool:
    """Whether the row was perhaps read before our last write: Notion tells whole minutes only."""
    edited_at = parse_datetime(str(row.get("last_edited_time")))
    return task.written_at is not None and edited_at is not None and edited_at <= task.written_at


def _look_again(task: Task) -> None:
    from tasks.jobs import look

    workspace_id = tenancy.active_workspace_id()
    assert workspace_id is not None
    background.enqueue(look, workspace_id=workspace_id, key=f"look {task.pk}", task_id=str(task.pk))


def look(*, task_id: str) -> None:
    """Make a task equal its row as it is this moment."""
    task = Task.objects.select_related("task_source").filter(pk=task_id).exclude(notion_page_id="").first()
    connection = Connection.objects.filter(pk=task.connection_id).first() if task and task.connection_id else None
    if task is None or connection is None or connection.status != Connection.Status.ACTIVE:
        return
    if not reading.can_read(connection, now=timezone.now()):
        return
    with opened(connection) as client:
        page = client.page(task.notion_page_id)
        page = whole(client, page)
    if page.get("in_trash") or has_moved(task, page):
        return
    with transaction.atomic():
        locked = Task.objects.select_for_update().filter(pk=task.pk).first()
        # A write that began meanwhile takes over what it finds by itself.
        if locked is not None and locked.written_at == task.written_at:
            take_over(locked, page)
