"""What is not paid for: nothing is given before the first payment, and the grace begins once."""

from datetime import timedelta

from billing.plans import PLANS, Tier
from billing.stripe import truth
from billing.stripe.setup import price_of
from devkit.stripe.process import StripeProcess
from tests.billing.stripe import DAY, FAILS_LATER, GOOD, account, clock, hear, pay, state
from tests.billing.stripe_truth import at
from tests.people import Person


def test_a_subscription_whose_first_invoice_is_unpaid_gives_nothing(vendor: StripeProcess, alice: Person) -> None:
    alice.api.post("/user/upgrade-subscription", {"tier": "pro"})
    bought = truth.api().v1.subscriptions.create(
        {
            "customer": account(alice).customer_id,
            "items": [{"price": price_of(PLANS[Tier.PRO])}],
            "payment_behavior": "default_incomplete",
        }
    )

    hear(alice, vendor)

    assert bought.status == "incomplete"
    assert (state(alice), account(alice).subscription_id) == (("trial", "trialing"), "")


def test_a_second_unpaid_invoice_begins_no_second_grace(vendor: StripeProcess, alice: Person) -> None:
    vendor.control("settings", {"after_retries": "past_due"})
    pay(alice.api.post("/user/upgrade-subscription", {"tier": "pro"}).json()["checkout_url"], FAILS_LATER)
    hear(alice, vendor)
    vendor.advance(32 * DAY)
    hear(alice, vendor)
    first = alice.subscription.past_due_since

    vendor.advance(31 * DAY)
    hear(alice, vendor)

    invoices = vendor.control("state?kind=invoice")["objects"]
    assert [one["status"] for one in invoices] == ["paid", "open", "open"]
    assert (state(alice), alice.subscription.past_due_since) == (("pro", "past_due"), first)
    assert first is not None
    assert first < clock(vendor) - timedelta(days=30)


def owes_two_months(vendor: StripeProcess, alice: Person) -> list[dict[str, object]]:
    """Nobody has heard of either. Answers the open invoices, the earliest first."""
    vendor.control("settings", {"after_retries": "past_due"})
    pay(alice.api.post("/user/upgrade-subscription", {"tier": "pro"}).json()["checkout_url"], FAILS_LATER)
    hear(alice, vendor)
    vendor.advance(63 * DAY)
    open_ones = [one for one in vendor.control("state?kind=invoice")["objects"] if one["status"] == "open"]
    assert len(open_ones) == 2
    return sorted(open_ones, key=lambda one: one["created"])


def test_who_is_heard_of_late_is_late_since_the_earliest_unpaid_invoice(vendor: StripeProcess, alice: Person) -> None:
    first, _ = owes_two_months(vendor, alice)

    hear(alice, vendor)

    assert alice.subscription.past_due_since == at(first["created"])  # type: ignore[arg-type]


def test_once_the_earliest_is_paid_the_grace_counts_from_the_next(vendor: StripeProcess, alice: Person) -> None:
    first, second = owes_two_months(vendor, alice)
    hear(alice, vendor)
    vendor.give_card(account(alice).customer_id, GOOD)

    truth.api().v1.invoices.pay(str(first["id"]))
    hear(alice, vendor)

    assert alice.subscription.past_due_since == at(second["created"])  # type: ignore[arg-type]
