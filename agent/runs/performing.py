"""Performing a run in a worker. The job runs at least once; the run ends once and is charged once."""

import logging
from datetime import datetime

from asgiref.sync import async_to_sync
from django.db import InterfaceError, OperationalError, transaction
from django.utils import timezone
from pydantic_ai.exceptions import AgentRunError

from accounts import background, model_choices, tenancy
from accounts.background import LeaseLost
from accounts.models import Membership
from agent import retrieval
from agent.models import Run, Step
from agent.runs import ending, models
from agent.runs.allowance import AllowanceSpent
from agent.runs.ending import OPEN, events_of, finish
from agent.runs.given import Given
from agent.runs.working import Stopped, Work
from agent.sync import coverage
from usage.models import Hold

log = logging.getLogger(__name__)
TURNS_REMEMBERED = 6


def perform(*, run_id: str) -> None:
    """The job. A run taken up again, after its worker was killed, begins anew: its steps are written over."""
    run = _begin(run_id, now=timezone.now())
    if run is not None:
        _work(run)
    _tell_end(run_id)


def _work(run: Run) -> None:
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
        finish(run, Run.Status.FAILED, work=work, error=ending.TOO_LONG)
    except AllowanceSpent:
        finish(run, Run.Status.FAILED, work=work, error=ending.NOT_ENOUGH)
    except tenancy.Suspended:
        finish(run, Run.Status.FAILED, work=work, error=ending.SUSPENDED)
    except (tenancy.NotAMember, tenancy.AccountClosing, tenancy.Closing):
        finish(run, Run.Status.FAILED, work=work, error=ending.NO_ACCESS)
    except AgentRunError:
        log.exception("the model failed run %s", run.pk)
        finish(run, Run.Status.FAILED, work=work, error=ending.MODEL_TROUBLE)
    except Exception:
        # What failed because another worker works on the same run must not end that one's run.
        background.renew_lease()
        # Whatever it is, who asked is told at once rather than after five silent attempts.
        log.exception("run %s failed", run.pk)
        finish(run, Run.Status.FAILED, work=work, error=ending.TROUBLE)
    else:
        finish(run, Run.Status.SUCCEEDED, work=work)


def _begin(run_id: str, *, now: datetime) -> Run | None:
    with transaction.atomic():
        run = Run.objects.select_for_update().filter(pk=run_id, status__in=OPEN).first()
        if run is None:
            return None
        run.status, run.started_at, run.first_word_at = Run.Status.RUNNING, now, None
        run.save(update_fields=["status", "started_at", "first_word_at"])
        Step.objects.filter(run=run).delete()
    events_of(run).forget()
    return run


def _tell_end(run_id: str) -> None:
    """A worker may die between ending the run and saying so, or end it while the next one, which has forgotten all that
    was said, begins anew. Who listens would wait for nothing."""
    ending.tell(run_id)


def _prepare(run: Run) -> Work:
    membership = _asker(run)
    assert run.hold_id is not None, "a run is asked with a hold"
    held = Hold.objects.get(pk=run.hold_id)
    choice, *others = _models(membership)
    scope = retrieval.scope(membership)
    given = Given(run.pk)
    history = given.recall(_earlier(run) if choice.reads_history else [], readable=scope.connection_ids)
    return Work(
        run=run,
        membership=membership,
        scope=scope,
        # Before anything is searched: what is read meanwhile may be missing from the answer.
        coverage=coverage.in_short(coverage.searchable(scope.connection_ids)),
        events=events_of(run),
        choice=choice,
        others=others,
        tokens=held.tokens,
        history=history,
        given=given,
    )


def _asker(run: Run) -> Membership:
    """Read anew: who lost access since asking gets no answer."""
    workspace_id = tenancy.active_workspace_id()
    with tenancy.shared():
        membership = tenancy.member(user_id=run.owner_id, workspace_id=workspace_id)
    tenancy.check_served(membership)
    return membership


def _models(membership: Membership) -> list[models.Choice]:
    with tenancy.shared():
        chosen = model_choices.of(membership.workspace_id)
    return models.of_workspace(chosen, by=membership.user)


def _earlier(run: Run) -> list[Run]:
    earlier = Run.objects.filter(
        conversation_id=run.conversation_id, status=Run.Status.SUCCEEDED, created_at__lt=run.created_at
    )
    return list(earlier.order_by("-created_at")[:TURNS_REMEMBERED])[::-1]
