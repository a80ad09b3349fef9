"""The customer's tasks: rows of the mapped Notion database, and local ones."""

import uuid
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from django.db import transaction
from django.utils import timezone
from django.utils.dateparse import parse_date, parse_datetime

from accounts.models import Membership
from config.errors import AppError
from tasks.mapping import DONE_WORDS, Mapped, checked_columns, choices, map_columns, read_row, suits
from tasks.models import Task, TaskSource


def choose_source(*, connection_id: uuid.UUID, candidates: Sequence[tuple[str, str, Mapping[str, Any]]]) -> None:
    """Map the database that looks most like tasks, unless the member has decided. Candidates: id, title, schema."""
    mapped = TaskSource.objects.filter(connection_id=connection_id).first()
    schemas = {key: (title, schema) for key, title, schema in candidates}
    if mapped is not None and (mapped.is_refusal or mapped.data_source_id in schemas):
        return
    best = likeliest([(key, schema) for key, _, schema in candidates])
    if best:
        title, schema = schemas[best]
        map_source(connection_id=connection_id, data_source_id=best, title=title, schema=schema)


def likeliest(candidates: Sequence[tuple[str, Mapping[str, Any]]]) -> str:
    """The id of the database that looks most like tasks, or nothing. Candidates: id, schema."""
    best = max(candidates, key=lambda each: suits(each[1]), default=None)
    return best[0] if best is not None and suits(best[1]) > 0 else ""


def remap(
    *, connection_id: uuid.UUID, data_source_id: str, columns: Mapping[str, str], schema: Mapping[str, Any]
) -> None:
    """Use these columns from the next sync on. A column that the database lacks, or of another type, is not used."""
    TaskSource.objects.filter(connection_id=connection_id, data_source_id=data_source_id).update(
        **checked_columns(columns, schema)
    )


def mapping_rows(source: TaskSource, schema: Mapping[str, Any]) -> list[dict[str, Any]]:
    """For the page: each thing that a task has, with the columns it could come from."""
    return choices(source, schema)


def map_source(*, connection_id: uuid.UUID, data_source_id: str, title: str, schema: Mapping[str, Any]) -> TaskSource:
    """From now on this database's rows are the connection's tasks, and no other's."""
    with transaction.atomic():
        TaskSource.objects.filter(connection_id=connection_id).exclude(data_source_id=data_source_id).delete()
        source, _ = TaskSource.objects.update_or_create(
            connection_id=connection_id,
            data_source_id=data_source_id,
            defaults={"title": title[:200], **map_columns(schema)},
        )
    return source


def map_nothing(*, connection_id: uuid.UUID) -> None:
    """None of the connection's databases holds tasks: its tasks go, and no sync guesses one until another is mapped."""
    with transaction.atomic():
        TaskSource.objects.filter(connection_id=connection_id).exclude(data_source_id=TaskSource.REFUSED).delete()
        TaskSource.objects.get_or_create(connection_id=connection_id, data_source_id=TaskSource.REFUSED)


def mirror(
    *,
    connection_id: uuid.UUID,
    owner_id: uuid.UUID,
    data_source_id: str,
    row: Mapping[str, Any],
) -> None:
    """Make the task equal its Notion row. Rows of a database that is not mapped are no tasks."""
    source = TaskSource.objects.filter(connection_id=connection_id, data_source_id=data_source_id).first()
    if source is None:
        return
    found: Mapped = read_row(source, row)
    due = parse_date(found.due[:10]) if found.due else None
    Task.objects.update_or_create(
        connection_id=connection_id,
        notion_page_id=str(row["id"]),
        defaults={
            "owner_id": owner_id,
            "task_source": source,
            "url": str(row.get("url") or ""),
            "title": found.title[:2000],
            "status": found.status[:200],
            "is_done": found.is_done,
            "due_on": due,
            "priority": found.priority[:200],
            "assignees": found.assignees,
            "labels": found.labels,
            "sync_state": Task.SyncState.SYNCED,
            "created_at": parse_datetime(str(row.get("created_time"))) or timezone.now(),
            "updated_at": parse_datetime(str(row.get("last_edited_time"))) or timezone.now(),
        },
    )


def forget(*, connection_id: uuid.UUID, notion_page_ids: Sequence[str] | None = None) -> None:
    """Delete these mirrored tasks, or with no ids all of the connection's, and its mapping."""
    tasks = Task.objects.filter(connection_id=connection_id)
    if notion_page_ids is not None:
        tasks.filter(notion_page_id__in=notion_page_ids).delete()
        return
    tasks.delete()
    TaskSource.objects.filter(connection_id=connection_id).delete()


DONE, NOT_DONE = "Done", "Not started"


class NoTask(AppError):
    code = "not-found"
    status = 404


class NotAllowed(AppError):
    code = "forbidden"
    status = 403


class TaskInNotion(AppError):
    code = "task-in-notion"
    status = 409


def one(*, by: Membership, task_id: uuid.UUID) -> Task:
    """A task that this member may read."""
    task = Task.objects.readable_by(by).select_related("task_source").filter(pk=task_id).first()
    if task is None:
        raise NoTask("There is no such task.")
    return task


def can_change(task: Task, by: Membership) -> bool:
    return by.may_write and task.is_local


def check_can_change(task: Task, by: Membership) -> None:
    if not by.may_write:
        raise NotAllowed("Viewers read tasks and do not change them. Ask an owner for another role.")
    if not task.is_local:
        raise TaskInNotion(
            "This task is a row of a Notion database, which Docent only reads. Open it in Notion and change it there; "
            "the next sync brings the change here.",
            url=task.url,
        )


def create(*, by: Membership, now: datetime, title: str, is_shared: bool | None = None, **values: Any) -> Task:
    """A local task. Not told whether the workspace sees it, the member's own default decides."""
    if not by.may_write:
        raise NotAllowed("Viewers read tasks and do not make any. Ask an owner for another role.")
    if is_shared is None:
        is_shared = by.user.default_sharing == "workspace"
    return Task.objects.create(
        owner_id=by.user_id, title=title, is_shared=is_shared, created_at=now, updated_at=now, **_agreeing(values)
    )


def change(*, by: Membership, task_id: uuid.UUID, now: datetime, **values: Any) -> Task:
    with transaction.atomic():
        task = one(by=by, task_id=task_id)
        check_can_change(task, by)
        if values.get("is_shared", task.is_shared) != task.is_shared:
            _check_owns(task, by)
        changes = _agreeing(values) | {"updated_at": now}
        Task.objects.filter(pk=task.pk).update(**changes)
    return one(by=by, task_id=task_id)


def delete(*, by: Membership, task_id: uuid.UUID) -> None:
    task = one(by=by, task_id=task_id)
    check_can_change(task, by)
    _check_owns(task, by)
    task.delete()


def _check_owns(task: Task, by: Membership) -> None:
    if task.owner_id != by.user_id and not by.may_manage:
        raise NotAllowed("Only the member who made this task, an owner or an admin may do this.")


def _agreeing(values: Mapping[str, Any]) -> dict[str, Any]:
    """Of status and done, one that is not given follows the other."""
    agreeing = dict(values)
    if "is_done" in values and "status" not in values:
        agreeing["status"] = DONE if values["is_done"] else NOT_DONE
    elif "status" in values and "is_done" not in values:
        agreeing["is_done"] = values["status"].lower() in DONE_WORDS
    return agreeing
