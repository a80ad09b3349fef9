"""Two who ask Stripe about one customer at once: what was asked later is written later."""

import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial

import pytest
from django.db import connections, transaction

from accounts import schemas
from accounts.models import Job, Workspace
from agent import deletion
from agent.jobs import erase_workspace
from billing.models import StripeAccount, StripeEvent, Subscription
from billing.stripe import events, truth
from billing.stripe import seats as at_stripes
from devkit.stripe.process import StripeProcess
from tests.billing import stripe_truth
from tests.billing.stripe import account, buy, clock, pay, state, upgrade
from tests.people import Person
from tests.threads import in_turn

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
    deadline = time.monotonic() + 60
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


def test_a_page_that_is_paid_on_while_the_open_ones_are_read_is_the_only_one(
    vendor: StripeProcess, alice: Person, threads: ThreadPoolExecutor
) -> None:
    page = upgrade(alice, "pro")
    vendor.fault("slow", seconds=20, method="GET", path="/v1/checkout/sessions$")

    def choose(_found: StripeAccount, _vendor: StripeProcess) -> object:
        return alice.api.post("/user/upgrade-subscription", {"tier": "plus"}).status_code

    second = begin(threads, choose, account(alice), vendor)
    until(lambda: vendor.control("faults", method="GET")["faults"][0]["hits"] == 1)
    pay(page)
    vendor.control("faults", method="DELETE")

    assert second.result(timeout=30) == 409
    assert [one["status"] for one in vendor.control("state?kind=checkout.session")["objects"]] == ["complete"]


def erase(found: StripeAccount, vendor: StripeProcess) -> object:
    job = Job.objects.get(workspace_id=found.workspace_id, name=erase_workspace.name)
    return erase_workspace(str(job.pk))


def process(found: StripeAccount, vendor: StripeProcess) -> object:
    return events.process_one(now=clock(vendor))


def is_there(person: Person) -> bool:
    return Workspace.objects.filter(pk=person.workspace.pk).exists()


def test_a_workspace_is_erased_while_an_event_of_it_is_processed(
    vendor: StripeProcess, alice: Person, threads: ThreadPoolExecutor
) -> None:
    schemas.fill(4)
    upgrade(alice, "pro")
    found = account(alice)
    assert alice.api.delete("/workspace", {"confirm": alice.workspace.name}, format="json").status_code == 202
    Workspace.objects.filter(pk=alice.workspace.pk).update(erases_at=clock(vendor))
    deletion.begin(alice.workspace.pk, now=clock(vendor))
    StripeEvent.objects.create(id="evt_x", type="x", customer_id=found.customer_id, due_at=clock(vendor))
    vendor.fault("slow_after", seconds=20, method="GET", path="/v1/subscriptions$")
    processed = begin(threads, process, found, vendor)
    until(lambda: vendor.control("faults", method="GET")["faults"][0]["hits"] == 1)

    erased = begin(threads, erase, found, vendor)
    until(lambda: erased.done() or somebody_waits_for_a_lock())
    vendor.control("faults", method="DELETE")
    processed.result(timeout=30)
    erased.result(timeout=30)

    # With the customer go the events of it.
    assert not StripeEvent.objects.filter(pk="evt_x").exists()
    assert not is_there(alice)


def test_an_event_that_waited_for_the_erasing_is_done_with_it(
    vendor: StripeProcess, alice: Person, threads: ThreadPoolExecutor
) -> None:
    upgrade(alice, "pro")
    found = account(alice)
    with transaction.atomic(using="owner"):
        Subscription.objects.using("owner").select_for_update().get(workspace=alice.workspace)
        heard = begin(threads, look, found, vendor)
        until(somebody_waits_for_a_lock)
        Workspace.objects.using("owner").filter(pk=alice.workspace.pk).delete()

    assert heard.result(timeout=30) is False


@pytest.mark.parametrize(("before", "asked", "is_cancelled"), [("resume", "cancel", True), ("cancel", "resume", False)])
def test_who_changes_their_mind_before_the_answer_has_what_they_asked_last(
    vendor: StripeProcess, alice: Person, before: str, asked: str, is_cancelled: bool
) -> None:
    """At Stripe, and as it is shown here. Two, since the database keeps the order of two alone: who waits for a row
    that was written meanwhile asks for it anew, as all the others do."""
    buy(alice, vendor, "pro")
    alice.api.post("/subscription/cancel")
    answers: list[int] = []

    def ask(deed: str) -> None:
        answers.append(alice.api.post(f"/subscription/{deed}").status_code)

    in_turn(Subscription.objects.filter(workspace=alice.workspace), partial(ask, before), partial(ask, asked))

    true = stripe_truth.of_customer(vendor, account(alice).customer_id)
    assert answers == [200, 200]
    assert true is not None
    assert true.pending_at == alice.subscription.pending_at
    assert (true.pending_at is not None) == is_cancelled
