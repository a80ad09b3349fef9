"""A worker dies while it tells Stripe whom to write to: another one tells it."""

from datetime import timedelta

from django.utils import timezone

from accounts.models import Job, User
from billing.stripe import contact
from devkit.stripe.process import StripeProcess
from tests.billing import stripe_truth
from tests.billing.stripe import account, upgrade
from tests.devkit.machine import eventually
from tests.people import Person
from tests.stack import Stack


def test_an_address_reaches_stripe_though_the_worker_that_tells_it_is_killed(
    vendor: StripeProcess, stack: Stack, alice: Person
) -> None:
    upgrade(alice, "pro")
    customer = account(alice).customer_id
    User.objects.filter(pk=alice.user.pk).update(email=f"new-{alice.email}")
    vendor.fault("hang", method="POST", path=f"v1/customers/{customer}")
    contact.ask_for_telling(now=timezone.now())
    eventually(lambda: vendor.control("faults", method="GET")["faults"][0]["hits"] == 1)

    stack.default.kill()
    before = stripe_truth.ask(vendor, f"customers/{customer}")["email"]
    jobs = Job.objects.filter(workspace=alice.workspace, name="billing.jobs.tell_contact")
    # Its lease runs out.
    jobs.update(leased_until=timezone.now() - timedelta(seconds=1))
    stack.restart_default()
    eventually(lambda: not jobs.exists())

    assert before == alice.email
    assert stripe_truth.ask(vendor, f"customers/{customer}")["email"] == f"new-{alice.email}"
