import uuid
from datetime import timedelta
from importlib import import_module
from typing import Any

from celery import shared_task
from celery.signals import worker_init, worker_process_init
from django.conf import settings
from django.utils import timezone

from accounts import background, tenancy
from accounts.models import Workspace
from agent import account_erasing, certifying, deletion, erasing, indexing
from agent.exports import services as exports
from agent.live.jobs import forget_events, read_noticed, take_events
from agent.runs import ending
from agent.sync.jobs import erase_connection, look_after_syncs, scheduled, sync
from integrations import embedder

__all__ = [
    "apply_proposal",
    "erase_connection",
    "erase_content",
    "erase_ended",
    "erase_workspace",
    "export",
    "forget_events",
    "forget_exports",
    "look_after_deleted",
    "look_after_syncs",
    "read_noticed",
    "rebuild_index",
    "restore_index",
    "run",
    "scheduled",
    "sync",
    "take_events",
]


@worker_init.connect
def _load(sender: Any, **_: Any) -> None:
    """What performs runs takes seconds to load: once, before it forks, in a worker of its queue and nowhere else."""
    if run.queue_name in sender.app.amqp.queues.consume_from:
        import_module("agent.runs.performing")
        worker_process_init.connect(_warm_up)


def _warm_up(**_: Any) -> None:
    """In each forked child, so that its first question does not wait for the model."""
    embedder.default().warm_up()


def _give_up(*, run_id: str) -> None:
    ending.give_up(run_id=run_id, now=timezone.now())


def _end(*, run_id: str) -> None:
    ending.give_up(run_id=run_id, now=timezone.now(), error=ending.SUSPENDED)


@shared_task(
    base=background.WorkspaceJob,
    name="agent.jobs.run",
    queue_name="runs",
    lease=timedelta(seconds=settings.RUN_LEASE_SECONDS),
    # In one that was deleted it ends as failed, so that nobody waits for it.
    runs_in=(Workspace.State.ACTIVE, Workspace.State.CLOSING),
    gave_up=staticmethod(_give_up),
    ended=staticmethod(_end),
    # The job of what was ended from outside is taken up again like that of a killed worker.
    time_limit=settings.RUN_HARD_TIME_LIMIT,
)
def run(*, run_id: str) -> None:
    from agent.runs import performing

    # Safe to repeat: a run that is over is left alone, and its hold is charged once.
    performing.perform(run_id=run_id)


def _give_up_proposal(*, proposal_id: str) -> None:
    from agent.proposals import applying

    applying.give_up(proposal_id=proposal_id)


# On the queue of short work, as what the outbox sends: somebody waits for it.
@shared_task(
    base=background.WorkspaceJob,
    name="agent.jobs.apply_proposal",
    lease=timedelta(seconds=settings.SYNC_LEASE_SECONDS),
    gave_up=staticmethod(_give_up_proposal),
)
def apply_proposal(*, proposal_id: str) -> None:
    from agent.proposals import applying

    # Safe to repeat: the outbox writes once, and what has ended is left alone.
    applying.apply(proposal_id=proposal_id, now=timezone.now())


@shared_task(base=background.WorkspaceJob, name="agent.jobs.restore_index", queue_name="sync")
def restore_index(*, connection_id: str) -> None:
    # Safe to repeat: only what is missing is written.
    workspace_id = tenancy.active_workspace_id()
    assert workspace_id is not None
    indexing.restore(workspace_id=workspace_id, connection_id=uuid.UUID(connection_id))


@shared_task(base=background.WorkspaceJob, name="agent.jobs.rebuild_index", queue_name="sync")
def rebuild_index(*, connection_id: str) -> None:
    # Safe to repeat: it begins anew.
    workspace_id = tenancy.active_workspace_id()
    assert workspace_id is not None
    indexing.rebuild(workspace_id=workspace_id, connection_id=uuid.UUID(connection_id))


@shared_task(base=background.PublicTask, name="agent.jobs.erase_ended", expires=600)
def erase_ended() -> None:
    # Safe to repeat: a workspace has one such job at a time.
    erasing.sweep(now=timezone.now())


@shared_task(base=background.PublicTask, name="agent.jobs.look_after_deleted", expires=60)
def look_after_deleted() -> None:
    # Safe to repeat and to run beside itself: each is decided once, under the lock of its subscription's row.
    now = timezone.now()
    deletion.sweep(now=now)
    account_erasing.sweep(now=now)
    certifying.resume(now=now)


@shared_task(
    base=background.WorkspaceJob,
    name="agent.jobs.erase_content",
    queue_name="sync",
    runs_in=background.EVEN_SUSPENDED,
)
def erase_content() -> None:
    # Safe to repeat: what was decided stays decided, and deleting what is gone does nothing.
    erasing.erase(now=timezone.now())


@shared_task(
    base=background.WorkspaceJob,
    name="agent.jobs.erase_workspace",
    queue_name="sync",
    runs_in=(Workspace.State.ERASING,),
)
def erase_workspace() -> None:
    # Safe to repeat: the workspace's row goes last.
    deletion.erase()


@shared_task(
    base=background.WorkspaceJob,
    name="agent.jobs.export",
    queue_name="sync",
    gave_up=staticmethod(exports.give_up),
    runs_in=background.UNTIL_ERASED,
)
def export(*, export_id: str) -> None:
    # Safe to repeat: it begins anew, and one that is ready is left alone.
    exports.build(export_id=uuid.UUID(export_id), now=timezone.now())


@shared_task(base=background.WorkspaceJob, name="agent.jobs.forget_exports", runs_in=background.UNTIL_ERASED)
def forget_exports() -> None:
    # Safe to repeat: what is gone is gone.
    exports.forget(made_before=timezone.now() - exports.KEPT)
