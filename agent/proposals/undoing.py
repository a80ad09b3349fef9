"""Taking back what was done, as long as the task is as it was left."""

import uuid
from datetime import datetime
from typing import Any

from django.db import transaction

from accounts.models import Membership
from agent.models import Proposal
from agent.proposals import preparing, services
from agent.proposals.services import MovedOn, NotOpen, Wanted
from config.errors import AppError
from tasks import approved
from tasks import services as tasks
from tasks.models import Task

State = Proposal.State


def undo(*, by: Membership, proposal_id: uuid.UUID, now: datetime) -> Proposal:
    """What it changed, as it was before, as long as the task is as it was left. Undone again, it is the same.

    Raises what `approve` raises: moved on, what would be undone is shown as a proposal of its own."""
    proposal = services.decidable(by, proposal_id)
    if proposal.state in {State.UNDOING, State.UNDONE}:
        return proposal
    if proposal.state != State.APPLIED:
        raise NotOpen("Only what was done can be undone.")
    if not proposal.can_be_undone(now):
        raise NotOpen(f"This was done more than {Proposal.UNDO_LIFE.days} days ago. Change the task by hand.")
    look = services.look_at(proposal)
    is_untouched = look is None or proposal.kind != "create" or approved.is_only_ours(_task(proposal))
    with transaction.atomic():
        locked, task = services.held(proposal)
        if locked.state in {State.UNDOING, State.UNDONE}:
            return services.get(by=by, proposal_id=proposal_id)
        assert task is not None
        left = (locked.applied_digest, locked.applied_edited_at)
        is_as_left = locked.state == State.APPLIED and is_untouched and preparing.state_of(task, look) == left
        if is_as_left:
            _take_back(locked, task, look, by=by, now=now)
    if not is_as_left:
        raise _cannot_undo(proposal, by=by, now=now)
    found = Proposal.objects.select_related("task", "replaced_by").filter(pk=proposal_id).first()
    return found or proposal


def _take_back(proposal: Proposal, task: Task, look: approved.Look | None, *, by: Membership, now: datetime) -> None:
    services.move(proposal, State.UNDOING)
    if look is not None:
        if proposal.guard is None:
            proposal.undo_guard = approved.throw_away(task, by=by, now=now, as_seen=look)
        else:
            proposal.undo_guard = approved.put_back(task, by=by, now=now, changed=proposal.guard, as_seen=look)
        proposal.save()
        services.enqueue(proposal, by)
        return
    proposal.undone_at = now
    services.move(proposal, State.UNDONE)
    if proposal.kind == Proposal.Kind.CREATE:
        # The proposal stays, for it says nothing that who asked did not say.
        Proposal.objects.filter(pk=proposal.pk).update(task=None)
        Task.objects.filter(pk=task.pk).delete()
    else:
        tasks.change(by=by, task_id=task.pk, now=now, **services.dated(proposal.before))


def _cannot_undo(proposal: Proposal, *, by: Membership, now: datetime) -> AppError:
    if proposal.kind == Proposal.Kind.CREATE:
        return MovedOn("This task was changed since. Delete it under Tasks if nobody needs it.")
    wanted = Wanted(Proposal.Kind.UPDATE, task=_task(proposal), values=_before(proposal))
    try:
        shown = _again(proposal, wanted, by=by, now=now, why="To take back what was done before.")
    except preparing.AlreadySo:
        return MovedOn("The task was changed since, and what was done is undone already.")
    return MovedOn("The task was changed since. What undoing would change now is shown anew.", proposal=str(shown.pk))


def _again(proposal: Proposal, wanted: Wanted, *, by: Membership, now: datetime, why: str) -> Proposal:
    """A further one of the same run, which stands beside it."""
    last = Proposal.objects.filter(run_id=proposal.run_id).order_by("-ordinal").values_list("ordinal", flat=True)[0]
    return services.propose(run=proposal.run, by=by, wanted=wanted, now=now, ordinal=last + 1, why=why, is_tainted=True)


def _before(proposal: Proposal) -> dict[str, Any]:
    """What the tasks' services are told to bring it back."""
    if proposal.guard is None:
        return dict(proposal.before)
    before = {name: says for name, (_, says) in proposal.guard.before.items()}
    status = before.pop("status", None)
    return before | ({"status": status[0], "is_done": status[1]} if status else {})


def _task(proposal: Proposal) -> Task:
    assert proposal.task is not None
    return proposal.task
