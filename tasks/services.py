"""What members do with tasks: rows of the mapped Notion database, and local ones."""

import uuid
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.db import transaction
from django.db.models import QuerySet

from accounts.models import Connection, Membership
from accounts.roles import Action
from config.errors import AppError, InvalidField
from tasks import asking, history, merging, outbox, recognising
from tasks.filters import LOCAL, NOTION
from tasks.mapping import DONE_WORDS
from tasks.models import Outgoing, Task, TaskChange, TaskSource
from tasks.offers import DONE, NOT_DONE
from tasks.sources import held


class NoTask(AppError):
    code = "not-found"
    status = 404


class NoSource(AppError):
    code = "not-found"
    status = 404

    def __init__(self) -> None:
        detail = "The chosen database does not hold tasks, or does so no longer. Choose another, or make a local task."
        super().__init__(detail, errors=[{"pointer": "/source", "code": self.code, "detail": detail}])


class NotAllowed(AppError):
    code = "forbidden"
    status = 403


class NoDatabase(AppError):
    code = "no-task-database"
    status = 409


def one(*, by: Membership, task_id: uuid.UUID) -> Task:
    """A task that this member may read."""
    task = Task.objects.readable_by(by).select_related("task_source", "outgoing").filter(pk=task_id).first()
    if task is None:
        raise NoTask("There is no such task.")
    return task


def can_create(by: Membership) -> bool:
    return by.may(Action.EDIT_TASKS)


def can_change(task: Task, by: Membership) -> bool:
    """Whoever may read a connection may edit its tasks; they are written with the token of who connected."""
    return by.may(Action.EDIT_TASKS)


def check_can_change(task: Task, by: Membership) -> None:
    if not can_change(task, by):
        raise NotAllowed("Viewers read tasks and do not change them. Ask an owner for another role.")


def create(
    *, by: Membership, now: datetime, title: str, source: str = LOCAL, is_shared: bool | None = None, **values: Any
) -> Task:
    """A local task, or a row: of the database with this id, with `notion` of the first that can be written to. Not told
    whether the workspace sees a local one, the member's own default decides."""
    if not can_create(by):
        raise NotAllowed("Viewers read tasks and do not make any. Ask an owner for another role.")
    if source != LOCAL:
        return _create_in_notion(target(by, source), by=by, now=now, values={"title": title, **values})
    if is_shared is None:
        is_shared = by.user.default_sharing == "workspace"
    return Task.objects.create(
        owner_id=by.user_id, title=title, is_shared=is_shared, created_at=now, updated_at=now, **agreeing(values)
    )


def with_columns(source: TaskSource | None) -> None:
    """A mapping from before columns were kept learns them now, not only with the next sync."""
    if source is not None and not source.columns:
        asking.learn_columns(source)


def writable_sources(by: Membership) -> list[TaskSource]:
    """The databases that a new task may go into: those of the member's own connections before shared ones."""
    readable = Connection.objects.readable_by(by).filter(status=Connection.Status.ACTIVE)
    mine = sorted(readable, key=lambda each: (each.owner_id != by.user_id, each.connected_at))
    sources = TaskSource.objects.exclude(data_source_id=TaskSource.REFUSED).in_bulk(field_name="id").values()
    by_connection = {source.connection_id: source for source in sources}
    return [by_connection[each.pk] for each in mine if each.pk in by_connection]


def target(by: Membership, source: str) -> TaskSource:
    found = writable_sources(by)
    if source == NOTION:
        if not found:
            raise NoDatabase("No Notion database holds tasks yet. Choose one, or make a local task.")
        return found[0]
    found_one = next((each for each in found if str(each.pk) == source.lower()), None)
    if found_one is None:
        raise NoSource
    return found_one


def _create_in_notion(source: TaskSource, *, by: Membership, now: datetime, values: Mapping[str, Any]) -> Task:
    with_columns(source)
    owner_id = Connection.objects.values_list("owner_id", flat=True).get(pk=source.connection_id)
    with transaction.atomic():
        if not held(source):
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
    with_columns(task.task_source)
    with transaction.atomic():
        task = one(by=by, task_id=task_id)
        is_shared = values.get("is_shared", task.is_shared)
        if is_shared != task.is_shared:
            _check_owns(task, by)
        if task.is_local:
            _change_here(locked(task), by=by, now=now, values=agreeing(values))
        else:
            if is_shared != task.is_shared:
                raise InvalidField("Who sees this task is decided by its connection.", pointer="/shared")
            outbox.edit(locked(task), by=by, now=now, values={k: v for k, v in values.items() if k != "is_shared"})
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
            outbox.move_to_trash(locked(task), by=by, now=now, is_trashed=True)


def settle(*, by: Membership, task_id: uuid.UUID, action: str, now: datetime) -> Task:
    """What a member does about a change that is not in Notion, or lost against another."""
    with transaction.atomic():
        task = Task.objects.readable_or_trashed(by).filter(pk=task_id).first()
        if task is None:
            raise NoTask("There is no such task.")
        check_can_change(task, by)
        task = locked(task)
        if task.is_local:
            # Nothing of it is on its way anywhere.
            return task
        if action == "retry":
            outbox.retry(task)
        elif action == "make":
            outbox.make(task)
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
    return Task.objects.select_related("task_source", "outgoing").get(pk=task.pk)


def recognise(*, by: Membership, task_id: uuid.UUID, link: str) -> Task:
    """A member says which row in Notion a doubtful task is. Raises InvalidField where it cannot be that one."""
    task = one(by=by, task_id=task_id)
    check_can_change(task, by)
    recognising.recognise(task, link=link)
    return one(by=by, task_id=task_id)


def one_or_trashed(*, by: Membership, task_id: uuid.UUID) -> Task:
    """As `one`, also when it was moved to the trash and could be brought back."""
    readable = Task.objects.readable_or_trashed(by).select_related("task_source", "outgoing")
    task = readable.filter(pk=task_id).first()
    if task is None:
        raise NoTask("There is no such task.")
    return task


def history_of(*, by: Membership, task_id: uuid.UUID) -> QuerySet[TaskChange]:
    return TaskChange.objects.filter(task=one_or_trashed(by=by, task_id=task_id))


def locked(task: Task) -> Task:
    held = Task.objects.select_for_update(of=("self",)).select_related("task_source").filter(pk=task.pk).first()
    if held is None:
        # Its database was unmapped while this waited.
        raise NoTask("There is no such task.")
    return held


def can_delete(task: Task, by: Membership) -> bool:
    return task.owner_id == by.user_id or by.may(Action.MANAGE_TASKS)


def _check_owns(task: Task, by: Membership) -> None:
    if not can_delete(task, by):
        raise NotAllowed("Only the member who made this task, an owner or an admin may do this.")


def agreeing(values: Mapping[str, Any]) -> dict[str, Any]:
    """Of status and done, one that is not given follows the other."""
    agreeing = dict(values)
    if "is_done" in values and "status" not in values:
        agreeing["status"] = DONE if values["is_done"] else NOT_DONE
    elif "status" in values and "is_done" not in values:
        agreeing["is_done"] = values["status"].lower() in DONE_WORDS
    return agreeing
