"""To whom Stripe writes: who owns the workspace now, at the address and under the name of now."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta

import pytest
from django.db.models import QuerySet
from django.utils import timezone

from accounts import services
from accounts.models import Job, Role, User
from billing import jobs
from billing.models import StripeAccount
from billing.stripe import contact, truth
from billing.team import members
from devkit.stripe.process import StripeProcess
from tests.billing import stripe_truth
from tests.billing.stripe import account, buy, upgrade
from tests.billing.team import joined
from tests.devkit.machine import eventually
from tests.people import Person
from tests.threads import elsewhere


def waiting(person: Person) -> QuerySet[Job]:
    return Job.objects.filter(workspace=person.workspace, name="billing.jobs.tell_contact", failed_at=None)


def a_round() -> None:
    """What beat and a worker do in a minute."""
    elsewhere(lambda: jobs.tell_contacts())
    due = Job.objects.filter(name="billing.jobs.tell_contact", failed_at=None, due_at__lte=timezone.now())
    for job in due:
        elsewhere(lambda key=str(job.pk): jobs.tell_contact(key))


def at_stripe(person: Person, vendor: StripeProcess) -> tuple[str, str]:
    customer = stripe_truth.ask(vendor, f"customers/{account(person).customer_id}")
    return customer["email"], customer["name"]


def is_untold(person: Person) -> bool:
    contact.ask_for_telling(now=timezone.now())
    return waiting(person).exists()


@pytest.fixture
def bob(vendor: StripeProcess, alice: Person, now: datetime) -> Person:
    """In Alice's team, which is paid for."""
    buy(alice, vendor, "teams")
    return joined(alice, "Bob", now)


def hand_over(owner: Person, to: Person) -> None:
    for person, role in ((to, Role.OWNER), (owner, Role.MEMBER)):
        members.change(by=owner.membership, user_id=person.user.pk, role=role, now=timezone.now())


def change_address(person: Person) -> None:
    User.objects.filter(pk=person.user.pk).update(email=f"new-{person.email}")
    person.user.refresh_from_db()


def test_a_customer_is_made_with_the_owners_address(vendor: StripeProcess, alice: Person) -> None:
    upgrade(alice, "pro")

    assert at_stripe(alice, vendor) == (alice.email, alice.workspace.name)
    assert not is_untold(alice)


def test_who_takes_a_workspace_over_is_told_to_stripe(vendor: StripeProcess, alice: Person, bob: Person) -> None:
    hand_over(alice, bob)

    a_round()

    assert at_stripe(alice, vendor) == (bob.email, alice.workspace.name)
    assert not is_untold(alice)


def test_a_second_owner_beside_the_first_changes_nothing(vendor: StripeProcess, alice: Person, bob: Person) -> None:
    members.change(by=alice.membership, user_id=bob.user.pk, role=Role.OWNER, now=timezone.now())

    assert not is_untold(alice)


def leaves(alice: Person, bob: Person) -> None:
    members.change(by=alice.membership, user_id=bob.user.pk, role=Role.OWNER, now=timezone.now())
    members.remove(by=alice.membership, user_id=alice.user.pk, now=timezone.now())


def is_locked_out(alice: Person, bob: Person) -> None:
    members.change(by=alice.membership, user_id=bob.user.pk, role=Role.OWNER, now=timezone.now())
    User.objects.filter(pk=alice.user.pk).update(is_active=False)


@pytest.mark.parametrize("goes", [leaves, is_locked_out])
def test_an_owner_who_goes_is_written_to_no_more(
    vendor: StripeProcess, alice: Person, bob: Person, goes: Callable[[Person, Person], None]
) -> None:
    goes(alice, bob)

    a_round()

    assert at_stripe(alice, vendor)[0] == bob.email


def test_another_address_of_the_owner_and_another_name_are_told(vendor: StripeProcess, alice: Person) -> None:
    buy(alice, vendor)
    change_address(alice)
    services.rename_workspace(workspace=alice.workspace, name="Umbrella", by=alice.membership)

    a_round()

    assert at_stripe(alice, vendor) == (alice.email, "Umbrella")


def test_an_address_that_the_customer_chose_at_stripe_stays(vendor: StripeProcess, alice: Person, bob: Person) -> None:
    truth.api().v1.customers.update(account(alice).customer_id, {"email": "books@example.com"})
    services.rename_workspace(workspace=alice.workspace, name="Umbrella", by=alice.membership)
    hand_over(alice, bob)

    a_round()

    assert at_stripe(alice, vendor) == ("books@example.com", "Umbrella")
    assert not is_untold(alice)


@pytest.mark.parametrize("is_chosen", [False, True])
def test_of_who_was_made_by_an_earlier_release_an_address_of_ours_is_replaced_alone(
    vendor: StripeProcess, alice: Person, bob: Person, *, is_chosen: bool
) -> None:
    before = "books@example.com" if is_chosen else alice.email
    truth.api().v1.customers.update(account(alice).customer_id, {"email": before, "metadata": {contact.NOTE: ""}})
    StripeAccount.objects.filter(workspace=alice.workspace).update(told_email="", told_name="")
    hand_over(alice, bob)

    a_round()

    assert at_stripe(alice, vendor)[0] == (before if is_chosen else bob.email)


@pytest.mark.parametrize("do", ["503", "cut", "500_after", "429"])
def test_while_stripe_is_away_the_job_waits_and_is_not_used_up(
    vendor: StripeProcess, alice: Person, bob: Person, do: str
) -> None:
    hand_over(alice, bob)
    vendor.fault(do, times=1_000, path="v1/customers/")
    a_round()
    waits = waiting(alice).get()
    vendor.control("faults", method="DELETE")

    waiting(alice).update(due_at=timezone.now() - timedelta(seconds=1))
    a_round()

    assert (waits.attempts, waits.due_at > timezone.now()) == (0, True)
    assert at_stripe(alice, vendor)[0] == bob.email
    assert not waiting(alice)


def test_what_changes_while_stripe_is_being_told_is_told_after_it(
    vendor: StripeProcess, alice: Person, bob: Person
) -> None:
    change_address(alice)
    vendor.fault("slow", seconds=20, method="POST", path="v1/customers/")
    contact.ask_for_telling(now=timezone.now())
    job = waiting(alice).get()

    with ThreadPoolExecutor(1) as thread:
        told = thread.submit(elsewhere, lambda: jobs.tell_contact(str(job.pk)))
        eventually(lambda: vendor.control("faults", method="GET")["faults"][0]["hits"] == 1)
        hand_over(alice, bob)
        contact.ask_for_telling(now=timezone.now())
        vendor.control("faults", method="DELETE")
        told.result()
    meanwhile = at_stripe(alice, vendor)[0]
    a_round()

    assert (meanwhile, at_stripe(alice, vendor)[0]) == (alice.email, bob.email)


def test_who_is_gone_there_is_asked_about_once(vendor: StripeProcess, alice: Person) -> None:
    upgrade(alice, "pro")
    truth.api().v1.customers.delete(account(alice).customer_id)
    change_address(alice)

    a_round()
    is_at_rest = not is_untold(alice)
    buy(alice, vendor)

    assert is_at_rest
    assert at_stripe(alice, vendor)[0] == alice.email


def test_a_job_that_gave_up_rests_for_an_hour(vendor: StripeProcess, alice: Person, now: datetime) -> None:
    upgrade(alice, "pro")
    change_address(alice)
    contact.ask_for_telling(now=now)
    waiting(alice).update(failed_at=now)

    contact.ask_for_telling(now=now + timedelta(minutes=59))
    rests = not waiting(alice)
    contact.ask_for_telling(now=now + timedelta(minutes=61))

    assert (rests, waiting(alice).count()) == (True, 1)
