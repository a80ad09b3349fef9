"""A plan becomes dearer: who bought it before goes on as before, who buys it now pays the new price."""

from collections.abc import Callable
from dataclasses import replace

import pytest
from django.utils import timezone

from billing.models import Subscription
from billing.plans import PLANS, Tier
from billing.stripe import events, setup
from devkit.stripe.process import StripeProcess
from tests.billing.pages import text
from tests.billing.stripe import DAY, FAILS_LATER, account, buy, clock, confirm, hear, pay, state
from tests.people import Person, put_on_plan, sign_up

Dearer = Callable[[], None]


@pytest.fixture
def dearer(monkeypatch: pytest.MonkeyPatch) -> Dearer:
    """Each plan costs five dollars more from now on."""

    def raise_prices() -> None:
        for tier in (Tier.PRO, Tier.PLUS, Tier.TEAMS):
            monkeypatch.setitem(PLANS, tier, replace(PLANS[tier], price_cents=PLANS[tier].price_cents + 500))
        assert setup.set_up() == ["price pro_monthly", "price plus_monthly", "price teams_monthly"]

    return raise_prices


def totals(vendor: StripeProcess, person: Person) -> list[int]:
    invoices = vendor.control("state?kind=invoice")["objects"]
    return [one["total"] for one in invoices if one["customer"] == account(person).customer_id]


def test_who_bought_before_renews_at_the_old_price_and_who_buys_now_pays_the_new(
    vendor: StripeProcess, alice: Person, dearer: Dearer
) -> None:
    buy(alice, vendor, "pro")
    first, charlie = alice.subscription.anchor_at, sign_up("Charlie")

    dearer()
    buy(charlie, vendor, "pro")
    vendor.advance(32 * DAY)
    hear(alice, vendor)

    assert (state(alice), alice.subscription.anchor_at) == (("pro", "active"), first)
    assert (totals(vendor, alice), totals(vendor, charlie)[0]) == ([1_000, 1_000], 1_500)


def test_reconciling_mends_a_mirror_of_the_old_price(vendor: StripeProcess, alice: Person, dearer: Dearer) -> None:
    buy(alice, vendor, "plus")
    dearer()
    Subscription.objects.filter(workspace=alice.workspace).update(tier="teams", seats=9)

    wrong = events.reconcile(now=clock(vendor))

    assert (wrong >= 1, state(alice), alice.subscription.seats) == (True, ("plus", "active"), 1)


def test_a_cancellation_of_the_old_price_is_taken_and_its_end_is_heard(
    vendor: StripeProcess, alice: Person, dearer: Dearer
) -> None:
    buy(alice, vendor, "pro")
    dearer()

    answer = alice.api.post("/subscription/cancel")
    vendor.advance(32 * DAY)
    hear(alice, vendor)

    assert (answer.status_code, answer.json()["pending"]["tier"]) == (200, None)
    assert state(alice) == ("pro", "canceled")


def test_a_card_that_fails_at_the_old_price_is_heard(vendor: StripeProcess, alice: Person, dearer: Dearer) -> None:
    pay(alice.api.post("/user/upgrade-subscription", {"tier": "pro"}).json()["checkout_url"], FAILS_LATER)
    hear(alice, vendor)
    dearer()

    vendor.advance(32 * DAY)
    hear(alice, vendor)

    assert state(alice) == ("pro", "past_due")


def test_an_upgrade_from_the_old_price_is_to_the_new_one(vendor: StripeProcess, alice: Person, dearer: Dearer) -> None:
    buy(alice, vendor, "pro")
    dearer()

    url = alice.api.post("/user/upgrade-subscription", {"tier": "plus"}).json()["checkout_url"]
    confirm(url)
    vendor.advance(32 * DAY)
    hear(alice, vendor)

    assert (state(alice), totals(vendor, alice)[-1]) == (("plus", "active"), 2_400)


def test_a_smaller_plan_from_the_old_price_is_planned_and_comes(
    vendor: StripeProcess, alice: Person, dearer: Dearer
) -> None:
    buy(alice, vendor, "plus")
    alice.api.post("/subscription/downgrade", {"tier": "pro"})

    dearer()
    hear(alice, vendor)
    planned = alice.subscription.pending_tier
    vendor.advance(32 * DAY)
    hear(alice, vendor)

    assert (planned, state(alice), totals(vendor, alice)[-1]) == ("pro", ("pro", "active"), 1_000)


def says(person: Person) -> tuple[int, int]:
    said = person.api.get("/subscription").json()
    return said["monthly_cents"], said["next_invoice"]["then_cents"]


def test_everything_says_what_this_subscription_pays(vendor: StripeProcess, alice: Person, dearer: Dearer) -> None:
    buy(alice, vendor, "teams", seats=3)
    dearer()
    hear(alice, vendor)

    preview = alice.api.post("/subscription/preview", {"tier": "teams", "seats": 4}).json()
    page, dialog = text(alice), text(alice, "?confirm=teams&seats=4").partition("Your plan")[0]
    members = alice.web.get("/app/members").content.decode()

    assert (says(alice), preview["then_cents"]) == ((8_500, 8_500), 9_700)
    assert "Teams $85 a month" in page
    assert "Teams $49 + $12 a member a month" in page
    assert "Plus $24 a month" in page
    assert "$97 a month" in dialog
    assert "$85 a month" in members


def test_who_changes_pays_the_price_of_today(vendor: StripeProcess, alice: Person, dearer: Dearer) -> None:
    buy(alice, vendor, "pro")
    dearer()
    offer = alice.api.post("/subscription/preview", {"tier": "plus"}).json()

    confirm(alice.api.post("/user/upgrade-subscription", {"tier": "plus"}).json()["checkout_url"])
    hear(alice, vendor)

    assert (offer["then_cents"], says(alice)) == (2_400, (2_400, 2_400))


def test_what_is_planned_keeps_the_price_it_was_planned_at(
    vendor: StripeProcess, alice: Person, dearer: Dearer
) -> None:
    buy(alice, vendor, "teams")
    alice.api.post("/subscription/downgrade", {"tier": "pro"})
    dearer()
    hear(alice, vendor)

    seat = alice.api.post("/subscription/preview", {"tier": "teams", "seats": 2}).json()
    vendor.advance(32 * DAY)
    hear(alice, vendor)

    assert (seat["then_cents"], says(alice)) == (1_000, (1_000, 1_000))


def test_what_was_given_costs_nothing_and_what_has_ended_has_no_price(vendor: StripeProcess, alice: Person) -> None:
    buy(alice, vendor, "pro")
    alice.api.post("/subscription/cancel")
    vendor.advance(32 * DAY)
    hear(alice, vendor)
    ended = alice.api.get("/subscription").json()["monthly_cents"]
    charlie = sign_up("Charlie")
    put_on_plan(charlie, "plus")

    assert (ended, charlie.api.get("/subscription").json()["monthly_cents"]) == (None, 0)


def test_what_was_planned_costs_the_planned_price_when_the_clock_has_made_it_true() -> None:
    now = timezone.now()
    subscription = Subscription(
        tier="teams", status="active", seats=5, fixed_seats=5, price_cents=4_900, price_per_user_cents=1_200,
        pending_tier="pro", pending_at=now, pending_price_cents=700,
    )  # fmt: skip

    subscription.catch_up(now)

    assert (subscription.tier, subscription.seats, subscription.fixed_seats) == ("pro", 1, None)
    assert subscription.priced(PLANS[Tier.PRO]).monthly_cents(5) == 700
    assert (subscription.pending_at, subscription.pending_price_cents, subscription.changed_at) == (None, None, now)
