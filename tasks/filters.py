"""What a list of tasks can be narrowed to, as parameters or written into a search."""

import re
import uuid
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import Any

from django.db.models import F, JSONField, Q, TextField
from django.db.models.functions import Cast, Lower
from django.utils.dateparse import parse_date

from accounts.models import Membership
from accounts.zones import zone_of
from tasks.models import TaskQuerySet

LOCAL, NOTION = "local", "notion"


@dataclass(frozen=True)
class Filters:
    """`assignee`: a name, or `me`. `person`: whole words of an assignee's name. `source`: `local`, `notion` or a task
    source's id."""

    status: str = ""
    done: bool | None = None
    due_on: date | None = None
    due_before: date | None = None
    due_after: date | None = None
    has_due: bool | None = None
    assignee: str = ""
    person: str = ""
    source: str = ""
    priority: str = ""
    label: str = ""

    def named(self) -> dict[str, str]:
        """Those in use, as words."""
        return {name: str(value) for name, value in vars(self).items() if value not in {"", None}}


def narrowed(tasks: TaskQuerySet, filters: Filters, membership: Membership) -> TaskQuerySet:
    conditions = Q()
    if filters.status:
        conditions &= Q(status__iexact=filters.status)
    if filters.done is not None:
        conditions &= Q(is_done=filters.done)
    if filters.due_on:
        conditions &= Q(due_on=filters.due_on)
    if filters.due_before:
        conditions &= Q(due_on__lt=filters.due_before)
    if filters.due_after:
        conditions &= Q(due_on__gt=filters.due_after)
    if filters.has_due is not None:
        conditions &= Q(due_on__isnull=not filters.has_due)
    if filters.priority:
        conditions &= Q(priority__iexact=filters.priority)
    if filters.source:
        conditions &= _of_source(filters.source)
    tasks = tasks.filter(conditions)
    if filters.assignee:
        tasks = _holding(tasks, "assignees", _names(filters.assignee, membership))
    if filters.person:
        people = "people_as_text"
        tasks = tasks.alias(**{people: Cast("assignees", TextField())})
        tasks = tasks.filter(Q(**{f"{people}__iregex": rf"\m{re.escape(filters.person)}\M"}))
    if filters.label:
        tasks = _holding(tasks, "labels", [filters.label])
    return tasks


def is_source(text: str) -> bool:
    """Whether it can name one; empty means all."""
    if text in {"", LOCAL, NOTION}:
        return True
    try:
        uuid.UUID(text)
    except ValueError:
        return False
    return True


def _of_source(source: str) -> Q:
    if source in {LOCAL, NOTION}:
        return Q(connection_id__isnull=source == LOCAL)
    try:
        return Q(task_source_id=uuid.UUID(source))
    except ValueError:
        return Q(pk=None)


def _names(assignee: str, membership: Membership) -> list[str]:
    if assignee.lower() != "me":
        return [assignee]
    return [name for name in (membership.user.name, membership.user.email) if name]


def _holding(tasks: TaskQuerySet, column: str, values: list[str]) -> TaskQuerySet:
    """Rows whose list has one of the values, in any case."""
    alias = f"lower_{column}"
    tasks = tasks.alias(**{alias: Cast(Lower(Cast(F(column), TextField())), JSONField())})
    conditions = Q(pk=None)
    for value in values:
        conditions |= Q(**{f"{alias}__contains": [value.lower()]})
    return tasks.filter(conditions)


def today(membership: Membership, now: datetime) -> date:
    return now.astimezone(zone_of(membership.user)).date()


Change = Callable[[Filters, date], Filters]


def _overdue(filters: Filters, day: date) -> Filters:
    return replace(filters, due_before=day, done=False)


def _this_week(filters: Filters, day: date) -> Filters:
    """From Monday to Sunday."""
    sunday_before = day - timedelta(days=day.weekday() + 1)
    return replace(filters, due_after=sunday_before, due_before=sunday_before + timedelta(days=8))


def _on(filters: Filters, day: date) -> Filters:
    return replace(filters, due_on=day)


STATES: dict[str, Change] = {
    "done": lambda filters, day: replace(filters, done=True),
    "open": lambda filters, day: replace(filters, done=False),
    "overdue": _overdue,
    "mine": lambda filters, day: replace(filters, assignee="me"),
}
DUES: dict[str, Change] = {
    "today": _on,
    "tomorrow": lambda filters, day: _on(filters, day + timedelta(days=1)),
    "week": _this_week,
    "none": lambda filters, day: replace(filters, has_due=False),
    "any": lambda filters, day: replace(filters, has_due=True),
    "overdue": _overdue,
}
# Said without a colon, these are filters only when nothing else is said.
PHRASES: dict[str, Change] = {
    # Nothing but "all tasks" was said.
    "": lambda filters, day: filters,
    "overdue": _overdue,
    "late": _overdue,
    "due today": _on,
    "due tomorrow": DUES["tomorrow"],
    "due this week": _this_week,
    "assigned to me": STATES["mine"],
    "open": STATES["open"],
    "done": STATES["done"],
    "completed": STATES["done"],
}
FILLERS = re.compile(r"\b(show me|what|which|show|list|find|all|the|is|are|tasks?|to-?dos?)\b|[?.!]", re.IGNORECASE)
# "Done tasks of Tom", "overdue tasks assigned to Tom Reyes"
OF_SOMEBODY = re.compile(
    r"(?P<said>.*\S)\s+(?:of|for|assigned to|owned by)\s+(?P<name>[^\W\d_][\w’'-]*(?: [^\W\d_][\w’'-]*){0,2})\W*",
    re.IGNORECASE,
)
NAMED = re.compile(r'\b(is|due|status|assignee|source|priority|label):("[^"]*"|\S+)', re.IGNORECASE)


def understood(text: str, filters: Filters, day: date, *, is_person: Callable[[str], bool]) -> tuple[str, Filters]:
    """The words that are left to search for, and the filters with what the text adds to them."""
    rest = text
    for found in NAMED.finditer(text):
        name, value = found[1].lower(), found[2].strip('"')
        added = _added(filters, name, value, day)
        if added is not None:
            filters = added
            rest = rest.replace(found[0], " ", 1)
    rest = " ".join(rest.split())
    if (said := _plain(rest)) in PHRASES:
        return "", PHRASES[said](filters, day)
    somebody = OF_SOMEBODY.fullmatch(rest)
    if somebody and (said := _plain(somebody["said"])) in PHRASES:
        name = somebody["name"]
        if name.lower() == "me":
            return "", PHRASES[said](STATES["mine"](filters, day), day)
        if is_person(name):
            return "", PHRASES[said](replace(filters, person=name), day)
    return rest, filters


def _plain(text: str) -> str:
    return " ".join(FILLERS.sub(" ", text.lower()).split())


def _added(filters: Filters, name: str, value: str, day: date) -> Filters | None:
    """None when the value says nothing: the text is then searched as it stands."""
    if name in {"is", "due"}:
        known = (STATES if name == "is" else DUES).get(value.lower())
        on = _date(value) if name == "due" else None
        return known(filters, day) if known else _on(filters, on) if on else None
    added: dict[str, Any] = {name: value}
    return replace(filters, **added) if value else None


def _date(text: str) -> date | None:
    try:
        return parse_date(text)
    except ValueError:
        return None
