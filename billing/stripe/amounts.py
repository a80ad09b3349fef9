"""What is paid now, next and was paid, as Stripe says it, in our words. Asked briefly: somebody waits."""

from datetime import datetime

import stripe

from billing.effective import effective
from billing.gateways.contract import Invoice, Invoices, Line, Preview, Unheard
from billing.models import StripeAccount, Subscription
from billing.plans import PLANS, Plan, Tier
from billing.stripe import renewal, schedules, truth
from billing.stripe.setup import price_of
from integrations.stripe import StripeClient


@truth.briefly()
def of_upgrade(account: StripeAccount, plan: Plan, seats: int, now: datetime) -> Preview:
    api = truth.api()
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


@truth.briefly()
def of_purchase(subscription: Subscription, plan: Plan, seats: int, now: datetime) -> Preview:
    """Who bought here before may have a balance, which Checkout uses first."""
    monthly = plan.monthly_cents(seats)
    due, next_cents = monthly, None
    lines: tuple[Line, ...] = (Line(_words(plan, seats), monthly),)
    account = StripeAccount.objects.filter(workspace_id=subscription.workspace_id).first()
    if account is not None:
        items: list[stripe.params.InvoiceCreatePreviewParamsSubscriptionDetailsItem] = [
            {"price": price_of(plan), "quantity": seats}
        ]
        invoice = _first_invoice(account, items)
        if invoice is not None:
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


def _first_invoice(
    account: StripeAccount, items: list[stripe.params.InvoiceCreatePreviewParamsSubscriptionDetailsItem]
) -> stripe.Invoice | None:
    """None for a customer who is made anew when they buy: they have no balance."""
    with truth.of_who_may_be_gone():
        return truth.api().v1.invoices.create_preview(
            {"customer": account.customer_id, "subscription_details": {"items": items}}
        )
    return None


@truth.briefly()
def of_seats(account: StripeAccount, subscription: Subscription, seats: int, now: datetime) -> Preview:
    """For the rest of the period."""
    api = truth.api()
    bought = api.v1.subscriptions.retrieve(account.subscription_id)
    paid = subscription.paid_in(truth.moment(truth.item_of(bought).current_period_start))
    rest = renewal.rest_of_period(api, bought, seats, paid=paid)
    is_ending = schedules.is_ending(bought)
    lines = _lines(rest.invoice, due_cents=rest.due_cents, paid_cents=rest.paid_cents) if rest.invoice else ()
    return Preview(
        takes_effect_at=now,
        due_now_cents=rest.due_cents if is_ending else 0,
        then_cents=0,
        next_at=None,
        lines=lines if is_ending else (),
        rest_cents=rest.cents,
    )


@truth.briefly()
def of_renewal(account: StripeAccount, subscription: Subscription, seats: int, now: datetime) -> Preview | None:
    """The next invoice, with so many seats. Raises Unheard."""
    api = truth.api()
    bought = api.v1.subscriptions.retrieve(account.subscription_id, {"expand": ["schedule"]})
    if truth.tier_of(truth.item_of(bought).price) not in {subscription.tier, effective(subscription, now).tier}:
        raise Unheard("The plan is being changed at the payment provider. Look again in a moment.", retry_after=5)
    is_ending = schedules.is_ending(bought)
    paid = subscription.paid_in(truth.moment(truth.item_of(bought).current_period_start))
    asked = renewal.question(bought, seats, paid=paid)
    paid_cents = 0 if is_ending else renewal.paid_cents(api, bought, seats, paid=paid)
    return _coming(api, bought, asked, is_ending=is_ending, paid_cents=paid_cents)


@truth.briefly()
def of_renewal_after(account: StripeAccount, tier: Tier | None) -> Preview | None:
    """The next invoice, if this smaller plan, or with None the end, were planned."""
    api = truth.api()
    bought = api.v1.subscriptions.retrieve(account.subscription_id)
    asked = renewal.question_after(bought, price_of(PLANS[tier]) if tier else None)
    return _coming(api, bought, asked, is_ending=tier is None)


@truth.briefly()
def invoices(account: StripeAccount) -> Invoices:
    with truth.of_who_may_be_gone():
        found = truth.api().v1.invoices.list({"customer": account.customer_id, "limit": 24})
        return Invoices(_told(found.data), has_older=found.has_more)
    return Invoices()


def _told(found: list[stripe.Invoice]) -> tuple[Invoice, ...]:
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
        for invoice in found
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
