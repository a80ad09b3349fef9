"""Clocks that step, plans that change and members that leave while work is in flight: all is charged, and once."""

import random
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta

import pytest
from django.db import connections

from accounts import tenancy
from accounts.models import Membership
from billing.models import Subscription
from tests.people import Person, put_on_plan
from tests.storm import ROUND, STORM
from usage import books, services
from usage.models import Entry, Hold, Period

COST = services.Cost(60, 40, "extractive", milliseconds=10, grounded=True)
HOUR = timedelta(hours=1)


@pytest.fixture
def pro(alice: Person, now: datetime) -> Iterator[Person]:
    """Alice on Pro for three days. In the end her books must be right."""
    put_on_plan(alice, "pro", now=now - timedelta(days=3))
    yield alice
    with tenancy.within(alice.workspace):
        assert books.check(now=now) == []


def hold(person: Person, now: datetime, key: str = "one", **more: int) -> Hold:
    with tenancy.within(person.workspace):
        return services.hold(membership=person.membership, key=key, now=now, **more)


def settle(person: Person, held: Hold, now: datetime) -> str:
    with tenancy.within(person.workspace):
        services.settle(hold_id=held.pk, now=now, outcome="succeeded", cost=COST)
        return Hold.objects.get(pk=held.pk).state


def used(person: Person) -> list[tuple[int, int, int, int]]:
    with tenancy.within(person.workspace):
        rows = Period.objects.order_by("starts_at")
        return list(rows.values_list("requests_used", "requests_held", "tokens_used", "tokens_held"))


@pytest.mark.parametrize("step", [timedelta(seconds=-3), -HOUR, -timedelta(days=2), HOUR, timedelta(days=2)])
def test_a_clock_that_steps_between_hold_and_settle_charges_once(pro: Person, now: datetime, step: timedelta) -> None:
    held = hold(pro, now)

    assert settle(pro, held, now + step) == "settled"
    assert settle(pro, held, now) == "settled"
    assert used(pro) == [(1, 0, 100, 0)]


def test_a_clock_that_went_back_expires_nothing_that_lives(pro: Person, now: datetime) -> None:
    held = hold(pro, now)

    with tenancy.within(pro.workspace):
        assert services.expire_holds(now=now - HOUR) == 0

    assert settle(pro, held, now - HOUR) == "settled"


def test_a_clock_that_leapt_ahead_and_back_makes_work_late_and_charges_it(pro: Person, now: datetime) -> None:
    held = hold(pro, now)
    with tenancy.within(pro.workspace):
        assert services.expire_holds(now=now + HOUR) == 1

    assert settle(pro, held, now + timedelta(seconds=5)) == "late"
    assert used(pro) == [(1, 0, 100, 0)]


def test_a_hold_made_by_a_clock_that_was_behind_still_expires(pro: Person, now: datetime) -> None:
    hold(pro, now - HOUR)

    with tenancy.within(pro.workspace):
        assert services.expire_holds(now=now) == 1
    assert used(pro) == [(0, 0, 0, 0)]


def test_a_clock_that_goes_back_over_the_boundary_finds_the_period_before(pro: Person, now: datetime) -> None:
    with tenancy.within(pro.workspace):
        ends_at = services.quota(membership=pro.membership, now=now).plan.period.ends_at
    after = hold(pro, ends_at + timedelta(seconds=1), "after")
    before = hold(pro, ends_at - timedelta(seconds=1), "before")

    settle(pro, after, ends_at - HOUR)
    settle(pro, before, ends_at + HOUR)

    assert used(pro) == [(1, 0, 100, 0), (1, 0, 100, 0)]


def test_clocks_that_disagree_around_the_boundary_count_everything_once(pro: Person, now: datetime) -> None:
    draw = random.Random(ROUND)
    with tenancy.within(pro.workspace):
        ends_at = services.quota(membership=pro.membership, now=now).plan.period.ends_at
    moments = [(ends_at + draw.uniform(-1, 1) * HOUR, ends_at + draw.uniform(-1, 1) * HOUR) for _ in range(64 * STORM)]

    def one(number: int) -> None:
        held_at, settled_at = moments[number]
        try:
            settle(pro, hold(pro, held_at, str(number), tokens=100), settled_at)
        finally:
            connections.close_all()

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(one, range(len(moments))))

    early = sum(held_at < ends_at for held_at, _ in moments)
    late = len(moments) - early
    assert used(pro) == [(early, 0, early * 100, 0), (late, 0, late * 100, 0)]


def test_an_upgrade_while_32_threads_ask_loses_nothing_and_passes_no_limit(pro: Person, now: datetime) -> None:
    settle_most = hold(pro, now, "most", requests=990, tokens=100)
    settle(pro, settle_most, now)

    def one(number: int) -> str:
        try:
            if number == 16:
                Subscription.objects.filter(workspace=pro.workspace).update(tier="plus")
                return "upgraded"
            settle(pro, hold(pro, now, str(number), tokens=100), now)
            return "charged"
        except (services.QuotaExceeded, services.Busy) as refusal:
            return refusal.code
        finally:
            connections.close_all()

    with ThreadPoolExecutor(32) as pool:
        words = list(pool.map(one, range(65)))

    charged = words.count("charged")
    assert charged >= 10
    assert used(pro) == [(990 + charged, 0, 100 + charged * 100, 0)]
    with tenancy.within(pro.workspace):
        assert Period.objects.get().requests_limit in {1_000, 2_500}
    assert settle(pro, hold(pro, now, "next", tokens=100), now) == "settled"


def test_a_plan_bought_while_work_of_the_trial_is_in_flight_charges_it_to_the_trial(
    alice: Person, now: datetime
) -> None:
    held = hold(alice, now)
    put_on_plan(alice, "plus", now=now + timedelta(seconds=30))
    settle(alice, hold(alice, now + HOUR, "paid", tokens=100), now + HOUR)

    settle(alice, held, now + HOUR)

    assert used(alice) == [(1, 0, 100, 0), (1, 0, 100, 0)]


def test_a_downgrade_below_what_is_used_refuses_and_charges_what_is_in_flight(pro: Person, now: datetime) -> None:
    Subscription.objects.filter(workspace=pro.workspace).update(tier="plus")
    settle(pro, hold(pro, now, "most", requests=1_500, tokens=100), now)
    held = hold(pro, now, "flying", tokens=100)
    Subscription.objects.filter(workspace=pro.workspace).update(tier="pro")

    with pytest.raises(services.QuotaExceeded):
        hold(pro, now, "next")

    assert settle(pro, held, now) == "settled"
    assert used(pro) == [(1_501, 0, 200, 0)]


def test_who_leaves_is_charged_and_who_returns_goes_on_counting(team_owner: Person, bob: Person, now: datetime) -> None:
    settle(bob, hold(bob, now, "first", tokens=100), now)
    held = hold(bob, now, "flying", tokens=100)
    Membership.objects.filter(pk=bob.membership.pk).delete()

    assert settle(bob, held, now + HOUR) == "settled"
    bob.membership = Membership.objects.create(workspace=team_owner.workspace, user=bob.user, role="member")
    with tenancy.within(team_owner.workspace):
        left = services.quota(membership=bob.membership, now=now + HOUR)
        lines = Entry.objects.filter(member_id=bob.user.pk).count()

    assert (left.requests.used, left.requests.held, lines) == (2, 0, 2)
