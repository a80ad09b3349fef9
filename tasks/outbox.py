"""What members edit in rows of Notion: kept with the edit in one transaction, then sent by a job until it is there."""

import uuid
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from accounts import background, tenancy
from accounts.models import Membership
from config.errors import AppError, InvalidField
from tasks import history, merging
from tasks.mapping import DONE_WORDS
from tasks.models import Outgoing, Task, TaskChange, TaskSource

TRASH = "in_trash"


def edit(task: Task, *, by: Membership, now: datetime, values: Mapping[str, Any]) -> None:
    """The task and its outbox say the new values; both are locked and saved here."""
    edit_facts(task, by=by, now=now, wanted=facts(task, values))


def edit_facts(task: Task, *, by: Membership, now: datetime, wanted: Mapping[str, tuple[Any, Any]]) -> None:
    """`wanted`: by field, the value as Notion takes it and as it is shown."""
    outgoing = _opened(task)
    for field, (fact, says) in wanted.items():
        if not task.notion_page_id or merging.shown(task, field) != says:
            history.record(
                task,
                field,
                old=merging.shown(task, field),
                new=says,
                origin=TaskChange.Origin.DOCENT,
                at=now,
                by_id=by.user_id,
            )
        known = task.base.get(field)
        # Back to what Notion has: nothing is left to send, unless a request with another value may be on its way.
        if known is not None and merging.same(field, known[0], fact) and field not in outgoing.sent:
            outgoing.fields.pop(field, None)
        elif (
            known is None
            or not merging.same(field, known[0], fact)
            or field in outgoing.fields
            or field in outgoing.sent
        ):
            outgoing.fields[field] = {"at": now.isoformat(), "by": str(by.user_id), "fact": fact, "shown": says}
        merging.show(task, field, says)
    history.close(task, list(wanted))
    task.updated_at = now
    if outgoing.state == Outgoing.State.DOUBTFUL:
        # It is for a member to say whether Notion has it, and what they edit goes with that.
        merging.settle(task, outgoing)
    else:
        _queue(task, outgoing)


def move_to_trash(task: Task, *, by: Membership, now: datetime, is_trashed: bool) -> None:
    outgoing = _opened(task)
    outgoing.fields[TRASH] = {"at": now.isoformat(), "by": str(by.user_id), "fact": is_trashed, "shown": is_trashed}
    task.trashed_at = now if is_trashed else None
    history.record(
        task,
        TRASH,
        old=not is_trashed,
        new=is_trashed,
        origin=TaskChange.Origin.DOCENT,
        at=now,
        by_id=by.user_id,
    )
    _queue(task, outgoing)


class PerhapsThere(AppError):
    code = "perhaps-in-notion"
    status = 409


def retry(task: Task) -> None:
    """Raises PerhapsThere: whoever tries everything again would make it twice."""
    outgoing = Outgoing.objects.select_for_update().filter(task=task).first()
    if outgoing is None or outgoing.state == Outgoing.State.DISCARDED:
        return
    if outgoing.state == Outgoing.State.DOUBTFUL:
        raise PerhapsThere("Notion may have this task. Look there: `make` makes it, `discard` leaves it.")
    task.sync_state = Task.SyncState.WAITING
    _queue(task, outgoing)


def make(task: Task) -> None:
    """A member says that Notion does not have it."""
    outgoing = Outgoing.objects.select_for_update().filter(task=task, state=Outgoing.State.DOUBTFUL).first()
    if outgoing is not None:
        outgoing.is_absent = True
        task.sync_state = Task.SyncState.WAITING
        _queue(task, outgoing)


def discard(task: Task, *, now: datetime) -> None:
    """Show what Notion has. The edit is kept aside until the next one, so that it can come back."""
    outgoing = Outgoing.objects.select_for_update().filter(task=task).exclude(state=Outgoing.State.DISCARDED).first()
    if outgoing is None:
        return
    for field in outgoing.fields:
        if field in task.base:
            merging.show(task, field, task.base[field][1])
    if not task.notion_page_id or task.sync_state == Task.SyncState.GONE:
        task.trashed_at = now
    elif TRASH in outgoing.fields:
        task.trashed_at = None if outgoing.fields[TRASH]["fact"] else now
    outgoing.state, outgoing.reason = Outgoing.State.DISCARDED, ""
    merging.settle(task, outgoing)


def take_back_discarding(task: Task, *, now: datetime) -> None:
    outgoing = Outgoing.objects.select_for_update().filter(task=task, state=Outgoing.State.DISCARDED).first()
    if outgoing is None:
        return
    for field, waiting in outgoing.fields.items():
        if field != TRASH:
            merging.show(task, field, waiting["shown"])
    is_trashed = TRASH in outgoing.fields and outgoing.fields[TRASH]["fact"]
    task.trashed_at = now if is_trashed else None
    _queue(task, outgoing)


def take_back_lost(task: Task, *, by: Membership, now: datetime) -> None:
    """What the member had written and lost in a conflict is written again, now as the later edit."""
    lost = TaskChange.objects.filter(task=task, is_open=True, origin=TaskChange.Origin.NOTION).order_by("at", "id")
    values = {change.field: change.old for change in lost}
    if values:
        edit(task, by=by, now=now, values=values)


def facts(task: Task, values: Mapping[str, Any]) -> dict[str, tuple[Any, Any]]:
    """By field, the value as Notion takes it and as it is shown. What the database cannot hold is refused."""
    source = task.task_source
    assert source is not None
    wanted: dict[str, tuple[Any, Any]] = {}
    if "status" in values or "is_done" in values:
        wanted["status"] = _status(source, task, values)
    for field in ("title", "due_on", "priority", "assignees", "labels"):
        if field in values:
            wanted[field] = _fact(source, task, field, values[field])
    if task.notion_page_id and "due_on" in wanted:
        wanted["due_on"] = _moved(task, wanted["due_on"])
    return wanted


def _fact(source: TaskSource, task: Task, field: str, value: Any) -> tuple[Any, Any]:
    column = _column(source, field)
    if field == "title":
        fact, says = task.base.get("title") or (value, value)
        # What is shown in place of no title, or of a long one, is not written over it.
        return (fact, says) if value.split() == says.split() else (value, value)
    if field == "due_on":
        return (str(value), str(value)) if value else (None, None)
    if field == "priority":
        return _option(column, field, value) if value else (None, "")
    if field == "labels":
        options = [_option(column, field, each) for each in dict.fromkeys(value)]
        return [fact for fact, _ in options], [name for _, name in options]
    return _people(source, task, value)


def _column(source: TaskSource, field: str) -> Mapping[str, Any]:
    column = source.columns.get(field)
    if not isinstance(column, dict):
        raise InvalidField(
            f"“{source.title}” has no column for this. Choose one among its columns.", pointer=f"/{field}"
        )
    return column


def _option(column: Mapping[str, Any], field: str, name: str) -> tuple[str, str]:
    for option in column["options"]:
        if option["name"].lower() == name.strip().lower():
            return option["id"], option["name"]
    known = ", ".join(option["name"] for option in column["options"]) or "none"
    raise InvalidField(f"“{column['name']}” in Notion has no such option. It has: {known}.", pointer=f"/{field}")


def _status(source: TaskSource, task: Task, values: Mapping[str, Any]) -> tuple[Any, Any]:
    column = _column(source, "status")
    if column["type"] == "checkbox":
        is_done = values.get("is_done", str(values.get("status", "")).lower() in DONE_WORDS)
        return is_done, ["Done" if is_done else "Not started", is_done]
    if values.get("status"):
        fact, name = _option(column, "status", values["status"])
        return fact, [name, fact in source.done_options]
    if "is_done" not in values:
        if column["type"] == "status":
            raise InvalidField("A status in Notion is never empty.", pointer="/status")
        return None, ["", False]
    is_done = values["is_done"]
    if is_done == task.is_done and task.status:
        for option in column["options"]:
            if option["name"] == task.status:
                return option["id"], [task.status, is_done]
    fitting = [option for option in column["options"] if (option["id"] in source.done_options) == is_done]
    if not fitting:
        raise InvalidField(f"“{column['name']}” in Notion has no option that means so.", pointer="/done")
    return fitting[0]["id"], [fitting[0]["name"], is_done]


def _people(source: TaskSource, task: Task, names: Sequence[str]) -> tuple[list[str], list[str]]:
    by_name: dict[str, list[tuple[str, str]]] = {}
    for name, key in source.people.items():
        by_name[name.lower()] = [(key, name)]
    # Who stands in the row already is known by it, also without a name, and two of one name stay two.
    keys, shown = task.base.get("assignees") or ([], [])
    for name in {each.lower() for each in shown}:
        by_name[name] = [pair for pair in zip(keys, shown, strict=True) if pair[1].lower() == name]
    missing = [name for name in names if name.lower() not in by_name]
    if missing:
        raise InvalidField(
            f"Docent has not seen {', '.join(missing)} in this database yet. Assign a row to them in Notion first.",
            pointer="/assignees",
        )
    pairs = [pair for name in dict.fromkeys(each.lower() for each in names) for pair in by_name[name]]
    return [key for key, _ in pairs], [name for _, name in pairs]


def _moved(task: Task, wanted: tuple[Any, Any]) -> tuple[Any, Any]:
    """Another day at the same time of day."""
    base = (task.base.get("due_on") or [None])[0]
    day = wanted[0]
    return (f"{day}{base[10:]}", wanted[1]) if day and base else wanted


def _opened(task: Task) -> Outgoing:
    outgoing = Outgoing.objects.select_for_update().filter(task=task).first()
    if outgoing is None:
        assert task.connection_id is not None
        return Outgoing(task=task, connection_id=task.connection_id)
    # What Notion does not have at all stands only here.
    if outgoing.state == Outgoing.State.DISCARDED and task.notion_page_id:
        outgoing.fields = {}
    return outgoing


def _queue(task: Task, outgoing: Outgoing) -> None:
    outgoing.state, outgoing.reason, outgoing.tries = Outgoing.State.WAITING, "", 0
    outgoing.version += 1
    merging.settle(task, outgoing)
    if outgoing.fields:
        wake(outgoing)


def wake(outgoing: Outgoing, *, due_at: datetime | None = None) -> None:
    from tasks.jobs import send

    workspace_id = tenancy.active_workspace_id()
    assert workspace_id is not None
    background.enqueue(
        send,
        workspace_id=workspace_id,
        key=f"{outgoing.pk} {outgoing.version} {due_at.isoformat() if due_at else ''}",
        due_at=due_at,
        outgoing_id=str(outgoing.pk),
    )


def resume(connection_id: uuid.UUID) -> None:
    """The connection works again: what waited for it goes."""
    for outgoing in Outgoing.objects.filter(connection_id=connection_id, state=Outgoing.State.WAITING, lease=None):
        wake(outgoing)
