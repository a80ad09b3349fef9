"""Who has paid, and is refused for want of word of it, is served a moment later: a job asks, whoever was refused."""

from datetime import datetime, timedelta

import pytest
from django.db import transaction
from django.utils import timezone

from accounts import tenancy
from billing.models import Subscription
from devkit.stripe.process import StripeProcess
from tests.billing.stripe import (
    a_while_passes,
    asked,
    buy,
    confirm,
    pay,
    state,
    upgrade,
    waiting,
    while_stripe_hangs,
    work,
)
from tests.people import Person, join
from usage import services as usage

QUESTION = {"prompt": "How many days of paid holiday do we have?"}


def come_back(*people: Person) -> None:
    """The time has come to which a job had put itself off."""
    for person in people:
        waiting(person).update(due_at=timezone.now())


def run(person: Person) -> tuple[int, str]:
    answer = person.api.post("/agent/run", QUESTION)
    return answer.status_code, answer.json().get("type", "")


def the_trial_ends(person: Person) -> None:
    Subscription.objects.filter(workspace=person.workspace).update(trial_ends_at=timezone.now())


def is_late(person: Person, *, days: int) -> None:
    """As it was heard of last; Stripe knows of the payment."""
    since = timezone.now() - timedelta(days=days)
    Subscription.objects.filter(workspace=person.workspace).update(status="past_due", past_due_since=since)
    a_while_passes(person)


def spend_all(person: Person, now: datetime) -> None:
    with tenancy.within(person.workspace):
        held = usage.hold(membership=person.membership, key="all", now=now, tokens=1_000_000)
        usage.settle(hold_id=held.pk, now=now, outcome="succeeded", cost=usage.Cost(1_000_000, 0, "m"))


@pytest.mark.parametrize("name", ["Alice", "Bob"])
def test_who_paid_after_the_trial_is_served_at_the_next_try(vendor: StripeProcess, alice: Person, name: str) -> None:
    person = alice if name == "Alice" else join(alice, name)
    the_trial_ends(alice)
    pay(upgrade(alice, "teams", seats=2))

    refused = run(person)
    work(alice)

    assert refused == (402, "/problems/trial-expired")
    assert (run(person)[0], state(alice)) == (202, ("teams", "active"))


def test_who_made_the_late_payment_is_served_at_the_next_try(vendor: StripeProcess, alice: Person) -> None:
    buy(alice, vendor)
    is_late(alice, days=8)

    refused = run(alice)
    work(alice)

    assert refused == (402, "/problems/payment-required")
    assert (run(alice)[0], state(alice)) == (202, ("pro", "active"))


def test_who_bought_anew_after_an_end_is_served_at_the_next_try(vendor: StripeProcess, alice: Person) -> None:
    buy(alice, vendor)
    Subscription.objects.filter(workspace=alice.workspace).update(status="canceled", ended_at=timezone.now())
    a_while_passes(alice)

    refused = run(alice)
    work(alice)

    assert refused == (402, "/problems/payment-required")
    assert run(alice)[0] == 202


def test_who_bought_a_bigger_plan_is_served_at_the_next_try(vendor: StripeProcess, alice: Person) -> None:
    buy(alice, vendor)
    spend_all(alice, timezone.now())
    confirm(upgrade(alice, "plus"))

    refused = run(alice)
    work(alice)

    assert refused == (429, "/problems/quota-exceeded")
    assert (run(alice)[0], state(alice)) == (202, ("plus", "active"))


def test_whom_a_team_left_over_is_served_when_it_is_a_team_again(vendor: StripeProcess, alice: Person) -> None:
    bob = join(alice, "Bob")
    buy(alice, vendor)
    confirm(upgrade(alice, "teams", seats=2))

    refused = run(bob)
    work(alice)

    assert refused == (403, "/problems/plan-required")
    assert run(bob)[0] == 202


def test_a_page_that_is_refused_asks_too(vendor: StripeProcess, alice: Person) -> None:
    the_trial_ends(alice)
    pay(upgrade(alice, "pro"))

    refused = alice.web.post("/app/ask", QUESTION)
    work(alice)

    assert (refused.status_code, state(alice)) == (402, ("pro", "active"))


def test_a_page_that_says_the_refusal_itself_asks_too(vendor: StripeProcess, alice: Person) -> None:
    buy(alice, vendor)
    spend_all(alice, timezone.now())
    confirm(upgrade(alice, "plus"))

    refused = alice.web.post("/app/ask", QUESTION)
    work(alice)

    assert (refused.status_code, state(alice)) == (429, ("plus", "active"))


def test_two_refusals_are_one_job(vendor: StripeProcess, alice: Person) -> None:
    the_trial_ends(alice)
    upgrade(alice, "pro")

    run(alice)
    run(join(alice, "Bob"))

    assert waiting(alice).count() == 1


def test_who_has_not_paid_is_asked_about_no_oftener_than_a_look(vendor: StripeProcess, alice: Person) -> None:
    the_trial_ends(alice)
    upgrade(alice, "pro")
    run(alice)
    work(alice)

    run(alice)

    assert not waiting(alice).exists()


def test_who_never_opened_a_page_to_pay_asks_nothing(vendor: StripeProcess, alice: Person) -> None:
    the_trial_ends(alice)
    before = asked(vendor)

    assert run(alice)[0] == 402
    assert (waiting(alice).exists(), asked(vendor)) == (False, before)


def test_while_stripe_does_not_answer_the_job_waits_for_it(vendor: StripeProcess, alice: Person) -> None:
    the_trial_ends(alice)
    pay(upgrade(alice, "pro"))
    run(alice)
    vendor.fault("500", times=100)
    work(alice)

    run(alice)

    assert waiting(alice).get().due_at > timezone.now()


def test_the_job_comes_back_where_the_row_is_held_for_something_else(vendor: StripeProcess, alice: Person) -> None:
    the_trial_ends(alice)
    pay(upgrade(alice, "pro"))
    run(alice)
    with transaction.atomic():
        Subscription.objects.select_for_update().get(workspace=alice.workspace)
        work(alice)
    come_back(alice)

    work(alice)

    assert state(alice) == ("pro", "active")


def test_nobody_waits_for_the_row_while_stripe_is_asked(vendor: StripeProcess, alice: Person) -> None:
    the_trial_ends(alice)
    upgrade(alice, "pro")
    run(alice)

    with while_stripe_hangs(vendor, alice, lambda: work(alice)):
        assert run(alice)[0] == 402


def test_while_stripe_hangs_one_worker_waits_for_it_once(vendor: StripeProcess, alice: Person, charlie: Person) -> None:
    for person in (alice, charlie):
        the_trial_ends(person)
        pay(upgrade(person, "pro"))
        run(person)

    with while_stripe_hangs(vendor, alice, lambda: work(alice)):
        before = asked(vendor)
        work(charlie)
        assert waiting(charlie).get().due_at > timezone.now()
        assert asked(vendor) == before
    come_back(alice, charlie)
    for person in (alice, charlie):
        work(person)

    assert asked(vendor) == before
    assert [waiting(person).get().attempts for person in (alice, charlie)] == [0, 0]
    assert (state(alice), state(charlie)) == (("trial", "trialing"), ("trial", "trialing"))


def test_when_it_answers_again_all_are_served(vendor: StripeProcess, alice: Person, charlie: Person) -> None:
    for person in (alice, charlie):
        the_trial_ends(person)
        pay(upgrade(person, "pro"))
        run(person)
    vendor.fault("cut", times=1)
    work(alice)
    work(charlie)

    a_while_passes(alice)
    come_back(alice, charlie)
    for person in (alice, charlie):
        work(person)

    assert (state(alice), state(charlie)) == (("pro", "active"), ("pro", "active"))
