"""Stripe takes the money: Checkout for a first purchase, the Portal for an upgrade, card and invoices.

Nothing here gives service. What a customer has bought is what `billing.stripe.mirror` writes after an event.
"""

import logging
import threading
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta

import stripe
from django.db.models import QuerySet

from accounts import background
from billing.effective import effective
from billing.gateways.contract import (
    CHECKOUT_REQUIRED,
    SILENCE,
    Change,
    Invoice,
    Line,
    NoPortal,
    Preview,
    Refused,
    Silent,
)
from billing.gateways.manual import Manual
from billing.models import StripeAccount, Subscription
from billing.plans import PLANS, Plan, Tier, plan_url
from billing.states import State
from billing.stripe import leaving, mirror, pages, paying, renewal, schedules, truth, unheard
from billing.stripe.setup import NotSetUp, portal_configuration, price_of
from integrations.stripe import StripeClient, StripeError

log = logging.getLogger(__name__)
# How long what Stripe has said is not asked for again by who only looks.
HEARD = timedelta(seconds=5)
# A difference about when a month ends that lasts longer is none of clocks.
TURN = timedelta(hours=1)
# Who may wait for Stripe in one process: fewer than its threads for payments, so that some are left for who does not.
ASKING = threading.BoundedSemaphore(2)
TURN_SECONDS = 1


class CardRefused(Refused):
    code = "card-declined"
    status = 402


NOTHING_DONE = "Nothing was changed."
# An answer may be lost after the deed, or the first of two steps be done.
PERHAPS_DONE = "Whether it was done is not known yet: look at the plan again before you repeat it."


@contextmanager
def _talking(outcome: str = NOTHING_DONE) -> Iterator[None]:
    """What Stripe refuses or does not answer is told to who asked, and our side stays as it was."""
    if not ASKING.acquire(timeout=TURN_SECONDS):
        raise paying.PaymentsAway(f"The payment provider is slow to answer. {NOTHING_DONE}", retry_after=60)
    try:
        yield
    except stripe.CardError as error:
        raise CardRefused(error.user_message or "The card was declined.") from error
    except stripe.APIConnectionError as error:
        raise Silent(f"The payment provider does not answer. {outcome}", retry_after=60) from error
    except (StripeError, NotSetUp, truth.UnknownPrice) as error:
        log.exception("Stripe does not do what was asked")
        raise paying.PaymentsAway(
            f"The payment provider does not answer as it should. {outcome}", retry_after=60
        ) from error
    finally:
        ASKING.release()


class Stripe:
    takes_money = True

    def is_heard(self, subscription: Subscription, *, now: datetime) -> bool:
        account = StripeAccount.objects.filter(workspace_id=subscription.workspace_id).first()
        return account is None or (account.synced_at is not None and abs(now - account.synced_at) < HEARD)

    def is_silent(self, subscription: Subscription, *, now: datetime) -> bool:
        return _silent(now).filter(workspace_id=subscription.workspace_id).exists()

    def remember_silence(self, subscription: Subscription, *, now: datetime) -> None:
        StripeAccount.objects.filter(workspace_id=subscription.workspace_id).update(unanswered_at=now)

    def is_silent_to_any(self, *, now: datetime) -> bool:
        return _silent(now).exists()

    def unheard(self, *, now: datetime) -> Iterator[uuid.UUID]:
        return unheard.workspaces(now=now)

    @_talking()
    def look(self, subscription: Subscription, *, now: datetime, is_before_change: bool = False) -> None:
        account = StripeAccount.objects.filter(workspace_id=subscription.workspace_id).first()
        if account is not None:
            mirror.refresh(account, subscription, now=now, is_brief=True)
            if is_before_change:
                _forget_heard(account)

    def is_paid_for(self, subscription: Subscription) -> bool:
        account = StripeAccount.objects.filter(workspace_id=subscription.workspace_id).first()
        if account is None:
            # It is made, and committed, before the first page to pay at.
            return False
        with _talking():
            return truth.ask(account, is_brief=True).is_standing

    @_talking()
    def preview(self, subscription: Subscription, *, tier: Tier, seats: int, now: datetime) -> Preview:
        plan = PLANS[tier]
        account = _paying_account(subscription, now)
        if account is None:
            return _of_purchase(subscription, plan, seats, now)
        api = truth.api(is_brief=True)
        bought = api.v1.subscriptions.retrieve(account.subscription_id)
        item = truth.item_of(bought)
        invoice = api.v1.invoices.create_preview(
            {
                "customer": account.customer_id,
                "subscription": bought.id,
                "subscription_details": {
                    "items": [{"id": item.id, "price": price_of(plan), "quantity": seats}],
                    "proration_behavior": "always_invoice",
                },
            }
        )
        monthly = plan.monthly_cents(seats)
        return Preview(
            takes_effect_at=now,
            due_now_cents=max(0, invoice.amount_due),
            then_cents=monthly,
            next_at=truth.moment(item.current_period_end),
            invoice_cents=renewal.after(invoice, monthly),
            lines=_lines(invoice, due_cents=max(0, invoice.amount_due)),
            currency=invoice.currency,
        )

    @_talking()
    def introduce(self, subscription: Subscription) -> None:
        paying.account_of(subscription)

    def change(
        self, subscription: Subscription, *, tier: Tier, seats: int, is_fixed: bool, by: uuid.UUID, now: datetime
    ) -> Change:
        account, was = _paying_account(subscription, now), effective(subscription, now).tier
        if account is not None:
            # Stripe's page changes nothing beside what is planned, nor while a smaller plan that has come is still held
            # by its schedule.
            with _talking(PERHAPS_DONE), schedules.nothing_planned(account.subscription_id):
                url = paying.confirm_url(account, PLANS[tier], seats, was=was)
            pages.remember(account, tier=tier, seats=seats, is_fixed=is_fixed, now=now)
            if subscription.pending_at is not None:
                subscription.forget_pending()
                subscription.changed_at = now
                subscription.save()
            _forget_heard(account)
            return Change(CHECKOUT_REQUIRED, subscription, url)
        with _talking():
            account = paying.account_of(subscription)
            url = paying.checkout_url(account, PLANS[tier], seats, was=was)
        pages.remember(account, tier=tier, seats=seats, is_fixed=is_fixed, now=now)
        return Change(CHECKOUT_REQUIRED, subscription, url)

    @_talking(PERHAPS_DONE)
    def schedule(self, subscription: Subscription, *, tier: Tier | None, by: uuid.UUID, now: datetime) -> None:
        account = _paying_account(subscription, now)
        if account is None:
            return Manual().schedule(subscription, tier=tier, by=by, now=now)
        schedules.plan(account.subscription_id, tier)
        subscription.changed_by = by
        mirror.refresh(account, subscription, now=now)

    def end(self, subscription: Subscription, *, by: uuid.UUID, now: datetime) -> None:
        account = StripeAccount.objects.filter(workspace_id=subscription.workspace_id).first()
        if account is not None:
            self.look(subscription, now=now, is_before_change=True)
            account.refresh_from_db()
            with _talking(PERHAPS_DONE):
                leaving.end_all(account)
                mirror.refresh(account, subscription, now=now)
        subscription.end(by=by, now=now)

    @_talking(PERHAPS_DONE)
    def resume(self, subscription: Subscription, *, by: uuid.UUID, now: datetime) -> None:
        account = _paying_account(subscription, now)
        if account is None:
            return Manual().resume(subscription, by=by, now=now)
        schedules.take_back(account.subscription_id)
        subscription.changed_by = by
        mirror.refresh(account, subscription, now=now)

    def set_seats(self, subscription: Subscription, *, seats: int, now: datetime) -> None:
        from billing.jobs import send_seats

        if _paying_account(subscription, now) is None:
            return Manual().set_seats(subscription, seats=seats, now=now)
        subscription.save(update_fields=["fixed_seats"])
        # After the membership has been committed; `seats` changes when Stripe says so.
        background.enqueue(send_seats, workspace_id=subscription.workspace_id, change=str(uuid.uuid4()))

    @_talking()
    def more_seats(self, subscription: Subscription, *, seats: int, now: datetime) -> Preview:
        account = _paying_account(subscription, now)
        if account is None:
            return Manual().more_seats(subscription, seats=seats, now=now)
        api = truth.api(is_brief=True)
        bought = api.v1.subscriptions.retrieve(account.subscription_id)
        paid = subscription.paid_in(truth.moment(truth.item_of(bought).current_period_start))
        rest = renewal.rest_of_period(api, bought, seats, paid=paid)
        is_ending = bool(bought.cancel_at_period_end or bought.cancel_at)
        lines = _lines(rest.invoice, due_cents=rest.due_cents, paid_cents=rest.paid_cents) if rest.invoice else ()
        return Preview(
            takes_effect_at=now,
            due_now_cents=rest.due_cents if is_ending else 0,
            then_cents=0,
            next_at=None,
            lines=lines if is_ending else (),
            rest_cents=rest.cents,
        )

    @_talking()
    def next_invoice(self, subscription: Subscription, *, seats: int, now: datetime) -> Preview | None:
        account = _paying_account(subscription, now)
        if account is None:
            return None
        api = truth.api(is_brief=True)
        bought = api.v1.subscriptions.retrieve(account.subscription_id, {"expand": ["schedule"]})
        is_ending = bool(bought.cancel_at_period_end or bought.cancel_at)
        paid = subscription.paid_in(truth.moment(truth.item_of(bought).current_period_start))
        asked = None if is_ending else renewal.question(bought, seats, paid=paid)
        paid_cents = 0 if is_ending else renewal.paid_cents(api, bought, seats, paid=paid)
        return _coming(api, bought, asked, is_ending=is_ending, paid_cents=paid_cents)

    @_talking()
    def invoice_after(self, subscription: Subscription, *, tier: Tier | None, now: datetime) -> Preview | None:
        account = _paying_account(subscription, now)
        if account is None:
            return None
        api = truth.api(is_brief=True)
        bought = api.v1.subscriptions.retrieve(account.subscription_id)
        asked = renewal.question_after(bought, price_of(PLANS[tier]) if tier else None)
        return _coming(api, bought, asked, is_ending=tier is None)

    def is_bought(self, subscription: Subscription, *, now: datetime) -> bool:
        return _paying_account(subscription, now) is not None

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

    @_talking()
    def hear(self, subscription: Subscription, *, now: datetime) -> None:
        account = StripeAccount.objects.filter(workspace_id=subscription.workspace_id).first()
        if account is not None:
            leaving.close_checkouts(account)
            mirror.refresh(account, subscription, now=now)

    def has_portal(self, subscription: Subscription) -> bool:
        return StripeAccount.objects.filter(workspace_id=subscription.workspace_id).exists()

    @_talking()
    def portal_url(self, subscription: Subscription) -> str:
        account = StripeAccount.objects.filter(workspace_id=subscription.workspace_id).first()
        if account is None:
            raise NoPortal("There are no card and no invoices before the first purchase.")
        session = truth.api(is_brief=True).v1.billing_portal.sessions.create(
            {
                "customer": account.customer_id,
                "configuration": portal_configuration("card"),
                "return_url": plan_url(account.workspace_id),
            }
        )
        return session.url

    @_talking()
    def invoices(self, subscription: Subscription) -> tuple[Invoice, ...]:
        account = StripeAccount.objects.filter(workspace_id=subscription.workspace_id).first()
        if account is None:
            return ()
        found = truth.api(is_brief=True).v1.invoices.list({"customer": account.customer_id, "limit": 24})
        return tuple(
            Invoice(
                number=invoice.number or "",
                at=truth.moment(invoice.created),
                amount_cents=invoice.amount_paid if invoice.status == "paid" else invoice.amount_due,
                status=invoice.status or "",
                page_url=invoice.hosted_invoice_url or "",
                pdf_url=invoice.invoice_pdf or "",
                currency=invoice.currency,
            )
            for invoice in found.data
            if invoice.status != "draft"
        )


def _coming(
    api: StripeClient,
    bought: stripe.Subscription,
    asked: stripe.params.InvoiceCreatePreviewParams | None,
    *,
    is_ending: bool,
    paid_cents: int = 0,
) -> Preview | None:
    """`paid_cents`: what Stripe would take again."""
    invoice = renewal.coming(api, bought, asked)
    if invoice is None or (is_ending and not invoice.amount_due):
        return None
    prorated_cents = renewal.prorated_cents(api, bought, invoice, asked, is_ending=is_ending)
    due = renewal.charged(invoice.amount_due - paid_cents)
    at = truth.moment(invoice.next_payment_attempt or truth.item_of(bought).current_period_end)
    return Preview(
        takes_effect_at=at,
        due_now_cents=0,
        then_cents=due,
        next_at=at,
        lines=_lines(invoice, due_cents=due, paid_cents=paid_cents),
        currency=invoice.currency,
        rest_cents=prorated_cents - paid_cents,
        invoice_cents=due,
    )


def _silent(now: datetime) -> QuerySet[StripeAccount]:
    return StripeAccount.objects.filter(unanswered_at__gt=now - SILENCE, unanswered_at__lt=now + SILENCE)


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


def _of_purchase(subscription: Subscription, plan: Plan, seats: int, now: datetime) -> Preview:
    """Who bought here before may have a balance, which Checkout uses first."""
    monthly = plan.monthly_cents(seats)
    due, next_cents = monthly, None
    lines: tuple[Line, ...] = (Line(_words(plan, seats), monthly),)
    account = StripeAccount.objects.filter(workspace_id=subscription.workspace_id).first()
    if account is not None:
        items: list[stripe.params.InvoiceCreatePreviewParamsSubscriptionDetailsItem] = [
            {"price": price_of(plan), "quantity": seats}
        ]
        invoice = truth.api(is_brief=True).v1.invoices.create_preview(
            {"customer": account.customer_id, "subscription_details": {"items": items}}
        )
        due, next_cents = max(0, invoice.amount_due), renewal.after(invoice, monthly)
        lines = _lines(invoice, due_cents=due)
    return Preview(
        takes_effect_at=now,
        due_now_cents=due,
        then_cents=monthly,
        next_at=None,
        lines=lines,
        invoice_cents=next_cents,
    )


def _words(plan: Plan, seats: int) -> str:
    return f"{plan.name}, {seats} {'member' if seats == 1 else 'members'}" if plan.is_per_seat else plan.name


def _lines(invoice: stripe.Invoice, *, due_cents: int, paid_cents: int = 0) -> tuple[Line, ...]:
    """They add up to what is due. A balance is a credit or a debt from before."""
    lines = [Line(line.description or "", line.amount) for line in invoice.lines.data]
    if invoice.lines.has_more:
        lines.append(
            Line("Everything else on this invoice", invoice.subtotal - sum(line.amount_cents for line in lines))
        )
    if paid_cents:
        lines.append(Line("Seats that are paid for already", -paid_cents))
    carried_cents = max(0, sum(line.amount_cents for line in lines) + invoice.starting_balance) if not due_cents else 0
    if carried_cents:
        lines.append(Line("Too little to be charged now: comes with the next invoice", -carried_cents))
    balance_cents = due_cents - sum(line.amount_cents for line in lines)
    return (*lines, Line("Your balance", balance_cents)) if balance_cents else tuple(lines)
