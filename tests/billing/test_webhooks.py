"""Events of Stripe: verified, stored once, and in whatever order they come our mirror equals Stripe's truth."""

import itertools
import json
import random
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any

import httpx
import pytest
import stripe
from django.db import transaction
from django.test import Client
from django.utils import timezone
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from accounts.models import Job
from billing import seats
from billing.models import StripeAccount, StripeEvent, Subscription
from billing.plans import Tier
from billing.stripe import events, truth
from billing.team import members
from config.errors import AppError
from devkit.stripe.process import KEY, WEBHOOK_SECRET, StripeProcess
from integrations.stripe import VERSION
from tests.billing import stripe_truth
from tests.billing.stripe import DAY, FAILS_LATER, GOOD, account, buy, clock, confirm, pay
from tests.billing.team import joined
from tests.people import Person, join, sign_up
from tests.stack import Stack, running
from tests.storm import ROUND, STORM


def deliver(body: str, *, secret: str = WEBHOOK_SECRET, age: int = 0) -> tuple[int, str]:
    at = int(time.time()) - age
    signature = stripe.WebhookSignature._compute_signature(f"{at}.{body}", secret)
    answer = Client().post(
        "/webhooks/stripe",
        data=body,
        content_type="application/json",
        headers={"Stripe-Signature": f"t={at},v1={signature}"},
    )
    return answer.status_code, answer.json().get("type", "")


def event_of(person: Person, vendor: StripeProcess) -> dict[str, Any]:
    """An event about this customer, as it is delivered."""
    answer = httpx.get(
        f"{vendor.url}/v1/events",
        params={"type": "customer.subscription.created"},
        headers={"Authorization": f"Bearer {KEY}", "Stripe-Version": VERSION},
    )
    mine = account(person).customer_id
    return next(one for one in answer.json()["data"] if one["data"]["object"]["customer"] == mine)


def test_an_event_is_stored_once_however_often_it_comes(vendor: StripeProcess, alice: Person) -> None:
    buy(alice, vendor, "pro")
    body = json.dumps(event_of(alice, vendor))

    answers = [deliver(body) for _ in range(3)]

    assert answers == [(200, "")] * 3
    assert StripeEvent.objects.filter(customer_id=account(alice).customer_id).count() == 1


def test_what_is_not_signed_by_stripe_is_refused(vendor: StripeProcess, alice: Person) -> None:
    buy(alice, vendor, "pro")
    body = json.dumps(event_of(alice, vendor))

    refused = [deliver(body, secret="whsec_other"), deliver(body, age=360), deliver("no json"), deliver("{}", age=-0)]

    assert [status for status, _ in refused] == [400] * 4
    assert not StripeEvent.objects.filter(customer_id=account(alice).customer_id).exists()


def test_an_event_of_the_other_mode_is_refused(vendor: StripeProcess, alice: Person) -> None:
    buy(alice, vendor, "pro")
    live = json.dumps({**event_of(alice, vendor), "livemode": True})

    assert deliver(live) == (400, "/problems/bad-signature")


WHOLE: dict[str, Any] = {
    "id": "evt_fuzz",
    "object": "event",
    "type": "invoice.paid",
    "livemode": False,
    "data": {"object": {"customer": "cus_nobody"}},
}
ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=90),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=9), inner, max_size=3),
)


BODIES = st.text(max_size=200) | ANYTHING.map(json.dumps)
CHANGED = st.builds(lambda name, wrong: json.dumps({**WHOLE, name: wrong}), st.sampled_from([*WHOLE]), ANYTHING)


@given(body=BODIES | CHANGED)
@example(body="")
@example(body="[]")
@example(body="[" * 100_000)
@example(body=json.dumps({**WHOLE, "id": "evt_\0"}))
@example(body=json.dumps({**WHOLE, "id": "e" * 65}))
@example(body=json.dumps({**WHOLE, "id": 7}))
@example(body=json.dumps({**WHOLE, "type": "t" * 81}))
@example(body=json.dumps({**WHOLE, "type": None}))
@example(body=json.dumps({**WHOLE, "data": {"object": {"customer": "cus\0"}}}))
@example(body=json.dumps({**WHOLE, "data": {"object": {"customer": {"id": ["cus"]}}}}))
@example(body=json.dumps({**WHOLE, "data": {"object": {"customer": 7}}}))
@example(body=json.dumps({key: value for key, value in WHOLE.items() if key != "data"}))
@settings(max_examples=60, suppress_health_check=list(HealthCheck))
def test_a_signed_body_that_is_no_event_is_refused_and_nothing_is_stored(vendor: StripeProcess, body: str) -> None:
    before = StripeEvent.objects.count()

    status, kind = deliver(body)

    # Now and then what was changed is an event all the same.
    if status == 200:
        assert StripeEvent.objects.filter(pk=json.loads(body)["id"]).exists()
    else:
        assert (status, kind.removeprefix("/problems/")) in {(400, "malformed"), (400, "bad-signature")}
        assert StripeEvent.objects.count() == before


def test_a_signed_body_of_any_size_is_refused_and_not_read(vendor: StripeProcess) -> None:
    body = json.dumps({**WHOLE, "padding": "x" * 30_000_000})

    assert deliver(body) == (413, "/problems/too-large")


def test_without_stripe_there_is_no_such_address(alice: Person) -> None:
    assert Client().post("/webhooks/stripe", data="{}", content_type="application/json").status_code == 404


def test_every_order_of_the_five_events_of_a_purchase_ends_the_same(vendor: StripeProcess, alice: Person) -> None:
    buy(alice, vendor, "teams")
    listed = truth.api().v1.events.list({"limit": 100}).data
    kinds = ["checkout.session.completed", "customer.subscription.created", "invoice.paid", "invoice.payment_succeeded"]
    five = [one for one in listed if one.type in kinds or one.type == "customer.created"][:5]
    mine = Subscription.objects.filter(workspace=alice.workspace)
    fresh = {"tier": "trial", "status": "trialing", "seats": 1}

    assert len(five) == 5
    for order in itertools.permutations(five):
        mine.update(**fresh)
        StripeEvent.objects.filter(pk__in=[one.id for one in five]).delete()
        for event in order:
            events.store(event, now=timezone.now())
            while events.process_one(now=timezone.now()):
                pass
        assert mine.values_list("tier", "status").get() == ("teams", "active")


@pytest.fixture(scope="module")
def stack(process: StripeProcess) -> Iterator[Stack]:
    with running(
        BILLING_GATEWAY="stripe",
        STRIPE_API_URL=process.url,
        STRIPE_SECRET_KEY=KEY,
        STRIPE_WEBHOOK_SECRETS=WEBHOOK_SECRET,
    ) as product:
        yield product


OPERATIONS = ("buy", "buy", "down", "cancel", "resume", "time", "bad card", "good card", "join", "leave", "seats")


def act(person: Person, vendor: StripeProcess, chance: random.Random) -> str:
    """Something a customer, a card or the calendar may do; refusals are part of it. Answers what it was."""
    tier, what = chance.choice([Tier.PRO, Tier.PLUS, Tier.TEAMS]), chance.choice(OPERATIONS)
    if what == "buy":
        answer = person.api.post("/user/upgrade-subscription", {"tier": tier})
        if answer.status_code == 200:
            url = answer.json()["checkout_url"]
            (pay if "checkout" in url or "/c/pay/" in url else confirm)(url)
    elif what in {"down", "cancel", "resume"}:
        address = {"down": "downgrade", "cancel": "cancel", "resume": "resume"}[what]
        person.api.post(f"/subscription/{address}", {"tier": tier})
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


def wait_until_heard(vendor: StripeProcess) -> None:
    assert vendor.drain(60)
    deadline = time.monotonic() + 60
    while StripeEvent.objects.filter(processed_at=None).exists():
        assert time.monotonic() < deadline, list(StripeEvent.objects.filter(processed_at=None).values())
        StripeEvent.objects.filter(processed_at=None).update(due_at=timezone.now())
        time.sleep(0.1)


def wait_until_told(people: list[Person]) -> None:
    """Each number of seats has reached Stripe; what was refused on the way need not wait for its next try."""
    told = Job.objects.filter(name="billing.jobs.send_seats", workspace__in=[each.workspace for each in people])
    deadline = time.monotonic() + 60
    while told.exists():
        assert time.monotonic() < deadline, list(told.values())
        told.filter(leased_until=None).update(due_at=timezone.now())
        time.sleep(0.1)


@pytest.mark.parametrize("seed", [1, 2])
def test_under_shuffled_doubled_late_and_refused_deliveries_our_mirror_equals_stripes_truth(
    vendor: StripeProcess, stack: Stack, seed: int
) -> None:
    seed += 1_000 * ROUND
    chance = random.Random(seed)
    people = [sign_up(f"Customer{number}") for number in range(4)]
    vendor.send_webhooks_to(f"{stack.url}/webhooks/stripe")
    vendor.webhooks(seed=seed, shuffle=True, duplicate=0.4, delay=[0, 0.4], retries=[0.1, 0.2, 0.5, 1])

    done = []
    for step in range(60 * STORM):
        if step % 10 == 0:
            vendor.fault("500", times=1)
        done.append(act(chance.choice(people), vendor, chance))
    wait_until_heard(vendor)
    wait_until_told(people)
    wait_until_heard(vendor)

    for person in people:
        mine = StripeAccount.objects.filter(workspace=person.workspace).first()
        true = stripe_truth.of_customer(vendor, mine.customer_id) if mine else None
        if true is not None:
            assert stripe_truth.mirrored(person.subscription) == true, (seed, person.user.name, done)


def test_a_lost_event_is_found_by_the_reconciliation(vendor: StripeProcess, stack: Stack, alice: Person) -> None:
    vendor.send_webhooks_to(f"{stack.url}/webhooks/stripe")
    vendor.webhooks(lose=1.0)
    url = alice.api.post("/user/upgrade-subscription", {"tier": "plus"}).json()["checkout_url"]
    pay(url)
    vendor.drain()
    before = alice.subscription.tier

    events.reconcile(now=clock(vendor))

    assert (before, alice.subscription.tier) == ("trial", "plus")


def test_seats_reach_stripe_from_the_worker(vendor: StripeProcess, stack: Stack, alice: Person) -> None:
    vendor.send_webhooks_to(f"{stack.url}/webhooks/stripe")
    buy(alice, vendor, "teams")
    join(alice, "Bob")

    with transaction.atomic():
        seats.follow(workspace=alice.workspace, now=timezone.now())

    assert comes_true(lambda: alice.subscription.seats == 2)


def comes_true(holds: Callable[[], bool]) -> bool:
    deadline = time.monotonic() + 30
    while not holds() and time.monotonic() < deadline:
        time.sleep(0.1)
    return holds()
