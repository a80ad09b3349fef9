"""Two sides changed a task: what holds, and what is said about the rest. All of it under the row lock of the task."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.utils.dateparse import parse_date, parse_datetime

from integrations.notion import address_of
from tasks import history
from tasks.mapping import Mapped
from tasks.models import Outgoing, Task, TaskChange

# A status is a name here and an option there; done goes with it.
FIELDS = ("title", "status", "due_on", "priority", "assignees", "labels")
MATTERS_ONLY_TO_NOTION = ("assignees", "labels")


def shown(task: Task, field: str) -> Any:
    value = getattr(task, field)
    if field == "due_on":
        return str(value) if value else None
    return [value, task.is_done] if field == "status" else value


def show(task: Task, field: str, value: Any) -> None:
    if field == "status":
        task.status, task.is_done = value
    else:
        setattr(task, field, parse_date(value) if field == "due_on" and value else value)


def merge(task: Task, outgoing: Outgoing | None, row: Mapping[str, Any], found: Mapped, *, now: datetime) -> None:
    """Take over what Notion says. Where both sides changed a field, the later edit wins and the other is kept."""
    edited_at = parse_datetime(str(row.get("last_edited_time"))) or now
    says = found.shown() | {"status": [found.status[:200], found.is_done]}
    for field in FIELDS:
        if field in found.facts:
            _merge_field(task, outgoing, field, found.facts[field], says[field], edited_at, now)
    # Columns that are not mapped say nothing, and nothing waits for them.
    for field in set(FIELDS) - set(found.facts) - set((outgoing.fields if outgoing else {}).keys()):
        show(task, field, says[field])
        task.base.pop(field, None)
    task.url = address_of(row)
    task.updated_at = max(edited_at, task.updated_at) if outgoing and outgoing.fields else edited_at


def _merge_field(
    task: Task, outgoing: Outgoing | None, field: str, fact: Any, says: Any, edited_at: datetime, now: datetime
) -> None:
    known = task.base.get(field)
    waiting = outgoing.fields.get(field) if outgoing and outgoing.state != Outgoing.State.DISCARDED else None
    is_echo = outgoing is not None and field in outgoing.sent and same(field, outgoing.sent[field], fact)
    is_news = known is not None and not same(field, known[0], fact) and not is_echo
    if outgoing is not None and is_echo:
        # It has come back; the next time somebody wrote it.
        del outgoing.sent[field]
    if waiting is None:
        if is_news and shown(task, field) != says:
            history.record(task, field, old=shown(task, field), new=says, origin=TaskChange.Origin.NOTION, at=edited_at)
        show(task, field, says)
    elif same(field, waiting["fact"], fact):
        assert outgoing is not None
        del outgoing.fields[field]
        show(task, field, says)
    elif is_news:
        assert outgoing is not None
        _conflict(task, outgoing, field, says, edited_at, now)
    task.base[field] = [fact, says]


def _conflict(task: Task, outgoing: Outgoing, field: str, says: Any, edited_at: datetime, now: datetime) -> None:
    mine_at = parse_datetime(outgoing.fields[field]["at"]) or now
    # Notion tells whole minutes only: in the same one its value holds, for ours is the one we can show again.
    if edited_at >= mine_at.replace(second=0, microsecond=0):
        lost, kept, origin = shown(task, field), says, TaskChange.Origin.NOTION
        del outgoing.fields[field]
        show(task, field, says)
    else:
        lost, kept, origin = says, shown(task, field), TaskChange.Origin.DOCENT
    history.record(task, field, old=lost, new=kept, origin=origin, at=now, is_conflict=True)


def same(field: str, one: Any, other: Any) -> bool:
    if field in MATTERS_ONLY_TO_NOTION:
        return sorted(one or []) == sorted(other or [])
    if field == "due_on":
        return bool(one == other)
    return bool((one or "") == (other or "")) if field == "title" else bool(one == other)


def settle(task: Task, outgoing: Outgoing | None) -> None:
    """Say where the task stands, and forget an outbox that is empty."""
    if outgoing is not None and outgoing.state != Outgoing.State.DISCARDED and not outgoing.fields:
        if outgoing.pk is not None and not outgoing._state.adding:
            outgoing.delete()
        outgoing = None
    if outgoing is not None and outgoing.state in {Outgoing.State.FAILED, Outgoing.State.DOUBTFUL}:
        state = Task.SyncState.GONE if task.sync_state == Task.SyncState.GONE else Task.SyncState.FAILED
    elif outgoing is not None and outgoing.state == Outgoing.State.WAITING:
        state = Task.SyncState.WAITING
    else:
        state = Task.SyncState.CONFLICT if history.has_open(task) else Task.SyncState.SYNCED
    task.sync_state = state
    if outgoing is not None:
        outgoing.save()
    task.save()
