from celery import shared_task
from django.utils import timezone

from accounts import background
from usage import services


@shared_task(base=background.WorkspaceJob, name="usage.jobs.expire_holds")
def expire_holds() -> None:
    # Enqueued by the hold itself, so that only workspaces which held something are ever visited.
    # Twice is harmless: an expired hold is closed.
    services.expire_holds(now=timezone.now())
