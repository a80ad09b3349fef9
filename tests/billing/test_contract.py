"""One contract for both gateways: the same wishes lead to the same plans, whoever takes the money."""

import uuid
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any, Protocol

import pytest
from django.db.models import F
from django.utils import timezone

from billing.changes import locked
from billing.effective import Access, effective
from billing.gateways import gateway
from billing.models import Subscription
from billing.stripe import seats
from billing.team import members
from devkit.stripe.process import StripeProcess
from tests.billing.stripe import account, at_stripe, clock, confirm, hear, pay
from tests.billing.team import joined
from tests.people import Person

MONTH = timedelta(days=31, seconds=1)


class Till(Protocol):
    takes_money: bool

    def wish(self, person: Person, tier: str) -> None: ...
    def let_the_month_end(self, person: Person) -> None: ...
    def now(self) -> datetime: ...

    def tell(self, person: Person) -> None:
        """The jobs run that the change before left behind."""


class ByHand:
    takes_money = False

    def wish(self, person: Person, tier: str) -> None:
        assert person.api.post("/user/upgrade-subscription", {"tier": tier}).json()["checkout_url"] is None

    def let_the_month_end(self, person: Person) -> None:
        mine = Subscription.objects.filter(workspace=person.workspace)
        mine.exclude(pending_at=None).update(pending_at=timezone.now() - timedelta(seconds=1))
        mine.update(anchor_at=F("anchor_at") - MONTH, paid_from=F("paid_from") - MONTH)

    def now(self) -> datetime:
        return timezone.now()

    def tell(self, person: Person) -> None:
        pass


class AtStripe:
    takes_money = True

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

    def now(self) -> datetime:
        return clock(self.vendor)

    def tell(self, person: Person) -> None:
        seats.send(account(person), change=str(uuid.uuid4()), now=self.now())


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


@pytest.mark.parametrize(("address", "tier"), [("downgrade", "pro"), ("cancel", None)])
def test_an_upgrade_drops_what_is_planned_and_says_so_before(
    alice: Person, till: Till, address: str, tier: str | None
) -> None:
    till.wish(alice, "plus")
    alice.api.post(f"/subscription/{address}", {"tier": tier} if tier else {})
    planned = alice.api.get("/subscription").json()["pending"]

    looked = alice.api.post("/subscription/preview", {"tier": "teams"})
    kept = alice.api.get("/subscription").json()["pending"]
    till.wish(alice, "teams")
    upgraded = standing(alice)
    till.let_the_month_end(alice)

    assert (looked.status_code, looked.json()["drops"], kept) == (200, planned, planned)
    assert (planned["tier"], upgraded, standing(alice)) == (tier, ("teams", "active", None), ("teams", "active", None))


@pytest.mark.parametrize(
    ("tier", "wished", "allowed"), [("plus", "pro", ["teams"]), ("teams", "pro", []), ("teams", "plus", [])]
)
def test_the_rules_are_the_same(alice: Person, till: Till, tier: str, wished: str, allowed: list[str]) -> None:
    till.wish(alice, tier)

    refused = alice.api.post("/user/upgrade-subscription", {"tier": wished})

    assert (refused.status_code, refused.json()["allowed"]) == (409, allowed)


@pytest.mark.parametrize("tier", ["pro", "plus", "teams"])
def test_a_plan_that_is_there_already_is_answered_as_the_first_time(alice: Person, till: Till, tier: str) -> None:
    till.wish(alice, tier)
    before = standing(alice)

    again = alice.api.post("/user/upgrade-subscription", {"tier": tier})

    assert (again.status_code, standing(alice)) == (200, before)


def test_a_preview_changes_nothing_and_says_what_a_month_costs(alice: Person, till: Till) -> None:
    till.wish(alice, "pro")

    preview = alice.api.post("/subscription/preview", {"tier": "teams", "seats": 3}).json()

    assert (preview["then_cents"], preview["currency"]) == (8500, "usd")
    assert standing(alice) == ("pro", "active", None)


def seats_of(person: Person) -> tuple[int, int]:
    said = person.api.get("/subscription").json()
    return said["seats"], said["paid_seats"]


def test_a_seat_that_was_paid_for_costs_nothing_until_the_month_ends(alice: Person, till: Till) -> None:
    till.wish(alice, "teams")
    bob = joined(alice, "Bob", till.now())
    till.tell(alice)
    with_bob = seats_of(alice)
    members.remove(by=alice.membership, user_id=bob.user.pk, now=till.now())
    till.tell(alice)

    without, filled = seats_of(alice), alice.api.post("/subscription/preview", {"tier": "teams", "seats": 2}).json()
    till.let_the_month_end(alice)

    assert (with_bob, without, seats_of(alice)) == ((2, 2), (1, 2), (1, 1))
    assert (filled["due_now_cents"], filled["rest_cents"], filled["then_cents"]) == (0, 0, 7_300)


def test_seats_follow_the_members_or_stay_as_they_were_fixed(alice: Person, till: Till) -> None:
    till.wish(alice, "teams")
    joined(alice, "Bob", till.now())
    till.tell(alice)
    following = seats_of(alice)

    assert alice.api.post("/subscription/seats", {"seats": 4}).status_code == 200
    till.tell(alice)
    fixed = seats_of(alice)
    assert alice.api.post("/subscription/seats", {"seats": 1}).status_code == 400
    assert alice.api.post("/subscription/seats", {"seats": None}).status_code == 200
    till.tell(alice)

    assert (following, fixed, seats_of(alice)) == ((2, 2), (4, 4), (2, 4))


def test_the_next_invoice_is_told_by_who_sends_it(alice: Person, till: Till) -> None:
    till.wish(alice, "teams")

    told = alice.api.get("/subscription").json()
    alice.api.post("/subscription/cancel")

    invoice = told["next_invoice"]
    if till.takes_money:
        assert (invoice["then_cents"], invoice["rest_cents"]) == (6_100, 0)
        assert datetime.fromisoformat(invoice["next_at"]) > till.now()
    else:
        assert invoice is None
    assert alice.api.get("/subscription").json()["next_invoice"] is None


def test_card_and_invoices_are_with_who_takes_money(alice: Person, till: Till) -> None:
    before = alice.api.post("/subscription/portal")
    till.wish(alice, "teams")

    portal = alice.api.post("/subscription/portal")
    invoices = gateway().invoices(alice.subscription)

    assert (before.status_code, before.json()["type"]) == (409, "/problems/no-portal")
    assert gateway().has_portal(alice.subscription) == till.takes_money
    assert portal.status_code == (200 if till.takes_money else 409)
    assert [(one.amount_cents, one.status) for one in invoices.newest] == [(6_100, "paid")] * till.takes_money


def test_an_end_is_at_once_whatever_was_planned(till: Till, alice: Person) -> None:
    till.wish(alice, "teams")
    assert alice.api.post("/subscription/downgrade", {"tier": "pro"}).status_code == 200

    with locked(alice.workspace.pk, till.now()) as subscription:
        gateway().end(subscription, by=alice.user.pk, now=till.now())

    ended = alice.subscription
    assert (ended.tier, ended.status, ended.pending_at) == ("teams", "canceled", None)
    assert effective(ended, till.now()).access == Access.CLOSED
    assert not gateway().is_bought(ended, now=till.now())


def test_an_end_ends_a_trial_too(till: Till, alice: Person) -> None:
    with locked(alice.workspace.pk, till.now()) as subscription:
        gateway().end(subscription, by=alice.user.pk, now=till.now())

    assert effective(alice.subscription, till.now()).access == Access.CLOSED
