from celery import shared_task
from django.utils import timezone

from accounts import background
from usage import books, services


@shared_task(base=background.WorkspaceJob, name="usage.jobs.expire_holds", runs_in=background.UNTIL_ERASED)
def expire_holds() -> None:
    # Enqueued by the hold itself, so that only workspaces which held something are ever visited.
    # Twice is harmless: an expired hold is closed.
    now = timezone.now()
    services.expire_holds(now=now)
    books.expect_check(now=now)


@shared_task(base=background.WorkspaceJob, name="usage.jobs.check_books", runs_in=background.EVEN_SUSPENDED)
def check_books() -> None:
    # Twice is harmless: a difference has one row, and forgetting goes on where it stopped.
    now = timezone.now()
    books.check(now=now)
    books.forget_holds(now=now)
