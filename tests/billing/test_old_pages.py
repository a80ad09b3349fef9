"""A page of Stripe's that was opened before another change and is confirmed after it: nobody falls below what they
pay, no money comes back unasked, and what was chosen last is planned or fixed as the same wish on our own pages."""

from typing import Any

import pytest

from billing.plans import PLANS, Tier
from billing.stripe import events, setup, truth
from billing.stripe import seats as at_stripes
from devkit.stripe.process import StripeProcess
from tests.billing.stripe import DAY, DECLINED, account, buy, clock, confirm, hear, pay, state, upgrade
from tests.billing.test_amounts import invoiced
from tests.people import Person, join


def pending(person: Person) -> Any:
    return person.api.get("/subscription").json()["pending"]


def credit(person: Person, vendor: StripeProcess) -> int:
    (customer,) = vendor.control("state?kind=customer")["objects"]
    return -int(customer["balance"])


@pytest.mark.parametrize(("smaller", "is_heard"), [("period_end", True), ("at_once", True), ("at_once", False)])
def test_a_page_for_a_smaller_plan_plans_it(vendor: StripeProcess, alice: Person, smaller: str, is_heard: bool) -> None:
    vendor.control("settings", {"portal_smaller": smaller})
    buy(alice, vendor, "pro")
    plus, teams = upgrade(alice, "plus"), upgrade(alice, "teams", seats=2)
    confirm(teams)
    if is_heard:
        hear(alice, vendor)
    vendor.advance(DAY)

    assert confirm(plus).status_code == 303
    hear(alice, vendor)
    kept = (*state(alice), alice.subscription.seats, alice.subscription.fixed_seats, pending(alice)["tier"])
    given_back = credit(alice, vendor)
    resumed = alice.api.post("/subscription/resume")
    events.reconcile(now=clock(vendor))

    assert kept == ("teams", "active", 2, 2, "plus")
    assert given_back <= 1
    assert (resumed.status_code, state(alice), pending(alice)) == (200, ("teams", "active"), None)


def test_the_smaller_plan_comes_with_the_next_month(vendor: StripeProcess, alice: Person) -> None:
    buy(alice, vendor, "pro")
    plus, teams = upgrade(alice, "plus"), upgrade(alice, "teams")
    confirm(teams)
    confirm(plus)
    hear(alice, vendor)

    vendor.advance(32 * DAY)
    hear(alice, vendor)

    assert (state(alice), pending(alice), invoiced(vendor)[-1]) == (("plus", "active"), None, 1_900)


@pytest.mark.parametrize("smaller", ["period_end", "at_once"])
def test_a_page_for_fewer_seats_lowers_them_and_what_was_paid_for_stays(
    vendor: StripeProcess, alice: Person, smaller: str
) -> None:
    vendor.control("settings", {"portal_smaller": smaller})
    buy(alice, vendor, "pro")
    fewer, more = upgrade(alice, "teams", seats=3), upgrade(alice, "teams", seats=5)
    confirm(more)
    hear(alice, vendor)

    confirm(fewer)
    hear(alice, vendor)
    at_stripes.send(account(alice), change="as the job does", now=clock(vendor))
    said = alice.api.get("/subscription").json()
    vendor.advance(32 * DAY)
    hear(alice, vendor)

    assert (said["seats"], said["paid_seats"], said["seats_are_fixed"], said["pending"]) == (3, 5, True, None)
    assert (credit(alice, vendor), invoiced(vendor)[-1]) == (0, 8_500)


def test_a_page_for_more_seats_fixes_them(vendor: StripeProcess, alice: Person) -> None:
    buy(alice, vendor, "pro")
    five, one = upgrade(alice, "teams", seats=5), upgrade(alice, "teams")
    confirm(one)
    hear(alice, vendor)

    confirm(five)
    hear(alice, vendor)
    wrong = events.reconcile(now=clock(vendor))

    assert (alice.subscription.seats, alice.subscription.fixed_seats, wrong) == (5, 5, 0)


def test_a_page_for_fewer_than_there_are_members_leaves_nobody_without_a_seat(
    vendor: StripeProcess, alice: Person
) -> None:
    buy(alice, vendor, "pro")
    url = upgrade(alice, "teams", seats=1)
    join(alice, "Bob")

    confirm(url)
    hear(alice, vendor)
    at_stripes.send(account(alice), change="as the job does", now=clock(vendor))

    assert (alice.subscription.seats, alice.subscription.fixed_seats) == (2, None)


def test_a_page_from_before_a_cancellation_upgrades_and_the_end_stays(vendor: StripeProcess, alice: Person) -> None:
    buy(alice, vendor, "pro")
    url = upgrade(alice, "plus")
    alice.api.post("/subscription/cancel")

    confirm(url)
    hear(alice, vendor)

    assert state(alice) == ("plus", "active")
    assert pending(alice)["tier"] is None


def test_beside_an_end_planned_since_a_page_for_less_changes_nothing(vendor: StripeProcess, alice: Person) -> None:
    buy(alice, vendor, "pro")
    plus, teams = upgrade(alice, "plus"), upgrade(alice, "teams")
    confirm(teams)
    hear(alice, vendor)
    alice.api.post("/subscription/cancel")
    planned = pending(alice)

    refused = confirm(plus)
    hear(alice, vendor)

    assert (refused.status_code, state(alice), pending(alice)) == (402, ("teams", "active"), planned)


def test_what_staff_does_at_stripe_is_not_put_back(vendor: StripeProcess, alice: Person) -> None:
    buy(alice, vendor, "teams", seats=3)
    bought = truth.api().v1.subscriptions.retrieve(account(alice).subscription_id)
    item = {"id": truth.item_of(bought).id, "price": setup.price_of(PLANS[Tier.PLUS]), "quantity": 1}

    truth.api().v1.subscriptions.update(bought.id, {"items": [item], "proration_behavior": "always_invoice"})
    hear(alice, vendor)

    assert (state(alice), credit(alice, vendor) > 0) == (("plus", "active"), True)


def test_a_mirror_changed_by_hand_beside_an_open_page_charges_nobody(vendor: StripeProcess, alice: Person) -> None:
    buy(alice, vendor, "pro")
    confirm(upgrade(alice, "plus"))
    hear(alice, vendor)
    type(alice.subscription).objects.filter(pk=alice.subscription.pk).update(tier="teams", seats=9)

    before = invoiced(vendor)
    events.reconcile(now=clock(vendor))

    assert (state(alice), invoiced(vendor)) == (("plus", "active"), before)


def test_who_leaves_the_page_unpaid_has_fixed_nothing(vendor: StripeProcess, alice: Person) -> None:
    page = upgrade(alice, "teams", seats=5)
    pay(page, DECLINED)
    hear(alice, vendor)
    left = alice.subscription.fixed_seats

    pay(page)
    hear(alice, vendor)

    assert (left, alice.subscription.fixed_seats, alice.subscription.seats) == (None, 5, 5)


def test_setting_up_again_puts_smaller_prices_off_where_stripe_is_set_up_already(vendor: StripeProcess) -> None:
    portals = truth.api().v1.billing_portal.configurations
    portals.update(setup.portal_configuration("upgrade"), {"active": False})
    known = portals.create({"features": {"subscription_update": {"enabled": True}}, "metadata": {"docent": "upgrade"}})

    made = setup.set_up()

    update = portals.retrieve(known.id).features.subscription_update
    assert (made, [one.type for one in update.schedule_at_period_end.conditions]) == ([], ["decreasing_item_amount"])
