"""Every plan in every state, in the middle of a paid month."""

from datetime import datetime, timedelta
from typing import Any

from billing.models import Subscription
from billing.plans import Tier
from tests.people import Person, put_on_plan

PAID = [Tier.PRO, Tier.PLUS, Tier.TEAMS]
DAY = timedelta(days=1)


def facts(state: str, now: datetime) -> dict[str, Any]:
    return {
        "trial": {"status": "trialing", "trial_ends_at": now + DAY},
        "trial_ended": {"status": "trialing", "trial_ends_at": now - DAY},
        "active": {"status": "active"},
        "leaving": {"status": "active", "pending_tier": "", "pending_at": now + 20 * DAY},
        "smaller": {"status": "active", "pending_tier": "pro", "pending_at": now + 20 * DAY},
        "has_become_smaller": {"status": "active", "pending_tier": "pro", "pending_at": now - DAY},
        "grace": {"status": "past_due", "past_due_since": now - 2 * DAY},
        "read_only": {"status": "past_due", "past_due_since": now - 8 * DAY},
        "ended": {"status": "canceled", "ended_at": now - DAY},
        "ended_by_the_clock": {"status": "active", "pending_tier": "", "pending_at": now - DAY},
    }[state]


STATES = ["active", "leaving", "smaller", "has_become_smaller", "grace", "read_only", "ended", "ended_by_the_clock"]
WALK = [
    (Tier.TRIAL, "trial"),
    (Tier.TRIAL, "trial_ended"),
    *((tier, state) for tier in PAID for state in STATES if tier != Tier.PRO or "smaller" not in state),
]


def put(person: Person, tier: str, state: str, now: datetime) -> None:
    """With a seat for each member."""
    put_on_plan(person, tier, seats=person.workspace.memberships.count(), now=now - 10 * DAY)
    Subscription.objects.filter(workspace=person.workspace).update(**facts(state, now))
