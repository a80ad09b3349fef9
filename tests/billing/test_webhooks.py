"""Events of Stripe: verified, stored once, and in whatever order they come our mirror equals Stripe's truth."""

import itertools
import json
import time
from typing import Any

import httpx
import stripe
from django.test import Client
from django.utils import timezone
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from billing.models import StripeEvent, Subscription
from billing.stripe import events, truth
from devkit.stripe.process import KEY, WEBHOOK_SECRET, StripeProcess
from integrations.stripe import VERSION
from tests.billing.stripe import account, buy
from tests.people import Person


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
