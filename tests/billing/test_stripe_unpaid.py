"""What is not paid for: nothing is given before the first payment, and the grace begins once."""

from datetime import datetime, timedelta
from typing import Any

from accounts.models import Mail
from billing import reminding
from billing.effective import State, effective
from billing.models import StripeAccount
from billing.plans import PAST_DUE_GRACE, PLANS, Tier
from billing.stripe import truth
from billing.stripe.setup import price_of
from devkit.stripe.process import StripeProcess
from tests.billing.stripe import DAY, FAILS_LATER, GOOD, a_while_passes, account, clock, hear, pay, state
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


def owes_two_months(vendor: StripeProcess, alice: Person) -> list[dict[str, Any]]:
    """Nobody has heard of either. Answers the open invoices, the earliest first."""
    vendor.control("settings", {"after_retries": "past_due"})
    pay(alice.api.post("/user/upgrade-subscription", {"tier": "pro"}).json()["checkout_url"], FAILS_LATER)
    hear(alice, vendor)
    vendor.advance(63 * DAY)
    open_ones = [one for one in vendor.control("state?kind=invoice")["objects"] if one["status"] == "open"]
    assert len(open_ones) == 2
    return sorted(open_ones, key=lambda one: one["created"])


def tried_at(invoice: dict[str, Any]) -> datetime | None:
    return at(invoice["status_transitions"]["finalized_at"])


def test_who_is_heard_of_late_is_late_since_the_earliest_failed_payment(vendor: StripeProcess, alice: Person) -> None:
    first, _ = owes_two_months(vendor, alice)

    hear(alice, vendor)

    assert alice.subscription.past_due_since == tried_at(first)


def test_once_the_earliest_is_paid_the_grace_counts_from_the_next(vendor: StripeProcess, alice: Person) -> None:
    first, second = owes_two_months(vendor, alice)
    hear(alice, vendor)
    vendor.give_card(account(alice).customer_id, GOOD)

    truth.api().v1.invoices.pay(first["id"])
    hear(alice, vendor)

    assert alice.subscription.past_due_since == tried_at(second)


def pays_the_newest(vendor: StripeProcess, alice: Person) -> None:
    """The older one stays open: Stripe counts who has paid the newest as paid."""
    _, newest = owes_two_months(vendor, alice)
    vendor.give_card(account(alice).customer_id, GOOD)
    truth.api().v1.invoices.pay(newest["id"])
    hear(alice, vendor)
    assert state(alice) == ("pro", "active")


def fails_anew(vendor: StripeProcess, alice: Person) -> datetime:
    """The next renewal; answers when it was tried."""
    vendor.give_card(account(alice).customer_id, FAILS_LATER)
    renews_at = effective(alice.subscription, clock(vendor)).period.ends_at
    vendor.set_clock(int((renews_at + timedelta(hours=2)).timestamp()), freeze=True)
    hear(alice, vendor)
    return renews_at + timedelta(hours=1)


def told(alice: Person, vendor: StripeProcess) -> list[str]:
    a_while_passes(alice)
    StripeAccount.objects.filter(workspace=alice.workspace).update(synced_at=clock(vendor))
    reminding.sweep(now=clock(vendor))
    keys = Mail.objects.filter(workspace=alice.workspace).order_by("pk").values_list("key", flat=True)
    return [key.partition(":")[0] for key in keys]


def test_the_grace_begins_when_the_payment_failed(vendor: StripeProcess, alice: Person) -> None:
    pay(alice.api.post("/user/upgrade-subscription", {"tier": "pro"}).json()["checkout_url"], FAILS_LATER)
    hear(alice, vendor)

    failed_at = fails_anew(vendor, alice)

    current = effective(alice.subscription, clock(vendor))
    assert (current.state, current.ends_at) == (State.GRACE, failed_at + PAST_DUE_GRACE)


def test_a_failure_after_a_time_that_was_paid_has_a_grace_of_its_own(vendor: StripeProcess, alice: Person) -> None:
    pays_the_newest(vendor, alice)

    failed_at = fails_anew(vendor, alice)

    current = effective(alice.subscription, clock(vendor))
    assert (current.state, current.ends_at) == (State.GRACE, failed_at + PAST_DUE_GRACE)
    assert effective(alice.subscription, failed_at + PAST_DUE_GRACE).state == State.READ_ONLY


def test_a_failure_after_a_time_that_was_paid_has_mails_of_its_own(vendor: StripeProcess, alice: Person) -> None:
    pays_the_newest(vendor, alice)
    Mail.objects.filter(workspace=alice.workspace).delete()

    failed_at = fails_anew(vendor, alice)
    first = told(alice, vendor)
    vendor.set_clock(int((failed_at + timedelta(days=3)).timestamp()), freeze=True)
    second = told(alice, vendor)

    assert first == ["payment-failed"]
    assert "payment-late" in second


def test_failures_one_after_the_other_have_one_grace(vendor: StripeProcess, alice: Person) -> None:
    pays_the_newest(vendor, alice)
    failed_at = fails_anew(vendor, alice)

    served = [effective(alice.subscription, clock(vendor)).state]
    for _ in range(3):
        vendor.advance(31 * DAY)
        hear(alice, vendor)
        served.append(effective(alice.subscription, clock(vendor)).state)

    assert served == [State.GRACE, *[State.READ_ONLY] * 3]
    assert alice.subscription.past_due_since == failed_at
