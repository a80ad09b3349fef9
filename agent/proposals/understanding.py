"""From words about a task to a proposal: which task, which day, whom. What is not known is said, and never guessed."""

import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from django.contrib.postgres.search import SearchQuery

from accounts.models import Membership
from agent import wording
from agent.candidates import Candidate
from agent.composing import Citation, plain
from agent.dates import resolved
from agent.models import Page, Proposal, Run
from agent.proposals import preparing, services
from agent.proposals.services import Wanted
from config.errors import AppError
from tasks import offers
from tasks import services as tasks
from tasks.filters import LOCAL, today
from tasks.models import Task, TaskSource

Kind = Proposal.Kind
MOST_SHOWN = 8
MOST_LOOKED_AT = 50
UNTIL_APPROVED = "Nothing is written until you approve it."
NOTHING = "Nothing is proposed."


@dataclass(frozen=True)
class Told:
    """`rows`: those of Notion that `text` marks with [1], [2] …, as passages; `proposals`: ids."""

    text: str
    summary: str
    rows: Sequence[Candidate] = ()
    proposals: Sequence[uuid.UUID] = ()

    @property
    def citations(self) -> list[Citation]:
        return [Citation(n, each.chunk_id, each.page_id, "", each.text) for n, each in enumerate(self.rows, 1)]

    @property
    def is_grounded(self) -> bool:
        return bool(self.rows or self.proposals)


class NotUnderstood(Exception):
    """Its text says to who asked what is not known, and what is."""


@dataclass(frozen=True)
class Asked:
    """Who asks for it, in which run, as which of its steps, and whether the run has read what others wrote."""

    run: Run
    by: Membership
    now: datetime
    ordinal: int
    is_tainted: bool


# Told which passages would be shown; answers those whose pages are still there, and notes that they are shown.
Take = Callable[[Sequence[Candidate]], Sequence[Candidate]]


def create(asked: Asked, *, title: str, due: str, assignee: str, priority: str) -> Told:
    found = tasks.writable_sources(asked.by)
    source = found[0] if found else None
    values = _values(asked, source, due=due, assignee=assignee, priority=priority)
    wanted = Wanted(Kind.CREATE, title=title, source=str(source.pk) if source else LOCAL, values=values)
    proposal = _proposed(asked, wanted)
    when = f", due {preparing.day(values['due_on'])}" if values.get("due_on") else ""
    return Told(f"A new task{when}. {_end(proposal)}", "Proposed a new task", proposals=[proposal.pk])


def change(
    asked: Asked,
    take: Take,
    *,
    task: str,
    title: str,
    due: str,
    assignee: str,
    priority: str,
    status: str,
    done: bool | None,
) -> Told:
    fitting = find(asked.by, task, done=done)
    if not fitting:
        return Told(f"I found no task with the words “{plain(task)}” in its title. {NOTHING}", "Found no such task")
    if len(fitting) > 1:
        return _which(fitting, task, take)
    chosen = fitting[0]
    values = _values(asked, chosen.task_source, due=due, assignee=assignee, priority=priority)
    values |= {name: given for name, given in (("title", title), ("status", status)) if given}
    values |= {"is_done": done} if done is not None else {}
    if not values:
        raise NotUnderstood("I did not understand what to change.")
    proposal = _proposed(asked, Wanted(_kind(values), task=chosen, values=values))
    said = "; ".join(f"{plain(each['name'])}: {plain(each['after'] or 'empty')}" for each in proposal.changes)
    rows = take(passages([chosen]))
    name, mark = (f" “{plain(chosen.title)}”", " [1]") if rows else ("", "")
    if chosen.is_local:
        name = f" “{plain(chosen.title)}”"
    text = f"A change of the task{name}{mark}: {said}. {_end(proposal)}"
    return Told(text, "Proposed a change of a task", rows=rows, proposals=[proposal.pk])


def _kind(values: dict[str, Any]) -> str:
    kinds = {"assignees": Kind.REASSIGN, "due_on": Kind.REDATE}
    if list(values) == ["is_done"]:
        return Kind.COMPLETE if values["is_done"] else Kind.REOPEN
    return kinds.get(next(iter(values)), Kind.UPDATE) if len(values) == 1 else Kind.UPDATE


def _proposed(asked: Asked, wanted: Wanted) -> Proposal:
    words = " ".join(asked.run.prompt.split())
    why = f"You asked: “{words if len(words) <= 200 else f'{words[:199]}…'}”"
    return services.propose(
        run=asked.run,
        by=asked.by,
        wanted=wanted,
        now=asked.now,
        ordinal=asked.ordinal,
        why=why,
        is_tainted=asked.is_tainted,
    )


def _end(proposal: Proposal) -> str:
    if proposal.state == Proposal.State.PENDING:
        return UNTIL_APPROVED
    return "This workspace lets it be done without asking; see below how it ended."


# -- which task


def find(by: Membership, words: str, *, done: bool | None = None) -> list[Task]:
    """Those whose title is this, or else has all these words. To be completed, the open ones are meant."""
    readable = Task.objects.readable_by(by).select_related("task_source", "outgoing").defer("words")
    fitting = list(readable.filter(title__iexact=words)[:MOST_LOOKED_AT])
    if not fitting:
        wanted = wording.words_of(words)
        query = SearchQuery(words, config="english", search_type="plain")
        found = readable.filter(words=query).order_by("is_done", "due_on", "title", "pk")[:MOST_LOOKED_AT]
        fitting = [each for each in found if wanted and wanted <= wording.words_of(each.title)]
    meant = [each for each in fitting if done is None or each.is_done != done]
    return meant or fitting


def _which(fitting: Sequence[Task], words: str, take: Take) -> Told:
    shown = list(fitting[:MOST_SHOWN])
    rows = take(passages(shown))
    numbers = {each.page_key: number for number, each in enumerate(rows, 1)}
    lines = [_line(each, numbers) for each in shown]
    listed = [line for line in lines if line]
    more = len(fitting) - len(listed)
    if more:
        listed.append(f"- and {more} more")
    text = f"Several tasks fit “{plain(words)}”. Which one do you mean? {NOTHING}\n\n" + "\n".join(listed)
    return Told(text, f"Found {len(fitting)} tasks that fit", rows=rows)


def _line(task: Task, numbers: dict[tuple[str, str], int]) -> str:
    """Nothing for a row that cannot be cited: what is said of it would outlive it."""
    number = numbers.get((str(task.connection_id), task.notion_page_id))
    if number is None and not task.is_local:
        return ""
    parts = [plain(task.title), task.status, f"due {preparing.day(task.due_on)}" if task.due_on else ""]
    mark = f" [{number}]" if number else ""
    return f"- {', '.join(plain(part) for part in parts if part)}{mark}"


def passages(rows: Sequence[Task]) -> list[Candidate]:
    """Their pages, as far as those were read."""
    pages = {
        (each.connection_id, each.notion_id): each
        for each in Page.objects.filter(notion_id__in=[row.notion_page_id for row in rows if row.notion_page_id])
    }
    return [
        Candidate(
            chunk_id=f"task {row.pk}",
            page_id=row.notion_page_id,
            title=row.title,
            text=row.title,
            url=row.url,
            place=row.task_source.title if row.task_source else "",
            connection_id=str(row.connection_id),
            edited_at=page.edited_at,
            indexed_at=page.indexed_at,
        )
        for row in rows
        if row.connection_id and (page := pages.get((row.connection_id, row.notion_page_id))) is not None
    ]


# -- which day, whom


def _values(asked: Asked, source: TaskSource | None, *, due: str, assignee: str, priority: str) -> dict[str, Any]:
    tasks.with_columns(source)
    values: dict[str, Any] = {}
    if due:
        values["due_on"] = None if due.lower() == "none" else _date(asked, due)
    if assignee:
        values["assignees"] = [] if assignee.lower() == "nobody" else [_person(asked.by, source, assignee)]
    if priority:
        values["priority"] = priority
    return values


def _date(asked: Asked, words: str) -> date:
    found = resolved(words, today=today(asked.by, asked.now))
    if found is None:
        raise NotUnderstood(f"I do not know which day “{plain(words)}” is. Name one, as in 4 December 2026.")
    return found


def _person(by: Membership, source: TaskSource | None, words: str) -> str:
    known = sorted(source.people) if source else list(offers.team(by).values())
    wanted = (by.user.name or by.user.email) if words.lower() in {"me", "myself"} else words
    exact = [name for name in known if name.lower() == wanted.lower()]
    said = set(wanted.lower().split())
    alike = exact or [name for name in known if said <= set(name.lower().split())]
    if len(alike) == 1:
        return alike[0]
    names = ", ".join(plain(name) for name in (alike or known)[:20]) or "nobody yet"
    if alike:
        raise NotUnderstood(f"“{plain(words)}” may be {names}. Say the whole name.")
    raise NotUnderstood(f"I do not know “{plain(words)}” among the people of these tasks. Known: {names}.")


def refused(error: Exception) -> Told:
    said = error.detail if isinstance(error, AppError) else str(error)
    return Told(f"{said} {NOTHING}", "Proposed nothing")
