"""Deliveries of Stripe to the running product: however they come, our mirror equals Stripe's truth."""

import random
import time
from contextlib import suppress

from django.db import transaction
from django.utils import timezone

from accounts.models import Job
from billing import seats
from billing.models import StripeAccount, StripeEvent
from billing.plans import Tier
from billing.stripe import events
from billing.team import members
from config.errors import AppError
from devkit.stripe.process import StripeProcess
from tests.billing import stripe_truth
from tests.billing.stripe import DAY, FAILS_LATER, GOOD, buy, clock, confirm, pay
from tests.billing.team import joined
from tests.devkit.machine import eventually
from tests.people import Person, join, sign_up
from tests.stack import Stack
from tests.storm import ROUND, STORM

OPERATIONS = ("buy", "buy", "down", "cancel", "resume", "time", "bad card", "good card", "join", "leave", "seats")


def act(person: Person, vendor: StripeProcess, chance: random.Random) -> str:
    """Something a customer, a card or the calendar may do; refusals are part of it. Answers what it was."""
    tier, what = chance.choice([Tier.PRO, Tier.PLUS, Tier.TEAMS]), chance.choice(OPERATIONS)
    if what == "buy":
        answer = person.api.post("/user/upgrade-subscription", {"tier": tier})
        # Where the plan is there already, nothing is left to pay.
        if answer.status_code == 200 and (url := answer.json()["checkout_url"]):
            (pay if "checkout" in url or "/c/pay/" in url else confirm)(url)
    elif what in {"down", "cancel", "resume"}:
        address = {"down": "downgrade", "cancel": "cancel", "resume": "resume"}[what]
        person.api.post(f"/subscription/{address}", {"tier": tier} if what == "down" else {})
    elif what == "time":
        vendor.advance(chance.randrange(1, 20) * DAY)
    elif what == "seats":
        person.api.post("/subscription/seats", {"seats": chance.choice([None, 2, 5])}, format="json")
    elif what == "join":
        with suppress(AppError):
            joined(person, "Guest", timezone.now())
    elif what == "leave":
        guest = person.workspace.memberships.exclude(user=person.user).first()
        if guest is not None:
            members.remove(by=person.membership, user_id=guest.user_id, now=timezone.now())
    elif (mine := StripeAccount.objects.filter(workspace=person.workspace).first()) is not None:
        vendor.give_card(mine.customer_id, GOOD if what == "good card" else FAILS_LATER)
    return f"{person.user.name}: {what} {tier if what in {'buy', 'down'} else ''}"


def wait_until_heard(vendor: StripeProcess, people: list[Person]) -> None:
    """Of these people: what another test had sent when it ended names customers that are gone."""
    assert vendor.drain(60)
    deadline = time.monotonic() + 60
    customers = StripeAccount.objects.filter(workspace__in=[person.workspace for person in people])
    waiting = StripeEvent.objects.filter(processed_at=None, customer_id__in=customers.values("customer_id"))
    while waiting.exists():
        assert time.monotonic() < deadline, list(waiting.values())
        waiting.update(due_at=timezone.now())
        time.sleep(0.1)


def wait_until_told(people: list[Person]) -> None:
    """Each number of seats has reached Stripe; what was refused on the way need not wait for its next try."""
    told = Job.objects.filter(name="billing.jobs.send_seats", workspace__in=[each.workspace for each in people])
    deadline = time.monotonic() + 60
    while told.exists():
        assert time.monotonic() < deadline, list(told.values())
        told.filter(leased_until=None).update(due_at=timezone.now())
        time.sleep(0.1)


def test_under_shuffled_doubled_late_and_refused_deliveries_our_mirror_equals_stripes_truth(
    vendor: StripeProcess, stack: Stack
) -> None:
    seed = ROUND + 1
    chance = random.Random(seed)
    people = [sign_up(f"Customer{number}") for number in range(4)]
    vendor.webhooks(seed=seed, shuffle=True, duplicate=0.4, delay=[0, 0.4], retries=[0.1, 0.2, 0.5, 1])

    done = []
    for step in range(60 * STORM):
        if step % 10 == 0:
            vendor.fault("500", times=1)
        done.append(act(chance.choice(people), vendor, chance))
    wait_until_heard(vendor, people)
    wait_until_told(people)
    wait_until_heard(vendor, people)

    for person in people:
        mine = StripeAccount.objects.filter(workspace=person.workspace).first()
        true = stripe_truth.of_customer(vendor, mine.customer_id) if mine else None
        if true is not None:
            assert stripe_truth.mirrored(person.subscription) == true, (seed, person.user.name, done)


def test_a_lost_event_is_found_by_the_reconciliation(vendor: StripeProcess, stack: Stack, alice: Person) -> None:
    vendor.webhooks(lose=1.0)
    url = alice.api.post("/user/upgrade-subscription", {"tier": "plus"}).json()["checkout_url"]
    pay(url)
    vendor.drain()
    before = alice.subscription.tier

    events.reconcile(now=clock(vendor))

    assert (before, alice.subscription.tier) == ("trial", "plus")


def test_seats_reach_stripe_from_the_worker(vendor: StripeProcess, stack: Stack, alice: Person) -> None:
    buy(alice, vendor, "teams")
    join(alice, "Bob")

    with transaction.atomic():
        seats.follow(workspace=alice.workspace, now=timezone.now())

    eventually(lambda: alice.subscription.seats == 2)
