"""Says what is due to the owners, once each. A round reads the subscriptions that are to be looked at, by an index.

Whoever may have paid elsewhere is asked about first, without a lock: nobody who has paid hears of an end. Each is
looked at under its lock, and its mail is written in the same transaction: a purchase comes before it or after,
eight rounds at once take eight different ones, and what is killed in between has said nothing.
"""

import logging
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import Min, QuerySet

from accounts import mails
from accounts.models import PRESENT, Mail, Membership, Role, Workspace
from accounts.zones import zone_of
from billing import hearing, letters, wishes
from billing.effective import EffectivePlan, effective
from billing.gateways import gateway
from billing.models import Subscription
from billing.plans import KEPT_AFTER_END, plan_url
from billing.reminders import FIRST_WARNING, KINDS, LAST_WARNING, NOTICE, Reminder, due, next_look

log = logging.getLogger(__name__)
# Looked at in one round; the next one goes on.
MOST = 500
# Longer than this a round keeps no worker from other work.
LONGEST_SECONDS = 5.0
LATER = timedelta(days=1)
# When whether somebody has paid was not known: the next round asks again.
ASK_AGAIN = timedelta(minutes=1)


def sweep(*, now: datetime) -> int:
    """Answers how many subscriptions it looked at."""
    looked, began = 0, time.monotonic()
    while looked < MOST and time.monotonic() - began < LONGEST_SECONDS and _look_at_next(now):
        looked += 1
    return looked


def sent_at(subscription: Subscription, *, kind: str, about: datetime) -> datetime | None:
    """When this reminder went out to the first of the owners."""
    sent = Mail.objects.filter(
        workspace_id=subscription.workspace_id, key__startswith=_key(subscription, kind, about), sent_at__isnull=False
    )
    first: datetime | None = sent.aggregate(first=Min("sent_at"))["first"]
    return first


def _look_at_next(now: datetime) -> bool:
    asks_first = False
    with transaction.atomic():
        subscription = _locked(Subscription.objects.filter(remind_at__lte=now).order_by("remind_at"))
        if subscription is None:
            return False
        with _apart(subscription, now):
            asks_first = _asks_first(subscription, now)
            if asks_first:
                # No other round takes it meanwhile, and nobody waits for its row.
                Subscription.objects.filter(pk=subscription.pk).update(remind_at=now + ASK_AGAIN)
            else:
                _look(subscription, now)
    if asks_first and hearing.is_sure(subscription.workspace_id, now=now):
        with transaction.atomic():
            heard = _locked(Subscription.objects.filter(pk=subscription.pk))
            if heard is not None:
                with _apart(heard, now):
                    _look(heard, now)
    return True


def _locked(found: QuerySet[Subscription]) -> Subscription | None:
    return found.select_for_update(skip_locked=True, of=("self",)).select_related("workspace").first()


def _asks_first(subscription: Subscription, now: datetime) -> bool:
    """Nobody hears of an end, or of a payment that is open, who has paid."""
    if gateway().is_heard(subscription, now=now):
        return False
    warned_at = _first_warned_at(subscription, effective(subscription, now))
    return due(subscription, now, first_warned_at=warned_at) is not None


@contextmanager
def _apart(subscription: Subscription, now: datetime) -> Iterator[None]:
    """One that cannot be told must not keep the others from hearing."""
    try:
        with transaction.atomic():
            yield
    except Exception:
        log.exception("the reminders of %s failed", subscription.workspace_id)
        Subscription.objects.filter(pk=subscription.pk).update(remind_at=now + LATER)


def _look(subscription: Subscription, now: datetime) -> None:
    if subscription.pending_at is not None and subscription.pending_at <= now:
        # So that the audit log tells of it when it comes, and not with the next choice.
        wishes.catch_up(subscription, now)
        subscription.save()
    warned_at = _first_warned_at(subscription, effective(subscription, now))
    reminder = due(subscription, now, first_warned_at=warned_at)
    mails.withdraw(
        workspace_id=subscription.workspace_id,
        kinds=[kind for kind in KINDS if reminder is None or kind != reminder.kind],
    )
    looks = next_look(subscription, now, first_warned_at=warned_at), subscription.pending_at
    next_at = min((moment for moment in looks if moment is not None), default=None)
    if not subscription.is_erasing:
        subscription.erases_from = _erases_from(subscription, reminder, now)
    if reminder is not None and not _tell_owners(subscription, reminder, now):
        next_at = min(next_at or now + LATER, now + LATER)
    Subscription.objects.filter(pk=subscription.pk).update(remind_at=next_at, erases_from=subscription.erases_from)


def _first_warned_at(subscription: Subscription, current: EffectivePlan) -> datetime | None:
    return sent_at(subscription, kind=FIRST_WARNING, about=current.ended_at) if current.ended_at else None


def _erases_from(subscription: Subscription, reminder: Reminder | None, now: datetime) -> datetime | None:
    """From the last warning on, or from a late first one, which moves the day too. Never sooner than was promised, and
    once a warning has named the day it stays, until the next one does."""
    if reminder is None or reminder.kind not in {FIRST_WARNING, LAST_WARNING}:
        return None
    is_first, kept = reminder.kind == FIRST_WARNING, subscription.erases_from
    is_named = _is_put(subscription, reminder) or not _owners(subscription).exists()
    if is_named and (is_first or kept):
        return kept
    promised = replace(effective(subscription, now), erases_from=None).erases_at
    assert promised is not None
    # Another warning follows the first one, whenever that goes out.
    soonest = now + (2 * NOTICE if is_first else NOTICE)
    erases_from = max(promised, soonest, kept or soonest)
    return None if is_first and erases_from == promised else erases_from


def _is_put(subscription: Subscription, reminder: Reminder) -> bool:
    key = _key(subscription, reminder.kind, reminder.about)
    return Mail.objects.filter(workspace_id=subscription.workspace_id, key__startswith=key).exists()


def _owners(subscription: Subscription) -> QuerySet[Membership]:
    owners = Membership.objects.select_related("user").filter(workspace_id=subscription.workspace_id)
    return owners.filter(PRESENT, role=Role.OWNER)


def _tell_owners(subscription: Subscription, reminder: Reminder, now: datetime) -> bool:
    """False when there is nobody to tell, or nobody may be told now."""
    workspace = subscription.workspace
    if workspace.state != Workspace.State.ACTIVE:
        return False
    owners = _owners(subscription)
    erased_at = effective(subscription, now).erases_at or reminder.about + KEPT_AFTER_END
    for owner in owners:
        context = letters.context(
            reminder,
            workspace=workspace.name,
            url=plan_url(workspace.pk),
            erased_at=erased_at,
            zone=zone_of(owner.user),
            leaves_at=effective(subscription, now).leaves_at,
        )
        mails.put(
            key=_key(subscription, reminder.kind, reminder.about) + str(owner.user_id),
            to=owner.user.email,
            template="letter",
            context=context,
            user_id=owner.user_id,
            workspace_id=workspace.pk,
            now=now,
        )
    return bool(owners)


def _key(subscription: Subscription, kind: str, about: datetime) -> str:
    return f"{kind}:{subscription.workspace_id}:{about:%Y%m%dT%H%M%S}:"
