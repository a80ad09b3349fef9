"""Between a change and the moment at which all has heard of it: page and API say what is due, or that it changes."""

from typing import Any

import pytest

from billing.stripe import seats as at_stripes
from devkit.stripe.process import StripeProcess
from tests.billing.pages import text
from tests.billing.stripe import account, buy, clock, confirm, upgrade
from tests.people import Person, join


def said(person: Person) -> tuple[Any, ...]:
    answer = person.api.get("/subscription").json()
    invoice = answer["next_invoice"]["then_cents"]
    return answer["seats"], answer["paid_seats"], answer["monthly_cents"], pytest.approx(invoice, abs=1)


def tell(person: Person, vendor: StripeProcess) -> None:
    at_stripes.send(account(person), change="told", now=clock(vendor))


@pytest.mark.parametrize(("had", "wanted", "monthly_cents"), [(1, 3, 8_500), (3, 1, 6_100)])
def test_another_number_of_seats_is_said_before_stripe_has_been_told(
    vendor: StripeProcess, alice: Person, had: int, wanted: int, monthly_cents: int
) -> None:
    buy(alice, vendor, "teams", seats=had)

    answer = alice.api.post("/subscription/seats", {"seats": wanted}).json()
    before = said(alice), text(alice)
    tell(alice, vendor)
    after = said(alice), text(alice)

    assert before == after
    assert before[0][:3] == (wanted, max(had, wanted), monthly_cents)
    assert (answer["seats"], answer["paid_seats"]) == (wanted, max(had, wanted))
    assert f"${monthly_cents // 100} a month" in before[1]
    assert f"{wanted} seat" in before[1]


def test_who_has_joined_counts_before_stripe_has_been_told(vendor: StripeProcess, alice: Person) -> None:
    buy(alice, vendor, "teams")

    join(alice, "Bob")
    before = said(alice)
    tell(alice, vendor)

    assert before == said(alice)
    assert before[:3] == (2, 2, 7_300)


def test_an_upgrade_that_was_not_heard_of_is_said_to_be_changing(vendor: StripeProcess, alice: Person) -> None:
    buy(alice, vendor, "plus")
    page = upgrade(alice, "teams", seats=3)
    heard = alice.api.get("/subscription").json()
    confirm(page)

    meanwhile = alice.api.get("/subscription").json()
    then = alice.api.get("/subscription").json()

    assert heard["tier"] == meanwhile["tier"] == "plus"
    assert (meanwhile["next_invoice"], meanwhile["next_invoice_is_known"]) == (None, False)
    assert (then["tier"], then["seats"], then["monthly_cents"]) == ("teams", 3, 8_500)
    assert then["next_invoice"]["then_cents"] == 8_500


def test_the_page_says_that_the_plan_is_being_changed(vendor: StripeProcess, alice: Person) -> None:
    buy(alice, vendor, "plus")
    page = upgrade(alice, "teams", seats=3)
    text(alice)
    confirm(page)

    meanwhile, then = text(alice), text(alice)

    assert "The plan is being changed at the payment provider: look again in a moment." in meanwhile
    assert "Next invoice" not in meanwhile
    assert "does not answer" not in meanwhile
    assert "Next invoice: $85" in then
