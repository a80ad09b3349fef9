"""`stripe_setup`: what it makes, what it mends, and what it refuses in words."""

import io
from collections.abc import Iterator

import pytest
from django.core.management import call_command

from billing.stripe import setup, truth
from devkit.stripe.process import StripeProcess
from integrations.stripe import VERSION

HOOK = "https://docent.example/webhooks/stripe"


@pytest.fixture(autouse=True)
def _nobody_keeps_what_was_changed(vendor: StripeProcess) -> Iterator[None]:
    yield
    setup.forget()


def set_up(*arguments: str) -> str:
    out = io.StringIO()
    call_command("stripe_setup", *arguments, stdout=out)
    return out.getvalue()


def put_endpoint(*events: str) -> str:
    made = truth.api().v1.webhook_endpoints.create(
        {"url": HOOK, "enabled_events": list(events), "api_version": VERSION}  # type: ignore[typeddict-item]
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
