"""`stripe_setup`: what it makes, what it mends, and what it refuses in words."""

import io
from collections.abc import Iterator
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from billing.stripe import setup, truth
from devkit.stripe.process import StripeProcess
from integrations.stripe import VERSION
from tests.people import Person

HOOK = "https://docent.example/webhooks/stripe"


@pytest.fixture(autouse=True)
def _nobody_keeps_what_was_changed(vendor: StripeProcess) -> Iterator[None]:
    yield
    setup.forget()


def set_up(*arguments: str) -> str:
    out = io.StringIO()
    call_command("stripe_setup", *arguments, stdout=out)
    return out.getvalue()


def put_price(lookup_key: str, **changes: Any) -> None:
    """In Stripe's dashboard, in place of ours."""
    truth.api().v1.prices.create(
        {
            "product": f"docent_{lookup_key.removesuffix('_monthly')}",
            "currency": "usd",
            "lookup_key": lookup_key,
            "transfer_lookup_key": True,
            "recurring": {"interval": "month"},
            "unit_amount": 1_000,
            **changes,
        }
    )
    setup.forget()


def put_endpoint(*events: str) -> str:
    made = truth.api().v1.webhook_endpoints.create(
        {"url": HOOK, "enabled_events": list(events), "api_version": VERSION}
    )
    return made.id


def heard() -> list[set[str]]:
    return [set(one.enabled_events) for one in truth.api().v1.webhook_endpoints.list().data if one.url == HOOK]


def test_an_endpoint_that_hears_too_little_hears_all(vendor: StripeProcess) -> None:
    id = put_endpoint("invoice.paid", "customer.created")

    first, second = set_up("--endpoint", HOOK), set_up("--endpoint", HOOK)

    assert heard() == [{*setup.EVENTS, "customer.created"}]
    assert f"hears of {len(setup.EVENTS) - 1} more kinds of events" in first
    assert "endpoint" not in second
    assert [one.id for one in truth.api().v1.webhook_endpoints.list().data if one.url == HOOK] == [id]


def test_an_endpoint_that_hears_everything_is_left_as_it_is(vendor: StripeProcess) -> None:
    put_endpoint("*")

    said = set_up("--endpoint", HOOK)

    assert (heard(), "endpoint" in said) == ([{"*"}], False)


def test_an_endpoint_is_made_once_and_tells_its_secret(vendor: StripeProcess) -> None:
    first, second = set_up("--endpoint", HOOK), set_up("--endpoint", HOOK)

    assert "STRIPE_WEBHOOK_SECRETS=whsec_" in first
    assert "endpoint" not in second
    assert heard() == [set(setup.EVENTS)]


WRONG: list[tuple[str, dict[str, Any], str]] = [
    ("pro", {"recurring": {"interval": "year"}}, "is paid every year; Pro is paid every month in USD"),
    ("pro", {"recurring": {"interval": "month", "interval_count": 3}}, "is paid every 3 months"),
    ("plus", {"currency": "eur", "unit_amount": 1_900}, "is in EUR; Plus is paid every month in USD"),
    ("plus", {"product": "docent_pro", "unit_amount": 1_900}, "is of product 'docent_pro'"),
    ("pro", {"recurring": {"interval": "year"}, "currency": "eur"}, "is paid every year and is in EUR"),
]


@pytest.mark.parametrize(("tier", "changes", "words"), WRONG)
def test_a_price_of_another_kind_is_refused_in_words(
    vendor: StripeProcess, tier: str, changes: dict[str, Any], words: str
) -> None:
    put_price(f"{tier}_monthly", **changes)

    with pytest.raises(CommandError) as refused:
        set_up()

    assert words in str(refused.value)
    assert f"'{tier}_monthly'" in str(refused.value)


def test_a_price_of_another_kind_is_sold_to_nobody(vendor: StripeProcess, alice: Person) -> None:
    put_price("pro_monthly", recurring={"interval": "year"})

    answer = alice.api.post("/user/upgrade-subscription", {"tier": "pro"})

    assert (answer.status_code, answer.json()["type"]) == (503, "/problems/payments-unavailable")
    assert vendor.control("state?kind=checkout.session")["objects"] == []


def test_once_it_is_archived_the_price_is_made(vendor: StripeProcess) -> None:
    put_price("pro_monthly", recurring={"interval": "year"})
    api = truth.api().v1
    [yearly] = api.prices.list({"lookup_keys": ["pro_monthly"]}).data
    api.prices.update(yearly.id, {"active": False})

    said = set_up()

    assert "made price pro_monthly" in said
