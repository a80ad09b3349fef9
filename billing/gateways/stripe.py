"""Stripe takes the money: Checkout for a first purchase, the Portal for an upgrade, card and invoices.

Nothing here gives service. What a customer has bought is what `billing.stripe.mirror` writes after an event.
"""

import logging
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta

import stripe

from accounts import background
from billing.effective import effective
from billing.gateways.contract import CHECKOUT_REQUIRED, Change, Invoice, Line, NoPortal, Preview, Refused
from billing.gateways.manual import Manual
from billing.models import StripeAccount, Subscription
from billing.plans import PLANS, Plan, Tier, upgrade_url
from billing.states import State
from billing.stripe import leaving, mirror, pages, paying, renewal, schedules, truth
from billing.stripe.setup import NotSetUp, portal_configuration, price_of
from integrations.stripe import StripeError

log = logging.getLogger(__name__)
# How long what Stripe has said is not asked for again by who only looks.
HEARD = timedelta(seconds=5)


class CardRefused(Refused):
    code = "card-declined"
    status = 402


NOTHING_DONE = "Nothing was changed."
# An answer may be lost after the deed, or the first of two steps be done.
PERHAPS_DONE = "Whether it was done is not known yet: look at the plan again before you repeat it."


@contextmanager
def _talking(outcome: str = NOTHING_DONE) -> Iterator[None]:
    """What Stripe refuses or does not answer is told to who asked, and our side stays as it was."""
    try:
        yield
    except stripe.CardError as error:
        raise CardRefused(error.user_message or "The card was declined.") from error
    except (StripeError, NotSetUp, truth.UnknownPrice) as error:
        log.exception("Stripe does not do what was asked")
        raise paying.PaymentsAway(
            f"The payment provider does not answer as it should. {outcome}", retry_after=60
        ) from error


class Stripe:
    takes_money = True

    def is_heard(self, subscription: Subscription, *, now: datetime) -> bool:
        account = StripeAccount.objects.filter(workspace_id=subscription.workspace_id).first()
        return account is None or (account.synced_at is not None and abs(now - account.synced_at) < HEARD)

    @_talking()
    def look(self, subscription: Subscription, *, now: datetime, is_brief: bool = False) -> None:
        account = StripeAccount.objects.filter(workspace_id=subscription.workspace_id).first()
        if account is not None:
            mirror.refresh(account, subscription, now=now, is_brief=is_brief)
            if not is_brief:
                # A change follows, whose answer may be lost: who looks after it asks anew.
                StripeAccount.objects.filter(pk=account.pk).update(synced_at=None)

    @_talking()
    def preview(self, subscription: Subscription, *, tier: Tier, seats: int, now: datetime) -> Preview:
        plan = PLANS[tier]
        account = _paying_account(subscription, now)
        if account is None:
            return _of_purchase(subscription, plan, seats, now)
        bought = truth.api().v1.subscriptions.retrieve(account.subscription_id)
        item = truth.item_of(bought)
        invoice = truth.api().v1.invoices.create_preview(
            {
                "customer": account.customer_id,
                "subscription": bought.id,
                "subscription_details": {
                    "items": [{"id": item.id, "price": price_of(plan), "quantity": seats}],
                    "proration_behavior": "always_invoice",
                },
            }
        )
        return Preview(
            takes_effect_at=now,
            due_now_cents=max(0, invoice.amount_due),
            then_cents=plan.monthly_cents(seats),
            next_at=truth.moment(item.current_period_end),
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
            with _talking(PERHAPS_DONE):
                with _with_nothing_planned(account, subscription):
                    url = paying.confirm_url(account, PLANS[tier], seats, was=was)
                pages.remember(account, tier=tier, seats=seats, is_fixed=is_fixed, now=now)
                mirror.refresh(account, subscription, now=now)
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
            self.look(subscription, now=now)
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
        bought = truth.api().v1.subscriptions.retrieve(account.subscription_id)
        paid = subscription.paid_in(truth.moment(truth.item_of(bought).current_period_start))
        rest = renewal.rest_of_period(truth.api(), bought, seats, paid=paid)
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
        invoice = renewal.coming(api, bought, asked)
        if invoice is None or (is_ending and not invoice.amount_due):
            return None
        paid_cents = 0 if is_ending else renewal.paid_cents(api, bought, seats, paid=paid)
        prorated_cents = renewal.prorated_cents(api, bought, invoice, asked)
        due = max(0, invoice.amount_due - paid_cents)
        at = truth.moment(invoice.next_payment_attempt or truth.item_of(bought).current_period_end)
        return Preview(
            takes_effect_at=at,
            due_now_cents=0,
            then_cents=due,
            next_at=at,
            lines=_lines(invoice, due_cents=due, paid_cents=paid_cents),
            currency=invoice.currency,
            rest_cents=prorated_cents - paid_cents,
        )

    def is_bought(self, subscription: Subscription, *, now: datetime) -> bool:
        return _paying_account(subscription, now) is not None

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
        session = truth.api().v1.billing_portal.sessions.create(
            {
                "customer": account.customer_id,
                "configuration": portal_configuration("card"),
                "return_url": upgrade_url(),
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


@contextmanager
def _with_nothing_planned(account: StripeAccount, subscription: Subscription) -> Iterator[None]:
    """Stripe's page changes nothing beside what is planned, so that goes first; it comes back when the page does not
    open. A smaller plan that has come is still held by its schedule for a month."""
    bought = truth.api().v1.subscriptions.retrieve(account.subscription_id)
    if bought.schedule or bought.cancel_at or bought.cancel_at_period_end:
        schedules.take_back(account.subscription_id)
    try:
        yield
    except Exception:
        if subscription.pending_at is not None:
            tier = Tier(subscription.pending_tier) if subscription.pending_tier else None
            schedules.plan(account.subscription_id, tier)
        raise


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
    due = monthly
    lines: tuple[Line, ...] = (Line(_words(plan, seats), monthly),)
    account = StripeAccount.objects.filter(workspace_id=subscription.workspace_id).first()
    if account is not None:
        items: list[stripe.params.InvoiceCreatePreviewParamsSubscriptionDetailsItem] = [
            {"price": price_of(plan), "quantity": seats}
        ]
        invoice = truth.api().v1.invoices.create_preview(
            {"customer": account.customer_id, "subscription_details": {"items": items}}
        )
        due = max(0, invoice.amount_due)
        lines = _lines(invoice, due_cents=due)
    return Preview(takes_effect_at=now, due_now_cents=due, then_cents=monthly, next_at=None, lines=lines)


def _words(plan: Plan, seats: int) -> str:
    return f"{plan.name}, {seats} {'member' if seats == 1 else 'members'}" if plan.is_per_seat else plan.name


def _lines(invoice: stripe.Invoice, *, due_cents: int, paid_cents: int = 0) -> tuple[Line, ...]:
    """They add up to what is due. A balance is a credit from before, or less than Stripe charges for at a time."""
    lines = [Line(line.description or "", line.amount) for line in invoice.lines.data]
    if invoice.lines.has_more:
        lines.append(
            Line("Everything else on this invoice", invoice.subtotal - sum(line.amount_cents for line in lines))
        )
    if paid_cents:
        lines.append(Line("Seats that are paid for already", -paid_cents))
    balance_cents = due_cents - sum(line.amount_cents for line in lines)
    return (*lines, Line("Your balance", balance_cents)) if balance_cents else tuple(lines)
