"""A seat that was charged for in a period is the customer's until its end: filled again, it costs nothing."""

import pytest

from billing import seats
from billing.gateways import gateway
from billing.stripe import seats as at_stripes
from billing.stripe import truth
from billing.team import members
from config.templatetags.ui import money
from devkit.stripe.process import StripeProcess
from tests.billing.pages import text
from tests.billing.stripe import DAY, account, buy, clock, hear
from tests.billing.test_amounts import invoiced, seats_told, shown_next
from tests.billing.test_month_turns import end_of_month
from tests.people import Person, join


def joins(owner: Person, name: str, vendor: StripeProcess) -> Person:
    person = join(owner, name)
    seats_told(owner, vendor)
    return person


def leaves(owner: Person, person: Person, vendor: StripeProcess) -> None:
    members.remove(by=owner.membership, user_id=person.user.pk, now=clock(vendor))
    at_stripes.send(account(owner), change=f"{person.user.pk} left", now=clock(vendor))


def preview(person: Person, wanted: int) -> dict[str, int]:
    answer: dict[str, int] = person.api.post("/subscription/preview", {"tier": "teams", "seats": wanted}).json()
    return answer


def quantity(owner: Person, vendor: StripeProcess) -> int:
    (bought,) = vendor.control("state?kind=subscription")["objects"]
    return int(bought["items"]["data"][0]["quantity"])


def test_a_seat_that_is_filled_again_is_charged_once(vendor: StripeProcess, alice: Person) -> None:
    buy(alice, vendor, "teams")
    bob = joins(alice, "Bob", vendor)
    with_bob = shown_next(alice)
    leaves(alice, bob, vendor)
    without = shown_next(alice)
    told = seats.one_more(subscription=alice.subscription, now=clock(vendor))
    page = alice.web.get("/app/members?invite=1").content.decode()

    joins(alice, "Nora", vendor)
    vendor.advance(32 * DAY)

    assert (without, told.rest, told.then) == (with_bob - 1_200, 0, with_bob)
    assert "For the rest of this month one more is paid for already" in page
    assert invoiced(vendor) == [6_100, with_bob]


def test_beyond_what_was_paid_for_the_rest_is_charged(vendor: StripeProcess, alice: Person) -> None:
    buy(alice, vendor, "teams")
    seats_told(alice, vendor, 3)
    with_three = shown_next(alice)
    vendor.advance(10 * DAY)
    seats_told(alice, vendor, 1)
    told = preview(alice, 5)
    dialog = text(alice, "?confirm=teams&seats=5").partition("Your plan")[0]
    one_more = seats.one_more(subscription=alice.subscription, now=clock(vendor))

    seats_told(alice, vendor, 5)
    shown = shown_next(alice)
    vendor.advance(22 * DAY)

    assert preview(alice, 3)["rest_cents"] == 0
    assert told["rest_cents"] == pytest.approx(2 * 1_200 * 20 / 30, abs=60)
    assert (told["due_now_cents"], told["then_cents"]) == (0, 10_900)
    assert f"on the next invoice {money(told['rest_cents'])}" in dialog
    assert "3 seats are paid for until" in dialog
    assert one_more.rest == 0
    assert shown == pytest.approx(with_three + 2 * 1_200 + told["rest_cents"], abs=1)
    assert invoiced(vendor) == [6_100, shown]


def test_the_next_invoice_is_known_beyond_what_was_paid_for(vendor: StripeProcess, alice: Person) -> None:
    buy(alice, vendor, "teams")
    seats_told(alice, vendor, 3)
    seats_told(alice, vendor, 1)
    before = gateway().next_invoice(alice.subscription, seats=5, now=clock(vendor))

    seats_told(alice, vendor, 5)

    assert before is not None
    assert shown_next(alice) == pytest.approx(before.then_cents, abs=1)
    assert sum(line.amount_cents for line in before.lines) == before.then_cents


def test_a_renewal_counts_who_is_there_and_the_period_begins_with_that(vendor: StripeProcess, alice: Person) -> None:
    buy(alice, vendor, "teams")
    leaves(alice, joins(alice, "Bob", vendor), vendor)
    paid = alice.subscription.paid_seats
    vendor.advance(32 * DAY)

    # Nobody has heard of the renewal: who tells Stripe of Nora asks first what the period was begun with.
    joins(alice, "Nora", vendor)

    assert (paid, quantity(alice, vendor), alice.subscription.paid_seats) == (2, 2, 2)
    assert invoiced(vendor)[1] == pytest.approx(6_100 + 1_200, abs=1)
    item = truth.item_of(truth.api().v1.subscriptions.retrieve(account(alice).subscription_id))
    left = (item.current_period_end - vendor.now()) / (item.current_period_end - item.current_period_start)
    assert shown_next(alice) == pytest.approx(7_300 + 1_200 * left, abs=2)


def test_hearing_of_a_renewal_begins_anew(vendor: StripeProcess, alice: Person) -> None:
    buy(alice, vendor, "teams")
    leaves(alice, joins(alice, "Bob", vendor), vendor)

    hear(alice, vendor)
    before = alice.subscription.paid_seats
    vendor.advance(32 * DAY)
    hear(alice, vendor)

    assert (before, alice.subscription.paid_seats) == (2, 1)


def test_in_what_ends_a_seat_that_is_filled_again_is_not_invoiced(vendor: StripeProcess, alice: Person) -> None:
    buy(alice, vendor, "teams")
    bob = joins(alice, "Bob", vendor)
    alice.api.post("/subscription/cancel")
    first = alice.web.get("/app/members?invite=1").content.decode()
    leaves(alice, bob, vendor)
    page = alice.web.get("/app/members?invite=1").content.decode()

    joins(alice, "Nora", vendor)

    assert invoiced(vendor) == [6_100]
    # Bob's seat waits to be invoiced, and would come with the next one.
    assert "One more member costs $12. With your balance and what waits to be invoiced, $24 is" in first
    assert "One more is paid for already: nothing is charged." in page


def test_in_what_ends_only_what_goes_beyond_is_invoiced(vendor: StripeProcess, alice: Person) -> None:
    buy(alice, vendor, "teams")
    alice.api.post("/subscription/cancel")
    seats_told(alice, vendor, 3)
    seats_told(alice, vendor, 1)
    told = preview(alice, 4)

    seats_told(alice, vendor, 4)

    assert told["due_now_cents"] == pytest.approx(1_200, abs=2)
    assert sum(line["amount_cents"] for line in told["lines"]) == told["due_now_cents"]
    assert invoiced(vendor) == [6_100, pytest.approx(2_400, abs=2), pytest.approx(told["due_now_cents"], abs=1)]


def test_what_is_too_little_to_be_charged_is_not_said_to_be_due(vendor: StripeProcess, alice: Person) -> None:
    buy(alice, vendor, "teams", seats=3)
    alice.api.post("/subscription/cancel")
    seats_told(alice, vendor, 1)
    # A day before the end, however long the month is.
    vendor.set_clock(end_of_month(alice) - DAY, freeze=False)
    hear(alice, vendor)
    told = preview(alice, 4)
    dialog = text(alice, "?confirm=teams&seats=4").partition("Your plan")[0]

    seats_told(alice, vendor, 4)

    [_, second] = vendor.control("state?kind=invoice")["objects"]
    owed = truth.api().v1.customers.retrieve(account(alice).customer_id).balance
    assert (told["due_now_cents"], second["amount_due"]) == (0, 0)
    assert 0 < owed < 50
    assert told["rest_cents"] == pytest.approx(owed, abs=1)
    assert sum(line["amount_cents"] for line in told["lines"]) == 0
    assert "Too little to be charged now: comes with the next invoice" in dialog


def test_a_plan_bought_again_begins_with_its_own_seats(vendor: StripeProcess, alice: Person) -> None:
    buy(alice, vendor, "teams", seats=5)
    alice.api.post("/subscription/cancel")
    vendor.advance(32 * DAY)
    hear(alice, vendor)

    buy(alice, vendor, "teams")

    assert (alice.subscription.seats, alice.subscription.paid_seats) == (1, 1)


def test_a_number_that_was_changed_at_stripe_is_ours_when_seats_are_told(vendor: StripeProcess, alice: Person) -> None:
    buy(alice, vendor, "teams")
    bought = truth.api().v1.subscriptions.retrieve(account(alice).subscription_id)
    truth.api().v1.subscriptions.update(bought.id, {"items": [{"id": truth.item_of(bought).id, "quantity": 2}]})

    joins(alice, "Bob", vendor)

    assert (alice.subscription.seats, alice.subscription.paid_seats) == (2, 2)
