"""What a workspace is said to be allowed is what preview, dialog and the change itself accept, in every state."""

from datetime import datetime
from typing import Any

import pytest
from django.db import transaction

from billing.plans import Tier
from billing.stripe import truth
from devkit.stripe.process import StripeProcess
from tests.billing.pages import text
from tests.billing.states import PAID, WALK, put
from tests.billing.stripe import account, buy, hear
from tests.billing.stripe import state as standing
from tests.people import Person, join


def accepts(person: Person, path: str, tier: str) -> bool:
    """Tried, and taken back."""
    with transaction.atomic():
        answer = person.api.post(path, {"tier": tier})
        transaction.set_rollback(True)
    assert answer.status_code in {200, 409}, answer.content
    return answer.status_code == 200


def action(person: Person, tier: str) -> str:
    """What the dialog for this plan would do."""
    page = person.web.get(f"/app/plan?confirm={tier}")
    assert page.status_code == 200
    dialog = page.content.decode().partition("<dialog")[2].partition("</dialog>")[0]
    return next((name for name in ("upgrade", "downgrade", "seats") if f'name="action" value="{name}"' in dialog), "")


def is_paid(said: dict[str, Any], tier: str) -> bool:
    """Wished for again, it is answered as the first time."""
    return said["tier"] == tier and said["state"] == "active" and not said["pending"]


def is_planned(said: dict[str, Any], tier: str) -> bool:
    """Wished for again, it is answered as the first time."""
    return said["pending"] is not None and said["pending"]["tier"] == tier


@pytest.mark.parametrize("members", [1, 3])
@pytest.mark.parametrize(("tier", "state"), WALK)
def test_what_is_allowed_is_previewed_asked_and_done(
    alice: Person, now: datetime, tier: Tier, state: str, members: int
) -> None:
    for number in range(members - 1):
        join(alice, f"Bob{number}")
    put(alice, tier, state, now)
    said = alice.api.get("/subscription").json()
    allowed, changes_seats = said["allowed"], said["state"] == "active" and said["tier"] == "teams"

    found = {
        each: (
            accepts(alice, "/user/upgrade-subscription", each),
            accepts(alice, "/subscription/downgrade", each),
            accepts(alice, "/subscription/preview", each),
            action(alice, each),
        )
        for each in Tier.values
    }

    expected = {each: (False, False, False, "") for each in Tier.values}
    expected |= {each: (True, False, True, "upgrade") for each in allowed["upgrades"]}
    expected |= {each: (False, True, True, "downgrade") for each in allowed["downgrades"]}
    expected |= {"teams": (False, False, True, "seats")} if changes_seats else {}
    for each, (upgrades, downgrades, *shown) in expected.items():
        assert found[each] == (upgrades or is_paid(said, each), downgrades or is_planned(said, each), *shown)
    assert ("ended" in state) == (allowed["upgrades"] == PAID and said["access"] == "closed")


@pytest.mark.parametrize("state", ["grace", "read_only"])
def test_a_smaller_plan_is_previewed_with_the_refusal_of_the_change(alice: Person, now: datetime, state: str) -> None:
    put(alice, "plus", state, now)

    answers = [
        alice.api.post(path, {"tier": "pro"}).json()["type"]
        for path in ("/subscription/preview", "/subscription/downgrade")
    ]

    assert answers == ["/problems/downgrade-not-allowed"] * 2


@pytest.mark.parametrize("state", ["ended", "ended_by_the_clock"])
@pytest.mark.parametrize("tier", PAID)
def test_what_has_ended_is_refused_with_what_may_be_chosen(
    alice: Person, now: datetime, tier: Tier, state: str
) -> None:
    put(alice, tier, state, now)

    smaller = alice.api.post("/subscription/downgrade", {"tier": "pro"}).json()["detail"]
    trial = alice.api.post("/user/upgrade-subscription", {"tier": "trial"}).json()["detail"]

    words = f"{tier.capitalize()} has ended. Choose a plan to begin again: Pro or Plus or Teams."
    assert (smaller, trial) == (words, words)


def test_an_end_that_was_not_heard_of_is_refused_with_what_may_be_chosen(vendor: StripeProcess, alice: Person) -> None:
    buy(alice, vendor, "plus")
    truth.api().v1.subscriptions.cancel(account(alice).subscription_id)

    answer = alice.api.post("/subscription/downgrade", {"tier": "pro"}).json()

    assert answer["detail"].startswith("Plus has ended. Choose a plan to begin again: ")


def test_who_returns_to_a_smaller_plan_is_told_what_no_longer_fits(alice: Person, now: datetime) -> None:
    for name in ("Bob", "Nora"):
        join(alice, name)
    put(alice, "teams", "ended", now)

    pages = {tier: text(alice, f"?confirm={tier}").partition("Your plan")[0] for tier in ("pro", "teams")}

    assert "Choose Pro" in pages["pro"]
    assert "Pro is for one person and 3 are here. Only Alice can ask then; the others can only read." in pages["pro"]
    assert "No longer included: " in pages["pro"]
    assert "can only read" not in pages["teams"]


@pytest.mark.parametrize(("tier", "smaller", "cents"), [("plus", "pro", 1_000), ("teams", "plus", 1_900)])
def test_at_stripe_who_returns_to_a_smaller_plan_sees_its_price_and_is_led_to_pay(
    vendor: StripeProcess, alice: Person, tier: str, smaller: str, cents: int
) -> None:
    buy(alice, vendor, tier)
    alice.web.post("/app/plan", {"action": "cancel"})
    vendor.advance(32 * 86_400)
    hear(alice, vendor)

    page = text(alice, f"?confirm={smaller}")
    preview = alice.api.post("/subscription/preview", {"tier": smaller}).json()
    buy(alice, vendor, smaller)

    assert "Continue to payment" in page
    assert (preview["due_now_cents"], preview["then_cents"]) == (cents, cents)
    assert standing(alice) == (smaller, "active")
