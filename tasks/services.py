"""The customer's tasks: rows of the mapped Notion database, and local ones."""

import uuid
from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import datetime
from typing import Any

from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone
from django.utils.dateparse import parse_datetime
from django.utils.translation import ngettext

from accounts import background, tenancy
from accounts.models import Connection, Membership
from config.errors import AppError, InvalidField
from tasks import history, merging, outbox, sending
from tasks.mapping import (
    DONE_WORDS,
    map_columns,
    read_row,
    refreshed,
    suits,
)
from tasks.models import Outgoing, Task, TaskChange, TaskSource
from tasks.offers import DONE, NOT_DONE


def choose_source(*, connection_id: uuid.UUID, candidates: Sequence[tuple[str, str, Mapping[str, Any]]]) -> None:
    """Map the database that looks most like tasks, unless the member has decided. Candidates: id, title, schema."""
    mapped = TaskSource.objects.filter(connection_id=connection_id).first()
    schemas = {key: (title, schema) for key, title, schema in candidates}
    outbox.resume(connection_id)
    if mapped is not None and mapped.data_source_id in schemas:
        TaskSource.objects.filter(pk=mapped.pk).update(**refreshed(mapped, schemas[mapped.data_source_id][1]))
        return
    if mapped is not None and mapped.is_refusal:
        return
    best = likeliest([(key, schema) for key, _, schema in candidates])
    # What was not sent yet stays with its database until a member decides.
    if best and not _unsent(connection_id):
        title, schema = schemas[best]
        # Somebody may have edited a task since we looked.
        with suppress(InvalidField):
            map_source(connection_id=connection_id, data_source_id=best, title=title, schema=schema)


def likeliest(candidates: Sequence[tuple[str, Mapping[str, Any]]]) -> str:
    """The id of the database that looks most like tasks, or nothing. Candidates: id, schema."""
    best = max(candidates, key=lambda each: suits(each[1]), default=None)
    return best[0] if best is not None and suits(best[1]) > 0 else ""


def map_source(*, connection_id: uuid.UUID, data_source_id: str, title: str, schema: Mapping[str, Any]) -> TaskSource:
    """From now on this database's rows are the connection's tasks, and no other's."""
    with transaction.atomic():
        _unmap(connection_id, kept=data_source_id)
        source, _ = TaskSource.objects.update_or_create(
            connection_id=connection_id,
            data_source_id=data_source_id,
            defaults={"title": title[:200], **map_columns(schema)},
        )
    return source


def map_nothing(*, connection_id: uuid.UUID) -> None:
    """None of the connection's databases holds tasks: its tasks go, and no sync guesses one until another is mapped."""
    with transaction.atomic():
        _unmap(connection_id, kept=TaskSource.REFUSED)
        TaskSource.objects.get_or_create(connection_id=connection_id, data_source_id=TaskSource.REFUSED)


def _unmap(connection_id: uuid.UUID, *, kept: str) -> None:
    """The tasks of every other database go. Changes that Notion does not have are not thrown away with them."""
    others = TaskSource.objects.select_for_update().filter(connection_id=connection_id).exclude(data_source_id=kept)
    if not (ids := [source.pk for source in others]):
        return
    # Under their locks nobody edits one of them between the look and the deletion.
    list(Task.objects.select_for_update().filter(task_source__in=ids).order_by("pk").values_list("pk"))
    if waiting := _unsent(connection_id, ids):
        raise InvalidField(
            ngettext(
                "%(n)d task has a change that is not in Notion yet and would be lost. Send or discard it under Tasks"
                " first.",
                "%(n)d tasks have changes that are not in Notion yet and would be lost. Send or discard them under"
                " Tasks first.",
                waiting,
            )
            % {"n": waiting},
            pointer="/tasks_source",
            field_code="unsent",
        )
    TaskSource.objects.filter(pk__in=ids).delete()


def _unsent(connection_id: uuid.UUID, source_ids: Sequence[uuid.UUID] | None = None) -> int:
    unsent = Outgoing.objects.filter(connection_id=connection_id).exclude(state=Outgoing.State.DISCARDED)
    return (unsent if source_ids is None else unsent.filter(task__task_source__in=source_ids)).count()


def mirror(
    *,
    connection_id: uuid.UUID,
    owner_id: uuid.UUID,
    data_source_id: str,
    row: Mapping[str, Any],
) -> None:
    """Make the task equal its Notion row, beside what waits to be sent. Rows of an unmapped database are no tasks."""
    source = TaskSource.objects.filter(connection_id=connection_id, data_source_id=data_source_id).first()
    if source is None:
        return
    found = read_row(source, row)
    if set(found.people.items()) - set(source.people.items()):
        TaskSource.objects.filter(pk=source.pk).update(people=source.people | found.people)
    with transaction.atomic():
        if not _held(source):
            return
        task = Task.objects.select_for_update().filter(connection_id=connection_id, notion_page_id=row["id"]).first()
        if task is None:
            task = Task(
                connection_id=connection_id,
                notion_page_id=str(row["id"]),
                created_at=parse_datetime(str(row.get("created_time"))) or timezone.now(),
            )
        outgoing = Outgoing.objects.select_for_update().filter(task=task).first() if not task._state.adding else None
        task.owner_id, task.task_source = owner_id, source
        if _may_be_older(task, row) and any(
            not merging.same(field, known[0], found.facts.get(field)) for field, known in task.base.items()
        ):
            _look_again(task)
            return
        if outgoing is None or outbox.TRASH not in outgoing.fields:
            task.trashed_at = None
        merging.merge(task, outgoing, row, found, now=timezone.now())
        if task._state.adding:
            task.save()
        merging.settle(task, outgoing)


def _held(source: TaskSource) -> bool:
    """Whether it is still mapped, and stays so until the transaction ends: who unmaps it waits, and sees the task."""
    return TaskSource.objects.select_for_update(no_key=True).filter(pk=source.pk).exists()


def _may_be_older(task: Task, row: Mapping[str, Any]) -> bool:
    """Whether the row was perhaps read before our last write: Notion tells whole minutes only."""
    edited_at = parse_datetime(str(row.get("last_edited_time")))
    return task.written_at is not None and edited_at is not None and edited_at <= task.written_at


def _look_again(task: Task) -> None:
    from tasks.jobs import look

    workspace_id = tenancy.active_workspace_id()
    assert workspace_id is not None
    background.enqueue(look, workspace_id=workspace_id, key=f"look {task.pk}", task_id=str(task.pk))


class NoTask(AppError):
    code = "not-found"
    status = 404


class NotAllowed(AppError):
    code = "forbidden"
    status = 403


class NoDatabase(AppError):
    code = "no-task-database"
    status = 409


def one(*, by: Membership, task_id: uuid.UUID) -> Task:
    """A task that this member may read."""
    task = Task.objects.readable_by(by).select_related("task_source").filter(pk=task_id).first()
    if task is None:
        raise NoTask("There is no such task.")
    return task


def can_change(task: Task, by: Membership) -> bool:
    """Whoever may read a connection may edit its tasks; they are written with the token of who connected."""
    return by.may_write


def check_can_change(task: Task, by: Membership) -> None:
    if not can_change(task, by):
        raise NotAllowed("Viewers read tasks and do not change them. Ask an owner for another role.")


def create(
    *, by: Membership, now: datetime, title: str, source: str = "local", is_shared: bool | None = None, **values: Any
) -> Task:
    """A local task, or with `notion` a row of the mapped database. Not told whether the workspace sees a local one, the
    member's own default decides."""
    if not by.may_write:
        raise NotAllowed("Viewers read tasks and do not make any. Ask an owner for another role.")
    if source == "notion":
        return _create_in_notion(by=by, now=now, values={"title": title, **values})
    if is_shared is None:
        is_shared = by.user.default_sharing == "workspace"
    return Task.objects.create(
        owner_id=by.user_id, title=title, is_shared=is_shared, created_at=now, updated_at=now, **_agreeing(values)
    )


def _with_columns(source: TaskSource | None) -> None:
    """A mapping from before columns were kept learns them now, not only with the next sync."""
    if source is not None and not source.columns:
        sending.learn_columns(source)


def writable_source(by: Membership) -> TaskSource | None:
    """The database that a new task goes into: of the member's own connection before a shared one."""
    readable = Connection.objects.readable_by(by).filter(status=Connection.Status.ACTIVE)
    mine = sorted(readable, key=lambda each: (each.owner_id != by.user_id, each.connected_at))
    sources = TaskSource.objects.exclude(data_source_id=TaskSource.REFUSED).in_bulk(field_name="id").values()
    by_connection = {source.connection_id: source for source in sources}
    return next((by_connection[each.pk] for each in mine if each.pk in by_connection), None)


def _create_in_notion(*, by: Membership, now: datetime, values: Mapping[str, Any]) -> Task:
    source = writable_source(by)
    if source is None:
        raise NoDatabase("No Notion database holds tasks yet. Choose one, or make a local task.")
    _with_columns(source)
    owner_id = Connection.objects.values_list("owner_id", flat=True).get(pk=source.connection_id)
    with transaction.atomic():
        if not _held(source):
            raise NoDatabase("This database does not hold tasks any more. Choose one, or make a local task.")
        task = Task(
            owner_id=owner_id, connection_id=source.connection_id, task_source=source, created_at=now, updated_at=now
        )
        outbox.facts(task, values)
        task.save()
        outbox.edit(task, by=by, now=now, values=values)
    return one(by=by, task_id=task.pk)


def change(*, by: Membership, task_id: uuid.UUID, now: datetime, **values: Any) -> Task:
    task = one(by=by, task_id=task_id)
    check_can_change(task, by)
    _with_columns(task.task_source)
    with transaction.atomic():
        task = one(by=by, task_id=task_id)
        is_shared = values.get("is_shared", task.is_shared)
        if is_shared != task.is_shared:
            _check_owns(task, by)
        if task.is_local:
            _change_here(_locked(task), by=by, now=now, values=_agreeing(values))
        else:
            if is_shared != task.is_shared:
                raise InvalidField("Who sees this task is decided by its connection.", pointer="/shared")
            outbox.edit(_locked(task), by=by, now=now, values={k: v for k, v in values.items() if k != "is_shared"})
    return one(by=by, task_id=task_id)


def _change_here(task: Task, *, by: Membership, now: datetime, values: Mapping[str, Any]) -> None:
    before = {field: merging.shown(task, field) for field in merging.FIELDS}
    for name, value in values.items():
        setattr(task, name, value)
    for field, old in before.items():
        if (new := merging.shown(task, field)) != old:
            mine = TaskChange.Origin.DOCENT
            history.record(task, field, old=old, new=new, origin=mine, at=now, by_id=by.user_id)
    task.updated_at = now
    task.save()


def delete(*, by: Membership, task_id: uuid.UUID, now: datetime) -> None:
    """A local task goes; one of Notion goes to Notion's trash, and can be brought back."""
    with transaction.atomic():
        task = one(by=by, task_id=task_id)
        check_can_change(task, by)
        _check_owns(task, by)
        if task.is_local:
            task.delete()
        else:
            outbox.move_to_trash(_locked(task), by=by, now=now, is_trashed=True)


def settle(*, by: Membership, task_id: uuid.UUID, action: str, now: datetime) -> Task:
    """What a member does about a change that is not in Notion, or lost against another."""
    with transaction.atomic():
        task = Task.objects.readable_or_trashed(by).filter(pk=task_id).first()
        if task is None:
            raise NoTask("There is no such task.")
        check_can_change(task, by)
        task = _locked(task)
        if task.is_local:
            # Nothing of it is on its way anywhere.
            return task
        if action == "retry":
            outbox.retry(task)
        elif action == "discard":
            outbox.discard(task, now=now)
        elif action == "undo":
            outbox.take_back_discarding(task, now=now)
        elif action == "restore" and task.trashed_at is not None:
            _check_owns(task, by)
            outbox.move_to_trash(task, by=by, now=now, is_trashed=False)
        elif action in {"keep", "mine"}:
            if action == "mine":
                outbox.take_back_lost(task, by=by, now=now)
            history.close(task)
            outgoing = Outgoing.objects.select_for_update().filter(task=task).first()
            merging.settle(task, outgoing)
    return Task.objects.select_related("task_source").get(pk=task.pk)


def one_or_trashed(*, by: Membership, task_id: uuid.UUID) -> Task:
    """As `one`, also when it was moved to the trash and could be brought back."""
    readable = Task.objects.readable_or_trashed(by).select_related("task_source", "outgoing")
    task = readable.filter(pk=task_id).first()
    if task is None:
        raise NoTask("There is no such task.")
    return task


def history_of(*, by: Membership, task_id: uuid.UUID) -> QuerySet[TaskChange]:
    return TaskChange.objects.filter(task=one_or_trashed(by=by, task_id=task_id))


def _locked(task: Task) -> Task:
    locked = Task.objects.select_for_update(of=("self",)).select_related("task_source").filter(pk=task.pk).first()
    if locked is None:
        # Its database was unmapped while this waited.
        raise NoTask("There is no such task.")
    return locked


def can_delete(task: Task, by: Membership) -> bool:
    return task.owner_id == by.user_id or by.may_manage


def _check_owns(task: Task, by: Membership) -> None:
    if not can_delete(task, by):
        raise NotAllowed("Only the member who made this task, an owner or an admin may do this.")


def _agreeing(values: Mapping[str, Any]) -> dict[str, Any]:
    """Of status and done, one that is not given follows the other."""
    agreeing = dict(values)
    if "is_done" in values and "status" not in values:
        agreeing["status"] = DONE if values["is_done"] else NOT_DONE
    elif "status" in values and "is_done" not in values:
        agreeing["is_done"] = values["status"].lower() in DONE_WORDS
    return agreeing
