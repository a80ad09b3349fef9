"""What Stripe was to be told, and was away: a job goes on with it until Stripe has it."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime

import stripe
from django.db import transaction

from accounts import background
from billing.gateways import SILENCE
from billing.models import StripeAccount, Subscription
from billing.stripe import mirror, schedules
from integrations.stripe import silence


@contextmanager
def patiently(*, now: datetime) -> Iterator[None]:
    """In a job. Silence, and an answer that is none, use up no attempt, however long they last; and while Stripe is
    known to hang, no worker waits for it. Raises Later."""
    if silence.is_known():
        raise background.Later(now + SILENCE)
    try:
        yield
    except stripe.StripeError as error:
        silence.note(error)
        is_away = isinstance(error, stripe.APIConnectionError | stripe.RateLimitError)
        if not is_away and not silence.is_hang(error) and (error.http_status or 0) < 500:
            raise
        raise background.Later(now + SILENCE) from error


def finish_planned(account: StripeAccount) -> None:
    """What a failure has left half done of what is planned, or what was taken aside."""
    with _locked(account):
        if account.subscription_id:
            schedules.finish(account.subscription_id)


def refresh(account: StripeAccount, *, now: datetime) -> None:
    with _locked(account) as subscription:
        mirror.refresh(account, subscription, now=now)


@contextmanager
def _locked(account: StripeAccount) -> Iterator[Subscription]:
    with transaction.atomic():
        subscription = Subscription.objects.select_for_update().get(workspace_id=account.workspace_id)
        account.refresh_from_db()
        yield subscription
