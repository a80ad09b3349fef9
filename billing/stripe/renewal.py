"""What is asked of Stripe to know the next renewal before it comes."""

import stripe

from billing.plans import PLANS
from billing.stripe import schedules, truth
from billing.stripe import seats as seating


def question(bought: stripe.Subscription, seats: int) -> stripe.params.InvoiceCreatePreviewParams:
    """The question for the next renewal with so many seats, with the smaller plan that may be planned for it."""
    item = truth.item_of(bought)
    present = item.quantity or 1
    wanted = seats if PLANS[truth.tier_of(item.price)].is_per_seat else present
    behavior = seating.proration(present, wanted)
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
