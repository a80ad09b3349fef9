"""One customer whose answer of Stripe's cannot be written down: the others are heard all the same."""

from datetime import timedelta

import stripe
from django.utils import timezone

from billing.models import StripeEvent, Subscription
from billing.stripe import events, truth
from devkit.stripe.process import StripeProcess
from tests.billing.stripe import account, buy, clock
from tests.people import Person


def event_of(person: Person) -> stripe.Event:
    found = truth.api().v1.events.list({"type": "customer.subscription.created"}).data
    return next(one for one in found if one.data.object["customer"] == account(person).customer_id)


def make_unwritable(person: Person) -> None:
    """Stripe says a number of seats that our column does not hold."""
    bought = truth.api().v1.subscriptions.retrieve(account(person).subscription_id)
    item = truth.item_of(bought)
    truth.api().v1.subscriptions.update(
        bought.id, {"items": [{"id": item.id, "quantity": 10**10}], "proration_behavior": "none"}
    )


def test_a_customer_whose_answer_cannot_be_written_down_keeps_nobody_else_waiting(
    vendor: StripeProcess, alice: Person, charlie: Person
) -> None:
    buy(alice, vendor, "teams")
    make_unwritable(alice)
    buy(charlie, vendor, "pro")
    now = timezone.now()
    for number, person in enumerate((alice, charlie)):
        Subscription.objects.filter(workspace=person.workspace).update(tier="plus", seats=1)
        events.store(event_of(person), now=now + timedelta(seconds=number))

    while events.process_one(now=now + timedelta(seconds=1)):
        pass

    stuck = StripeEvent.objects.get(processed_at=None, customer_id=account(alice).customer_id)
    assert (stuck.attempts, stuck.error.startswith("DataError")) == (1, True)
    assert charlie.subscription.tier == "pro"


def test_reconciling_goes_on_after_a_customer_whose_answer_cannot_be_written_down(
    vendor: StripeProcess, alice: Person, charlie: Person
) -> None:
    buy(alice, vendor, "teams")
    buy(charlie, vendor, "pro")
    first, second = sorted((alice, charlie), key=lambda person: person.workspace.pk)
    make_unwritable(first)
    Subscription.objects.filter(workspace=second.workspace).update(tier="plus")

    events.reconcile(now=clock(vendor))

    assert second.subscription.tier == ("teams" if second is alice else "pro")
