"""A customer at the stand-in for Stripe: what a person would click, and the time that passes there."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

import httpx
from django.test import override_settings

from billing.models import StripeAccount
from billing.stripe import events, setup
from devkit.stripe.process import KEY, WEBHOOK_SECRET, StripeProcess
from tests.people import Person

DAY = 86_400
GOOD, DECLINED, ASKS_THE_BANK, FAILS_LATER = (
    "4242424242424242",
    "4000000000000002",
    "4000002500003155",
    "4000000000000341",
)


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
        setup.set_up()
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
