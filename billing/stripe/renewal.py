"""What is asked of Stripe to know the next renewal, and what more seats cost, before they come."""

from dataclasses import dataclass

import stripe

from billing.gateways.contract import Refused
from billing.plans import PLANS
from billing.stripe import schedules, truth
from billing.stripe import seats as seating
from billing.stripe.setup import price_of
from integrations.stripe import StripeClient

Invoice = stripe.Invoice
# Less than that Stripe charges at no time: it is carried over, and comes with the next invoice.
LEAST_CENTS = 50


class NotKnownYet(Refused):
    code = "payments-unavailable"
    status = 503


def question(bought: stripe.Subscription, seats: int, *, paid: int) -> stripe.params.InvoiceCreatePreviewParams | None:
    """The question for the next renewal with so many seats, with the smaller plan that may be planned for it; None: as
    things are, since it ends. Raises NotKnownYet."""
    item = truth.item_of(bought)
    present = item.quantity or 1
    wanted = seats if PLANS[truth.tier_of(item.price)].is_per_seat else present
    behavior = seating.proration(max(present, paid), wanted)
    if schedules.is_noted(bought):
        return _question_noted(bought, wanted, behavior)
    if schedules.is_ending(bought):
        return None
    if not isinstance(bought.schedule, stripe.SubscriptionSchedule):
        return {
            "subscription": bought.id,
            "subscription_details": {
                "items": [{"id": item.id, "quantity": wanted}],
                "proration_behavior": behavior,
            },
        }
    asked: stripe.params.InvoiceCreatePreviewParams = {"schedule": bought.schedule.id}
    if wanted != present:
        phases = schedules.phases_with(bought, bought.schedule, wanted)
        asked["schedule_details"] = {"phases": phases, "proration_behavior": behavior}
    return asked


def _question_noted(
    bought: stripe.Subscription, seats: int, behavior: seating.Behavior
) -> stripe.params.InvoiceCreatePreviewParams:
    """What is planned is noted and not done yet: as it will be."""
    tier, schedule = schedules.noted_tier(bought), bought.schedule
    price = price_of(PLANS[tier]) if tier else None
    if isinstance(schedule, stripe.SubscriptionSchedule):
        phases = schedules.phases_to(bought, schedule, seats, price)
        details: stripe.params.InvoiceCreatePreviewParamsScheduleDetails = {
            "phases": phases,
            "proration_behavior": behavior,
            "end_behavior": "release" if price else "cancel",
        }
        return {"schedule": schedule.id, "schedule_details": details}
    if seats != (truth.item_of(bought).quantity or 1):
        # Stripe answers no question with both.
        raise NotKnownYet("What is planned is not carried out yet. Look again in a minute.", retry_after=60)
    return question_after(bought, price)


def question_after(bought: stripe.Subscription, price: str | None) -> stripe.params.InvoiceCreatePreviewParams:
    """The question for the next renewal if a smaller plan of this price, or with None the end, were planned."""
    details: stripe.params.InvoiceCreatePreviewParamsSubscriptionDetails = {"cancel_at_period_end": price is None}
    if price is not None:
        details["items"] = [{"id": truth.item_of(bought).id, "price": price, "quantity": 1}]
        details["proration_behavior"] = "none"
    return {"subscription": bought.id, "subscription_details": details}


@dataclass(frozen=True)
class Rest:
    """`due_cents`: what an invoice made now would take, with what waits for one."""

    cents: int = 0
    due_cents: int = 0
    paid_cents: int = 0
    invoice: Invoice | None = None


def rest_of_period(api: StripeClient, bought: stripe.Subscription, seats: int, *, paid: int) -> Rest:
    """What so many seats cost for the rest of the period, beyond those that were paid for in it."""
    if seats <= max(truth.item_of(bought).quantity or 1, paid):
        return Rest()
    asked, already = _at_once(api, bought, seats), paid_cents(api, bought, seats, paid=paid)
    cents = asked.total - _waiting_cents(api, bought) - already
    return Rest(cents, charged(asked.amount_due - already), already, asked)


def paid_cents(api: StripeClient, bought: stripe.Subscription, seats: int, *, paid: int) -> int:
    """What Stripe would take again for seats that are gone and paid for: it knows only that they are gone."""
    if not seats > paid > (truth.item_of(bought).quantity or 1):
        return 0
    return _at_once(api, bought, paid).total - _waiting_cents(api, bought)


def _at_once(api: StripeClient, bought: stripe.Subscription, seats: int) -> Invoice:
    item = truth.item_of(bought)
    return api.v1.invoices.create_preview(
        {
            "subscription": bought.id,
            "subscription_details": {
                "items": [{"id": item.id, "quantity": seats}],
                "proration_behavior": "always_invoice",
            },
        }
    )


def _waiting_cents(api: StripeClient, bought: stripe.Subscription) -> int:
    """What was added to the next invoice in this period."""
    invoice, is_ending = coming(api, bought), bool(bought.cancel_at_period_end or bought.cancel_at)
    return prorated_cents(api, bought, invoice, is_ending=is_ending) if invoice else 0


def coming(
    api: StripeClient, bought: stripe.Subscription, asked: stripe.params.InvoiceCreatePreviewParams | None = None
) -> Invoice | None:
    """The next invoice, as things are or as asked; none, when it ends and nothing waits to be invoiced."""
    try:
        return api.v1.invoices.create_preview(asked or {"subscription": bought.id})
    except stripe.InvalidRequestError as error:
        if error.code != "invoice_upcoming_none":
            raise
        return None


def charged(due_cents: int) -> int:
    """What Stripe takes where this is due."""
    return due_cents if due_cents >= LEAST_CENTS else 0


def after(invoice: Invoice, monthly_cents: int) -> int:
    """What the next month's invoice takes after this one: with what this one leaves of the balance."""
    return charged(monthly_cents + invoice.starting_balance + invoice.total - invoice.amount_due)


def prorated_cents(
    api: StripeClient,
    bought: stripe.Subscription,
    invoice: Invoice,
    asked: stripe.params.InvoiceCreatePreviewParams | None = None,
    *,
    is_ending: bool,
) -> int:
    """The part of the next invoice that is for the present period; `asked` as in `coming`."""
    if not invoice.lines.has_more:
        return sum(line.amount for line in invoice.lines.data if _is_prorated(line))
    # A preview's lines after the first ten cannot be listed, so the sums tell.
    if is_ending:
        return invoice.subtotal
    month: stripe.params.InvoiceCreatePreviewParams = {"subscription": bought.id}
    recurring = api.v1.invoices.create_preview({**(asked or month), "preview_mode": "recurring"})
    return invoice.subtotal - recurring.subtotal


def _is_prorated(line: stripe.InvoiceLineItem) -> bool:
    parent = line.parent
    details = parent and (parent.subscription_item_details or parent.invoice_item_details)
    return bool(details and details.proration)
