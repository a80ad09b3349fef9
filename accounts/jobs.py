from celery import shared_task
from django.conf import settings
from django.utils import timezone

from accounts import background, impersonation, mails, schemas, services


@shared_task(base=background.PublicTask, name="accounts.jobs.sweep", expires=10)
def sweep() -> None:
    background.sweep(now=timezone.now())


@shared_task(base=background.PublicTask, name="accounts.jobs.fill_pool", expires=60)
def fill_pool() -> None:
    # Two at once are harmless: the second finds the advisory lock taken.
    schemas.fill(settings.WARM_SCHEMAS)


@shared_task(base=background.PublicTask, name="accounts.jobs.forget_expired", expires=600)
def forget_expired() -> None:
    services.forget_expired(now=timezone.now())


# Safe to repeat: a message is taken by one worker at a time, and what was sent is not taken again.
@shared_task(base=background.PublicTask, name="accounts.jobs.send_mails", expires=60, time_limit=mails.TASK_SECONDS)
def send_mails() -> None:
    mails.send_due()


# Safe to repeat: each ends once.
@shared_task(base=background.PublicTask, name="accounts.jobs.end_impersonations", expires=60)
def end_impersonations() -> None:
    impersonation.end_overdue(now=timezone.now())
