"""A dialog that is older than another choice changes nothing: what it says is not so any more. Nor does a program that
says what it has seen; and who says nothing hears what went with it."""

import re
from datetime import timedelta
from html import unescape
from typing import Any

import pytest
from django.test import override_settings
from django.utils import timezone

from accounts.models import Mail, Role
from billing.models import Subscription
from devkit.stripe.process import StripeProcess
from tests.billing.stripe import buy
from tests.billing.wishes import ask, ask_for_seats, waiting
from tests.people import Person, join, put_on_plan
from tests.threads import at_once


def hidden(form: str) -> dict[str, str]:
    return dict(re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)"', form))


def dialog_form(person: Person, confirm: str) -> dict[str, str]:
    """What the dialog's form sends when nobody has typed anything."""
    page = person.web.get(f"/app/plan?confirm={confirm}").content.decode()
    number = re.findall(r'name="seats" form="answer"[^>]* value="(\d+)"', page)
    return hidden(page[page.index('id="offer"') :]) | ({"seats": number[0]} if number else {})


def answered_later(person: Person, confirm: str, choice: str, **meanwhile: str) -> str:
    """What the page says when a dialog is answered after somebody has chosen something else in another tab."""
    fields = dialog_form(person, confirm)
    assert person.api.post(choice, meanwhile).status_code == 200
    said = person.web.post(
        "/app/plan", {**fields, "action": "cancel" if confirm == "cancel" else "upgrade"}, follow=True
    )
    return said.content.decode()


def planned(person: Person) -> dict[str, str] | None:
    pending: dict[str, str] | None = person.api.get("/subscription").json()["pending"]
    return pending


@pytest.mark.parametrize("choice", ["/subscription/cancel", "/subscription/downgrade"])
def test_what_was_planned_meanwhile_is_not_dropped(alice: Person, choice: str) -> None:
    put_on_plan(alice, "plus")

    said = answered_later(alice, "teams", choice, **({"tier": "pro"} if "downgrade" in choice else {}))

    assert "The plan has changed since you were asked" in said
    assert alice.api.get("/subscription").json()["tier"] == "plus"
    assert planned(alice) is not None


def test_a_cancellation_is_not_for_another_plan(alice: Person) -> None:
    put_on_plan(alice, "pro")

    said = answered_later(alice, "cancel", "/user/upgrade-subscription", tier="plus")

    assert "The plan has changed since you were asked" in said
    assert planned(alice) is None


def test_a_dialog_that_is_still_true_is_answered(alice: Person) -> None:
    put_on_plan(alice, "pro")
    page = alice.web.get("/app/plan?confirm=plus").content.decode()
    fields = hidden(page[page.index('id="offer"') :])

    alice.web.post("/app/plan", {**fields, "action": "upgrade"})

    assert alice.api.get("/subscription").json()["tier"] == "plus"


def test_a_dialog_whose_amounts_are_asked_for_again_says_what_is_planned_now(alice: Person) -> None:
    put_on_plan(alice, "plus")
    page = alice.web.get("/app/plan?confirm=teams").content.decode()
    [address] = map(unescape, re.findall(r'hx-get="([^"]*confirm=teams[^"]*)"', page))
    part = {"HX-Request": "true", "HX-Target": "offer"}
    same = alice.web.get(f"{address}&seats=2", headers=part)
    alice.api.post("/subscription/cancel")

    other = alice.web.get(f"{address}&seats=3", headers=part)

    assert "HX-Retarget" not in same
    assert other["HX-Retarget"] == ".shell"
    assert "is dropped" in other.content.decode()


def test_a_page_that_is_older_than_what_is_planned_takes_nothing_back(alice: Person) -> None:
    put_on_plan(alice, "plus")
    alice.api.post("/subscription/cancel")
    page = alice.web.get("/app/plan").content.decode()
    fields = hidden(page[: page.index('value="resume"')][-400:])
    alice.api.post("/subscription/downgrade", {"tier": "pro"})

    said = alice.web.post("/app/plan", {**fields, "action": "resume"}, follow=True).content.decode()

    assert "The plan has changed since you were asked" in said
    assert planned(alice) is not None


CHANGES = {
    "/user/upgrade-subscription": {"tier": "teams"},
    "/subscription/downgrade": {"tier": "plus"},
    "/subscription/cancel": {},
    "/subscription/seats": {"seats": 3},
    "/subscription/resume": {},
}
LARGER, SMALLER = {"/user/upgrade-subscription"}, set(CHANGES) - {"/user/upgrade-subscription"}


def seen(person: Person) -> str:
    return str(person.api.get("/subscription").json()["seen"])


@pytest.mark.parametrize("address", CHANGES)
def test_a_program_that_says_what_it_has_seen_changes_nothing_else(alice: Person, address: str) -> None:
    put_on_plan(alice, "plus" if address in LARGER else "teams")
    before = seen(alice)
    alice.api.post("/subscription/downgrade", {"tier": "pro"})

    late = alice.api.post(address, {**CHANGES[address], "seen": before})
    kept = planned(alice)
    in_time = alice.api.post(address, {**CHANGES[address], "seen": seen(alice)})

    assert (late.status_code, late.json()["type"]) == (409, "/problems/plan-changed")
    assert kept is not None
    assert kept["tier"] == "pro"
    assert in_time.status_code == 200


def test_seats_that_another_has_fixed_meanwhile_are_not_replaced(alice: Person) -> None:
    put_on_plan(alice, "teams")
    before = seen(alice)
    joined = join(alice, "Bob", Role.OWNER)
    with_bob = seen(alice)
    joined.api.post("/subscription/seats", {"seats": 9})

    late = alice.api.post("/subscription/seats", {"seats": 4, "seen": before})
    preview = alice.api.post("/subscription/preview", {"tier": "teams", "seats": 4}).json()
    in_time = alice.api.post("/subscription/seats", {"seats": 4, "seen": preview["seen"]})

    assert before == with_bob
    assert (late.status_code, late.json()["type"]) == (409, "/problems/plan-changed")
    assert (in_time.status_code, alice.subscription.fixed_seats) == (200, 4)


def test_a_preview_says_what_it_rests_on(alice: Person) -> None:
    put_on_plan(alice, "plus")
    preview = alice.api.post("/subscription/preview", {"tier": "teams"}).json()
    alice.api.post("/subscription/cancel")

    answer = alice.api.post("/user/upgrade-subscription", {"tier": "teams", "seen": preview["seen"]})

    assert (answer.status_code, answer.json()["type"]) == (409, "/problems/plan-changed")
    assert planned(alice) is not None


@pytest.mark.parametrize(
    ("address", "first", "dropped"),
    [
        ("/user/upgrade-subscription", "cancel", None),
        ("/user/upgrade-subscription", "downgrade", "pro"),
        ("/subscription/downgrade", "cancel", None),
        ("/subscription/cancel", "downgrade", "pro"),
        ("/subscription/resume", "cancel", None),
    ],
)
def test_who_does_not_say_it_hears_what_was_dropped(alice: Person, address: str, first: str, dropped: str) -> None:
    put_on_plan(alice, "plus" if address in LARGER else "teams")
    alice.api.post(f"/subscription/{first}", {"tier": "pro"} if first == "downgrade" else {})
    was = planned(alice)

    answer = alice.api.post(address, CHANGES[address])

    assert answer.status_code == 200
    assert answer.json()["dropped"] == was
    assert was is not None
    assert was["tier"] == dropped


def test_what_stays_planned_was_not_dropped(alice: Person) -> None:
    put_on_plan(alice, "teams")
    alice.api.post("/subscription/cancel")

    answer = alice.api.post("/subscription/seats", {"seats": 3}).json()

    assert answer["dropped"] is None
    assert answer["pending"] is not None


def test_a_cancellation_and_an_upgrade_at_once_are_not_both_done(alice: Person) -> None:
    put_on_plan(alice, "plus")
    body = {"seen": seen(alice)}
    choices = [("/subscription/cancel", body), ("/user/upgrade-subscription", {"tier": "teams", **body})] * 4

    def choose() -> tuple[str, Any]:
        address, said = choices.pop()
        return address, alice.api.post(address, said)

    answers = at_once(choose, times=8)

    done = [address for address, answer in answers if answer.status_code == 200]
    others = [answer.json()["type"] for _, answer in answers if answer.status_code != 200]
    assert len(set(done)) == 1
    assert others == ["/problems/plan-changed"] * 4


def test_a_cancellation_that_goes_as_the_page_to_pay_opens_is_said(vendor: StripeProcess, alice: Person) -> None:
    buy(alice, vendor, "plus")
    alice.api.post("/subscription/cancel")
    was = planned(alice)

    answer = alice.api.post("/user/upgrade-subscription", {"tier": "teams"}).json()

    assert (answer["status"], answer["dropped"]) == ("checkout_required", was)
    assert was is not None


def test_what_was_asked_in_one_month_is_not_answered_in_the_next(alice: Person) -> None:
    put_on_plan(alice, "plus")
    before = seen(alice)
    Subscription.objects.filter(workspace=alice.workspace).update(anchor_at=timezone.now() - timedelta(days=40))

    late = alice.api.post("/subscription/cancel", {"seen": before})
    kept = planned(alice)
    in_time = alice.api.post("/subscription/cancel", {"seen": late.json()["seen"]})

    assert (late.status_code, late.json()["type"], kept) == (409, "/problems/plan-changed", None)
    assert in_time.status_code == 200


@override_settings(IS_PRODUCTION=True)
def test_a_dialog_that_did_not_speak_of_a_wish_withdraws_none(alice: Person) -> None:
    bob = join(alice, "Bob", Role.OWNER)
    put_on_plan(alice, "teams")
    page = alice.web.get("/app/plan?confirm=cancel").content.decode()
    fields = hidden(page[page.index('id="offer"') :])
    wish = ask_for_seats(bob, 9)

    said = alice.web.post("/app/plan", {**fields, "action": "cancel"}, follow=True).content.decode()

    assert "The plan has changed since you were asked" in said
    assert (planned(alice), waiting(alice)) == (None, wish)


@override_settings(IS_PRODUCTION=True)
def test_an_old_page_takes_back_no_newer_wish(alice: Person) -> None:
    bob = join(alice, "Bob", Role.OWNER)
    ask(alice, "pro")
    page = alice.web.get("/app/plan").content.decode()
    fields = hidden(page[: page.index('value="withdraw"')][-400:])
    before = seen(alice)
    wish = ask(bob, "teams")

    by_api = alice.api.post("/subscription/withdraw", {"seen": before})
    said = alice.web.post("/app/plan", {**fields, "action": "withdraw"}, follow=True).content.decode()

    assert by_api.status_code == 409
    assert "The plan has changed since you were asked" in said
    assert waiting(alice) == wish
    assert alice.api.post("/subscription/withdraw", {"seen": by_api.json()["seen"]}).status_code == 200


@override_settings(IS_PRODUCTION=True)
def test_another_owners_wish_does_not_go_without_a_word(alice: Person) -> None:
    bob = join(alice, "Bob", Role.OWNER)
    bob.api.post("/user/upgrade-subscription", {"tier": "pro"})

    answer = alice.api.post("/user/upgrade-subscription", {"tier": "plus"}).json()

    told = Mail.objects.get(key__startswith="plan-answer:", to=bob.email)
    assert (answer["withdrawn"]["tier"], answer["withdrawn"]["status"]) == ("pro", "withdrawn")
    assert f"{alice.email} has asked for Plus instead since." in told.text
