"""Amounts and periods, whatever the numbers."""

from __future__ import annotations

from datetime import UTC, datetime
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from devkit.stripe import money
from devkit.stripe.periods import months_after, next_boundary

from .conftest import Shop

CENTS = st.integers(-10_000_000, 10_000_000)
PERIOD = st.integers(1, 32 * 86_400)
MOMENT = st.integers(0, 4_000_000_000)
TEAMS: Any = {
    "billing_scheme": "tiered",
    "tiers_mode": "graduated",
    "_tiers": [{"up_to": None, "flat_amount": 4900, "unit_amount": 1200}],
}
STEPS: Any = {
    "billing_scheme": "tiered",
    "tiers_mode": "graduated",
    "_tiers": [
        {"up_to": 1, "flat_amount": 4900, "unit_amount": None},
        {"up_to": 5, "flat_amount": None, "unit_amount": 1200},
        {"up_to": None, "flat_amount": 100, "unit_amount": 1000},
    ],
}


@given(CENTS, PERIOD, st.data())
def test_a_share_is_the_nearest_cent(cents: int, whole: int, data: st.DataObject) -> None:
    part = data.draw(st.integers(0, whole))

    share = money.share(cents, part, whole)

    assert abs(Fraction(cents * part, whole) - share) <= Fraction(1, 2)
    assert money.share(-cents, part, whole) == -share


@given(CENTS, PERIOD)
def test_all_of_a_period_is_all_of_the_money(cents: int, whole: int) -> None:
    assert (money.share(cents, whole, whole), money.share(cents, 0, whole)) == (cents, 0)


@given(st.integers(0, 10_000_000), PERIOD, st.data())
def test_more_time_never_costs_less(cents: int, whole: int, data: st.DataObject) -> None:
    later, sooner = sorted((data.draw(st.integers(0, whole)), data.draw(st.integers(0, whole))))

    assert money.share(cents, later, whole) <= money.share(cents, sooner, whole)


@given(st.integers(1, 10_000))
def test_teams_costs_its_base_and_each_seat(seats: int) -> None:
    assert money.amount(TEAMS, seats) == 4900 + 1200 * seats


@pytest.mark.parametrize(("seats", "cents"), [(1, 4900), (2, 6100), (5, 9700), (6, 10_800), (8, 12_800)])
def test_each_tier_prices_what_falls_into_it(seats: int, cents: int) -> None:
    assert money.amount(STEPS, seats) == cents


def test_a_volume_price_takes_one_tier_for_all() -> None:
    price = STEPS | {"tiers_mode": "volume"}

    assert [money.amount(price, seats) for seats in (1, 5, 6)] == [4900, 6000, 6100]


@given(MOMENT, st.integers(0, 600))
def test_a_month_later_is_the_same_day_or_the_last(anchor: int, months: int) -> None:
    begun, reached = (datetime.fromtimestamp(one, UTC) for one in (anchor, months_after(anchor, months)))

    assert (reached.year * 12 + reached.month) - (begun.year * 12 + begun.month) == months
    assert reached.day <= begun.day
    assert reached.day == begun.day or reached.day >= 28
    assert reached.time() == begun.time()


@given(MOMENT, st.sampled_from(["day", "week", "month", "year"]), st.integers(1, 6), st.integers(0, 400_000_000))
def test_the_next_boundary_is_the_first_one_later(anchor: int, interval: str, every: int, passed: int) -> None:
    after = anchor + passed

    boundary = next_boundary(anchor, interval, every, after)

    assert boundary > after
    assert next_boundary(anchor, interval, every, boundary - 1) == boundary


def test_going_up_and_back_at_the_same_moment_costs_nothing(shop: Shop) -> None:
    teams = shop.bought("teams", 3)
    shop.vendor.set_clock(shop.item(teams).current_period_start + 777_777)

    for seats in (9, 3):
        shop.change(teams, quantity=seats, proration_behavior="create_prorations")
    shop.to_the_end(teams, 3_600)

    assert shop.invoices(teams)[-1].total == 8500


def test_less_than_the_least_charge_is_carried_over(shop: Shop) -> None:
    pro = shop.bought("pro")
    shop.vendor.set_clock(shop.item(pro).current_period_end - 86_400)

    shop.change(pro, "plus", proration_behavior="always_invoice")
    shop.to_the_end(pro, 3_600)

    _, small, renewal = shop.invoices(pro)
    assert (small.total, small.amount_due, small.status) == (30, 0, "paid")
    assert (renewal.total, renewal.amount_due) == (1900, 1930)
