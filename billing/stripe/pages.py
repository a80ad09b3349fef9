"""Pages of Stripe's stay open for a while, and are confirmed after the plan has changed in another tab.

For more than is paid now, such a page does what it says. For less it is put off to the period's end, by the Portal's
settings; where Stripe did it at once all the same, it is put back here (docs/decisions/0022).
"""

import logging
import uuid
from dataclasses import dataclass
from datetime import datetime

import stripe

from accounts import background
from billing import seats as seating
from billing.models import GivenPlan, StripeAccount, StripePage, Subscription
from billing.plans import PLANS, Tier
from billing.stripe import schedules, truth

log = logging.getLogger(__name__)


def remember(account: StripeAccount, *, tier: Tier, seats: int, is_fixed: bool, now: datetime) -> None:
    StripePage.objects.update_or_create(
        workspace_id=account.workspace_id,
        tier=tier,
        seats=seats,
        defaults={"is_fixed": is_fixed, "opened_at": now},
    )


def check_was_asked(subscription: Subscription, bought: stripe.Subscription) -> None:
    """What is paid for is served, but staff hears of it where it takes the place of a plan that was given since its
    page was opened: that page was closed then, unless somebody was paying at that moment."""
    given = GivenPlan.objects.filter(workspace_id=subscription.workspace_id).order_by("given_at").last()
    if given is None or subscription.status != Subscription.Status.ACTIVE:
        return
    if not StripePage.objects.filter(workspace_id=subscription.workspace_id, opened_at__gte=given.given_at).exists():
        log.error("%s was paid for beside what was given: %s", bought.id, given)


def settle(subscription: Subscription, bought: stripe.Subscription) -> StripePage | None:
    """What a page for less has done becomes what the same wish does here. Answers with it when Stripe has to be asked
    anew."""
    item, planned = truth.item_of(bought), truth.planned(bought)
    tier, quantity = truth.tier_of(item.price), item.quantity or 1
    if planned is not None and planned.tier == tier and planned.seats < quantity:
        page = _for(subscription, tier, planned.seats)
        if page is not None:
            schedules.take_back(bought.id)
        return page
    page = _for(subscription, tier, quantity)
    had = _credited(bought) if page else None
    if page is None or had is None or had.monthly_cents <= truth.monthly_cents(item.price.id, quantity):
        return None
    return page if _put_back(subscription, bought, page, had) else None


def keep_choice(subscription: Subscription, *, is_new: bool) -> bool:
    """The number of seats has become another at Stripe, or with `is_new` the plan: a page may have fixed it. True when
    it was a page."""
    if not PLANS[Tier(subscription.tier)].is_per_seat:
        subscription.fixed_seats = None
        return False
    if not is_new and seating.due(subscription) == subscription.seats:
        # We have told Stripe so.
        return False
    page = _for(subscription, Tier(subscription.tier), subscription.seats)
    if page is not None:
        fix(subscription, page)
    return page is not None


def fix(subscription: Subscription, page: StripePage) -> None:
    """Nobody who joined since the page was opened is left without a seat."""
    members = subscription.workspace.memberships.count()
    subscription.fixed_seats = page.seats if page.is_fixed and page.seats >= members else None


def tell_seats(subscription: Subscription) -> None:
    """Those that a page has brought are not always those that are due."""
    from billing.jobs import send_seats

    if PLANS[Tier(subscription.tier)].is_per_seat and seating.due(subscription) != subscription.seats:
        background.enqueue(send_seats, workspace_id=subscription.workspace_id, change=str(uuid.uuid4()))


@dataclass(frozen=True)
class Had:
    tier: Tier
    price: str
    quantity: int
    invoice: str

    @property
    def monthly_cents(self) -> int:
        return truth.monthly_cents(self.price, self.quantity)


def _credited(bought: stripe.Subscription) -> Had | None:
    """What the change that has led here gave money back for: it was paid for until then."""
    invoice, item = bought.latest_invoice, truth.item_of(bought)
    if not isinstance(invoice, stripe.Invoice) or invoice.billing_reason != "subscription_update" or not invoice.id:
        return None
    lines = list(invoice.lines.auto_paging_iter())
    newest = max((line.period.start for line in lines), default=0)
    lines = [line for line in lines if line.period.start == newest]
    given = [(_price_of(line), line.quantity or 1) for line in lines if line.amount < 0]
    taken = [(_price_of(line), line.quantity or 1) for line in lines if line.amount > 0]
    if not given or (item.price.id, item.quantity or 1) not in taken:
        return None
    price, quantity = max(given, key=lambda one: one[1])
    return Had(truth.tier_of(truth.api().v1.prices.retrieve(price)), price, quantity, invoice.id)


def _price_of(line: stripe.InvoiceLineItem) -> str:
    details = line.pricing and line.pricing.price_details
    price = details.price if details else ""
    return price if isinstance(price, str) else price.id


def _put_back(subscription: Subscription, bought: stripe.Subscription, page: StripePage, had: Had) -> bool:
    """The credit that was given pays for it, so no card is asked."""
    is_aside = schedules.take_aside(bought)
    try:
        truth.api().v1.subscriptions.update(
            bought.id,
            {
                "items": [{"id": truth.item_of(bought).id, "price": had.price, "quantity": had.quantity}],
                "proration_behavior": "always_invoice",
                "payment_behavior": "error_if_incomplete",
            },
            {"idempotency_key": f"put-back:{had.invoice}"},
        )
    except stripe.CardError:
        log.exception("%s stays at what an old page has made of it", subscription)
        if is_aside:
            schedules.finish(bought.id)
        return False
    log.warning("%s is put back: an old page gave money back for it", subscription)
    if is_aside:
        schedules.finish(bought.id)
    elif page.tier != had.tier and not (bought.cancel_at or bought.cancel_at_period_end):
        schedules.plan(bought.id, Tier(page.tier))
    return True


def _for(subscription: Subscription, tier: Tier, seats: int) -> StripePage | None:
    return StripePage.objects.filter(workspace_id=subscription.workspace_id, tier=tier, seats=seats).first()
