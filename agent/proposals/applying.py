"""The job that has an approved change written, reads it back, and says what became of it.

It may run twice and stop anywhere: the outbox writes once, and each end is one move of the proposal under its lock.
"""

import uuid
from datetime import datetime, timedelta

from django.db import transaction

from accounts import background, tenancy
from accounts.models import Membership
from agent.models import Proposal
from agent.proposals import services
from config.errors import AppError
from tasks import approved, asking, guarding
from tasks.models import Guard, Outgoing, Task

State = Proposal.State
SOON = timedelta(seconds=15)
# What was approved is not written hours later, when nobody thinks of it any more.
PATIENCE = timedelta(hours=1)
# An attempt of which nobody knows whether it was taken is looked for longer.
LONGEST = timedelta(days=1)
TOO_LATE = "Notion could not be reached for an hour, so nothing was written."
NOT_KNOWN = "Notion may have taken this and could not be asked for a day. Look there."


def apply(*, proposal_id: str, now: datetime) -> None:
    proposal = _begun(proposal_id)
    if proposal is None or proposal.task is None:
        return
    task = proposal.task
    approved.send(task)
    if proposal.guard is None and proposal.state == State.APPLYING:
        _made(proposal, task, now=now)
    else:
        _changed(proposal, task, now=now)


def _begun(proposal_id: str) -> Proposal | None:
    with transaction.atomic():
        held = Proposal.objects.select_for_update(of=("self",)).filter(pk=proposal_id).first()
        if held is None or held.state not in Proposal.AT_WORK:
            return None
        if held.state == State.APPROVED:
            services.move(held, State.APPLYING)
    related = Proposal.objects.select_related("task__task_source", "guard__task", "undo_guard__task")
    return related.filter(pk=proposal_id).first()


def _made(proposal: Proposal, task: Task, *, now: datetime) -> None:
    waits = Outgoing.objects.filter(task=task).exclude(state=Outgoing.State.DISCARDED).first()
    if waits is not None and waits.state == Outgoing.State.WAITING:
        raise background.Later(now + SOON)
    if waits is not None:
        _fail(proposal, f"{waits.reason} See to this task under Tasks.")
        return
    task.refresh_from_db()
    look = _looked(proposal, task, now=now)
    if look is not None:
        values = {"title": proposal.title, **services.values_of(proposal)}
        _end(proposal, task, look, now=now, differs=approved.unlike(task, values, look))


def _changed(proposal: Proposal, task: Task, *, now: datetime) -> None:
    guard = proposal.undo_guard if proposal.state == State.UNDOING else proposal.guard
    assert guard is not None
    waits = approved.waiting(guard)
    if waits is not None and waits.state == Outgoing.State.WAITING and not _is_too_late(proposal, guard, now):
        raise background.Later(now + SOON)
    if waits is not None:
        guarding.withdraw(guard)
    guard.refresh_from_db()
    if waits is not None and guard.sent_at is None:
        _fail(proposal, waits.reason if waits.state == Outgoing.State.FAILED else TOO_LATE)
        return
    look = _looked(proposal, task, now=now)
    if look is None:
        return
    differs = guarding.differing(guard, look.page)
    # All its fields were sent together: where one is as approved, it was written, though no answer came.
    is_written = guard.written_at is not None or (guard.sent_at is not None and len(differs) < len(guard.facts))
    if not differs or is_written:
        _end(proposal, task, look, now=now, differs=differs)
    else:
        _moved_on(proposal, now=now)


def _is_too_late(proposal: Proposal, guard: Guard, now: datetime) -> bool:
    begun_at = proposal.decided_at or proposal.created_at
    if proposal.state == State.UNDOING:
        # The outbox keeps what a member undoes for as long as any edit.
        return False
    return now - begun_at > (PATIENCE if guard.sent_at is None else LONGEST)


def _looked(proposal: Proposal, task: Task, *, now: datetime) -> approved.Look | None:
    """None when it has come to an end without."""
    try:
        return approved.look(task)
    except approved.RowGone as gone:
        _fail(proposal, gone.detail)
    except asking.NotionAway:
        if now - (proposal.decided_at or now) < LONGEST or proposal.state == State.UNDOING:
            raise background.Later(now + SOON) from None
        _fail(proposal, NOT_KNOWN)
    return None


def _end(proposal: Proposal, task: Task, look: approved.Look, *, now: datetime, differs: list[str]) -> None:
    with transaction.atomic():
        held, _ = services.locked(proposal.pk)
        if held.state == State.APPLYING:
            services.end(held, task, look, now=now, differs=differs)
        elif held.state == State.UNDOING:
            held.undone_at, held.differs = now, differs
            services.move(held, State.UNDONE)


def _fail(proposal: Proposal, reason: str) -> None:
    with transaction.atomic():
        held = Proposal.objects.select_for_update(of=("self",)).filter(pk=proposal.pk).first()
        if held is None or held.state not in Proposal.AT_WORK:
            return
        held.reason = reason[: services.LONGEST_REASON]
        services.move(held, State.APPLIED if held.state == State.UNDOING else State.FAILED)


def _moved_on(proposal: Proposal, *, now: datetime) -> None:
    """Somebody was quicker: nothing was written, and the task is shown as it is now."""
    by = _asker(proposal)
    if proposal.state == State.UNDOING:
        _fail(proposal, "The task was changed meanwhile, so nothing was undone.")
        return
    if by is None:
        services.stale(proposal, "The task was changed after this was approved")
        return
    try:
        services.show_anew(proposal, by=by, now=now)
    except asking.NotionAway:
        raise background.Later(now + SOON) from None
    except AppError as error:
        services.stale(proposal, f"The task was changed after this was approved. {error.detail}"[:500])


def _asker(proposal: Proposal) -> Membership | None:
    workspace_id = tenancy.active_workspace_id()
    with tenancy.shared():
        try:
            return tenancy.member(user_id=proposal.owner_id, workspace_id=workspace_id)
        except (tenancy.NotAMember, tenancy.Suspended):
            return None


def give_up(*, proposal_id: str) -> None:
    found = Proposal.objects.select_related("guard").filter(pk=uuid.UUID(proposal_id)).first()
    if found is not None and found.state in Proposal.AT_WORK:
        if found.guard is not None and found.state != State.UNDOING:
            guarding.withdraw(found.guard)
        _fail(found, f"Writing this stopped the worker every time. {NOT_KNOWN}")
