from datetime import timedelta

from celery import shared_task
from django.conf import settings
from django.utils import timezone

from accounts import background
from agent.sync import ending, finding, performing, scheduling


@shared_task(
    base=background.WorkspaceJob,
    name="agent.jobs.sync",
    queue_name="sync",
    lease=timedelta(seconds=settings.SYNC_LEASE_SECONDS),
    gave_up=staticmethod(performing.give_up),
)
def sync(*, sync_run_id: str) -> None:
    # Safe to repeat: pages that the run has accounted for are not read again.
    performing.perform(sync_run_id=sync_run_id)


@shared_task(
    base=background.WorkspaceJob,
    name="agent.jobs.erase_connection",
    queue_name="sync",
    runs_in=background.EVEN_SUSPENDED,
)
def erase_connection(*, connection_id: str) -> None:
    # Safe to repeat: deleting what is gone does nothing.
    ending.erase(connection_id=connection_id)


@shared_task(base=background.WorkspaceJob, name="agent.jobs.find_sources", queue_name="sync")
def find_sources(*, connection_id: str) -> None:
    # Safe to repeat: what is known is only met again.
    finding.find_sources(connection_id=connection_id)


@shared_task(base=background.WorkspaceJob, name="agent.jobs.try_again")
def try_again(*, connection_id: str, tries: int) -> None:
    # Safe to repeat: while a sync is open, that one is meant.
    performing.try_again(connection_id=connection_id, tries=tries)


@shared_task(base=background.WorkspaceJob, name="agent.jobs.scheduled_sync", queue_name="sync")
def scheduled(*, connection_id: str) -> None:
    # Safe to repeat: while a sync is open, that one is meant.
    scheduling.begin(connection_id=connection_id)


@shared_task(base=background.PublicTask, name="agent.jobs.look_after_syncs", expires=60)
def look_after_syncs() -> None:
    # Safe to repeat: what was asked for is no longer due, and a lost sync is asked for under its own key.
    scheduling.restart_lost()
    scheduling.fan_out(now=timezone.now())
