"""A smaller plan from the next month on, or the end.

While a schedule stands, Stripe refuses every other change of the subscription, so that one is planned, or put aside and
planned again, takes several calls. What is wanted is noted at the subscription first, and the note goes last: while it
stands, what it says is planned, and `billing.stripe.telling` does the rest.
"""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime

import stripe

from billing.plans import PLANS, Tier
from billing.stripe import truth
from billing.stripe.setup import NotSetUp, price_of
from integrations.stripe import StripeError

# "pro 1767225600": what is wanted, and from when. After that moment it is nobody's wish any more.
NOTE = "planned_tier"
END = "end"
NO_NOTE = {NOTE: ""}


@dataclass(frozen=True)
class Coming:
    """`tier`: None is the end."""

    tier: Tier | None
    at: datetime
    price_cents: int | None = None


def coming(bought: stripe.Subscription) -> Coming | None:
    """What will be at the period's end. The schedule has to be expanded."""
    at = truth.moment(truth.item_of(bought).current_period_end)
    if _noted(bought):
        tier = noted_tier(bought)
        return Coming(tier, at, truth.amounts_of(price_of(PLANS[tier]))[0] if tier else None)
    if bought.cancel_at or bought.cancel_at_period_end:
        return Coming(None, truth.moment(bought.cancel_at) if bought.cancel_at else at)
    planned = truth.planned(bought)
    return Coming(planned.tier, planned.at, planned.price_cents) if planned else None


def is_noted(bought: stripe.Subscription) -> bool:
    return bool(_noted(bought))


def noted_tier(bought: stripe.Subscription) -> Tier | None:
    """None is the end."""
    noted = _noted(bought)
    return None if noted == END else Tier(noted)


def is_ending(bought: stripe.Subscription) -> bool:
    if is_noted(bought):
        return noted_tier(bought) is None
    return bool(bought.cancel_at or bought.cancel_at_period_end)


def is_half_done(bought: stripe.Subscription) -> bool:
    """The schedule has to be expanded. One of a single phase plans nothing, and is in the way of all else."""
    schedule = bought.schedule
    return bool(_noted(bought)) or (isinstance(schedule, stripe.SubscriptionSchedule) and len(schedule.phases) == 1)


def plan(subscription_id: str, tier: Tier | None) -> None:
    """At the period's end this plan, or the end."""
    bought = _ask(subscription_id)
    if tier is not None or bought.schedule:
        _note(bought, tier)
    _carry_out(bought, tier)


def take_back(subscription_id: str) -> None:
    """The subscription goes on as it is."""
    bought = _ask(subscription_id)
    _let_go(bought)
    if bought.cancel_at or bought.cancel_at_period_end or _noted(bought):
        _update(bought, {"cancel_at_period_end": False, "metadata": NO_NOTE})


def take_aside(bought: stripe.Subscription) -> bool:
    """A plan that comes is taken off until `finish`. False when there is none. The schedule has to be expanded."""
    planned = truth.planned(bought)
    is_noted = bool(_noted(bought))
    if planned is not None and not is_noted:
        _note(bought, planned.tier)
    _let_go(bought)
    return is_noted or planned is not None


def finish(subscription_id: str) -> None:
    """What was taken aside, or what a failure has left half done."""
    bought = _ask(subscription_id)
    if bought.status not in truth.STANDING or not is_half_done(bought):
        return
    planned = truth.planned(bought)
    if not _noted(bought):
        _let_go(bought)
    elif planned is not None and planned.tier == noted_tier(bought):
        _update(bought, {"metadata": NO_NOTE})
    else:
        _carry_out(bought, noted_tier(bought))


@contextmanager
def nothing_planned(subscription_id: str) -> Iterator[None]:
    """What is planned is dropped, unless what is done inside fails."""
    bought = _ask(subscription_id)
    was = coming(bought)
    try:
        if was is not None and not _noted(bought):
            _note(bought, was.tier)
        _let_go(bought)
        yield
        if was is not None:
            _update(bought, {"metadata": NO_NOTE})
    except Exception:
        if was is not None:
            # Where Stripe does not take it now, the note stands.
            with suppress(StripeError, NotSetUp, truth.UnknownPrice):
                plan(subscription_id, was.tier)
        raise


def _noted(bought: stripe.Subscription) -> str:
    words = (bought.metadata.to_dict() if bought.metadata else {}).get(NOTE, "").split()
    return words[0] if words[1:] == [str(truth.item_of(bought).current_period_end)] else ""


def _note(bought: stripe.Subscription, tier: Tier | None) -> None:
    note = f"{tier or END} {truth.item_of(bought).current_period_end}"
    if bought.schedule:
        _update(bought, {"metadata": {NOTE: note}})
    else:
        _update(bought, {"metadata": {NOTE: note}, "cancel_at_period_end": False})


def _carry_out(bought: stripe.Subscription, tier: Tier | None) -> None:
    _let_go(bought)
    if tier is None:
        _update(bought, {"cancel_at_period_end": True, "metadata": NO_NOTE})
    else:
        _arrange(bought, tier)
        _update(bought, {"metadata": NO_NOTE})


def _arrange(bought: stripe.Subscription, tier: Tier) -> None:
    """From the period's end on this plan; then the schedule lets go."""
    schedules, item = truth.api().v1.subscription_schedules, truth.item_of(bought)
    schedule = schedules.create({"from_subscription": bought.id})
    present: stripe.params.SubscriptionScheduleUpdateParamsPhase = {
        "items": [{"price": price, "quantity": n} for price, n in _with_others(bought, item.price.id, item.quantity)],
        "start_date": schedule.phases[0].start_date,
        "end_date": item.current_period_end,
    }
    after: stripe.params.SubscriptionScheduleUpdateParamsPhase = {
        "items": [{"price": price, "quantity": n} for price, n in _with_others(bought, price_of(PLANS[tier]), 1)],
        "proration_behavior": "none",
        "duration": {"interval": "month", "interval_count": 1},
    }
    try:
        schedules.update(
            schedule.id, {"end_behavior": "release", "proration_behavior": "none", "phases": [present, after]}
        )
    except StripeError:
        with suppress(StripeError):
            schedules.release(schedule.id)
        raise


def _with_others(bought: stripe.Subscription, price: str, quantity: int | None) -> list[tuple[str, int]]:
    """The plan at this price, and what somebody has put beside it by hand as it is."""
    item = truth.item_of(bought)
    each = ((price, quantity) if one.id == item.id else (one.price.id, one.quantity) for one in bought["items"].data)
    return [(price, quantity or 1) for price, quantity in each]


def _ask(subscription_id: str) -> stripe.Subscription:
    return truth.api().v1.subscriptions.retrieve(subscription_id, {"expand": ["schedule"]})


def _update(bought: stripe.Subscription, changes: stripe.params.SubscriptionUpdateParams) -> None:
    truth.api().v1.subscriptions.update(bought.id, changes)


def _let_go(bought: stripe.Subscription) -> None:
    if bought.schedule:
        schedule = bought.schedule if isinstance(bought.schedule, str) else bought.schedule.id
        truth.api().v1.subscription_schedules.release(schedule)


def phases_with(
    bought: stripe.Subscription, schedule: stripe.SubscriptionSchedule, seats: int
) -> list[stripe.params.InvoiceCreatePreviewParamsScheduleDetailsPhase]:
    """The phases as they are, from the present one on, but now with so many seats."""
    item, current = truth.item_of(bought), schedule.current_phase
    start = current.start_date if current else 0
    return [
        {
            "items": [
                {"price": item.price.id, "quantity": seats}
                if phase.start_date == start and _is_of(one, item.price.id)
                else {"price": one.price if isinstance(one.price, str) else one.price.id, "quantity": one.quantity or 1}
                for one in phase["items"]
            ],
            "start_date": phase.start_date,
            "end_date": phase.end_date,
            "proration_behavior": "none",
        }
        for phase in schedule.phases
        if phase.start_date >= start
    ]


def _is_of(item: stripe.SubscriptionSchedule.Phase.Item, price: str) -> bool:
    return price == (item.price if isinstance(item.price, str) else item.price.id)


def phases_to(
    bought: stripe.Subscription, schedule: stripe.SubscriptionSchedule, seats: int, price: str | None
) -> list[stripe.params.InvoiceCreatePreviewParamsScheduleDetailsPhase]:
    """The present one, with so many seats, and one of this price after it; with None none."""
    item, current = truth.item_of(bought), schedule.current_phase
    present: stripe.params.InvoiceCreatePreviewParamsScheduleDetailsPhase = {
        "items": [{"price": each, "quantity": n} for each, n in _with_others(bought, item.price.id, seats)],
        "start_date": current.start_date if current else item.current_period_start,
        "end_date": item.current_period_end,
        "proration_behavior": "none",
    }
    after: stripe.params.InvoiceCreatePreviewParamsScheduleDetailsPhase = {
        "items": [{"price": each, "quantity": n} for each, n in _with_others(bought, price or "", 1)],
        "start_date": item.current_period_end,
        "duration": {"interval": "month", "interval_count": 1},
        "proration_behavior": "none",
    }
    return [present, after] if price else [present]
