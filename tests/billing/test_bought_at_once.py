"""Several who buy at the same moment: while Stripe answers, each has their turn."""

import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack

import pytest

from billing.stripe import talking, truth
from devkit.stripe.process import StripeProcess
from tests.billing.stripe import buy, upgrade
from tests.people import Person, sign_up
from tests.threads import at_once


def test_three_owners_who_buy_at_the_same_moment_are_all_led_to_pay(vendor: StripeProcess) -> None:
    owners = [sign_up(name) for name in ("Alice", "Bea", "Cleo")]
    vendor.fault("slow", times=1_000, seconds=0.3)

    pages = at_once(lambda: upgrade(owners.pop(), "teams", seats=2), times=3)

    assert all(page.startswith(vendor.url) for page in pages)


def test_who_never_finds_a_turn_is_told_so_though_stripe_answers_others(
    vendor: StripeProcess, alice: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    buy(alice, vendor, "pro")
    monkeypatch.setattr(talking, "TURNS", 2)
    over = threading.Event()

    def ask() -> None:
        while not over.is_set():
            truth.api().v1.prices.list({"limit": 1})

    with ThreadPoolExecutor(1) as others, ExitStack() as turns:
        for _ in range(2):
            turns.enter_context(talking.ASKING)
        turns.callback(over.set)
        others.submit(ask)
        refused = alice.api.post("/subscription/cancel")

    assert (refused.status_code, refused.json()["type"]) == (503, "/problems/payments-unavailable")
