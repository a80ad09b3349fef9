"""Stripe's truth written into our mirror.

Whoever calls holds the lock on the subscription's row before Stripe is asked: otherwise the older of two answers could
be written last.
"""

import logging
from contextlib import nullcontext
from datetime import datetime

import stripe

from accounts import audit, background
from billing import wishes
from billing.models import StripeAccount, Subscription
from billing.plans import PLANS, Tier
from billing.stripe import charged, late, pages, schedules, truth
from billing.stripe.truth import LATE, amounts_of, item_of, moment, tier_of

log = logging.getLogger(__name__)


def refresh(
    account: StripeAccount,
    subscription: Subscription,
    *,
    now: datetime,
    is_thorough: bool = False,
    tells_staff: bool = False,
    is_ours: bool = False,
) -> bool:
    """Makes our row equal to what Stripe says now. True when it differed. Raises StripeError or UnknownPrice.

    `is_thorough`: also what was charged for in this period, which is kept here and is else believed of a subscription
    that is known. `tells_staff`: of what was put beside the plan there, which is left alone. `is_ours`: it was changed
    there just now by whoever acts here, and not by Stripe.
    """
    said = truth.ask(account)
    if tells_staff and said.is_standing and said.bought and (others := truth.foreign(said.bought)):
        log.error("%s pays by %s for what is no plan of ours: %s", account, said.bought.id, ", ".join(others))
    with nullcontext() if is_ours else audit.acting(audit.PROVIDER):
        return _write(account, subscription, said, now, is_thorough)


def _write(
    account: StripeAccount, subscription: Subscription, said: truth.Truth, now: datetime, is_thorough: bool
) -> bool:
    facts, own = _facts(subscription), _own(subscription)
    before = facts, account.subscription_id
    if said.bought is not None:
        if said.is_standing:
            is_known = account.subscription_id == said.bought.id
            _hear(account, subscription, said.bought, now)
            account.subscription_id = said.bought.id
            if is_thorough or not is_known:
                _recount_paid_seats(subscription, said.bought)
        else:
            if _is_about_the_end(account, subscription, said.bought):
                _write_ended(subscription, said.bought)
            account.subscription_id, account.ended_id = "", said.bought.id
    account.synced_at, account.unanswered_at = now, None
    account.save(update_fields=["subscription_id", "ended_id", "synced_at", "unanswered_at"])
    if _facts(subscription) != facts:
        subscription.changed_at = now
        subscription.save()
    elif _own(subscription) != own:
        subscription.save()
    is_miscounted = is_thorough and subscription.paid_from == own[1] and subscription.paid_seats != own[0]
    return is_miscounted or (_facts(subscription), account.subscription_id) != before


FACTS = (
    "tier",
    "status",
    "seats",
    "price_cents",
    "price_per_user_cents",
    "anchor_at",
    "past_due_since",
    "pending_tier",
    "pending_at",
    "pending_price_cents",
    "ended_at",
)


def _facts(subscription: Subscription) -> tuple[object, ...]:
    return tuple(getattr(subscription, name) for name in FACTS)


def _own(subscription: Subscription) -> tuple[int, datetime | None, int | None]:
    """What stands in nothing of Stripe's: no sign that our mirror was wrong."""
    return subscription.paid_seats, subscription.paid_from, subscription.fixed_seats


def _hear(account: StripeAccount, subscription: Subscription, bought: stripe.Subscription, now: datetime) -> None:
    from billing.jobs import finish_planned

    settled = pages.settle(subscription, bought)
    if settled is not None:
        bought = truth.ask(account).bought or bought
    if not account.subscription_id:
        pages.check_was_asked(subscription, bought)
    plan, seats = (account.subscription_id, subscription.tier), subscription.seats
    _write_standing(account, subscription, bought, now)
    is_new, is_chosen = plan != (bought.id, subscription.tier), False
    if is_new:
        wishes.withdraw_with_plan(subscription, Tier(plan[1]), by="a purchase", now=now)
    if is_new or seats != subscription.seats:
        is_chosen = pages.keep_choice(subscription, is_new=is_new)
    if settled is not None and settled.tier == subscription.tier:
        pages.fix(subscription, settled)
    if settled is not None or is_chosen:
        pages.tell_seats(subscription)
    if schedules.is_half_done(bought):
        background.enqueue(finish_planned, workspace_id=subscription.workspace_id, key="finish planned")


def write_seats(account: StripeAccount, subscription: Subscription, bought: stripe.Subscription) -> None:
    """As many as are paid for now, and the most of this period; a new period was begun with those that stand."""
    item = item_of(bought)
    starts_at, seats = moment(item.current_period_start), item.quantity or 1
    is_begun = account.subscription_id == bought.id and subscription.paid_from == starts_at
    subscription.paid_seats = max(subscription.paid_seats, seats) if is_begun else seats
    subscription.seats, subscription.paid_from = seats, starts_at


def _recount_paid_seats(subscription: Subscription, bought: stripe.Subscription) -> None:
    if PLANS[Tier(subscription.tier)].is_per_seat:
        subscription.paid_seats = max(subscription.seats, charged.seats(bought))
    else:
        subscription.paid_seats = subscription.seats


def _write_standing(
    account: StripeAccount, subscription: Subscription, bought: stripe.Subscription, now: datetime
) -> None:
    item = item_of(bought)
    subscription.tier = tier_of(item.price)
    subscription.price_cents, subscription.price_per_user_cents = amounts_of(item.price.id)
    write_seats(account, subscription, bought)
    subscription.anchor_at, subscription.ended_at = moment(bought.billing_cycle_anchor), None
    if bought.status in LATE:
        subscription.status = Subscription.Status.PAST_DUE
        subscription.past_due_since = late.since(bought) or subscription.past_due_since or now
    else:
        subscription.status, subscription.past_due_since = Subscription.Status.ACTIVE, None
    subscription.forget_pending()
    coming = schedules.coming(bought)
    if coming is not None:
        subscription.pending_tier, subscription.pending_at = coming.tier or "", coming.at
        subscription.pending_price_cents = coming.price_cents


def _is_about_the_end(account: StripeAccount, subscription: Subscription, bought: stripe.Subscription) -> bool:
    """False for a plan that staff gave after this end, and for a trial that nobody has bought in."""
    if account.subscription_id == bought.id:
        return True
    if subscription.status == Subscription.Status.TRIALING:
        return False
    if subscription.ended_at is not None:
        return subscription.ended_at <= _ended_at(bought)
    # It stood beside an end that was not written down: by a release before `ended_id`, or because our ids were lost.
    return account.ended_id != bought.id and subscription.changed_at <= _ended_at(bought)


def _ended_at(bought: stripe.Subscription) -> datetime:
    return moment(bought.ended_at or bought.canceled_at or bought.created)


def _write_ended(subscription: Subscription, bought: stripe.Subscription) -> None:
    item = item_of(bought)
    subscription.tier, subscription.seats = tier_of(item.price), item.quantity or 1
    subscription.anchor_at = moment(bought.billing_cycle_anchor)
    subscription.status, subscription.past_due_since = Subscription.Status.CANCELED, None
    subscription.ended_at = _ended_at(bought)
    subscription.price_cents = subscription.price_per_user_cents = None
    subscription.forget_pending()
