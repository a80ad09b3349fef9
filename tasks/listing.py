"""The page's list: open tasks by when they are due, for the member's own day."""

import uuid
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from django.db.models import F, Q
from django.urls import reverse
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _lazy

from accounts.models import Connection, Membership
from config.errors import InvalidField
from config.numbers import whole
from tasks.filters import LOCAL, Filters, is_source, narrowed, today
from tasks.models import Outgoing, Task, TaskChange, TaskQuerySet

STEP, MOST = 50, 1_000
DONE = "done"


@dataclass(frozen=True)
class Wanted:
    """What the address asks for."""

    q: str
    whose: str
    source: str
    assignee: str
    status: str
    show: int

    @classmethod
    def read(cls, parameters: Mapping[str, str]) -> "Wanted":
        """Raises InvalidField rather than show something else than was asked for."""
        shown = parameters.get("show") or str(STEP)
        show = whole(shown)
        if show is None or not 1 <= show <= MOST:
            raise InvalidField(f"A number from 1 to {MOST:,}.", pointer="/show")
        texts = {
            name: parameters.get(name, "").strip()[:200] for name in ("q", "whose", "source", "assignee", "status")
        }
        if texts["whose"] not in {"", "mine"}:
            raise InvalidField("Mine, or without it all.", pointer="/whose")
        if not is_source(texts["source"]):
            raise InvalidField("There is no such source.", pointer="/source")
        return cls(**texts, show=max(show, STEP))

    @property
    def is_filtered(self) -> bool:
        return self.filters_active > 0

    @property
    def filters_active(self) -> int:
        return sum(map(bool, (self.q, self.whose, self.source, self.assignee, self.status)))


def listed(by: Membership, wanted: Wanted) -> TaskQuerySet:
    """Done tasks are seen only when asked for."""
    is_mine = wanted.whose == "mine"
    filters = Filters(
        status="" if wanted.status == DONE else wanted.status,
        done=wanted.status == DONE if wanted.status in {"", DONE} else None,
        assignee=wanted.assignee,
        source=wanted.source,
    )
    tasks = narrowed(Task.objects.readable_by(by), filters, by)
    if is_mine:
        own = narrowed(Task.objects.readable_by(by), Filters(assignee="me"), by)
        tasks = tasks.filter(Q(connection_id=None, owner_id=by.user_id) | Q(pk__in=own.values("pk")))
    if wanted.q:
        tasks = tasks.filter(Q(title__icontains=wanted.q) | Q(words=wanted.q))
    return tasks.select_related("task_source", "outgoing").order_by(F("due_on").asc(nulls_last=True), "title", "pk")


def groups(tasks: Iterable[Task], by: Membership, now: datetime) -> list[dict[str, Any]]:
    day = today(by, now)
    week_ends = day + timedelta(days=6 - day.weekday())
    sorted_in: dict[str, list[dict[str, Any]]] = {}
    for task in tasks:
        sorted_in.setdefault(_group(task, day, week_ends), []).append(shown(task))
    names = {
        "overdue": gettext("Overdue"),
        "today": gettext("Today"),
        "week": gettext("This week"),
        "later": gettext("Later"),
        "none": gettext("No date"),
    }
    return [
        {"name": name, "is_late": key == "overdue", "tasks": sorted_in[key]}
        for key, name in names.items()
        if key in sorted_in
    ]


def _group(task: Task, day: date, week_ends: date) -> str:
    if task.due_on is None:
        return "none"
    if task.due_on < day:
        return "later" if task.is_done else "overdue"
    return "today" if task.due_on == day else "week" if task.due_on <= week_ends else "later"


def shown(task: Task) -> dict[str, Any]:
    return {
        "id": str(task.pk),
        "title": task.title,
        "url": task.url,
        "place": task.task_source.title if task.task_source else "",
        "assignees": task.assignees,
        "due_on": task.due_on,
        "status": task.status,
        "is_done": task.is_done,
        "sync_state": task.sync_state,
        "page": reverse("task", args=[task.pk]),
        **trouble(task),
    }


def trouble(task: Task) -> dict[str, Any]:
    """What stands between the task and its row in Notion, and what can be done about it."""
    outgoing = getattr(task, "outgoing", None)
    retry, discard = ("retry", gettext("Try again")), ("discard", gettext("Discard"))
    words, tone, actions = "", "", []
    if outgoing is not None and outgoing.state == Outgoing.State.DISCARDED:
        words, actions = gettext("Change discarded"), [("undo", gettext("Undo"))]
    elif task.sync_state == Task.SyncState.WAITING:
        words, actions = gettext("Waiting for Notion"), [retry, discard] if outgoing and outgoing.reason else []
    elif outgoing is not None and outgoing.state == Outgoing.State.DOUBTFUL:
        words, tone, actions = gettext("Perhaps in Notion"), "warn", [("make", retry[1]), discard]
    elif task.sync_state == Task.SyncState.FAILED:
        words, tone, actions = gettext("Notion refused it"), "bad", [retry, discard]
    elif task.sync_state == Task.SyncState.GONE:
        words, tone, actions = gettext("Gone in Notion"), "bad", [retry, discard]
    elif task.sync_state == Task.SyncState.CONFLICT:
        words, tone = gettext("Changed on both sides"), "warn"
        actions = [("mine", gettext("Keep mine")), ("keep", gettext("Keep what is shown"))]
    return {"badge": words, "tone": tone, "actions": actions, "reason": outgoing.reason if outgoing else ""}


FIELDS = {
    "title": _lazy("Title"),
    "status": _lazy("Status"),
    "due_on": _lazy("Due"),
    "priority": _lazy("Priority"),
    "assignees": _lazy("Assignees"),
    "labels": _lazy("Labels"),
    "in_trash": _lazy("In the trash"),
}


def line(change: TaskChange, names: Mapping[uuid.UUID, str]) -> dict[str, Any]:
    """One line of a task's history. In a conflict, `old` is the value that lost."""
    by_notion = change.origin == TaskChange.Origin.NOTION
    return {
        "at": change.at,
        "field": FIELDS.get(change.field, change.field),
        "old": _words(change.old),
        "new": _words(change.new),
        "who": gettext("Notion")
        if by_notion
        else (names.get(change.by_id) if change.by_id else None) or gettext("Docent"),
        "is_conflict": change.is_conflict,
    }


def conflict(change: TaskChange) -> dict[str, Any]:
    """Both values of a conflict, by whose they are."""
    mine, theirs = change.old, change.new
    if change.origin == TaskChange.Origin.DOCENT:
        mine, theirs = theirs, mine
    return {"field": FIELDS.get(change.field, change.field), "mine": _words(mine), "theirs": _words(theirs)}


def _words(value: Any) -> str:
    if isinstance(value, bool):
        return gettext("yes") if value else gettext("no")
    if isinstance(value, list):
        return ", ".join(map(str, value)) or gettext("nothing")
    return str(value) if value else gettext("nothing")


def selects(by: Membership, wanted: Wanted) -> list[dict[str, Any]]:
    """The choices that this member's tasks offer, in one query."""
    seen = Task.objects.readable_by(by).values_list(
        "task_source_id", "task_source__title", "connection_id", "status", "assignees"
    )
    sources: dict[str, str] = {}
    connections: dict[str, uuid.UUID] = {}
    statuses: set[str] = set()
    people: set[str] = set()
    for source_id, title, connection_id, status, assignees in seen.distinct():
        sources[str(source_id) if source_id else LOCAL] = title or gettext("Local")
        if source_id and connection_id:
            connections[str(source_id)] = connection_id
        statuses.add(status)
        people.update(assignees)
    if len(set(sources.values())) < len(sources):
        # Two Notion workspaces may call theirs the same.
        names = Connection.objects.in_bulk(set(connections.values()))
        # One may be ended at this moment.
        known = {key: names[of].notion_workspace_name for key, of in connections.items() if of in names}
        sources |= {key: f"{sources[key]} · {name}" for key, name in known.items()}
    named = sorted((name, name) for name in statuses if name and name.lower() != DONE)
    return [
        _select("source", gettext("Source"), wanted.source, sorted(sources.items(), key=lambda pair: pair[1])),
        _select("assignee", gettext("Assignee"), wanted.assignee, [(name, name) for name in sorted(people)]),
        _select("status", gettext("Status"), wanted.status, [*named, (DONE, gettext("Done"))]),
    ]


def _select(name: str, label: str, value: str, choices: list[tuple[str, str]]) -> dict[str, Any]:
    return {"name": name, "label": label, "value": value, "choices": choices}
