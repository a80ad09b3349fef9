"""A wish that is sent twice (a double click, a repeated request, two tabs) is met once: the second answer is as the
first, and money is taken once. What differs from it is still refused."""

from datetime import timedelta
from typing import Any

import pytest
from django.test import override_settings
from django.utils import timezone

from accounts.models import Role
from billing import changes
from billing.models import PlanRequest, Subscription
from billing.plans import Tier
from billing.stripe import truth
from devkit.stripe.process import StripeProcess
from tests.billing.stripe import account, buy, confirm, hear, pay, state, upgrade
from tests.billing.test_old_dialogs import hidden, planned, seen
from tests.billing.wishes import waiting
from tests.people import Person, join, put_on_plan
from tests.threads import at_once

# What is wished, on which plan, and what the page says of it.
WISHES: dict[str, tuple[str, dict[str, Any], str, str]] = {
    "upgrade": ("/user/upgrade-subscription", {"tier": "teams", "seats": 3}, "plus", "You are on Teams now."),
    "downgrade": ("/subscription/downgrade", {"tier": "pro"}, "plus", "The plan changes to Pro on "),
    "cancel": ("/subscription/cancel", {}, "plus", "The subscription ends on "),
    "seats": (
        "/subscription/seats",
        {"seats": 4},
        "teams",
        "You have Teams with 4 seats now. The number is fixed until you change it.",
    ),
}


def facts(person: Person) -> dict[str, Any]:
    return Subscription.objects.values().get(workspace=person.workspace)


@pytest.mark.parametrize("says_what_it_saw", [True, False])
@pytest.mark.parametrize("wish", WISHES)
def test_a_request_that_is_sent_twice_is_answered_as_the_first(
    alice: Person, wish: str, says_what_it_saw: bool
) -> None:
    address, body, tier, _ = WISHES[wish]
    put_on_plan(alice, tier)
    body = {**body, "seen": seen(alice)} if says_what_it_saw else body

    first = alice.api.post(address, body)
    after = facts(alice)
    second = alice.api.post(address, body)

    assert (first.status_code, second.status_code) == (200, 200)
    assert second.json() == first.json()
    if wish != "seats" or says_what_it_saw:
        assert facts(alice) == after


@pytest.mark.parametrize("wish", WISHES)
def test_a_button_that_is_clicked_twice_says_twice_what_was_done(alice: Person, wish: str) -> None:
    _, body, tier, words = WISHES[wish]
    put_on_plan(alice, tier)
    fields = {"seen": seen(alice), "action": wish, **body}

    said = [alice.web.post("/app/plan", fields, follow=True).content.decode() for _ in range(2)]

    assert all(words in page for page in said)
    assert "so nothing was done" not in said[1]


@pytest.mark.parametrize("wish", WISHES)
def test_of_eight_at_once_all_are_told_that_it_is_so(alice: Person, wish: str) -> None:
    address, body, tier, _ = WISHES[wish]
    put_on_plan(alice, tier)
    body = {**body, "seen": seen(alice)}

    answers = at_once(lambda: alice.api.post(address, body), times=8)

    assert [answer.status_code for answer in answers] == [200] * 8


def test_what_is_taken_back_twice_stays_as_it_is(alice: Person) -> None:
    put_on_plan(alice, "plus")
    alice.api.post("/subscription/cancel")
    body = {"seen": seen(alice)}

    first, second = (alice.api.post("/subscription/resume", body) for _ in range(2))
    said = alice.web.post("/app/plan", {"action": "resume", **body}, follow=True).content.decode()

    assert (first.status_code, second.status_code) == (200, 200)
    assert "The plan stays as it is." in said


def test_what_has_happened_meanwhile_cannot_be_taken_back(alice: Person) -> None:
    put_on_plan(alice, "plus")
    alice.api.post("/subscription/downgrade", {"tier": "pro"})
    body = {"seen": seen(alice)}
    Subscription.objects.filter(workspace=alice.workspace).update(pending_at=timezone.now())

    late = alice.api.post("/subscription/resume", body)

    assert (late.status_code, late.json()["type"]) == (409, "/problems/plan-changed")


@override_settings(IS_PRODUCTION=True)
@pytest.mark.parametrize(
    ("address", "body", "status"),
    [("/user/upgrade-subscription", {"tier": "teams", "seats": 9}, 200), ("/subscription/seats", {"seats": 9}, 202)],
)
def test_a_wish_that_waits_for_staff_is_made_once(
    alice: Person, address: str, body: dict[str, Any], status: int
) -> None:
    put_on_plan(alice, "plus" if status == 200 else "teams")
    body = {**body, "seen": seen(alice)}

    first, second = (alice.api.post(address, body) for _ in range(2))

    assert (first.status_code, second.status_code) == (status, status)
    assert second.json() == first.json()
    assert PlanRequest.objects.filter(workspace=alice.workspace).count() == 1


@override_settings(IS_PRODUCTION=True)
def test_a_wish_that_is_withdrawn_twice_is_withdrawn_and_a_newer_one_stays(alice: Person) -> None:
    alice.api.post("/user/upgrade-subscription", {"tier": "pro"})
    body = {"seen": seen(alice)}

    answers = [alice.api.post("/subscription/withdraw", body).status_code for _ in range(2)]
    alice.api.post("/user/upgrade-subscription", {"tier": "plus"})
    late = alice.api.post("/subscription/withdraw", body)

    assert answers == [200, 200]
    assert (late.status_code, waiting(alice).tier) == (409, "plus")


@pytest.mark.parametrize(("tier", "seats"), [("plus", None), ("teams", 5)])
def test_another_plan_or_number_of_seats_meanwhile_is_not_what_was_wished(
    alice: Person, tier: str, seats: int | None
) -> None:
    bob = join(alice, "Bob", Role.OWNER)
    before = seen(alice)
    more = {} if seats is None else {"seats": seats}
    bob.api.post("/user/upgrade-subscription", {"tier": tier, **more})

    late = alice.api.post("/user/upgrade-subscription", {"tier": "teams", "seats": 3, "seen": before})

    assert (late.status_code, late.json()["type"]) == (409, "/problems/plan-changed")
    assert alice.subscription.tier == tier


def test_a_plan_that_ends_is_not_the_one_that_was_wished(alice: Person) -> None:
    before = seen(alice)
    alice.api.post("/user/upgrade-subscription", {"tier": "plus"})
    alice.api.post("/subscription/cancel")

    late = alice.api.post("/user/upgrade-subscription", {"tier": "plus", "seen": before})

    assert (late.status_code, planned(alice) is not None) == (409, True)


def invoices(vendor: StripeProcess) -> list[dict[str, Any]]:
    return [one for one in vendor.control("state?kind=invoice")["objects"] if one["status"] == "paid"]


def test_who_has_paid_and_asks_again_for_the_same_has_it_and_pays_once(vendor: StripeProcess, alice: Person) -> None:
    body = {"tier": "pro", "seen": seen(alice)}
    pay(alice.api.post("/user/upgrade-subscription", body).json()["checkout_url"])

    again = alice.api.post("/user/upgrade-subscription", body)
    page = alice.web.post("/app/plan", {"action": "upgrade", **body}, follow=True).content.decode()

    assert (again.status_code, again.json()["status"], again.json()["subscription"]["tier"]) == (200, "active", "pro")
    assert "You are on Pro now." in page
    assert len(invoices(vendor)) == 1


def test_two_tabs_lead_to_one_page_to_pay_at(vendor: StripeProcess, alice: Person) -> None:
    first, second = upgrade(alice, "pro"), upgrade(alice, "pro")
    other = upgrade(alice, "plus")

    pages = vendor.control("state?kind=checkout.session")["objects"]
    assert first == second != other
    assert sorted(page["status"] for page in pages) == ["expired", "open"]


def test_a_named_number_of_seats_is_another_choice_than_that_of_the_members(
    vendor: StripeProcess, alice: Person
) -> None:
    """For one member both cost the same now, and differ for the next."""
    wishes = [{"tier": "teams", "seats": 1}, {"tier": "teams"}]

    named, following = [alice.api.post("/user/upgrade-subscription", wish).json()["checkout_url"] for wish in wishes]

    open_pages = vendor.control("state?kind=checkout.session")["objects"]
    assert [page["url"] for page in open_pages if page["status"] == "open"] == [following]
    assert named != following


def test_a_page_that_is_about_to_close_leads_nobody_on(vendor: StripeProcess, alice: Person) -> None:
    soon = timezone.now() + timedelta(hours=23, minutes=30)

    first = upgrade(alice, "pro")
    second = changes.upgrade(membership=alice.membership, tier=Tier.PRO, now=soon)

    assert second.checkout_url not in {first, None}


def test_an_upgrade_that_drops_a_cancellation_is_led_on_twice_and_paid_once(
    vendor: StripeProcess, alice: Person
) -> None:
    buy(alice, vendor, "pro")
    alice.api.post("/subscription/cancel")
    body = {"tier": "plus", "seen": seen(alice)}

    answers = [alice.api.post("/user/upgrade-subscription", body).json() for _ in range(2)]
    for answer in answers:
        confirm(answer["checkout_url"])
    hear(alice, vendor)

    assert [answer["status"] for answer in answers] == ["checkout_required"] * 2
    assert (state(alice), planned(alice)) == (("plus", "active"), None)
    assert len(invoices(vendor)) == 2
    assert truth.api().v1.subscriptions.retrieve(account(alice).subscription_id).cancel_at_period_end is False


def test_a_dialog_of_the_trial_is_good_after_its_end(alice: Person) -> None:
    page = alice.web.get("/app/plan?confirm=pro").content.decode()
    fields = hidden(page[page.index('id="offer"') :])
    Subscription.objects.filter(workspace=alice.workspace).update(trial_ends_at=timezone.now() - timedelta(minutes=1))

    said = alice.web.post("/app/plan", {**fields, "action": "upgrade"}, follow=True).content.decode()

    assert "You are on Pro now." in said
    assert state(alice) == ("pro", "active")


def test_where_the_amount_is_another_it_is_shown_and_asked_for_again(vendor: StripeProcess, alice: Person) -> None:
    buy(alice, vendor, "pro")
    page = alice.web.get("/app/plan?confirm=plus").content.decode()
    fields = hidden(page[page.index('id="offer"') :])
    truth.api().v1.subscriptions.cancel(account(alice).subscription_id)
    hear(alice, vendor)

    said = alice.web.post("/app/plan", {**fields, "action": "upgrade"}, follow=True).content.decode()

    dialog = said[said.index("<dialog") : said.index("</dialog>")]
    assert "The plan has changed since you were asked" in dialog
    assert "$19" in dialog
    assert "Continue to payment" in dialog
    assert said.count("The plan has changed since you were asked") == 1
