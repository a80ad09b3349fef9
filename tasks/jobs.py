from datetime import timedelta

from celery import shared_task
from django.conf import settings

from accounts import background
from tasks import mirroring, sending


# On the queue of short work: its waiting is bounded to seconds, and somebody has just edited.
@shared_task(
    base=background.WorkspaceJob,
    name="tasks.jobs.send",
    lease=timedelta(seconds=settings.SYNC_LEASE_SECONDS),
    gave_up=staticmethod(sending.give_up),
)
def send(*, outgoing_id: str) -> None:
    # Safe to repeat: Notion is read before it is written to, and what it has already is not sent.
    sending.send(outgoing_id=outgoing_id)


@shared_task(base=background.WorkspaceJob, name="tasks.jobs.look")
def look(*, task_id: str) -> None:
    # Safe to repeat: it makes the task equal Notion's row.
    mirroring.look(task_id=task_id)
