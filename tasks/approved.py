"""Changes that a member approved as they saw the row: into the outbox, and looked for in Notion afterwards."""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from accounts.models import Connection, Membership
from config.errors import AppError
from integrations import notion
from tasks import asking, guarding, merging, outbox, seen, sending, tracing, writing
from tasks.answers import take_over
from tasks.mapping import read_row
from tasks.models import Guard, Outgoing, Task

Json = dict[str, Any]
LOOKS, LOOK_SECONDS = 20, 0.25


class OnItsWay(AppError):
    code = "changes-on-their-way"
    status = 409


class RowGone(AppError):
    code = "row-gone"
    status = 409


@dataclass(frozen=True)
class Look:
    """A row as Notion showed it just now."""

    page: Json

    @property
    def digest(self) -> str:
        return seen.digest(self.page)

    @property
    def edited_at(self) -> str:
        return seen.edited(self.page)

    @property
    def is_trashed(self) -> bool:
        return bool(self.page.get("in_trash"))


def look(task: Task) -> Look:
    """Raises NotionAway, or RowGone when it is elsewhere."""
    with _asked(task) as client:
        try:
            return Look(asking.page_of(client, task))
        except asking.Gone as error:
            raise RowGone("In Notion this task is in another place, or no longer shared with Docent.") from error


def look_living(task: Task) -> Look:
    """Raises NotionAway, or RowGone when it is elsewhere or in the trash."""
    found = look(task)
    if found.is_trashed:
        raise RowGone("In Notion this task is in the trash.")
    return found


def is_only_ours(task: Task) -> bool:
    """Whether its page holds nothing but the line by which it was made. Raises NotionAway."""
    with _asked(task) as client:
        return tracing.lines(client, {"id": task.notion_page_id}) == [writing.marker(task.pk)]


class _asked:
    """A client of the task's connection; whatever Notion refuses is NotionAway."""

    def __init__(self, task: Task) -> None:
        assert task.connection_id is not None
        connection = Connection.objects.filter(pk=task.connection_id, status=Connection.Status.ACTIVE).first()
        if connection is None:
            raise asking.NotionAway("Connect Notion again, then try this again.")
        self.opened = asking.opened(connection)

    def __enter__(self) -> notion.Notion:
        return self.opened.__enter__()

    def __exit__(self, kind: Any, error: Any, trace: Any) -> None:
        self.opened.__exit__(kind, error, trace)
        if isinstance(error, notion.NotionError):
            raise asking.NotionAway(f"Notion did not answer: {error}. Try again.") from error


def check_is_quiet(task: Task) -> None:
    """Raises OnItsWay while something of it is still to be written."""
    if Outgoing.objects.filter(task=task).exclude(state=Outgoing.State.DISCARDED).exists():
        raise OnItsWay("Other changes of this task are not in Notion yet. See to them under Tasks, then try again.")


def change(task: Task, *, by: Membership, now: datetime, values: Mapping[str, Any], as_seen: Look) -> Guard:
    """Under the task's lock, in the caller's transaction. Raises OnItsWay, or InvalidField for what it cannot hold."""
    check_is_quiet(task)
    take_over(task, as_seen.page)
    source = task.task_source
    assert source is not None
    wanted = outbox.facts(task, values)
    guard = Guard(
        task=task,
        before={name: task.base[name] for name in wanted if name in task.base},
        exact=seen.exact(as_seen.page, source.columns, list(wanted)),
    )
    outbox.edit_facts(task, by=by, now=now, wanted=wanted)
    return _kept(guard, as_seen)


def put_back(task: Task, *, by: Membership, now: datetime, changed: Guard, as_seen: Look) -> Guard:
    """As `change`: what that changed, as it was before."""
    check_is_quiet(task)
    take_over(task, as_seen.page)
    wanted = {name: (fact, says) for name, (fact, says) in changed.before.items()}
    outbox.edit_facts(task, by=by, now=now, wanted=wanted)
    return _kept(Guard(task=task), as_seen, exact=changed.exact)


def throw_away(task: Task, *, by: Membership, now: datetime, as_seen: Look) -> Guard:
    """As `change`: into Notion's trash."""
    check_is_quiet(task)
    take_over(task, as_seen.page)
    outbox.move_to_trash(task, by=by, now=now, is_trashed=True)
    return _kept(Guard(task=task), as_seen)


def _kept(guard: Guard, as_seen: Look, *, exact: Mapping[str, Any] | None = None) -> Guard:
    """With its fields in the outbox marked as its own."""
    outgoing = Outgoing.objects.select_for_update().filter(task=guard.task).first()
    waiting = outgoing.fields if outgoing is not None else {}
    for name, each in waiting.items():
        each["guard"] = str(guard.pk)
        if exact and name in exact:
            each["exact"] = exact[name]
    guard.digest, guard.edited_at = as_seen.digest, as_seen.edited_at
    guard.facts = {name: each["fact"] for name, each in waiting.items()}
    guard.save(force_insert=True)
    if outgoing is not None:
        outgoing.save(update_fields=["fields"])
    return guard


def waiting(guard: Guard) -> Outgoing | None:
    """What of it is still to be sent."""
    outgoing = Outgoing.objects.filter(task_id=guard.task_id).exclude(state=Outgoing.State.DISCARDED).first()
    return outgoing if outgoing is not None and guarding.fields_of(outgoing, guard) else None


def send(task: Task) -> None:
    """As the outbox's own job. That one may be at it: then it is waited for, a moment long."""
    for _ in range(LOOKS):
        outgoing = Outgoing.objects.filter(task=task, state=Outgoing.State.WAITING).first()
        if outgoing is None:
            return
        sending.send(outgoing_id=str(outgoing.pk))
        if not Outgoing.objects.filter(pk=outgoing.pk).exclude(lease=None).exists():
            return
        time.sleep(LOOK_SECONDS)


def unlike(task: Task, values: Mapping[str, Any], row: Look) -> list[str]:
    """The fields in which the row is not what these values say."""
    assert task.task_source is not None
    says = read_row(task.task_source, row.page).facts
    wanted = outbox.facts(Task(task_source=task.task_source), values)
    return [name for name, (fact, _) in wanted.items() if not merging.same(name, says.get(name), fact)]
