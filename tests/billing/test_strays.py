"""Who pays at Stripe and is not known here: a row was lost, or a backup from before the purchase was put back."""

import logging
import uuid
from typing import Any

import pytest
from django.utils import timezone

from accounts.models import Workspace
from billing import giving, jobs
from billing import seats as seating
from billing.effective import State, effective
from billing.models import StripeAccount, StripeEvent, Subscription
from billing.plans import PLANS, Tier
from billing.stripe import events, truth
from billing.stripe import seats as at_stripes
from billing.stripe.setup import price_of
from devkit.stripe.process import StripeProcess
from tests.billing import stripe_truth
from tests.billing.pages import text
from tests.billing.stripe import DAY, GOOD, account, buy, clock, state, upgrade
from tests.billing.team import joined
from tests.people import Person


def forget(person: Person) -> str:
    """Answers who they were."""
    customer = account(person).customer_id
    StripeAccount.objects.filter(workspace=person.workspace).delete()
    return customer


def at_stripe(vendor: StripeProcess, customer: str) -> list[Any]:
    found: list[Any] = stripe_truth.ask(vendor, "subscriptions", customer=customer, status="all")["data"]
    return found


def buys_elsewhere(vendor: StripeProcess, person: Person | None, *, workspace: uuid.UUID | None = None) -> Any:
    """Another customer, who pays for the same workspace."""
    named = str(workspace or (person and person.workspace.pk))
    api = truth.api().v1
    customer = api.customers.create({"metadata": {"workspace": named}})
    vendor.give_card(customer.id, GOOD)
    return api.subscriptions.create(
        {
            "customer": customer.id,
            "items": [{"price": price_of(PLANS[Tier.PLUS])}],
            "metadata": {"workspace": named},
        }
    )


def test_a_customer_whose_row_is_lost_is_found_again(vendor: StripeProcess, alice: Person) -> None:
    buy(alice, vendor, "pro")
    customer = forget(alice)

    events.reconcile(now=clock(vendor))

    assert account(alice).customer_id == customer
    assert stripe_truth.mirrored(alice.subscription) == stripe_truth.of_customer(vendor, customer)


def test_after_a_backup_from_before_the_purchase_what_was_bought_is_served(
    vendor: StripeProcess, alice: Person
) -> None:
    mine = Subscription.objects.filter(workspace=alice.workspace)
    [before] = mine.values()
    buy(alice, vendor, "teams", seats=3)
    customer = forget(alice)
    StripeEvent.objects.all().delete()
    mine.update(**{name: value for name, value in before.items() if name not in {"id", "workspace_id"}})
    vendor.advance(8 * DAY)

    events.reconcile(now=clock(vendor))

    assert effective(alice.subscription, clock(vendor)).state == State.ACTIVE
    assert stripe_truth.mirrored(alice.subscription) == stripe_truth.of_customer(vendor, customer)
    assert account(alice).customer_id == customer


def test_after_a_backup_from_before_the_purchase_nothing_is_sold_again(vendor: StripeProcess, alice: Person) -> None:
    """Also when Stripe does not know any more that their customer was asked for."""
    mine = Subscription.objects.filter(workspace=alice.workspace)
    [before] = mine.values()
    buy(alice, vendor, "plus")
    customer = forget(alice)
    mine.update(**{name: value for name, value in before.items() if name not in {"id", "workspace_id"}})
    vendor.advance(31 * DAY)

    answer = alice.api.post("/user/upgrade-subscription", {"tier": "pro"})
    alice.api.get("/subscription")

    assert answer.status_code == 409
    assert (account(alice).customer_id, state(alice)) == (customer, ("plus", "active"))


def test_who_has_bought_by_a_hundred_others_is_found_too(vendor: StripeProcess, alice: Person, charlie: Person) -> None:
    buy(alice, vendor, "pro")
    customer = forget(alice)
    buy(charlie, vendor, "pro")
    api, his = truth.api().v1, account(charlie).customer_id
    for _ in range(101):
        api.subscriptions.create({"customer": his, "items": [{"price": price_of(PLANS[Tier.PRO])}]})

    events.reconcile(now=clock(vendor))

    assert account(alice).customer_id == customer


@pytest.mark.parametrize("path", ["cancel", "downgrade"])
def test_while_the_row_is_lost_nobody_is_told_that_stripe_has_heard(
    vendor: StripeProcess, alice: Person, path: str
) -> None:
    buy(alice, vendor, "plus")
    customer = forget(alice)

    answer = alice.api.post(f"/subscription/{path}", {"tier": "pro"} if path == "downgrade" else {})
    [bought] = at_stripe(vendor, customer)

    assert (answer.status_code, answer.json()["type"]) == (503, "/problems/payments-unavailable")
    assert "Nothing was changed" in answer.json()["detail"]
    assert (alice.subscription.pending_at, bought["cancel_at_period_end"]) == (None, False)


def test_what_looks_for_them_finds_them_and_then_the_end_is_heard_at_stripe(
    vendor: StripeProcess, alice: Person
) -> None:
    buy(alice, vendor, "pro")
    customer = forget(alice)
    alice.api.post("/subscription/cancel")

    jobs.find_strays()
    answer = alice.api.post("/subscription/cancel")

    [bought] = at_stripe(vendor, customer)
    assert (answer.status_code, bought["cancel_at_period_end"]) == (200, True)


def test_while_the_row_is_lost_no_amount_is_made_up(vendor: StripeProcess, alice: Person) -> None:
    buy(alice, vendor, "teams")
    forget(alice)

    shown = alice.api.get("/subscription").json()
    previews = [alice.api.post("/subscription/preview", {"tier": tier}).status_code for tier in ("teams", "pro")]
    portal = alice.api.post("/subscription/portal")

    assert (shown["next_invoice_is_known"], shown["next_invoice"]) == (False, None)
    assert (previews, portal.status_code) == ([503, 503], 503)
    assert seating.one_more(subscription=alice.subscription, now=clock(vendor)) == seating.OneMore()
    assert "The next invoice is not known now" in text(alice)


def test_while_the_row_is_lost_an_upgrade_is_no_first_purchase(vendor: StripeProcess, alice: Person) -> None:
    buy(alice, vendor, "pro")
    forget(alice)

    assert alice.api.post("/subscription/preview", {"tier": "teams"}).status_code == 503


def test_who_joins_while_the_row_is_lost_is_paid_for_when_it_is_found(vendor: StripeProcess, alice: Person) -> None:
    buy(alice, vendor, "teams")
    customer = forget(alice)

    joined(alice, "Bob", clock(vendor))
    assert (alice.subscription.seats, alice.subscription.paid_seats) == (1, 1)
    jobs.find_strays()
    at_stripes.send(account(alice), change="found", now=clock(vendor))

    [bought] = at_stripe(vendor, customer)
    assert (bought["items"]["data"][0]["quantity"], alice.subscription.seats) == (2, 2)


def test_while_the_row_is_lost_the_workspace_is_not_deleted(vendor: StripeProcess, alice: Person) -> None:
    buy(alice, vendor, "pro")
    forget(alice)

    answer = alice.api.delete("/workspace", {"confirm": alice.workspace.name}, format="json")

    assert answer.status_code == 503
    assert Workspace.objects.get(pk=alice.workspace.pk).state == Workspace.State.ACTIVE


def test_what_ended_while_the_row_was_lost_ends_here(vendor: StripeProcess, alice: Person) -> None:
    buy(alice, vendor, "pro")
    customer = forget(alice)
    [bought] = at_stripe(vendor, customer)
    vendor.advance(DAY)
    truth.api().v1.subscriptions.cancel(bought["id"])

    events.reconcile(now=clock(vendor))

    assert (state(alice), account(alice).ended_id) == (("pro", "canceled"), bought["id"])


def test_what_is_not_at_stripe_at_all_is_an_alarm(
    vendor: StripeProcess, alice: Person, caplog: pytest.LogCaptureFixture
) -> None:
    buy(alice, vendor, "pro")
    [bought] = at_stripe(vendor, forget(alice))
    truth.api().v1.customers.update(bought["customer"], {"metadata": {"workspace": ""}})
    truth.api().v1.subscriptions.update(bought["id"], {"metadata": {"workspace": ""}})

    with caplog.at_level(logging.ERROR):
        events.reconcile(now=clock(vendor))

    assert f"pro of {alice.workspace.pk} was paid for at Stripe, and nothing of it is there" in caplog.text
    assert state(alice) == ("pro", "active")


def test_a_plan_that_was_given_is_none_of_these(vendor: StripeProcess, alice: Person, sam: Any) -> None:
    giving.give(workspace=alice.workspace, tier=Tier.PLUS, by=sam, why="a friend", now=timezone.now())

    assert alice.api.post("/subscription/cancel").status_code == 200
    assert alice.subscription.pending_at is not None


def test_who_pays_for_a_workspace_that_is_not_here_is_an_alarm_and_stays(
    vendor: StripeProcess, alice: Person, caplog: pytest.LogCaptureFixture
) -> None:
    elsewhere = buys_elsewhere(vendor, None, workspace=uuid.uuid4())

    with caplog.at_level(logging.ERROR):
        events.reconcile(now=clock(vendor))

    [bought] = at_stripe(vendor, elsewhere.customer)
    assert f"pays by {elsewhere.id}" in caplog.text
    assert "which is not here" in caplog.text
    assert (bought["status"], StripeAccount.objects.filter(customer_id=elsewhere.customer).exists()) == (
        "active",
        False,
    )


def test_who_pays_twice_is_an_alarm_and_keeps_what_is_known(
    vendor: StripeProcess, alice: Person, caplog: pytest.LogCaptureFixture
) -> None:
    buy(alice, vendor, "pro")
    known = account(alice).customer_id
    buys_elsewhere(vendor, alice)

    with caplog.at_level(logging.ERROR):
        events.reconcile(now=clock(vendor))

    assert f"workspace {alice.workspace.pk} pays twice" in caplog.text
    assert (account(alice).customer_id, state(alice)) == (known, ("pro", "active"))


def test_who_pays_by_another_customer_than_the_one_that_is_known_is_served(
    vendor: StripeProcess, alice: Person
) -> None:
    upgrade(alice, "pro")
    opened = account(alice).customer_id
    elsewhere = buys_elsewhere(vendor, alice)

    events.reconcile(now=clock(vendor))

    pages = vendor.control("state?kind=checkout.session")["objects"]
    assert (account(alice).customer_id, state(alice)) == (elsewhere.customer, ("plus", "active"))
    assert [(page["customer"], page["status"]) for page in pages] == [(opened, "expired")]


def test_what_others_sell_by_the_same_account_is_left_alone(
    vendor: StripeProcess, alice: Person, caplog: pytest.LogCaptureFixture
) -> None:
    api = truth.api().v1
    customer = api.customers.create()
    vendor.give_card(customer.id, GOOD)
    sold = api.subscriptions.create({"customer": customer.id, "items": [{"price": price_of(PLANS[Tier.PRO])}]})

    with caplog.at_level(logging.WARNING):
        events.reconcile(now=clock(vendor))

    assert sold.status == "active"
    assert customer.id not in caplog.text


def test_while_they_cannot_be_read_the_mirrors_are_compared_all_the_same(
    vendor: StripeProcess, alice: Person, charlie: Person
) -> None:
    buy(alice, vendor, "pro")
    customer = forget(alice)
    buy(charlie, vendor, "pro")
    Subscription.objects.filter(workspace=charlie.workspace).update(tier="plus")
    # Each call is tried three times.
    vendor.fault("500", times=3, path="/v1/subscriptions$", method="GET")

    events.reconcile(now=clock(vendor))

    assert state(charlie) == ("pro", "active")
    assert not StripeAccount.objects.filter(customer_id=customer).exists()
