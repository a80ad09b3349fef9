"""A preview asks Stripe and holds nothing meanwhile: no change is refused for it, and amounts are of what stands."""

from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext

from billing import previewing
from billing.models import Subscription
from devkit.stripe.process import StripeProcess
from tests.billing.stripe import buy
from tests.billing.test_unknown_amounts import PREVIEWS
from tests.devkit.machine import eventually
from tests.people import Person
from tests.threads import elsewhere


@pytest.fixture(autouse=True)
def _patient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("integrations.stripe.BRIEF_SECONDS", 60)


@contextmanager
def asked(vendor: StripeProcess, person: Person) -> Iterator["Future[Any]"]:
    """What three seats cost, while Stripe is slow to say it."""
    ask = {"tier": "teams", "seats": 3}
    vendor.fault("slow", seconds=60, path=PREVIEWS)
    with ThreadPoolExecutor(1) as thread:
        begun = thread.submit(elsewhere, lambda: person.api.post("/subscription/preview", ask))
        eventually(lambda: vendor.control("faults", method="GET")["faults"][0]["hits"] == 1)
        try:
            yield begun
        finally:
            vendor.control("faults", method="DELETE")


def test_while_a_preview_asks_seats_are_changed_and_then_it_is_of_those(vendor: StripeProcess, alice: Person) -> None:
    buy(alice, vendor, "teams")

    with asked(vendor, alice) as preview:
        with transaction.atomic():
            assert Subscription.objects.select_for_update(nowait=True).get(workspace=alice.workspace)
        changed = alice.api.post("/subscription/seats", {"seats": 2}).json()

    assert (preview.result().status_code, preview.result().json()["then_cents"]) == (200, 8_500)
    assert preview.result().json()["seen"] == changed["seen"]


def test_what_is_changed_again_and_again_is_not_previewed(
    vendor: StripeProcess, alice: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(previewing, "TRIES", 1)
    buy(alice, vendor, "teams")

    with asked(vendor, alice) as preview:
        changed = alice.api.post("/subscription/seats", {"seats": 2}).json()

    answer = preview.result()
    assert (answer.status_code, answer.json()["type"]) == (409, "/problems/plan-changed")
    assert answer.json()["seen"] == changed["seen"]


def test_a_preview_does_not_wait_for_who_holds_the_plan(vendor: StripeProcess, alice: Person) -> None:
    buy(alice, vendor, "teams")

    ask = {"tier": "teams", "seats": 3}
    with ThreadPoolExecutor(1) as thread, transaction.atomic():
        assert Subscription.objects.select_for_update().get(workspace=alice.workspace)
        preview = thread.submit(elsewhere, lambda: alice.api.post("/subscription/preview", ask))
        eventually(preview.done)

    assert (preview.result().status_code, preview.result().json()["then_cents"]) == (200, 8_500)


def test_a_preview_locks_no_row_while_nothing_is_due(alice: Person) -> None:
    with CaptureQueriesContext(connection) as queries:
        answer = alice.api.post("/subscription/preview", {"tier": "teams"})

    assert answer.status_code == 200
    assert not [each["sql"] for each in queries if "FOR UPDATE" in each["sql"]]
