"""Word of a payment may be late or lost: who takes the money is asked before somebody is told that none was made."""

import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from itertools import islice

from django.db import connection, transaction

from accounts import background, tenancy
from accounts.models import Membership
from accounts.permissions import can_buy
from billing.gateways import SILENCE, KnownSilent, Refused, Silent, gateway
from billing.models import Subscription
from config.errors import AppError

# When a job comes back that found another one asking.
TURN = timedelta(seconds=2)
# Of those whose renewal was not heard of, in one round.
MOST = 100


def look(*, membership: Membership, now: datetime) -> bool:
    """Before an owner is told where the plan stands. False when it is not known now: then the plan is as it was last
    heard of. Who waited in vain a moment ago does not wait again."""
    if not can_buy(membership):
        return True
    subscription = _of(membership.workspace_id)
    if gateway().is_heard(subscription, now=now):
        return True
    return not gateway().is_silent(subscription, now=now) and _hear(membership.workspace_id, now)


def is_sure(workspace_id: uuid.UUID, *, now: datetime) -> bool:
    """Before an owner hears by mail that something ends, and before what they have is erased.

    Asked without the lock on the row; only what may not have been heard of here is then written under it. False when
    it is not known now.
    """
    subscription = _of(workspace_id)
    if gateway().is_silent(subscription, now=now):
        return False
    try:
        with _remembering_silence(workspace_id, now):
            is_paid_for = gateway().is_paid_for(subscription)
    except Refused:
        return False
    # What stands here and not there has ended, and that was not heard of either.
    is_news = is_paid_for or gateway().is_bought(subscription, now=now)
    return not is_news or _hear(workspace_id, now)


def is_news(workspace_id: uuid.UUID, *, now: datetime) -> bool:
    """After a refusal, which may be for want of word alone: whether to try once more. Raises Refused when it is not
    known now."""
    if gateway().is_heard(_of(workspace_id), now=now):
        return False
    with _remembering_silence(workspace_id, now), transaction.atomic():
        subscription = Subscription.objects.select_for_update().get(workspace_id=workspace_id)
        gateway().look(subscription, now=now)
    return True


def ask_soon(error: AppError, *, membership: Membership, now: datetime) -> None:
    """After a refusal for want of payment, where nobody may wait for who takes the money: a job asks, and the next try
    is served. A member's own cap, which nobody is sent to buy for, asks nothing."""
    from billing.jobs import hear

    if not error.is_for_payment or "upgrade_url" not in error.extra:
        return
    with tenancy.shared():
        if not gateway().is_heard(_of(membership.workspace_id), now=now):
            background.enqueue(hear, workspace_id=membership.workspace_id, key="hear")


def ask_unheard(*, now: datetime) -> None:
    """Whose paid period has ended without word of the next is served on, and a job asks whether they pay."""
    from billing.jobs import hear

    for workspace_id in islice(gateway().unheard(now=now), MOST):
        background.enqueue(hear, workspace_id=workspace_id, key="hear")


def catch_up(workspace_id: uuid.UUID, *, now: datetime) -> None:
    """By a job. Of all workspaces one at a time, and none for a while after one had no answer: the other workers stay
    free. Raises Later, or Refused when it is not known now."""
    subscription = _of(workspace_id)
    if gateway().is_heard(subscription, now=now):
        return
    try:
        with _remembering_silence(workspace_id, now), _turn(now):
            if gateway().is_silent_to_any(now=now):
                raise background.Later(now + SILENCE)
            # Without the lock on the row first: while there is no answer, nobody waits for it.
            gateway().is_paid_for(subscription)
            if not write_unless_held(workspace_id, now):
                # Whoever holds the row may be about something else.
                raise background.Later(now + TURN)
    except Silent as error:
        raise background.Later(now + SILENCE) from error


@contextmanager
def _turn(now: datetime) -> Iterator[None]:
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_try_advisory_xact_lock(hashtext('docent hear'))")
            [is_mine] = cursor.fetchone()
        if not is_mine:
            raise background.Later(now + TURN)
        yield


@contextmanager
def _remembering_silence(workspace_id: uuid.UUID, now: datetime) -> Iterator[None]:
    """Around the transaction that asks. Who was told at once has learnt nothing new: one answer that was lost would
    keep everybody's events waiting."""
    try:
        yield
    except KnownSilent:
        raise
    except Silent:
        gateway().remember_silence(_of(workspace_id), now=now)
        raise


def _of(workspace_id: uuid.UUID) -> Subscription:
    return Subscription.objects.get(workspace_id=workspace_id)


def _hear(workspace_id: uuid.UUID, now: datetime) -> bool:
    try:
        with _remembering_silence(workspace_id, now):
            return write_unless_held(workspace_id, now)
    except Refused:
        return False


def write_unless_held(workspace_id: uuid.UUID, now: datetime) -> bool:
    """False while somebody else holds the row: they ask too, or are about to, most likely. Raises Refused."""
    with transaction.atomic():
        mine = Subscription.objects.select_for_update(skip_locked=True)
        subscription = mine.filter(workspace_id=workspace_id).first()
        if subscription is not None:
            gateway().look(subscription, now=now)
    return subscription is not None
