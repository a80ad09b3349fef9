"""Who deletes a workspace is not charged after it, whatever stood open at Stripe."""

from typing import Any

import pytest

from accounts import schemas
from accounts.models import Workspace
from billing.models import StripeEvent
from billing.stripe import events, truth
from devkit.stripe.process import StripeProcess
from tests.billing.stripe import DAY, FAILS_LATER, account, buy, clock, hear, pay
from tests.people import Person


@pytest.fixture(autouse=True)
def _schemas_wait(_database: None) -> None:
    """Here no worker keeps the pool full."""
    schemas.fill(4)


def delete(person: Person) -> Any:
    return person.api.delete("/workspace", {"confirm": person.workspace.name}, format="json")


def charged(customer: str) -> list[tuple[str, int]]:
    found = truth.api().v1.invoices.list({"customer": customer})
    return sorted((invoice.status or "", invoice.amount_paid) for invoice in found.data)


def standing(customer: str) -> list[str]:
    return [each.status for each in truth.api().v1.subscriptions.list({"customer": customer}).data]


@pytest.mark.parametrize("tier", ["pro", "teams"])
def test_the_subscription_ends_and_no_month_is_charged_after_it(
    alice: Person, vendor: StripeProcess, tier: str
) -> None:
    buy(alice, vendor, tier)
    customer, before = account(alice).customer_id, charged(account(alice).customer_id)

    assert delete(alice).status_code == 202
    vendor.advance(70 * DAY)

    assert standing(customer) == []
    assert charged(customer) == before


def test_a_late_payment_is_not_collected_any_more(alice: Person, vendor: StripeProcess) -> None:
    url = alice.api.post("/user/upgrade-subscription", {"tier": "pro"}).json()["checkout_url"]
    pay(url, FAILS_LATER)
    hear(alice, vendor)
    vendor.advance(32 * DAY)
    hear(alice, vendor)
    customer, before = account(alice).customer_id, charged(account(alice).customer_id)
    assert alice.subscription.status == "past_due"

    assert delete(alice).status_code == 202
    vendor.advance(30 * DAY)

    assert charged(customer) == before


def test_a_page_to_pay_at_that_was_open_takes_nothing(alice: Person, vendor: StripeProcess) -> None:
    url = alice.api.post("/user/upgrade-subscription", {"tier": "pro"}).json()["checkout_url"]
    customer = account(alice).customer_id

    assert delete(alice).status_code == 202
    answer = pay(url)

    assert answer.status_code >= 400
    assert (standing(customer), charged(customer)) == ([], [])


def test_what_was_paid_a_moment_ago_and_not_heard_of_ends_too(alice: Person, vendor: StripeProcess) -> None:
    pay(alice.api.post("/user/upgrade-subscription", {"tier": "pro"}).json()["checkout_url"])

    assert delete(alice).status_code == 202

    assert standing(account(alice).customer_id) == []


def test_while_stripe_is_away_nothing_is_deleted(alice: Person, vendor: StripeProcess, settings: Any) -> None:
    buy(alice, vendor)
    settings.STRIPE_API_URL = "http://127.0.0.1:9"

    answer = delete(alice)

    assert (answer.status_code, answer.json()["type"]) == (503, "/problems/payments-unavailable")
    assert Workspace.objects.get(pk=alice.workspace.pk).is_active
    assert alice.api.get("/user/profile").status_code == 200


def test_an_event_that_comes_afterwards_changes_nothing(alice: Person, vendor: StripeProcess) -> None:
    buy(alice, vendor)
    customer = account(alice).customer_id
    delete(alice)
    Workspace.objects.using("owner").filter(pk=alice.workspace.pk).delete()
    StripeEvent.objects.create(
        id="evt_late", type="customer.subscription.deleted", customer_id=customer, due_at=clock(vendor)
    )

    while events.process_one(now=clock(vendor)):
        pass

    assert StripeEvent.objects.get(pk="evt_late").error == ""
