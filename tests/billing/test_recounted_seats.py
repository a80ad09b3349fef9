"""How many seats were paid for in a period is kept here; each night it is what Stripe has charged for."""

import logging

import pytest

from billing import seats as seating
from billing.effective import effective
from billing.models import StripeAccount, Subscription
from billing.stripe import events, truth
from devkit.stripe.process import StripeProcess
from tests.billing.stripe import DAY, account, buy, clock, confirm, hear, upgrade
from tests.billing.test_amounts import seats_told
from tests.billing.test_seats_being_told import tell
from tests.billing.test_strays import forget
from tests.people import Person


def write(person: Person, paid_seats: int) -> None:
    Subscription.objects.filter(workspace=person.workspace).update(paid_seats=paid_seats)


def test_more_than_was_charged_for_is_taken_back(
    vendor: StripeProcess, alice: Person, caplog: pytest.LogCaptureFixture
) -> None:
    buy(alice, vendor, "teams")
    write(alice, 400)

    with caplog.at_level(logging.ERROR):
        wrong = events.reconcile(now=clock(vendor))

    now = clock(vendor)
    assert (alice.subscription.paid_seats, seating.owned(alice.subscription, effective(alice.subscription, now))) == (
        1,
        1,
    )
    assert wrong == 1
    assert "was not what Stripe says" in caplog.text


@pytest.mark.parametrize("written", [1, 2, 400])
def test_a_seat_that_was_charged_for_and_freed_stays_paid_for(
    vendor: StripeProcess, alice: Person, written: int
) -> None:
    buy(alice, vendor, "teams")
    seats_told(alice, vendor, 3)
    seats_told(alice, vendor, 1)
    write(alice, written)

    events.reconcile(now=clock(vendor))

    assert (alice.subscription.seats, alice.subscription.paid_seats) == (1, 3)


def test_who_is_found_again_has_the_seats_that_were_charged_for(vendor: StripeProcess, alice: Person) -> None:
    buy(alice, vendor, "teams")
    seats_told(alice, vendor, 3)
    seats_told(alice, vendor, 1)
    forget(alice)

    events.find_strays(now=clock(vendor))

    assert (alice.subscription.seats, alice.subscription.paid_seats) == (1, 3)


def test_where_the_id_is_lost_the_seats_that_were_charged_for_stay(vendor: StripeProcess, alice: Person) -> None:
    buy(alice, vendor, "teams")
    seats_told(alice, vendor, 3)
    seats_told(alice, vendor, 1)
    StripeAccount.objects.filter(workspace=alice.workspace).update(subscription_id="")

    hear(alice, vendor)

    assert (alice.subscription.seats, alice.subscription.paid_seats) == (1, 3)


def test_what_was_right_is_not_told_as_wrong(vendor: StripeProcess, alice: Person) -> None:
    buy(alice, vendor, "teams", seats=4)
    seats_told(alice, vendor, 1)

    assert events.reconcile(now=clock(vendor)) == 0
    assert alice.subscription.paid_seats == 4


def test_seats_that_an_upgrade_has_charged_for_count(vendor: StripeProcess, alice: Person) -> None:
    buy(alice, vendor, "plus")
    vendor.advance(5 * DAY)
    confirm(upgrade(alice, "teams", seats=5))
    hear(alice, vendor)
    seats_told(alice, vendor, 1)
    write(alice, 9)

    events.reconcile(now=clock(vendor))

    assert alice.subscription.paid_seats == 5


def test_seats_that_are_invoiced_at_once_count(vendor: StripeProcess, alice: Person) -> None:
    buy(alice, vendor, "teams")
    alice.api.post("/subscription/cancel")
    seats_told(alice, vendor, 3)
    seats_told(alice, vendor, 2)
    write(alice, 9)

    events.reconcile(now=clock(vendor))

    assert alice.subscription.paid_seats == 3


def test_seats_of_the_month_before_do_not_count(vendor: StripeProcess, alice: Person) -> None:
    buy(alice, vendor, "teams")
    seats_told(alice, vendor, 12)
    seats_told(alice, vendor, 1)
    vendor.advance(32 * DAY)
    hear(alice, vendor)
    write(alice, 12)

    events.reconcile(now=clock(vendor))

    assert alice.subscription.paid_seats == 1


def test_a_plan_for_one_person_has_one_seat(vendor: StripeProcess, alice: Person) -> None:
    buy(alice, vendor, "pro")
    write(alice, 7)

    events.reconcile(now=clock(vendor))

    assert alice.subscription.paid_seats == 1


def test_seats_that_money_was_given_back_for_by_hand_are_charged_for_again(
    vendor: StripeProcess, alice: Person
) -> None:
    buy(alice, vendor, "teams", seats=3)
    vendor.advance(5 * DAY)
    bought = truth.ask(account(alice)).bought
    assert bought is not None
    item = truth.item_of(bought).id
    truth.api().v1.subscriptions.update(
        bought.id, {"items": [{"id": item, "quantity": 1}], "proration_behavior": "always_invoice"}
    )

    hear(alice, vendor)
    paid = alice.subscription.paid_seats
    tell(alice, vendor)

    waiting = vendor.control("state?kind=invoiceitem")["objects"]
    assert (paid, alice.subscription.seats) == (1, 3)
    assert [one["quantity"] for one in waiting if one["amount"] > 0 and not one["invoice"]] == [3]
