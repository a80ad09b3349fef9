"""Events that Stripe delivers, perhaps twice, late, or in another order: stored once, then Stripe is asked."""

import logging
from datetime import datetime, timedelta

import stripe
from django.db import transaction
from django.db.models import F

from accounts.models import Job
from billing.effective import State, effective
from billing.gateways import SILENCE, gateway
from billing.models import StripeAccount, StripeEvent, Subscription
from billing.seats import due
from billing.stripe import mirror, strays, truth
from billing.stripe.setup import EVENTS
from integrations.stripe import StripeError, silence

log = logging.getLogger(__name__)
BACKOFF = timedelta(seconds=10)
LONGEST_BACKOFF = timedelta(hours=1)
# Stripe keeps events for 30 days and delivers for three.
LOOK_BACK = timedelta(days=4)
# In one go; then others of the queue have their turn.
MOST = 25


def store(event: stripe.Event, *, now: datetime) -> bool:
    """Once, however often it comes. False when it was known."""
    thing = event.data.object
    customer = thing.to_dict().get("customer")
    known = StripeEvent(
        id=event.id,
        type=event.type,
        customer_id=customer["id"] if isinstance(customer, dict) else customer or "",
        received_at=now,
        due_at=now,
    )
    StripeEvent.objects.bulk_create([known], ignore_conflicts=True)
    return StripeEvent.objects.filter(pk=event.id, received_at=now).exists()


def process_one(*, now: datetime) -> bool:
    """The oldest event that is due; what fails is tried again later. False when none is due, or when Stripe has just
    left anybody without an answer: then it would only be waited for again."""
    if gateway().is_silent_to_any(now=now):
        return False
    with transaction.atomic():
        event = (
            StripeEvent.objects.select_for_update(skip_locked=True)
            .filter(processed_at=None, due_at__lte=now)
            .order_by("due_at")
            .first()
        )
        if event is None:
            return False
        try:
            with transaction.atomic():
                _process(event, now=now)
        except Exception as error:
            if silence.is_hang(error):
                _wait_for_stripe(event, now=now)
                return False
            # Whatever it is: the event would stay the oldest, and no customer's events be heard any more.
            event.attempts += 1
            event.error = f"{type(error).__name__}: {error}"[:2000]
            event.due_at = now + min(LONGEST_BACKOFF, BACKOFF * 2 ** min(event.attempts, 12))
            is_grave = event.attempts >= 5 or not isinstance(error, StripeError)
            log.log(logging.ERROR if is_grave else logging.WARNING, "%s failed", event, exc_info=error)
        else:
            event.processed_at, event.error = now, ""
        event.save()
    return True


def _wait_for_stripe(event: StripeEvent, *, now: datetime) -> None:
    """Silence uses up no attempt, however long it lasts."""
    log.warning("%s waits: Stripe does not answer", event)
    StripeAccount.objects.filter(customer_id=event.customer_id).update(unanswered_at=now)
    StripeEvent.objects.filter(pk=event.pk).update(due_at=now + SILENCE)


def _process(event: StripeEvent, *, now: datetime) -> None:
    account = StripeAccount.objects.filter(customer_id=event.customer_id).first() if event.customer_id else None
    if account is not None:
        with truth.briefly():
            bring_up_to_date(account, now=now)


def bring_up_to_date(account: StripeAccount, *, now: datetime, is_thorough: bool = False) -> bool:
    """Asks Stripe under the subscription's lock. True when our mirror was wrong. An erased workspace has none."""
    with transaction.atomic():
        subscription = Subscription.objects.select_for_update().filter(workspace_id=account.workspace_id).first()
        if subscription is None:
            return False
        account.refresh_from_db()
        differed = mirror.refresh(account, subscription, now=now, is_thorough=is_thorough, tells_staff=True)
        if _owes_seats(subscription, now) and not _are_being_told(subscription):
            log.error("%s pays for %d seats, not for those that are due", account, subscription.seats)
            if not is_thorough:
                # Whoever changed them by hand may have given money back: then they are not paid for any more.
                mirror.refresh(account, subscription, now=now, is_thorough=True)
            gateway().set_seats(subscription, seats=due(subscription), now=now)
        return differed


def _owes_seats(subscription: Subscription, now: datetime) -> bool:
    """When telling Stripe was given up, or somebody changed the number there."""
    current = effective(subscription, now)
    pays = current.state in {State.ACTIVE, State.GRACE, State.READ_ONLY}
    return pays and current.plan.is_per_seat and subscription.seats != due(subscription)


def _are_being_told(subscription: Subscription) -> bool:
    waiting = Job.objects.filter(workspace_id=subscription.workspace_id, name="billing.jobs.send_seats")
    return waiting.filter(failed_at=None).exists()


def find_strays(*, now: datetime) -> None:
    """Those alone who pay and are not known, now. Raises StripeError."""
    for account in strays.adopt():
        bring_up_to_date(account, now=now, is_thorough=True)


def reconcile(*, now: datetime) -> int:
    """Who pays and is not known, then every mirror against Stripe, those first that were asked about longest ago; then
    the events that never came. Answers how many mirrors were wrong. Raises StripeError where Stripe hangs: the
    others would hang too."""
    wrong = 0
    try:
        strays.adopt()
    except StripeError as error:
        if silence.is_hang(error):
            raise
        log.exception("who pays at Stripe could not be read")
    accounts = StripeAccount.objects.order_by(F("synced_at").asc(nulls_first=True), "pk")
    for account in accounts.iterator(chunk_size=100):
        try:
            differed = bring_up_to_date(account, now=now, is_thorough=True)
        except Exception as error:
            if silence.is_hang(error):
                raise
            # One that cannot be compared must not keep the others from it.
            log.exception("%s could not be compared with Stripe", account)
            continue
        if differed:
            wrong += 1
            log.error("%s was not what Stripe says; it is now", account)
    since = int((now - LOOK_BACK).timestamp())
    lost = 0
    for event in truth.api().v1.events.list({"types": list(EVENTS), "created": {"gte": since}}).auto_paging_iter():
        lost += store(event, now=now)
    if lost:
        log.warning("%d events of Stripe had never come", lost)
    return wrong
