from datetime import timedelta

from celery import shared_task
from django.conf import settings
from django.utils import timezone

from accounts import background
from agent.live import events, reading


@shared_task(base=background.PublicTask, name="agent.jobs.take_events", expires=60)
def take_events() -> None:
    """Woken by each delivery and by the clock; two at once take different events."""
    events.take(now=timezone.now())


@shared_task(base=background.PublicTask, name="agent.jobs.forget_events", expires=600)
def forget_events() -> None:
    events.forget_old(now=timezone.now())


@shared_task(
    base=background.WorkspaceJob,
    name="agent.jobs.read_noticed",
    queue_name="sync",
    lease=timedelta(seconds=settings.SYNC_LEASE_SECONDS),
)
def read_noticed(*, connection_id: str) -> None:
    # Safe to repeat: a notice goes when its page was read, and reading a page again changes nothing.
    reading.read_noticed(connection_id=connection_id)
