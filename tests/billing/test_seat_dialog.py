"""The number of seats that was typed is the one that is sent, and nothing is bought at an amount that was not seen."""

import pytest

from devkit.stripe.process import StripeProcess
from tests.billing.pages import text
from tests.billing.stripe import buy
from tests.billing.test_old_dialogs import dialog_form
from tests.people import Person, join, put_on_plan

NOT_THESE = "Nothing was done yet: the amounts that were shown were for another number of seats."


def press(person: Person, action: str, *, seats: str) -> str:
    """What the page says after a number was typed into the dialog for Teams and a button pressed at once."""
    form = {**dialog_form(person, "teams"), "action": action, "seats": seats}
    answer = person.web.post("/app/plan", form)
    assert answer.status_code == 302, answer.content
    return text(person, str(answer.headers["Location"]).removeprefix("/app/plan"))


def test_the_dialog_sends_the_number_whose_amounts_it_shows(team_owner: Person) -> None:
    form = dialog_form(team_owner, "teams&seats=3")

    said = team_owner.web.post("/app/plan", {**form, "action": "seats"}, follow=True).content.decode()

    assert (form["seats"], form["shown"]) == ("3", "3")
    assert team_owner.subscription.fixed_seats == 3
    assert "You have Teams with 3 seats now. The number is fixed until you change it." in said


def test_as_many_as_members_follow_them(team_owner: Person) -> None:
    team_owner.api.post("/subscription/seats", {"seats": 3})
    form = dialog_form(team_owner, "teams&seats=1")
    join(team_owner, "Bob")

    said = team_owner.web.post("/app/plan", {**form, "action": "seats"}, follow=True).content.decode()

    assert team_owner.subscription.fixed_seats is None
    assert "You have Teams with 2 seats now. Seats follow the members." in said


@pytest.mark.parametrize(("seats", "words"), [("5", "$109 a month"), ("900", "Seats: from 1")])
def test_a_number_whose_amounts_were_not_seen_is_asked_about(team_owner: Person, seats: str, words: str) -> None:
    team_owner.api.post("/subscription/seats", {"seats": 2})

    page = press(team_owner, "seats", seats=seats)

    assert NOT_THESE in page
    assert words in page.partition("Your plan")[0]
    assert team_owner.subscription.fixed_seats == 2


def test_without_a_script_the_amounts_are_asked_for_with_the_number(alice: Person) -> None:
    page = press(alice, "amounts", seats="4")

    assert "$97 a month" in page
    assert NOT_THESE not in page
    assert alice.subscription.tier == "trial"


def test_nobody_is_led_to_pay_for_another_number_than_was_seen(vendor: StripeProcess, alice: Person) -> None:
    page = press(alice, "upgrade", seats="5")

    assert NOT_THESE in page
    assert "Today $109" in page
    assert vendor.control("state?kind=checkout.session")["objects"] == []


def test_the_dialog_opens_at_the_number_in_force(vendor: StripeProcess, alice: Person) -> None:
    buy(alice, vendor, "teams", seats=5)

    form, page = dialog_form(alice, "teams"), text(alice, "?confirm=teams")

    assert (form["seats"], form["shown"]) == ("5", "5")
    assert "$109 a month" in page.partition("Your plan")[0]


def test_a_number_that_is_cleared_is_asked_about(alice: Person) -> None:
    put_on_plan(alice, "plus")

    page = press(alice, "upgrade", seats="")

    assert NOT_THESE in page
    assert "$61 a month" in page
