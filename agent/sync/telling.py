"""What the audit log tells of a connection, by ids alone: which sources are read, which database's rows are tasks."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any
from uuid import UUID

from accounts import audit
from accounts.models import AuditAction, Membership
from agent.models import Source
from tasks.mapping import COLUMNS
from tasks.models import TaskSource


@contextmanager
def told(connection_id: UUID, *, by: Membership) -> Iterator[None]:
    """Under the connection's lock: what is another after the block than before it."""
    were_read, were_tasks = _read(connection_id), _tasks(connection_id)
    yield
    are_read, are_tasks = _read(connection_id), _tasks(connection_id)
    if are_read != were_read:
        before, after = {"read": sorted(were_read - are_read)}, {"read": sorted(are_read - were_read)}
        _record(AuditAction.SOURCES_CHOSEN, connection_id, by, before, after)
    names = [name for name in ("database", *COLUMNS) if were_tasks.get(name) != are_tasks.get(name)]
    if names:
        was, is_now = ({name: each.get(name) for name in names} for each in (were_tasks, are_tasks))
        _record(AuditAction.TASKS_MAPPED, connection_id, by, was, is_now)


def _record(
    action: AuditAction, about: UUID, by: Membership, before: Mapping[str, Any], after: Mapping[str, Any]
) -> None:
    audit.record(action, workspace_id=by.workspace_id, by=by.user, about=about, before=before, after=after)


def _read(connection_id: UUID) -> set[str]:
    chosen = Source.objects.filter(connection_id=connection_id, is_chosen=True)
    return set(chosen.values_list("notion_id", flat=True))


def _tasks(connection_id: UUID) -> dict[str, Any]:
    """Empty: no database holds tasks."""
    mapped = TaskSource.objects.filter(connection_id=connection_id).exclude(data_source_id=TaskSource.REFUSED).first()
    return {"database": mapped.data_source_id, **{name: getattr(mapped, name) for name in COLUMNS}} if mapped else {}
