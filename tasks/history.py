"""What happened to a task: who changed what, and which value lost against which."""

from datetime import datetime
from typing import Any
from uuid import UUID

from tasks.models import Task, TaskChange

MOST = 500


def record(
    task: Task,
    field: str,
    *,
    old: Any,
    new: Any,
    origin: TaskChange.Origin,
    at: datetime,
    by_id: UUID | None = None,
    is_conflict: bool = False,
) -> None:
    """Under the task's row lock. Of very many changes the oldest go."""
    TaskChange.objects.create(
        task=task,
        field=field,
        old=_words(field, old),
        new=_words(field, new),
        origin=origin,
        at=at,
        by_id=by_id,
        is_conflict=is_conflict,
        is_open=is_conflict,
    )
    kept = TaskChange.objects.filter(task=task).order_by("-at", "-id").values("pk")[:MOST]
    TaskChange.objects.filter(task=task).exclude(pk__in=kept).delete()


def has_open(task: Task) -> bool:
    return TaskChange.objects.filter(task=task, is_open=True).exists()


def close(task: Task, fields: list[str] | None = None) -> None:
    """These conflicts have been seen, or with no fields all of them."""
    seen = TaskChange.objects.filter(task=task, is_open=True)
    (seen if fields is None else seen.filter(field__in=fields)).update(is_open=False)


def _words(field: str, value: Any) -> Any:
    return value[0] if field == "status" and isinstance(value, list) else value
