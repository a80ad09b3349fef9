"""Somebody puts another price on a subscription by hand, in Stripe's dashboard: staff is told, and the plan goes on."""

import logging

import pytest
import stripe

from billing.models import StripeEvent
from billing.stripe import events, truth
from devkit.stripe.process import StripeProcess
from tests.billing import stripe_truth
from tests.billing.stripe import DAY, a_while_passes, account, buy, clock, hear, state
from tests.billing.test_seats_being_told import tell
from tests.people import Person, join


def foreign_price(cents: int = 1_500) -> str:
    api = truth.api().v1
    product = api.products.create({"name": "Support by telephone"})
    price: stripe.params.PriceCreateParams = {"product": product.id, "currency": "usd", "unit_amount": cents}
    return api.prices.create({**price, "recurring": {"interval": "month"}}).id


def put_beside(person: Person) -> str:
    price = foreign_price()
    truth.api().v1.subscriptions.update(
        account(person).subscription_id, {"items": [{"price": price}], "proration_behavior": "none"}
    )
    return price


def put_instead(person: Person) -> None:
    bought = truth.ask(account(person)).bought
    assert bought is not None
    truth.api().v1.subscriptions.update(
        bought.id, {"items": [{"id": truth.item_of(bought).id, "price": foreign_price()}], "proration_behavior": "none"}
    )
    a_while_passes(person)


def prices(person: Person, vendor: StripeProcess) -> list[str]:
    bought = stripe_truth.ask(vendor, f"subscriptions/{account(person).subscription_id}")
    return [one["price"]["id"] for one in bought["items"]["data"]]


def test_staff_is_told_of_another_price_and_the_plan_goes_on(
    vendor: StripeProcess, alice: Person, caplog: pytest.LogCaptureFixture
) -> None:
    buy(alice, vendor, "plus")
    price = put_beside(alice)

    with caplog.at_level(logging.ERROR):
        hear(alice, vendor)
    a_while_passes(alice)
    answer = alice.api.get("/subscription").json()

    assert [price in each.message for each in caplog.records if each.levelno == logging.ERROR] == [True]
    assert (state(alice), answer["monthly_cents"], answer["next_invoice"]["then_cents"]) == (
        ("plus", "active"),
        1_900,
        3_400,
    )


def test_a_smaller_plan_a_seat_and_the_end_leave_the_other_price_alone(vendor: StripeProcess, alice: Person) -> None:
    buy(alice, vendor, "teams")
    price = put_beside(alice)
    planned = alice.api.post("/subscription/downgrade", {"tier": "pro"})
    join(alice, "Bob")
    tell(alice, vendor)
    seats, coming = alice.subscription.seats, alice.subscription.pending_tier
    vendor.advance(32 * DAY)
    hear(alice, vendor)
    ended = alice.api.post("/subscription/cancel")

    assert (planned.status_code, ended.status_code) == (200, 200), (planned.json(), ended.json())
    assert (seats, coming, state(alice)) == (2, "pro", ("pro", "active"))
    assert alice.subscription.pending_at is not None
    assert prices(alice, vendor)[1:] == [price]


def test_a_price_in_the_place_of_the_plans_takes_nothing_away_and_staff_is_told(
    vendor: StripeProcess, alice: Person, caplog: pytest.LogCaptureFixture
) -> None:
    buy(alice, vendor, "plus")
    put_instead(alice)
    StripeEvent.objects.create(id="evt_foreign", type="x", customer_id=account(alice).customer_id, due_at=clock(vendor))

    with caplog.at_level(logging.ERROR):
        events.process_one(now=clock(vendor))
    page, change = alice.web.get("/app/plan"), alice.api.post("/subscription/cancel")

    assert any("evt_foreign" in each.message for each in caplog.records)
    assert (page.status_code, change.status_code, change.json()["type"]) == (200, 503, "/problems/payments-unavailable")
    assert state(alice) == ("plus", "active")
    assert alice.web.get("/app/tasks").status_code == 200
