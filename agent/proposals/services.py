"""What a member does with what a run proposes. Nothing is written that they did not see, and nothing twice.

A proposal's row is locked before its task, and both before the task's outbox.
"""

import uuid
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.db.models import Q, QuerySet
from django.utils.dateparse import parse_date

from accounts import background
from accounts.models import Membership
from agent.models import Proposal, Run
from agent.proposals import preparing
from agent.proposals.policy import check_may_propose, is_let_by_itself
from billing.permissions import can_change, check_can_change
from config.errors import AppError, InvalidField
from tasks import approved, services
from tasks.filters import LOCAL
from tasks.models import Task

State = Proposal.State
LIFE = timedelta(days=7)
# What only `edit` may name, beside what a task has.
FIELDS = ("title", "status", "is_done", "due_on", "priority", "assignees", "labels")
LONGEST_REASON = 500


class NoProposal(AppError):
    code = "not-found"
    status = 404


class NotOpen(AppError):
    """It was decided before, or its time is over."""

    code = "proposal-closed"
    status = 409


class MovedOn(AppError):
    """The task is not as it was shown; `proposal` shows it as it is."""

    code = "moved-on"
    status = 409


@dataclass(frozen=True)
class Wanted:
    """`task` is None for one that is to be made, in `source`."""

    kind: str
    task: Task | None = None
    title: str = ""
    source: str = LOCAL
    values: Mapping[str, Any] = field(default_factory=dict)


def propose(
    *,
    run: Run,
    by: Membership,
    wanted: Wanted,
    now: datetime,
    ordinal: int = 0,
    why: str = "",
    source_page: Mapping[str, str] | None = None,
    is_tainted: bool = True,
) -> Proposal:
    """The same step of the same run finds its proposal again. `is_tainted`: the run has read what others wrote, so that
    a person decides whatever the workspace lets it do by itself.

    Raises NeverWrites, AlreadySo, RowGone, OnItsWay, NotionAway, InvalidField and what closes the plan."""
    check_may_propose(by)
    mine = Proposal.objects.filter(run=run, ordinal=ordinal, replaces=None)
    if (made := mine.first()) is not None:
        return made
    proposal = Proposal(
        run=run, ordinal=ordinal, owner_id=by.user_id, why=why[:LONGEST_REASON], source_page=source_page, created_at=now
    )
    _say(proposal, wanted, by=by, now=now)
    with transaction.atomic():
        # Two workers at the same run: the second waits, and finds it.
        Run.objects.select_for_update(no_key=True).get(pk=run.pk)
        if (made := mine.first()) is not None:
            return made
        proposal.save(force_insert=True)
    if is_let_by_itself(by, proposal.kind, is_tainted=is_tainted):
        return approve(by=by, proposal_id=proposal.pk, now=now)
    return proposal


def _say(proposal: Proposal, wanted: Wanted, *, by: Membership, now: datetime) -> None:
    if wanted.task is None:
        said = preparing.of_new(by, source=wanted.source, title=wanted.title, values=wanted.values)
    else:
        services.check_can_change(wanted.task, by)
        services.with_columns(wanted.task.task_source)
        said, _ = preparing.of_change(wanted.task, wanted.values)
    proposal.kind, proposal.task, proposal.values = wanted.kind, wanted.task, _kept(wanted.values)
    proposal.title, proposal.place, proposal.source = said.title, said.place, said.source
    proposal.changes, proposal.digest, proposal.edited_at = list(said.changes), said.digest, said.edited_at
    proposal.expires_at = now + LIFE


def readable(by: Membership) -> QuerySet[Proposal]:
    """The member's own, of tasks that they may still read."""
    tasks = Task.objects.readable_or_trashed(by)
    return Proposal.objects.filter(Q(task=None) | Q(task__in=tasks), owner_id=by.user_id)


def of_runs(runs: Iterable[Run], *, by: Membership) -> dict[uuid.UUID, list[Proposal]]:
    """By run; of those that this member asked."""
    found: dict[uuid.UUID, list[Proposal]] = defaultdict(list)
    for each in readable(by).filter(run__in=list(runs)).select_related("task", "replaced_by"):
        found[each.run_id].append(each)
    return found


def get(*, by: Membership, proposal_id: uuid.UUID) -> Proposal:
    found = readable(by).select_related("task__task_source", "replaced_by").filter(pk=proposal_id).first()
    if found is None:
        raise NoProposal("There is no such proposal.")
    return found


def approve(*, by: Membership, proposal_id: uuid.UUID, now: datetime) -> Proposal:
    """Written over what was shown; a job does it for a row of Notion. Approved again, it is the same.

    Raises MovedOn, NotOpen, RowGone, OnItsWay, NotionAway, NotAllowed and what closes the plan."""
    proposal = decidable(by, proposal_id)
    if proposal.state in {State.APPROVED, State.APPLYING, *Proposal.DONE}:
        return proposal
    check_may_propose(by)
    _check_is_pending(proposal, now)
    look = look_at(proposal)
    with transaction.atomic():
        locked, task = held(proposal)
        if locked.state in {State.APPROVED, State.APPLYING, *Proposal.DONE}:
            return get(by=by, proposal_id=proposal_id)
        is_as_shown = locked.state == State.PENDING and (
            task is None or preparing.state_of(task, look) == (locked.digest, locked.edited_at)
        )
        if is_as_shown:
            _write(locked, task, look, by=by, now=now)
    if not is_as_shown:
        raise _moved_on(proposal, by=by, now=now)
    return get(by=by, proposal_id=proposal_id)


def _write(proposal: Proposal, task: Task | None, look: approved.Look | None, *, by: Membership, now: datetime) -> None:
    proposal.decided_at = now
    move(proposal, State.APPROVED)
    if task is None:
        made = services.create(by=by, now=now, title=proposal.title, source=proposal.source, **values_of(proposal))
        proposal.task = made
        is_here = made.is_local
    elif look is not None:
        proposal.guard = approved.change(task, by=by, now=now, values=values_of(proposal), as_seen=look)
        is_here = False
    else:
        proposal.before = {name: getattr(task, name) for name in services.agreeing(values_of(proposal))}
        proposal.before = _kept(proposal.before)
        services.change(by=by, task_id=task.pk, now=now, **values_of(proposal))
        is_here = True
    if is_here:
        assert proposal.task_id is not None
        move(proposal, State.APPLYING)
        end(proposal, Task.objects.get(pk=proposal.task_id), None, now=now)
    else:
        proposal.save()
        enqueue(proposal, by)


def end(
    proposal: Proposal, task: Task, look: approved.Look | None, *, now: datetime, differs: Sequence[str] = ()
) -> None:
    """It was done, and this is the task as it was read back."""
    proposal.applied_digest, proposal.applied_edited_at = preparing.state_of(task, look)
    proposal.applied_at, proposal.differs = now, list(differs)
    move(proposal, State.APPLIED)


def edit(*, by: Membership, proposal_id: uuid.UUID, now: datetime, values: Mapping[str, Any]) -> Proposal:
    """Another one in its place that says this: an id always means what was shown with it."""
    proposal = decidable(by, proposal_id)
    _check_is_pending(proposal, now)
    unknown = set(values) - set(FIELDS)
    if unknown or not values:
        raise InvalidField(f"Send one or more of: {', '.join(FIELDS)}.", pointer="/values")
    return _anew(proposal, {**proposal.values, **_kept(values)}, by=by, now=now, reason="Edited")


def reject(*, by: Membership, proposal_id: uuid.UUID, now: datetime) -> Proposal:
    """Also by who may write no more. Rejected again, it is the same."""
    proposal = get(by=by, proposal_id=proposal_id)
    if proposal.state == State.REJECTED:
        return proposal
    _check_is_pending(proposal, now)
    with transaction.atomic():
        locked, _ = held(proposal)
        if locked.state == State.PENDING:
            locked.decided_at = now
            move(locked, State.REJECTED)
    return get(by=by, proposal_id=proposal_id)


def _moved_on(proposal: Proposal, *, by: Membership, now: datetime) -> AppError:
    current = get(by=by, proposal_id=proposal.pk)
    if current.state != State.PENDING:
        return _closed(current)
    try:
        shown = _anew(current, current.values, by=by, now=now, reason="The task was changed after this was shown")
    except preparing.AlreadySo as error:
        stale(current, "The task was changed after this was shown, and is so already")
        return MovedOn(f"Nothing was written. The task was changed meanwhile. {error.detail}")
    words = "Nothing was written: the task was changed after this was shown. It is shown anew as it is now."
    return MovedOn(words, proposal=str(shown.pk))


def _anew(proposal: Proposal, values: Mapping[str, Any], *, by: Membership, now: datetime, reason: str) -> Proposal:
    title = str(values.get("title", proposal.title)) if proposal.task_id is None else ""
    rest = {name: value for name, value in values.items() if proposal.task_id is not None or name != "title"}
    wanted = Wanted(proposal.kind, proposal.task, title, proposal.source or LOCAL, dated(rest))
    shown = Proposal(
        run_id=proposal.run_id,
        ordinal=proposal.ordinal,
        owner_id=proposal.owner_id,
        why=proposal.why,
        source_page=proposal.source_page,
        replaces=proposal,
        created_at=now,
    )
    _say(shown, wanted, by=by, now=now)
    with transaction.atomic():
        locked, _ = held(proposal)
        if locked.state == State.STALE:
            return Proposal.objects.get(replaces=proposal)
        if State.STALE not in Proposal.MOVES.get(State(locked.state), ()):
            raise _closed(locked)
        locked.reason = reason
        move(locked, State.STALE)
        shown.save(force_insert=True)
    return shown


def show_anew(proposal: Proposal, *, by: Membership, now: datetime) -> Proposal | None:
    """After it could not be written over what was shown. None when nothing is left to propose."""
    try:
        return _anew(proposal, proposal.values, by=by, now=now, reason="The task was changed after this was approved")
    except preparing.AlreadySo:
        stale(proposal, "The task was changed after this was approved, and is so already")
        return None


def stale(proposal: Proposal, reason: str) -> None:
    with transaction.atomic():
        locked, _ = held(proposal)
        if State.STALE in Proposal.MOVES.get(State(locked.state), ()):
            locked.reason = reason
            move(locked, State.STALE)


def move(proposal: Proposal, to: str) -> None:
    """Under its lock. The database refuses a move that is none."""
    proposal.state = to
    proposal.save()


def can_decide(by: Membership) -> bool:
    return services.can_create(by) and can_change(by)


def decidable(by: Membership, proposal_id: uuid.UUID) -> Proposal:
    proposal = get(by=by, proposal_id=proposal_id)
    if not services.can_create(by):
        raise services.NotAllowed("Viewers read tasks and do not change them. Ask an owner for another role.")
    check_can_change(by)
    return proposal


def _check_is_pending(proposal: Proposal, now: datetime) -> None:
    if proposal.is_lapsed(now):
        with transaction.atomic():
            locked, _ = held(proposal)
            if locked.state == State.PENDING:
                move(locked, State.EXPIRED)
        raise NotOpen("This was proposed too long ago. Ask again.")
    if proposal.state != State.PENDING:
        raise _closed(proposal)


def _closed(proposal: Proposal) -> AppError:
    newer = Proposal.objects.filter(replaces=proposal).first()
    if newer is not None:
        return MovedOn("Nothing was written: this was replaced by another proposal.", proposal=str(newer.pk))
    return NotOpen(f"Nothing was done: this is “{State(proposal.state).label}” already.")


def look_at(proposal: Proposal) -> approved.Look | None:
    """Notion's row as it is this moment, outside of any transaction; None for what is not in Notion."""
    task = proposal.task
    if task is None or task.is_local:
        return None
    approved.check_is_quiet(task)
    services.with_columns(task.task_source)
    return approved.look_living(task)


def held(proposal: Proposal) -> tuple[Proposal, Task | None]:
    row = Proposal.objects.select_for_update(of=("self",)).select_related("guard").filter(pk=proposal.pk).first()
    if row is None:
        raise NoProposal("There is no such proposal.")
    return row, services.locked(row.task) if row.task is not None else None


def locked(proposal_id: uuid.UUID) -> tuple[Proposal, Task | None]:
    return held(Proposal(pk=proposal_id))


def values_of(proposal: Proposal) -> dict[str, Any]:
    return dated(proposal.values)


def _kept(values: Mapping[str, Any]) -> dict[str, Any]:
    """As JSON keeps it."""
    return {name: str(value) if name == "due_on" and value else value for name, value in values.items()}


def dated(values: Mapping[str, Any]) -> dict[str, Any]:
    return {
        name: parse_date(value) if name == "due_on" and isinstance(value, str) else value
        for name, value in values.items()
    }


def enqueue(proposal: Proposal, by: Membership) -> None:
    from agent.jobs import apply_proposal

    background.enqueue(
        apply_proposal,
        workspace_id=by.workspace_id,
        key=f"{proposal.pk} {proposal.state}",
        proposal_id=str(proposal.pk),
    )
