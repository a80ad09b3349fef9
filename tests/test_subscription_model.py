"""The seven checks of the subscription model that the product was ordered with."""

from datetime import datetime, timedelta
from itertools import pairwise

from billing.effective import Access, effective
from billing.plans import PLANS, Tier
from tests.people import Person

IN_ORDER = [PLANS[tier] for tier in (Tier.TRIAL, Tier.PRO, Tier.PLUS, Tier.TEAMS)]


def test_the_tiers_are_trial_pro_plus_and_teams(alice: Person) -> None:
    plans = alice.api.get("/subscription/plans").json()["plans"]

    assert [plan["tier"] for plan in plans] == ["trial", "pro", "plus", "teams"]


def test_the_trial_lasts_seven_days_from_registration(alice: Person) -> None:
    subscription = alice.subscription

    assert subscription.trial_ends_at - subscription.started_at == timedelta(days=7)


def test_limits_are_as_sold_and_grow_with_the_plan() -> None:
    assert [(plan.requests, plan.tokens) for plan in IN_ORDER] == [
        (120, 50_000),
        (1_000, 1_000_000),
        (2_500, 2_500_000),
        (5_000, 5_000_000),
    ]
    assert all(low.requests < high.requests and low.tokens < high.tokens for low, high in pairwise(IN_ORDER))


def test_prices_are_as_sold() -> None:
    assert [(plan.price_cents, plan.price_per_user_cents) for plan in IN_ORDER] == [
        (0, 0),
        (1_000, 0),
        (1_900, 0),
        (4_900, 1_200),
    ]


def test_a_trial_ends_by_the_clock(alice: Person, now: datetime) -> None:
    ends_at = alice.subscription.trial_ends_at

    assert effective(alice.subscription, ends_at - timedelta(seconds=1)).access == Access.FULL
    assert effective(alice.subscription, ends_at).access == Access.CLOSED


def test_every_plan_has_the_features_of_the_one_below() -> None:
    assert all(set(low.features) < set(high.features) for low, high in pairwise(IN_ORDER))


def test_upgrades_go_from_any_plan_to_every_higher_one(alice: Person) -> None:
    for tier in ("pro", "plus", "teams"):
        answer = alice.api.post("/user/upgrade-subscription", {"tier": tier})
        assert (answer.status_code, answer.json()["subscription"]["tier"]) == (200, tier)

    assert alice.api.post("/user/upgrade-subscription", {"tier": "pro"}).status_code == 409
