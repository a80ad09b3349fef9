"""Who deletes a workspace is not charged after it, whatever stood open at Stripe."""

from datetime import datetime
from typing import Any

import pytest

from accounts import schemas
from accounts.models import Mail, Workspace
from agent import deletion as workspaces
from billing import deletion
from billing.models import StripeEvent
from billing.stripe import events, truth
from devkit.stripe.process import StripeProcess
from tests.billing.stripe import DAY, FAILS_LATER, account, buy, clock, forget_the_hang, hear, pay
from tests.people import PASSWORD, Person


@pytest.fixture(autouse=True)
def _schemas_wait(_database: None) -> None:
    """Here no worker keeps the pool full."""
    schemas.fill(4)


def delete(person: Person) -> Any:
    return person.api.delete("/workspace", {"confirm": person.workspace.name}, format="json")


def erase(person: Person, now: datetime) -> None:
    """The moment of erasing begins."""
    Workspace.objects.filter(pk=person.workspace.pk).update(erases_at=now)
    assert deletion.begin(workspace_id=person.workspace.pk, now=now, then=lambda: None)


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


@pytest.mark.parametrize("tier", ["pro", "teams"])
def test_when_it_is_erased_nothing_stands_any_more(alice: Person, vendor: StripeProcess, tier: str) -> None:
    buy(alice, vendor, tier)
    customer, before = account(alice).customer_id, charged(account(alice).customer_id)
    delete(alice)
    stood = standing(customer)

    erase(alice, clock(vendor))

    assert (stood, standing(customer)) == (["active"], [])
    assert charged(customer) == before


def test_while_stripe_is_away_the_erasing_waits(alice: Person, vendor: StripeProcess, settings: Any) -> None:
    buy(alice, vendor)
    delete(alice)
    Workspace.objects.filter(pk=alice.workspace.pk).update(erases_at=clock(vendor))
    url, settings.STRIPE_API_URL = settings.STRIPE_API_URL, "http://127.0.0.1:9"

    workspaces.sweep(now=clock(vendor))
    waited = Workspace.objects.get(pk=alice.workspace.pk).state
    settings.STRIPE_API_URL = url
    forget_the_hang()
    workspaces.sweep(now=clock(vendor))

    assert (waited, Workspace.objects.get(pk=alice.workspace.pk).state) == ("closing", "erasing")


@pytest.mark.parametrize("tier", ["pro", "teams"])
def test_taken_back_the_paid_month_goes_on_and_is_renewed_only_when_an_owner_says_so(
    alice: Person, vendor: StripeProcess, tier: str
) -> None:
    buy(alice, vendor, tier)
    customer, before = account(alice).customer_id, charged(account(alice).customer_id)
    delete(alice)

    assert alice.api.post("/workspace/restore").status_code == 200

    said = alice.api.get("/subscription").json()
    assert (said["tier"], said["status"], charged(customer)) == (tier, "active", before)
    assert alice.subscription.pending_at is not None
    assert not alice.subscription.pending_tier
    [mail] = Mail.objects.filter(key__startswith="kept:", to=alice.email)
    assert "is not charged again unless an owner resumes it" in mail.text
    assert alice.api.post("/subscription/resume").status_code == 200
    assert alice.subscription.pending_at is None
    vendor.advance(32 * DAY)
    assert len(charged(customer)) == len(before) + 1


def test_taken_back_while_stripe_is_away(alice: Person, vendor: StripeProcess, settings: Any) -> None:
    buy(alice, vendor)
    delete(alice)
    settings.STRIPE_API_URL = "http://127.0.0.1:9"

    assert alice.api.post("/workspace/restore").status_code == 200


def test_a_plan_that_ended_meanwhile_is_bought_anew(alice: Person, vendor: StripeProcess) -> None:
    buy(alice, vendor)
    customer, before = account(alice).customer_id, charged(account(alice).customer_id)
    delete(alice)
    vendor.advance(32 * DAY)
    hear(alice, vendor)

    assert alice.api.post("/workspace/restore").status_code == 200

    assert (alice.subscription.status, charged(customer)) == ("canceled", before)
    [mail] = Mail.objects.filter(key__startswith="kept:", to=alice.email)
    assert "Choose a plan to go on" in mail.text


def test_a_smaller_plan_that_was_planned_gives_way_to_the_end(alice: Person, vendor: StripeProcess) -> None:
    buy(alice, vendor, "plus")
    assert alice.api.post("/subscription/downgrade", {"tier": "pro"}).status_code == 200
    customer, before = account(alice).customer_id, charged(account(alice).customer_id)

    assert delete(alice).status_code == 202
    vendor.advance(70 * DAY)

    assert (standing(customer), charged(customer)) == ([], before)


def test_an_account_that_is_deleted_is_charged_nothing_more(alice: Person, vendor: StripeProcess) -> None:
    buy(alice, vendor)
    customer, before = account(alice).customer_id, charged(account(alice).customer_id)

    answer = alice.api.delete("/user/account", {"password": PASSWORD}, format="json")
    vendor.advance(70 * DAY)

    assert answer.status_code == 202, answer.json()
    assert (standing(customer), charged(customer)) == ([], before)


def test_while_stripe_is_away_no_account_is_deleted(alice: Person, vendor: StripeProcess, settings: Any) -> None:
    buy(alice, vendor)
    url, settings.STRIPE_API_URL = settings.STRIPE_API_URL, "http://127.0.0.1:9"

    answer = alice.api.delete("/user/account", {"password": PASSWORD}, format="json")
    settings.STRIPE_API_URL = url

    assert (answer.status_code, answer.json()["type"]) == (503, "/problems/payments-unavailable")
    assert Workspace.objects.get(pk=alice.workspace.pk).is_active
    assert alice.api.get("/user/profile").status_code == 200


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
    before = charged(account(alice).customer_id)
    vendor.advance(70 * DAY)

    assert (standing(account(alice).customer_id), charged(account(alice).customer_id)) == ([], before)


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
