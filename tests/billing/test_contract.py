"""One contract for both gateways: the same wishes lead to the same plans, whoever takes the money."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any, Protocol

import pytest
from django.utils import timezone

from billing.models import Subscription
from devkit.stripe.process import StripeProcess
from tests.billing.stripe import at_stripe, confirm, hear, pay
from tests.people import Person

MONTH = timedelta(days=32)


class Till(Protocol):
    def wish(self, person: Person, tier: str) -> None: ...
    def let_the_month_end(self, person: Person) -> None: ...


class ByHand:
    def wish(self, person: Person, tier: str) -> None:
        assert person.api.post("/user/upgrade-subscription", {"tier": tier}).json()["checkout_url"] is None

    def let_the_month_end(self, person: Person) -> None:
        mine = Subscription.objects.filter(workspace=person.workspace)
        mine.exclude(pending_at=None).update(pending_at=timezone.now() - timedelta(seconds=1))


class AtStripe:
    def __init__(self, vendor: StripeProcess) -> None:
        self.vendor = vendor

    def wish(self, person: Person, tier: str) -> None:
        was_bought = person.subscription.status == "active"
        url = person.api.post("/user/upgrade-subscription", {"tier": tier}).json()["checkout_url"]
        (confirm if was_bought else pay)(url)
        hear(person, self.vendor)

    def let_the_month_end(self, person: Person) -> None:
        self.vendor.advance(MONTH.total_seconds())
        hear(person, self.vendor)


@pytest.fixture(params=["manual", "stripe"])
def till(request: pytest.FixtureRequest, process: StripeProcess) -> Iterator[Till]:
    if request.param == "manual":
        yield ByHand()
        return
    process.reset()
    with at_stripe(process):
        yield AtStripe(process)


def standing(person: Person) -> tuple[str, str, Any]:
    said = person.api.get("/subscription").json()
    return said["tier"], said["state"], said["pending"] and said["pending"]["tier"]


def test_a_purchase_and_an_upgrade_hold_at_once(alice: Person, till: Till) -> None:
    till.wish(alice, "pro")
    first = standing(alice)

    till.wish(alice, "teams")

    assert (first, standing(alice)) == (("pro", "active", None), ("teams", "active", None))


def test_a_downgrade_holds_from_the_next_month_on(alice: Person, till: Till) -> None:
    till.wish(alice, "plus")

    alice.api.post("/subscription/downgrade", {"tier": "pro"})
    planned = standing(alice)
    till.let_the_month_end(alice)

    assert (planned, standing(alice)) == (("plus", "active", "pro"), ("pro", "active", None))


def test_what_is_planned_can_be_taken_back(alice: Person, till: Till) -> None:
    till.wish(alice, "plus")
    for address, body in (("downgrade", {"tier": "pro"}), ("cancel", {})):
        alice.api.post(f"/subscription/{address}", body)
        assert alice.api.post("/subscription/resume").status_code == 200

    till.let_the_month_end(alice)

    assert standing(alice) == ("plus", "active", None)


def test_a_cancellation_ends_with_the_month_and_any_plan_begins_again(alice: Person, till: Till) -> None:
    till.wish(alice, "plus")
    alice.api.post("/subscription/cancel")

    till.let_the_month_end(alice)
    ended = standing(alice)
    till.wish(alice, "pro")

    assert (ended, standing(alice)) == (("plus", "ended", None), ("pro", "active", None))


@pytest.mark.parametrize(("tier", "allowed"), [("pro", ["plus", "teams"]), ("plus", ["teams"]), ("teams", [])])
def test_the_rules_are_the_same(alice: Person, till: Till, tier: str, allowed: list[str]) -> None:
    till.wish(alice, tier)

    refused = alice.api.post("/user/upgrade-subscription", {"tier": tier})

    assert (refused.status_code, refused.json()["allowed"]) == (409, allowed)


def test_a_preview_changes_nothing_and_says_what_a_month_costs(alice: Person, till: Till) -> None:
    till.wish(alice, "pro")

    preview = alice.api.post("/subscription/preview", {"tier": "teams", "seats": 3}).json()

    assert (preview["then_cents"], preview["currency"]) == (8500, "usd")
    assert standing(alice) == ("pro", "active", None)
