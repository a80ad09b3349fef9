"""Stripe takes the money: Checkout for a first purchase, the Portal for an upgrade, card and invoices.

Nothing here gives service. What a customer has bought is what `billing.stripe.mirror` writes after an event.
"""

import logging
import uuid
from collections.abc import Iterator
from contextlib import suppress
from datetime import datetime, timedelta

import kombu.exceptions
from django.db.models import QuerySet

from accounts import background
from billing.effective import effective
from billing.gateways.contract import CHECKOUT_REQUIRED, SILENCE, Change, Invoices, NoPortal, Preview, Unheard
from billing.gateways.manual import Manual
from billing.models import StripeAccount, Subscription
from billing.plans import PLANS, Tier, plan_url
from billing.states import State
from billing.stripe import amounts, leaving, mirror, pages, paying, schedules, strays, truth, unheard
from billing.stripe.setup import portal_configuration
from billing.stripe.talking import PERHAPS_DONE, talking

log = logging.getLogger(__name__)
# How long what Stripe has said is not asked for again by who only looks.
HEARD = timedelta(seconds=5)
# A difference about when a month ends that lasts longer is none of clocks.
TURN = timedelta(hours=1)


class Stripe:
    takes_money = True

    def is_heard(self, subscription: Subscription, *, now: datetime) -> bool:
        account = StripeAccount.objects.filter(workspace_id=subscription.workspace_id).first()
        if account is None:
            return not strays.is_lost(subscription)
        return account.synced_at is not None and abs(now - account.synced_at) < HEARD

    def is_silent(self, subscription: Subscription, *, now: datetime) -> bool:
        return _silent(now).filter(workspace_id=subscription.workspace_id).exists()

    def remember_silence(self, subscription: Subscription, *, now: datetime) -> None:
        StripeAccount.objects.filter(workspace_id=subscription.workspace_id).update(unanswered_at=now)

    def is_silent_to_any(self, *, now: datetime) -> bool:
        return _silent(now).exists()

    def unheard(self, *, now: datetime) -> Iterator[uuid.UUID]:
        return unheard.workspaces(now=now)

    @talking()
    def look(self, subscription: Subscription, *, now: datetime, is_before_change: bool = False) -> None:
        _check_is_not_lost(subscription)
        account = StripeAccount.objects.filter(workspace_id=subscription.workspace_id).first()
        if account is not None:
            with truth.briefly():
                mirror.refresh(account, subscription, now=now)
            if is_before_change:
                _forget_heard(account)

    def is_paid_for(self, subscription: Subscription) -> bool:
        account = StripeAccount.objects.filter(workspace_id=subscription.workspace_id).first()
        if account is None:
            # It is made, and committed, before the first page to pay at.
            return False
        with talking(), truth.briefly():
            return truth.ask(account).is_standing

    @talking()
    def preview(self, subscription: Subscription, *, tier: Tier, seats: int, now: datetime) -> Preview:
        _check_is_not_lost(subscription)
        account = _paying_account(subscription, now)
        if account is None:
            return amounts.of_purchase(subscription, PLANS[tier], seats, now)
        return amounts.of_upgrade(account, PLANS[tier], seats, now)

    @talking()
    def introduce(self, subscription: Subscription) -> None:
        paying.account_of(subscription)

    def change(
        self, subscription: Subscription, *, tier: Tier, seats: int, is_fixed: bool, by: uuid.UUID, now: datetime
    ) -> Change:
        account, was = _paying_account(subscription, now), effective(subscription, now).tier
        if account is not None:
            # Stripe's page changes nothing beside what is planned, nor while a smaller plan that has come is still held
            # by its schedule.
            with talking(PERHAPS_DONE), schedules.nothing_planned(account.subscription_id):
                url = paying.confirm_url(account, PLANS[tier], seats, was=was)
            pages.remember(account, tier=tier, seats=seats, is_fixed=is_fixed, now=now)
            if subscription.pending_at is not None:
                subscription.forget_pending()
                subscription.changed_at = now
                subscription.save()
            _forget_heard(account)
            return Change(CHECKOUT_REQUIRED, subscription, url)
        with talking():
            account = paying.account_of(subscription)
            url = paying.checkout_url(account, PLANS[tier], seats, is_fixed=is_fixed, was=was, now=now)
        pages.remember(account, tier=tier, seats=seats, is_fixed=is_fixed, now=now)
        return Change(CHECKOUT_REQUIRED, subscription, url)

    @talking(PERHAPS_DONE)
    def schedule(self, subscription: Subscription, *, tier: Tier | None, by: uuid.UUID, now: datetime) -> None:
        account = _paying_account(subscription, now)
        if account is None:
            return Manual().schedule(subscription, tier=tier, by=by, now=now)
        schedules.plan(account.subscription_id, tier)
        subscription.changed_by = by
        mirror.refresh(account, subscription, now=now, is_ours=True)

    def leave(self, subscription: Subscription, *, by: uuid.UUID, now: datetime) -> None:
        _check_is_not_lost(subscription)
        account = StripeAccount.objects.filter(workspace_id=subscription.workspace_id).first()
        if account is None:
            return
        self.look(subscription, now=now, is_before_change=True)
        # What was paid for on a page meanwhile is heard of before it is stopped.
        self.hear(subscription, now=now)
        account = _paying_account(subscription, now)
        current = effective(subscription, now)
        if account is None:
            return
        if current.is_late:
            # Stripe would go on trying to collect what is open.
            self.end(subscription, by=by, now=now)
        elif current.leaves_at is None:
            self.schedule(subscription, tier=None, by=by, now=now)

    def end(self, subscription: Subscription, *, by: uuid.UUID | None, now: datetime) -> None:
        _check_is_not_lost(subscription)
        account = StripeAccount.objects.filter(workspace_id=subscription.workspace_id).first()
        if account is not None:
            self.look(subscription, now=now, is_before_change=True)
            account.refresh_from_db()
            with talking(PERHAPS_DONE):
                leaving.end_all(account)
                mirror.refresh(account, subscription, now=now, is_ours=True)
        subscription.end(by=by, now=now)

    @talking(PERHAPS_DONE)
    def resume(self, subscription: Subscription, *, by: uuid.UUID, now: datetime) -> None:
        account = _paying_account(subscription, now)
        if account is None:
            return Manual().resume(subscription, by=by, now=now)
        schedules.take_back(account.subscription_id)
        subscription.changed_by = by
        mirror.refresh(account, subscription, now=now, is_ours=True)

    def set_seats(self, subscription: Subscription, *, seats: int, now: datetime) -> None:
        from billing.jobs import send_seats

        if strays.is_lost(subscription):
            # Who joins or leaves does not wait; Stripe is told when their customer is found.
            subscription.save(update_fields=["fixed_seats"])
            return _find_lost(subscription)
        if _paying_account(subscription, now) is None:
            return Manual().set_seats(subscription, seats=seats, now=now)
        subscription.save(update_fields=["fixed_seats"])
        # After the membership has been committed; `seats` changes when Stripe says so.
        background.enqueue(send_seats, workspace_id=subscription.workspace_id, change=str(uuid.uuid4()))

    @talking()
    def more_seats(self, subscription: Subscription, *, seats: int, now: datetime) -> Preview:
        _check_is_not_lost(subscription)
        account = _paying_account(subscription, now)
        if account is None:
            return Manual().more_seats(subscription, seats=seats, now=now)
        return amounts.of_seats(account, subscription, seats, now)

    @talking()
    def next_invoice(self, subscription: Subscription, *, seats: int, now: datetime) -> Preview | None:
        _check_is_not_lost(subscription)
        account = _paying_account(subscription, now)
        if account is None:
            return None
        try:
            return amounts.of_renewal(account, subscription, seats, now)
        except Unheard:
            _forget_heard(account)
            raise

    @talking()
    def invoice_after(self, subscription: Subscription, *, tier: Tier | None, now: datetime) -> Preview | None:
        _check_is_not_lost(subscription)
        account = _paying_account(subscription, now)
        return None if account is None else amounts.of_renewal_after(account, tier)

    def is_bought(self, subscription: Subscription, *, now: datetime) -> bool:
        return _paying_account(subscription, now) is not None or strays.is_lost(subscription)

    def is_turning(self, subscription: Subscription, *, now: datetime) -> bool:
        account = StripeAccount.objects.filter(workspace_id=subscription.workspace_id).first()
        if account is None or not account.subscription_id or subscription.paid_from is None:
            return False
        current, theirs = effective(subscription, now), subscription.paid_from
        if current.ended_at is not None:
            return now - current.ended_at < TURN
        ours = current.period
        is_behind = theirs < ours.starts_at and now - ours.starts_at < TURN
        return is_behind or (theirs >= ours.ends_at and ours.ends_at - now < TURN)

    @talking()
    def hear(self, subscription: Subscription, *, now: datetime) -> None:
        account = StripeAccount.objects.filter(workspace_id=subscription.workspace_id).first()
        if account is not None:
            leaving.close_checkouts(account)
            mirror.refresh(account, subscription, now=now)

    def has_portal(self, subscription: Subscription) -> bool:
        return StripeAccount.objects.filter(workspace_id=subscription.workspace_id).exists()

    @talking()
    def portal_url(self, subscription: Subscription) -> str:
        _check_is_not_lost(subscription)
        account = StripeAccount.objects.filter(workspace_id=subscription.workspace_id).first()
        if account is None:
            raise NoPortal("There are no card and no invoices before the first purchase.")
        with truth.of_who_may_be_gone(), truth.briefly():
            session = truth.api().v1.billing_portal.sessions.create(
                {
                    "customer": account.customer_id,
                    "configuration": portal_configuration("card"),
                    "return_url": plan_url(account.workspace_id),
                }
            )
            return session.url
        raise NoPortal("The payment provider has no card and no invoices of yours any more.")

    @talking()
    def invoices(self, subscription: Subscription) -> Invoices:
        _check_is_not_lost(subscription)
        account = StripeAccount.objects.filter(workspace_id=subscription.workspace_id).first()
        return Invoices() if account is None else amounts.invoices(account)


def _silent(now: datetime) -> QuerySet[StripeAccount]:
    return StripeAccount.objects.filter(unanswered_at__gt=now - SILENCE, unanswered_at__lt=now + SILENCE)


def _check_is_not_lost(subscription: Subscription) -> None:
    """Raises PaymentsAway where Stripe would not hear of what is done here."""
    if not strays.is_lost(subscription):
        return
    _find_lost(subscription)
    raise paying.PaymentsAway(
        "What was paid for here has to be found at the payment provider first. Nothing was changed: try again in a"
        " minute.",
        retry_after=60,
    )


def _find_lost(subscription: Subscription) -> None:
    from billing.jobs import find_strays

    log.error("%s was paid for at Stripe, and its customer is not known", subscription)
    with suppress(kombu.exceptions.OperationalError, OSError):
        find_strays.apply_async(retry=False)


def _forget_heard(account: StripeAccount) -> None:
    """What comes may be done at once and its answer lost: who looks after it asks anew."""
    StripeAccount.objects.filter(pk=account.pk).update(synced_at=None)


def _paying_account(subscription: Subscription, now: datetime) -> StripeAccount | None:
    """None before a purchase, after an end, and for a plan that staff gave.

    Nobody pays for a given plan here, so it changes as with the manual gateway, and an upgrade of it is a purchase.
    """
    if effective(subscription, now).state not in {State.ACTIVE, State.GRACE, State.READ_ONLY}:
        return None
    return StripeAccount.objects.filter(workspace_id=subscription.workspace_id).exclude(subscription_id="").first()
