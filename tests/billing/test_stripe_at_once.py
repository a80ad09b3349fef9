"""Two who ask Stripe about one customer at once: what was asked later is written later."""

import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor

import pytest
from django.db import connections

from billing.models import StripeAccount
from billing.stripe import events, truth
from billing.stripe import seats as at_stripes
from devkit.stripe.process import StripeProcess
from tests.billing.stripe import account, buy, clock, state
from tests.people import Person

Work = Callable[[StripeAccount, StripeProcess], object]


def look(found: StripeAccount, vendor: StripeProcess) -> object:
    return events.bring_up_to_date(found, now=clock(vendor))


def send_seats(found: StripeAccount, vendor: StripeProcess) -> object:
    return at_stripes.send(found, change="x", now=clock(vendor))


@pytest.fixture
def threads() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(2) as pool:
        yield pool


def begin(threads: ThreadPoolExecutor, work: Work, found: StripeAccount, vendor: StripeProcess) -> "Future[object]":
    def run() -> object:
        try:
            return work(found, vendor)
        finally:
            connections.close_all()

    return threads.submit(run)


def until(is_so: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 20
    while not is_so():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def somebody_waits_for_a_lock() -> bool:
    with connections["owner"].cursor() as cursor:
        cursor.execute("SELECT FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'")
        return cursor.fetchone() is not None


@pytest.mark.parametrize("first", [look, send_seats])
def test_an_answer_that_is_late_is_not_written_over_a_newer_one(
    vendor: StripeProcess, alice: Person, threads: ThreadPoolExecutor, first: Work
) -> None:
    buy(alice, vendor, "teams")
    bought = account(alice).subscription_id
    vendor.fault("slow_after", seconds=20, method="GET", path="/v1/subscriptions$")
    # It has its answer of before the end, which is on its way.
    earlier = begin(threads, first, account(alice), vendor)
    until(lambda: vendor.control("faults", method="GET")["faults"][0]["hits"] == 1)
    truth.api().v1.subscriptions.cancel(bought)

    later = begin(threads, look, account(alice), vendor)
    until(lambda: later.done() or somebody_waits_for_a_lock())
    vendor.control("faults", method="DELETE")
    earlier.result(timeout=30)
    later.result(timeout=30)

    assert (state(alice), account(alice).subscription_id) == (("teams", "canceled"), "")
