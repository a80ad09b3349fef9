"""A smaller plan from the next month on. While it is planned, Stripe refuses every other change of the subscription."""

import stripe

from billing.plans import PLANS, Tier
from billing.stripe import truth
from billing.stripe.setup import price_of

# Stands at the subscription while its plan for the next month is taken off and put on again.
ASIDE = "planned_tier"


def plan(subscription_id: str, tier: Tier | None) -> None:
    """At the period's end this plan, or the end."""
    release(subscription_id)
    if tier is None:
        truth.api().v1.subscriptions.update(subscription_id, {"cancel_at_period_end": True})
    else:
        arrange(subscription_id, tier)


def take_back(subscription_id: str) -> None:
    """The subscription goes on as it is."""
    release(subscription_id)
    truth.api().v1.subscriptions.update(subscription_id, {"cancel_at_period_end": False})


def arrange(subscription_id: str, tier: Tier) -> None:
    """From the period's end on this plan; then the schedule lets go."""
    api = truth.api().v1
    bought = api.subscriptions.update(subscription_id, {"cancel_at_period_end": False, "metadata": {ASIDE: ""}})
    item = truth.item_of(bought)
    schedule = api.subscription_schedules.create({"from_subscription": bought.id})
    present: stripe.params.SubscriptionScheduleUpdateParamsPhase = {
        "items": [{"price": item.price.id, "quantity": item.quantity or 1}],
        "start_date": schedule.phases[0].start_date,
        "end_date": item.current_period_end,
    }
    after: stripe.params.SubscriptionScheduleUpdateParamsPhase = {
        "items": [{"price": price_of(PLANS[tier]), "quantity": 1}],
        "proration_behavior": "none",
        "duration": {"interval": "month", "interval_count": 1},
    }
    api.subscription_schedules.update(
        schedule.id, {"end_behavior": "release", "proration_behavior": "none", "phases": [present, after]}
    )


def release(subscription_id: str) -> None:
    """Nothing is planned any more."""
    bought = truth.api().v1.subscriptions.update(subscription_id, {"metadata": {ASIDE: ""}})
    _let_go(bought)


def take_aside(bought: stripe.Subscription) -> Tier | None:
    """What is planned, taken off until `arrange`. It is noted at Stripe first: a crash in between loses nothing."""
    planned = truth.planned(bought)
    if planned is not None:
        truth.api().v1.subscriptions.update(bought.id, {"metadata": {ASIDE: planned.tier}})
        _let_go(bought)
        return planned.tier
    noted = (bought.metadata.to_dict() if bought.metadata else {}).get(ASIDE)
    return Tier(noted) if noted else None


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
                if phase.start_date == start
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
