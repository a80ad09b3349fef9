"""Which database of a connection holds its tasks: guessed, chosen or refused, one at most."""

import uuid
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any

from django.db import transaction
from django.utils.translation import ngettext

from config.errors import InvalidField
from tasks import outbox
from tasks.mapping import map_columns, refreshed, suits
from tasks.models import Outgoing, Task, TaskSource


def choose_source(*, connection_id: uuid.UUID, candidates: Sequence[tuple[str, str, Mapping[str, Any]]]) -> None:
    """Map the database that looks most like tasks, unless the member has decided. Candidates: id, title, schema."""
    mapped = TaskSource.objects.filter(connection_id=connection_id).first()
    schemas = {key: (title, schema) for key, title, schema in candidates}
    outbox.resume(connection_id)
    if mapped is not None and mapped.data_source_id in schemas:
        title, schema = schemas[mapped.data_source_id]
        # One that is gone and erased has none, and is waited for.
        if schema:
            TaskSource.objects.filter(pk=mapped.pk).update(title=title[:200], **refreshed(mapped, schema))
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


def leave_out(*, connection_id: uuid.UUID, data_source_ids: Sequence[str]) -> None:
    """These databases are not read any more. One that holds the tasks does so no longer, and none does instead."""
    if TaskSource.objects.filter(connection_id=connection_id, data_source_id__in=data_source_ids).exists():
        map_nothing(connection_id=connection_id)


def forget_gone(*, connection_id: uuid.UUID, data_source_id: str) -> None:
    """This database is erased. It stays the one for tasks, should it come back; what it was like is forgotten, unless
    a task is kept that needs it."""
    gone = TaskSource.objects.filter(connection_id=connection_id, data_source_id=data_source_id, tasks=None)
    gone.update(title="", columns={}, people={}, done_options=[], problems=[])


def _unmap(connection_id: uuid.UUID, *, kept: str) -> None:
    """The tasks of every other database go. Changes that Notion does not have are not thrown away with them."""
    others = TaskSource.objects.select_for_update().filter(connection_id=connection_id).exclude(data_source_id=kept)
    if not (ids := [source.pk for source in others.order_by("pk")]):
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


def held(source: TaskSource) -> bool:
    """Whether it is still mapped, and stays so until the transaction ends: who unmaps it waits, and sees the task."""
    return TaskSource.objects.select_for_update(no_key=True).filter(pk=source.pk).exists()
