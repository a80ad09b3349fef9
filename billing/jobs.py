import stripe
from celery import shared_task
from django.conf import settings
from django.utils import timezone

from accounts import background, tenancy
from billing import giving, hearing, reminding
from billing.models import StripeAccount
from integrations.stripe import silence

# When the comparison with Stripe goes on that has found it hanging.
RECONCILE_AGAIN_SECONDS = 300


@shared_task(base=background.PublicTask, name="billing.jobs.process_events", expires=60)
def process_events() -> None:
    """Woken by each delivery and by the clock; two at once take different events. Of many that are due it takes some,
    and the rest behind what else waits in the queue."""
    if settings.BILLING_GATEWAY != "stripe":
        return
    from billing.stripe import events

    if all(events.process_one(now=timezone.now()) for _ in range(events.MOST)):
        process_events.apply_async(retry=False)


@shared_task(base=background.PublicTask, name="billing.jobs.reconcile", expires=3600)
def reconcile() -> None:
    """Twice at once is harmless: each subscription is compared under its lock."""
    if settings.BILLING_GATEWAY != "stripe":
        return
    from billing.stripe import events

    try:
        events.reconcile(now=timezone.now())
    except stripe.StripeError as error:
        if not silence.is_hang(error):
            raise
        # Where it stopped: those that were compared are the last next time.
        reconcile.apply_async(countdown=RECONCILE_AGAIN_SECONDS, retry=False)


@shared_task(base=background.PublicTask, name="billing.jobs.find_strays", expires=60)
def find_strays() -> None:
    """Twice at once is harmless: who is found is written down under the subscription's lock."""
    if settings.BILLING_GATEWAY != "stripe":
        return
    from billing.stripe import events

    events.find_strays(now=timezone.now())


@shared_task(base=background.WorkspaceJob, name="billing.jobs.send_seats", runs_in=background.EVEN_SUSPENDED)
def send_seats(*, change: str) -> None:
    """Safe to repeat: the number is absolute, and the same attempt has the same key at Stripe."""
    from billing.stripe import seats, telling

    now, account = timezone.now(), _account()
    if account is not None:
        with tenancy.shared(), telling.patiently(now=now):
            seats.send(account, change=change, now=now)


@shared_task(base=background.WorkspaceJob, name="billing.jobs.finish_planned", runs_in=background.UNTIL_ERASED)
def finish_planned() -> None:
    """Safe to repeat: it looks at Stripe what is left to do."""
    from billing.stripe import telling

    now, account = timezone.now(), _account()
    if account is not None:
        with tenancy.shared(), telling.patiently(now=now):
            telling.finish_planned(account)
            telling.refresh(account, now=now)


@shared_task(base=background.PublicTask, name="billing.jobs.tell_contacts", expires=60)
def tell_contacts() -> None:
    """Safe to repeat and to run beside itself: a workspace has one job that tells."""
    if settings.BILLING_GATEWAY != "stripe":
        return
    from billing.stripe import contact

    contact.ask_for_telling(now=timezone.now())


@shared_task(base=background.WorkspaceJob, name="billing.jobs.tell_contact", runs_in=background.EVEN_SUSPENDED)
def tell_contact() -> None:
    """Safe to repeat: it tells what is so now."""
    from billing.stripe import contact, telling

    now, account = timezone.now(), _account()
    if account is not None:
        with tenancy.shared(), telling.patiently(now=now):
            contact.tell(account)


@shared_task(base=background.WorkspaceJob, name="billing.jobs.hear", runs_in=background.UNTIL_ERASED)
def hear() -> None:
    """Safe to repeat: what Stripe says is written under the subscription's lock."""
    workspace_id = tenancy.active_workspace_id()
    assert workspace_id is not None
    with tenancy.shared():
        hearing.catch_up(workspace_id, now=timezone.now())


@shared_task(base=background.PublicTask, name="billing.jobs.ask_unheard", expires=60)
def ask_unheard() -> None:
    """Safe to repeat and to run beside itself: a workspace has one job that asks."""
    hearing.ask_unheard(now=timezone.now())


@shared_task(base=background.PublicTask, name="billing.jobs.remind", expires=60)
def remind() -> None:
    """Safe to repeat and to run beside itself: each reminder's key is used once."""
    reminding.sweep(now=timezone.now())


@shared_task(base=background.PublicTask, name="billing.jobs.withdraw_lapsed", expires=60)
def withdraw_lapsed() -> None:
    """Safe to repeat and to run beside itself: each wish is decided once, under its subscription's lock."""
    giving.withdraw_lapsed(now=timezone.now())


def _account() -> StripeAccount | None:
    workspace_id = tenancy.active_workspace_id()
    assert workspace_id is not None
    with tenancy.shared():
        return StripeAccount.objects.filter(workspace_id=workspace_id).first()
