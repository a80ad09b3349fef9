"""What was approved over a row as it was seen: sent as long as the row is so, and withdrawn when it is not any more."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from django.db import transaction
from django.utils import timezone

from integrations import notion
from tasks import history, merging, outbox, parting, seen
from tasks.mapping import read_row
from tasks.models import Guard, Outgoing, Task, TaskChange

Json = dict[str, Any]


def hold(outgoing: Outgoing, page: Json) -> None:
    """Before anything is sent: this is the row as it is."""
    for guard in Guard.objects.filter(pk__in=_named(outgoing.fields)).select_related("task__task_source"):
        if not _holds(guard, outgoing, page):
            withdraw(guard)


def _holds(guard: Guard, outgoing: Outgoing, page: Json) -> bool:
    if set(guard.facts) != set(fields_of(outgoing, guard)):
        # Another edit took one of them, here or in Notion.
        return False
    is_as_seen = (seen.digest(page), seen.edited(page)) == (guard.digest, guard.edited_at)
    # An attempt of which no answer came has written it.
    return is_as_seen or (guard.sent_at is not None and not differing(guard, page))


def differing(guard: Guard, page: Json) -> list[str]:
    """The fields in which the row is not as it was approved."""
    says = read_row(guard.task.task_source, page).facts
    says[outbox.TRASH] = bool(page.get("in_trash"))
    return [name for name, fact in guard.facts.items() if not merging.same(name, says.get(name), fact)]


def fields_of(outgoing: Outgoing, guard: Guard) -> list[str]:
    """Those of its fields that still wait."""
    return [name for name, each in outgoing.fields.items() if each.get("guard") == str(guard.pk)]


@transaction.atomic
def withdraw(guard: Guard) -> None:
    """What of it waits is sent no more, and the task shows what Notion has."""
    task = Task.objects.select_for_update().filter(pk=guard.task_id).first()
    outgoing = Outgoing.objects.select_for_update().filter(task_id=guard.task_id).first()
    if task is None or outgoing is None:
        return
    names = fields_of(outgoing, guard)
    for name in names:
        _take_back(task, name, outgoing.fields.pop(name))
    if not names:
        return
    is_gone = task.sync_state == Task.SyncState.GONE
    merging.settle(task, outgoing)
    if is_gone:
        parting.hide(connection_id=outgoing.connection_id, notion_page_ids=[task.notion_page_id])


def _take_back(task: Task, name: str, waiting: Mapping[str, Any]) -> None:
    old: Any = waiting["shown"]
    new = not old if name == outbox.TRASH else task.base.get(name, [None, old])[1]
    if name == outbox.TRASH:
        task.trashed_at = None
    else:
        merging.show(task, name, new)
    history.record(task, name, old=old, new=new, origin=TaskChange.Origin.NOTION, at=timezone.now())


@contextmanager
def noted(sending: Mapping[str, Any]) -> Iterator[None]:
    """The request that carries these fields: that it was sent, and that Notion took it."""
    guards = Guard.objects.filter(pk__in=_named(sending))
    guards.update(sent_at=timezone.now())
    try:
        yield
    except (notion.Refused, notion.RateLimited, notion.NotConnected):
        # Certain: nothing was written.
        guards.update(sent_at=None)
        raise
    guards.update(written_at=timezone.now())


def _named(fields: Mapping[str, Any]) -> set[str]:
    return {each["guard"] for each in fields.values() if each.get("guard")}
