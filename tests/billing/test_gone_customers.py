"""A customer who was deleted at Stripe, or is unknown in this mode, test or live, is made anew."""

import logging
import uuid

import pytest

from accounts import schemas
from billing.models import StripeAccount
from billing.stripe import events, truth
from devkit.stripe.process import StripeProcess
from tests.billing.pages import text
from tests.billing.stripe import a_while_passes, account, buy, clock, hear, pay, state, upgrade
from tests.people import Person


def delete_customer(person: Person, vendor: StripeProcess) -> str:
    """In Stripe's dashboard: all that was bought ends at once. Answers who they were."""
    customer = account(person).customer_id
    truth.api().v1.customers.delete(customer)
    hear(person, vendor)
    a_while_passes(person)
    return customer


def of_the_other_mode(person: Person, **fields: str) -> str:
    """As after the key of test mode was replaced by the live one."""
    customer = f"cus_{uuid.uuid4().hex}"
    StripeAccount.objects.filter(workspace=person.workspace).update(customer_id=customer, **fields)
    a_while_passes(person)
    return customer


def test_who_was_deleted_buys_again(vendor: StripeProcess, alice: Person) -> None:
    buy(alice, vendor, "pro")
    gone = delete_customer(alice, vendor)

    buy(alice, vendor, "teams")

    assert (state(alice), account(alice).customer_id == gone) == (("teams", "active"), False)


def test_who_was_deleted_before_they_paid_buys(vendor: StripeProcess, alice: Person) -> None:
    upgrade(alice, "pro")
    delete_customer(alice, vendor)

    buy(alice, vendor, "pro")

    assert state(alice) == ("pro", "active")


def test_who_is_unknown_in_this_mode_buys(vendor: StripeProcess, alice: Person) -> None:
    upgrade(alice, "pro")
    gone = of_the_other_mode(alice)

    buy(alice, vendor, "pro")

    assert (state(alice), account(alice).customer_id == gone) == (("pro", "active"), False)


def test_who_was_deleted_time_and_again_buys(vendor: StripeProcess, alice: Person) -> None:
    for _ in range(3):
        upgrade(alice, "pro")
        delete_customer(alice, vendor)

    pay(upgrade(alice, "pro"))
    hear(alice, vendor)

    assert state(alice) == ("pro", "active")


def test_who_was_deleted_and_whose_row_is_lost_buys(vendor: StripeProcess, alice: Person) -> None:
    """Stripe answers the same wish as it did, with somebody who is gone."""
    upgrade(alice, "pro")
    delete_customer(alice, vendor)
    StripeAccount.objects.filter(workspace=alice.workspace).delete()

    buy(alice, vendor, "pro")

    assert state(alice) == ("pro", "active")


@pytest.mark.parametrize("is_deleted", [True, False])
def test_what_is_shown_to_them_is_a_first_purchase(vendor: StripeProcess, alice: Person, is_deleted: bool) -> None:
    upgrade(alice, "pro")
    delete_customer(alice, vendor) if is_deleted else of_the_other_mode(alice)

    preview = alice.api.post("/subscription/preview", {"tier": "plus"})
    portal = alice.api.post("/subscription/portal")

    assert (preview.status_code, preview.json()["due_now_cents"]) == (200, 1_900)
    assert (portal.status_code, portal.json()["type"]) == (409, "/problems/no-portal")
    assert "does not answer" not in text(alice)


def test_one_customer_is_made_for_one_purchase(vendor: StripeProcess, alice: Person) -> None:
    upgrade(alice, "pro")
    delete_customer(alice, vendor)

    upgrade(alice, "pro")
    upgrade(alice, "plus")

    living = truth.api().v1.customers.list().data
    assert [one.id for one in living] == [account(alice).customer_id]


def test_a_plan_whose_customer_is_unknown_in_this_mode_is_served_and_is_an_alarm(
    vendor: StripeProcess, alice: Person, caplog: pytest.LogCaptureFixture
) -> None:
    """A wrong key must not end what everybody has paid for."""
    buy(alice, vendor, "pro")
    gone = of_the_other_mode(alice, subscription_id="sub_of_test_mode")

    with caplog.at_level(logging.ERROR):
        events.reconcile(now=clock(vendor))
    answer = alice.api.post("/subscription/cancel")

    assert f"{gone} of {alice.workspace.pk} could not be compared" in caplog.text
    assert (state(alice), answer.status_code) == (("pro", "active"), 503)


@pytest.mark.parametrize("is_deleted", [True, False])
def test_their_workspace_can_be_deleted(vendor: StripeProcess, alice: Person, is_deleted: bool) -> None:
    schemas.fill(4)
    upgrade(alice, "pro")
    delete_customer(alice, vendor) if is_deleted else of_the_other_mode(alice)

    answer = alice.api.delete("/workspace", {"confirm": alice.workspace.name}, format="json")

    assert answer.status_code == 202
