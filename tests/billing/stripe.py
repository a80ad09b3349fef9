"""A customer at the stand-in for Stripe: what a person would click, and the time that passes there."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
from django.db import transaction
from django.db.models import QuerySet
from django.test import override_settings
from django.utils import timezone

from accounts.models import Job
from billing import jobs
from billing.models import StripeAccount, Subscription
from billing.stripe import events, setup
from config import valkey
from devkit.stripe.process import KEY, WEBHOOK_SECRET, StripeProcess
from integrations.stripe import silence
from tests.devkit.machine import eventually
from tests.people import Person
from tests.threads import elsewhere

DAY = 86_400
GOOD, DECLINED, ASKS_THE_BANK, FAILS_LATER = (
    "4242424242424242",
    "4000000000000002",
    "4000002500003155",
    "4000000000000341",
)

# What Stripe has once it is set up: it is set up once, since that takes forty requests.
SHOP: list[dict[str, Any]] = []


@contextmanager
def at_stripe(vendor: StripeProcess) -> Iterator[None]:
    """The product's settings while it takes money through this stand-in."""
    with override_settings(
        BILLING_GATEWAY="stripe",
        STRIPE_API_URL=vendor.url,
        STRIPE_SECRET_KEY=KEY,
        STRIPE_WEBHOOK_SECRETS=[WEBHOOK_SECRET],
    ):
        setup.forget()
        if SHOP:
            vendor.control("objects", {"objects": SHOP})
        else:
            setup.set_up()
            SHOP.extend(vendor.control("objects")["objects"])
        yield
    setup.forget()


def pay(url: str, card: str = GOOD, *, authenticate: str = "complete") -> httpx.Response:
    """At Checkout."""
    answer = httpx.post(url, data={"card": card})
    if answer.status_code == 303 and "authenticate" in answer.headers["location"]:
        page = str(httpx.URL(url).join(answer.headers["location"]))
        return httpx.post(page, data={"authentication": authenticate})
    return answer


def confirm(url: str, *, authenticate: str = "complete") -> httpx.Response:
    """At the Portal's page that shows the proration."""
    answer = httpx.post(url, data={"do": "confirm"})
    if answer.status_code == 303 and "authenticate" in answer.headers["location"]:
        page = str(httpx.URL(url).join(answer.headers["location"]))
        return httpx.post(page, data={"authentication": authenticate})
    return answer


def account(person: Person) -> StripeAccount:
    return StripeAccount.objects.get(workspace=person.workspace)


def state(person: Person) -> tuple[str, str]:
    subscription = person.subscription
    return subscription.tier, subscription.status


def hear(person: Person, vendor: StripeProcess) -> None:
    """As when an event has come."""
    events.bring_up_to_date(account(person), now=clock(vendor))


def clock(vendor: StripeProcess) -> datetime:
    return datetime.fromtimestamp(vendor.now(), tz=UTC)


def buy(person: Person, vendor: StripeProcess, tier: str = "pro", **more: object) -> None:
    answer = person.api.post("/user/upgrade-subscription", {"tier": tier, **more}).json()
    assert answer["status"] == "checkout_required", answer
    pay(answer["checkout_url"])
    hear(person, vendor)


def upgrade(person: Person, tier: str, **more: object) -> str:
    answer = person.api.post("/user/upgrade-subscription", {"tier": tier, **more})
    assert answer.json()["status"] == "checkout_required", answer.json()
    return str(answer.json()["checkout_url"])


def asked(vendor: StripeProcess) -> int:
    return len(vendor.control("journal")["requests"])


def forget_the_hang() -> None:
    """What others know of it."""
    valkey.client().delete(silence.KEY)


def a_while_passes(person: Person) -> None:
    """Since Stripe was asked last, with an answer or in vain."""
    forget_the_hang()
    before = timezone.now() - timedelta(minutes=1)
    accounts = StripeAccount.objects.filter(workspace=person.workspace)
    accounts.update(synced_at=before)
    accounts.exclude(unanswered_at=None).update(unanswered_at=before)


def waiting(person: Person) -> QuerySet[Job]:
    """Jobs that ask Stripe where the plan stands."""
    return Job.objects.filter(workspace=person.workspace, name="billing.jobs.hear", failed_at=None)


def work(person: Person) -> None:
    """What a worker would do now."""
    for job in waiting(person):
        elsewhere(lambda key=str(job.pk): jobs.hear(key))


@contextmanager
def while_stripe_hangs(vendor: StripeProcess, person: Person, work: Callable[[], object]) -> Iterator[None]:
    """Inside it the work waits for Stripe, in a thread of its own; and nobody waits for the workspace's row."""
    since = asked(vendor)
    vendor.fault("hang", times=1)
    with ThreadPoolExecutor(1) as thread:
        begun = thread.submit(elsewhere, work)
        eventually(lambda: asked(vendor) > since)
        with transaction.atomic():
            assert Subscription.objects.select_for_update(nowait=True).get(workspace=person.workspace)
        yield
        assert not begun.done()
    begun.result()
