"""The end of a run and of its hold. Light: pages and the API stop runs without loading what performs them."""

import uuid
from datetime import datetime
from typing import TYPE_CHECKING

from django.db import transaction
from django.utils import timezone

from accounts import tenancy
from agent.events import Events
from agent.models import Conversation, Run, Step
from agent.runs import forgetting, shown
from agent.sync import holding
from usage import services as usage
from usage.models import Entry

if TYPE_CHECKING:
    from agent.runs.working import Work

OPEN = Run.OPEN
TOO_LONG = "It took too long."
NOT_ENOUGH = "What is left of the token quota is not enough for this question."
NO_ACCESS = "You are not a member of this workspace any more."
SUSPENDED = "The workspace was suspended."
TROUBLE = "Something went wrong on our side."
MODEL_TROUBLE = "The model did not answer."


def events_of(run: Run) -> Events:
    workspace_id = tenancy.active_workspace_id()
    assert workspace_id is not None, "a run is performed inside its workspace"
    return Events(workspace_id, run.pk)


def give_up(*, run_id: str, now: datetime, error: str = TROUBLE) -> None:
    """After the last attempt, or for good: the question was not answered and is not counted."""
    run = Run.objects.filter(pk=run_id).first()
    if run is not None:
        finish(run, Run.Status.FAILED, error=error)


def finish(run: Run, status: Run.Status, *, work: "Work | None" = None, error: str = "") -> None:
    """End the run and its hold in one transaction, unless it has ended before; then say so to who listens."""
    now = timezone.now()
    with transaction.atomic():
        if work is not None:
            holding.hold_to_quote(work.given.found_in)
        stored = Run.objects.select_for_update().filter(pk=run.pk, status__in=OPEN).first()
        if stored is None:
            if work is not None and not Run.objects.filter(pk=run.pk).exists():
                _charge_deleted(run, work, now=now)
            return
        stored.status, stored.finished_at, stored.error = status, now, error
        if work is not None:
            _keep(stored, work, is_failure=status == Run.Status.FAILED)
            forgetting.forget_gone(stored, given=work.given.found_on)
        stored.save()
        Conversation.objects.filter(pk=stored.conversation_id).update(updated_at=now)
        _close_hold(stored, has_worked=work is not None and work.has_called, now=now)
    tell(stored.pk)


@transaction.atomic
def tell(run_id: uuid.UUID | str) -> None:
    """That it is over, and how. Under its lock: whoever erases what it says comes before or after."""
    run = Run.objects.select_for_update().exclude(status__in=OPEN).filter(pk=run_id).first()
    if run is None:
        return
    events = events_of(run)
    if events.is_closed():
        events.forget()
    last = events.last()
    if last is None or not last.is_end:
        told = shown.events(run, Step.objects.filter(run=run))
        for name, data in told if last is None else told[-1:]:
            events.say(name, data)


def _charge_deleted(run: Run, work: "Work", *, now: datetime) -> None:
    """Nobody sees the answer any more, but the model was paid for it. However it ended, the deletion stopped it."""
    run.status = Run.Status.STOPPED
    _keep(run, work, is_failure=True)
    _close_hold(run, has_worked=work.has_called, now=now)


def _keep(run: Run, work: "Work", *, is_failure: bool) -> None:
    run.answer, run.model = work.text, work.choice.name
    run.citations = [] if is_failure else work.citations
    run.grounded = None if is_failure else work.grounded
    run.input_tokens, run.output_tokens = work.input_tokens, work.output_tokens
    run.first_word_at, run.synced_at = work.first_word_at, work.scope.synced_at
    run.coverage = work.coverage


def _close_hold(run: Run, *, has_worked: bool, now: datetime) -> None:
    if run.hold_id is None:
        return
    cost = usage.Cost(
        run.input_tokens,
        run.output_tokens,
        run.model,
        run_id=run.pk,
        milliseconds=int((now - run.created_at).total_seconds() * 1000),
        grounded=run.grounded,
    )
    end = usage.release if run.status == Run.Status.FAILED or not has_worked else usage.settle
    end(hold_id=run.hold_id, cost=cost, outcome=_outcome(run), now=now)


def _outcome(run: Run) -> str:
    if run.status == Run.Status.FAILED:
        return Entry.Outcome.FAILED
    if run.status == Run.Status.STOPPED:
        return Entry.Outcome.STOPPED
    return Entry.Outcome.SUCCEEDED if run.grounded else Entry.Outcome.NOT_FOUND
