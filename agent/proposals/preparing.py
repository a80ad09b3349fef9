"""What a change of a task would do: the task as it is this moment, and by field what it was and will be."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from copy import copy
from dataclasses import dataclass
from datetime import date
from typing import Any

from django.db import transaction
from django.utils.dateparse import parse_date

from accounts.models import Membership
from agent.models import Proposal
from config.errors import AppError
from tasks import approved, merging, outbox, services
from tasks.answers import take_over
from tasks.approved import Look
from tasks.filters import LOCAL
from tasks.models import Outgoing, Task, TaskSource

Json = dict[str, Any]
NAMES = {
    "title": "Title",
    "status": "Status",
    "due_on": "Due",
    "assignees": "Assignee",
    "priority": "Priority",
    "labels": "Labels",
}


class AlreadySo(AppError):
    code = "already-so"
    status = 409


@dataclass(frozen=True)
class Prepared:
    """`digest` and `edited_at`: the state that is shown."""

    title: str
    place: str
    source: str
    changes: Sequence[Json]
    digest: str = ""
    edited_at: str = ""


def of_new(by: Membership, *, source: str, title: str, values: Mapping[str, Any]) -> Prepared:
    target = None if source == LOCAL else services.target(by, source)
    services.with_columns(target)
    after = _after(Task(task_source=target, title=title), {"title": title, **values})
    return Prepared(
        title=title,
        place=target.title if target else "",
        source=str(target.pk) if target else LOCAL,
        changes=[_change(field, None, value, target) for field, value in after.items()],
    )


def of_change(task: Task, values: Mapping[str, Any]) -> tuple[Prepared, Look | None]:
    """Raises AlreadySo when nothing would change, NotionAway, RowGone, OnItsWay and InvalidField."""
    look = None
    if not task.is_local:
        if task.task_source is None:
            raise approved.RowGone("The database of this task does not hold tasks any more.")
        approved.check_is_quiet(task)
        look = approved.look_living(task)
        task = _as_it_is(task, look)
    before, after = {field: merging.shown(task, field) for field in merging.FIELDS}, _after(task, values)
    changed = {field: value for field, value in after.items() if value != before[field]}
    if not changed:
        raise AlreadySo("It is so already.")
    digest, edited_at = state_of(task, look)
    source = task.task_source
    return Prepared(
        title=task.title,
        place=source.title if source else "",
        source="",
        changes=[_change(field, before[field], value, source) for field, value in changed.items()],
        digest=digest,
        edited_at=edited_at,
    ), look


def as_proposed(proposal: Proposal, *, by: Membership) -> Task:
    """The task as it would be, to be looked at alone."""
    task = copy(proposal.task) if proposal.task is not None else _new(proposal, by)
    values = {**proposal.values, **({"due_on": parse_date(due)} if (due := proposal.values.get("due_on")) else {})}
    for name, value in (services.agreeing(values) if task.task_source is None else values).items():
        setattr(task, name, value)
    if task.task_source is not None and {"is_done", "status"} & set(values):
        merging.show(task, "status", _after(task, values)["status"])
    return task


def _new(proposal: Proposal, by: Membership) -> Task:
    source = services.target(by, proposal.source) if proposal.source != LOCAL else None
    return Task(title=proposal.title, task_source=source, connection_id=source.connection_id if source else None)


def state_of(task: Task, look: Look | None) -> tuple[str, str]:
    if look is not None:
        return look.digest, look.edited_at
    says = [merging.shown(task, field) for field in merging.FIELDS]
    return hashlib.sha256(json.dumps(says).encode()).hexdigest(), task.updated_at.isoformat()


def _as_it_is(task: Task, look: Look) -> Task:
    """With what Notion says now, unless something of it has begun to wait."""
    with transaction.atomic():
        locked = services.locked(task)
        if not Outgoing.objects.filter(task=locked).exists():
            take_over(locked, look.page)
    return locked


def _after(task: Task, values: Mapping[str, Any]) -> dict[str, Any]:
    """By field, what is shown then."""
    if task.task_source is not None:
        return {field: says for field, (_, says) in outbox.facts(task, values).items()}
    then = copy(task)
    for name, value in services.agreeing(values).items():
        setattr(then, name, value)
    fields = {"status" if name == "is_done" else name for name in services.agreeing(values)}
    return {field: merging.shown(then, field) for field in merging.FIELDS if field in fields}


def _change(field: str, before: Any, after: Any, source: TaskSource | None) -> Json:
    column = (source.columns if source else {}).get(field) or {}
    return {
        "field": field,
        "name": column.get("name") or NAMES[field],
        "before": words(field, before),
        "after": words(field, after),
    }


def words(field: str, value: Any) -> str:
    if not value:
        return ""
    if field == "due_on":
        return day(date.fromisoformat(str(value)[:10]))
    if field == "status":
        return str(value[0])
    return ", ".join(value) if isinstance(value, list) else str(value)


def day(on: date) -> str:
    return f"{on:%A}, {on.day} {on:%B %Y}"
