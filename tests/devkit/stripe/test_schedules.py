"""Changes planned for the end of a period."""

from __future__ import annotations

from typing import Any

import pytest
import stripe

from .conftest import HOUR, Shop


def planned(shop: Shop, subscription: Any, plan: str = "pro", quantity: int = 1) -> Any:
    schedule = shop.v1.subscription_schedules.create({"from_subscription": subscription.id})
    phase = schedule.phases[0]
    now = {"price": shop.item(subscription).price.id, "quantity": shop.item(subscription).quantity}
    return shop.v1.subscription_schedules.update(
        schedule.id,
        {
            "end_behavior": "release",
            "proration_behavior": "none",
            "phases": [
                {"items": [now], "start_date": phase.start_date, "end_date": phase.end_date},
                {"items": [{"price": shop.prices[plan], "quantity": quantity}], "proration_behavior": "none"},
            ],
        },
    )


def test_a_downgrade_happens_at_the_boundary(shop: Shop) -> None:
    teams = shop.bought("teams", 3)
    planned(shop, teams)
    before = shop.item(shop.sub(teams.id)).price.lookup_key

    shop.to_the_end(teams, HOUR)

    now = shop.sub(teams.id)
    assert before == "teams_monthly"
    assert (shop.item(now).price.lookup_key, shop.item(now).quantity) == ("pro_monthly", 1)
    assert [one.total for one in shop.invoices(teams)] == [8500, 1000]


def test_items_cannot_be_changed_while_a_schedule_is_attached(shop: Shop) -> None:
    teams = shop.bought("teams", 3)
    schedule = planned(shop, teams)

    with pytest.raises(stripe.InvalidRequestError) as refused:
        shop.change(teams, quantity=4)

    assert schedule.id in str(refused.value)


def test_a_released_schedule_changes_nothing_any_more(shop: Shop) -> None:
    teams = shop.bought("teams", 3)
    schedule = planned(shop, teams)

    released = shop.v1.subscription_schedules.release(schedule.id)
    shop.to_the_end(teams, HOUR)

    assert (released.status, released.subscription, released.released_subscription) == ("released", None, teams.id)
    assert shop.sub(teams.id).schedule is None
    assert shop.item(shop.sub(teams.id)).price.lookup_key == "teams_monthly"


def test_a_schedule_stays_attached_until_its_last_phase_is_over(shop: Shop) -> None:
    teams = shop.bought("teams", 3)
    schedule = planned(shop, teams)

    shop.to_the_end(teams)
    during = shop.sub(teams.id).schedule
    shop.to_the_end(teams)

    assert during == schedule.id
    assert shop.sub(teams.id).schedule is None
    assert shop.v1.subscription_schedules.retrieve(schedule.id).status == "released"


def test_a_schedule_is_previewed(shop: Shop) -> None:
    teams = shop.bought("teams", 3)
    schedule = planned(shop, teams)

    preview = shop.v1.invoices.create_preview({"schedule": schedule.id})

    assert [line.amount for line in preview.lines.data] == [1000]


def test_cancelling_a_schedule_ends_the_subscription(shop: Shop) -> None:
    teams = shop.bought("teams", 3)
    schedule = planned(shop, teams)

    canceled = shop.v1.subscription_schedules.cancel(schedule.id)

    assert canceled.status == "canceled"
    assert shop.sub(teams.id).status == "canceled"


def test_one_subscription_has_one_schedule(shop: Shop) -> None:
    teams = shop.bought("teams", 3)
    planned(shop, teams)

    with pytest.raises(stripe.InvalidRequestError, match="already attached"):
        shop.v1.subscription_schedules.create({"from_subscription": teams.id})


def test_what_happens_to_a_schedule_is_told(shop: Shop) -> None:
    teams = shop.bought("teams", 3)
    planned(shop, teams)
    shop.to_the_end(teams)
    shop.to_the_end(teams)

    told = [one for one in shop.happened() if one.startswith("subscription_schedule.")]

    assert told == [f"subscription_schedule.{what}" for what in ("created", "updated", "updated", "released")]


def test_more_seats_now_are_previewed_beside_what_is_planned(shop: Shop) -> None:
    teams = shop.bought("teams", 3)
    schedule = planned(shop, teams)
    shop.half_way(teams)
    present, after = schedule.phases
    phases: Any = [
        {
            "items": [{"price": one["items"][0].price, "quantity": quantity}],
            "start_date": one.start_date,
            "end_date": one.end_date,
        }
        for one, quantity in ((present, 5), (after, 1))
    ]

    amounts = [
        [
            line.amount
            for line in shop.v1.invoices.create_preview(
                {
                    "schedule": schedule.id,
                    "schedule_details": {"phases": phases, "proration_behavior": behavior},
                }
            ).lines.data
        ]
        for behavior in ("create_prorations", "none")
    ]

    assert amounts == [[-4250, 5450, 1000], [1000]]
