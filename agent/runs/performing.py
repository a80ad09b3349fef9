"""Performing a run in a worker. The job runs at least once; the run ends once and is charged once."""

import logging
from datetime import datetime

from asgiref.sync import async_to_sync
from django.db import InterfaceError, OperationalError, transaction
from django.utils import timezone
from pydantic_ai.exceptions import AgentRunError

from accounts import tenancy
from accounts.background import LeaseLost
from accounts.models import Membership
from agent import retrieval
from agent.events import Events
from agent.models import Conversation, Run, Step
from agent.runs import models, shown
from agent.runs.allowance import AllowanceSpent
from agent.runs.working import Stopped, Work
from usage import services as usage
from usage.models import Entry, Hold

log = logging.getLogger(__name__)
TURNS_REMEMBERED = 6
OPEN = (Run.Status.QUEUED, Run.Status.RUNNING)
TOO_LONG = "It took too long."
NOT_ENOUGH = "What is left of the token quota is not enough for this question."
NO_ACCESS = "You are not a member of this workspace any more."
TROUBLE = "Something went wrong on our side."
MODEL_TROUBLE = "The model did not answer."


def perform(*, run_id: str) -> None:
    """The job. A run taken up again, after its worker was killed, begins anew: its steps are written over."""
    run = _begin(run_id, now=timezone.now())
    if run is None:
        return
    work: Work | None = None
    try:
        work = _prepare(run)
        async_to_sync(work.perform)()
    except (OperationalError, InterfaceError, LeaseLost):
        # The database is away or somebody else has taken over; the job is tried again.
        raise
    except Stopped:
        finish(run, Run.Status.STOPPED, work=work)
    except TimeoutError:
        finish(run, Run.Status.FAILED, work=work, error=TOO_LONG)
    except AllowanceSpent:
        finish(run, Run.Status.FAILED, work=work, error=NOT_ENOUGH)
    except (tenancy.NotAMember, tenancy.Suspended):
        finish(run, Run.Status.FAILED, work=work, error=NO_ACCESS)
    except AgentRunError:
        log.exception("the model failed run %s", run.pk)
        finish(run, Run.Status.FAILED, work=work, error=MODEL_TROUBLE)
    except Exception:
        # Whatever it is, who asked is told at once rather than after five silent attempts.
        log.exception("run %s failed", run.pk)
        finish(run, Run.Status.FAILED, work=work, error=TROUBLE)
    else:
        finish(run, Run.Status.SUCCEEDED, work=work)


def give_up(*, run_id: str, now: datetime) -> None:
    """After the last attempt: the question was not answered and is not counted."""
    run = Run.objects.filter(pk=run_id).first()
    if run is not None:
        finish(run, Run.Status.FAILED, error=TROUBLE)


def _begin(run_id: str, *, now: datetime) -> Run | None:
    with transaction.atomic():
        run = Run.objects.select_for_update().filter(pk=run_id, status__in=OPEN).first()
        if run is None:
            return None
        run.status, run.started_at, run.first_word_at = Run.Status.RUNNING, now, None
        run.save(update_fields=["status", "started_at", "first_word_at"])
        Step.objects.filter(run=run).delete()
    _events(run).forget()
    return run


def _prepare(run: Run) -> Work:
    membership = _asker(run)
    assert run.hold_id is not None, "a run is asked with a hold"
    held = Hold.objects.get(pk=run.hold_id)
    choice = models.choose(_wanted_model(membership))
    return Work(
        run=run,
        membership=membership,
        scope=retrieval.scope(membership),
        events=_events(run),
        choice=choice,
        tokens=held.tokens,
        history=_history(run) if choice.reads_history else [],
    )


def _asker(run: Run) -> Membership:
    """Read anew: who lost access since asking gets no answer."""
    workspace_id = tenancy.active_workspace_id()
    with tenancy.shared():
        return tenancy.member(user_id=run.owner_id, workspace_id=workspace_id)


def _wanted_model(membership: Membership) -> str:
    return membership.user.model


def _history(run: Run) -> list[tuple[str, str]]:
    earlier = Run.objects.filter(
        conversation_id=run.conversation_id, status=Run.Status.SUCCEEDED, created_at__lt=run.created_at
    )
    return list(earlier.order_by("-created_at").values_list("prompt", "answer")[:TURNS_REMEMBERED])[::-1]


def _events(run: Run) -> Events:
    workspace_id = tenancy.active_workspace_id()
    assert workspace_id is not None, "a run is performed inside its workspace"
    return Events(workspace_id, run.pk)


def finish(run: Run, status: Run.Status, *, work: Work | None = None, error: str = "") -> None:
    """End the run and its hold in one transaction, unless it has ended before; then say so to who listens."""
    now = timezone.now()
    with transaction.atomic():
        stored = Run.objects.select_for_update().filter(pk=run.pk, status__in=OPEN).first()
        if stored is None:
            return
        stored.status, stored.finished_at, stored.error = status, now, error
        if work is not None:
            _keep(stored, work, is_failure=status == Run.Status.FAILED)
        stored.save()
        Conversation.objects.filter(pk=stored.conversation_id).update(updated_at=now)
        _close_hold(stored, has_worked=work is not None and work.has_called, now=now)
    steps = list(Step.objects.filter(run=stored))
    name = "error" if status == Run.Status.FAILED else "done"
    _events(stored).say(name, shown.as_json(stored, steps))


def _keep(run: Run, work: Work, *, is_failure: bool) -> None:
    run.answer, run.model = work.text, work.choice.name
    run.citations = [] if is_failure else work.citations
    run.grounded = None if is_failure else work.grounded
    run.input_tokens, run.output_tokens = work.input_tokens, work.output_tokens
    run.first_word_at, run.synced_at = work.first_word_at, work.scope.synced_at


def _close_hold(run: Run, *, has_worked: bool, now: datetime) -> None:
    if run.hold_id is None:
        return
    spent = int((now - run.created_at).total_seconds() * 1000)
    if run.status == Run.Status.FAILED or not has_worked:
        usage.release(
            hold_id=run.hold_id,
            now=now,
            outcome=_outcome(run),
            input_tokens=run.input_tokens,
            output_tokens=run.output_tokens,
            model=run.model,
            run_id=run.pk,
            milliseconds=spent,
        )
        return
    usage.settle(
        hold_id=run.hold_id,
        now=now,
        outcome=_outcome(run),
        input_tokens=run.input_tokens,
        output_tokens=run.output_tokens,
        model=run.model,
        run_id=run.pk,
        milliseconds=spent,
        grounded=run.grounded,
    )


def _outcome(run: Run) -> str:
    if run.status == Run.Status.FAILED:
        return Entry.Outcome.FAILED
    if run.status == Run.Status.STOPPED:
        return Entry.Outcome.STOPPED
    return Entry.Outcome.SUCCEEDED if run.grounded else Entry.Outcome.NOT_FOUND
