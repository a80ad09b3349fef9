"""Payments are heard of while every worker for questions is busy with a slow answer."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
from django.db import connection, connections, transaction

from accounts import tenancy
from accounts.models import Job
from billing.models import StripeEvent
from devkit.stripe.process import KEY, WEBHOOK_SECRET, StripeProcess
from tests.billing.stripe import pay, state
from tests.people import Person, sign_up
from tests.stack import Stack, running

SLOTS = 2


@pytest.fixture
def stack(vendor: StripeProcess, chroma: str) -> Iterator[Stack]:
    with running(
        is_apart=True,
        CHROMA_URL=chroma,
        BILLING_GATEWAY="stripe",
        STRIPE_API_URL=vendor.url,
        STRIPE_SECRET_KEY=KEY,
        STRIPE_WEBHOOK_SECRETS=WEBHOOK_SECRET,
    ) as product:
        yield product


def comes_true(holds: Callable[[], bool], seconds: float = 30) -> bool:
    deadline = time.monotonic() + seconds
    while not holds() and time.monotonic() < deadline:
        time.sleep(0.1)
    return holds()


@contextmanager
def slow_answers(person: Person, number: int) -> Iterator[None]:
    """So many questions, whose workers wait for a table of the workspace that is held here."""
    held, over = threading.Event(), threading.Event()

    def hold() -> None:
        try:
            with tenancy.within(person.workspace), transaction.atomic(), connection.cursor() as cursor:
                cursor.execute("LOCK TABLE agent_step IN EXCLUSIVE MODE")
                held.set()
                over.wait(60)
        finally:
            connections.close_all()

    thread = threading.Thread(target=hold)
    thread.start()
    assert held.wait(10)
    try:
        for n in range(number):
            assert person.api.post("/agent/run", {"prompt": f"What is {n}?"}).status_code == 202
        yield
    finally:
        over.set()
        thread.join()


def test_a_payment_is_heard_of_while_all_questions_take_long(vendor: StripeProcess, stack: Stack) -> None:
    alice, charlie = sign_up("Alice"), sign_up("Charlie")
    vendor.send_webhooks_to(f"{stack.url}/webhooks/stripe")
    url = alice.api.post("/user/upgrade-subscription", {"tier": "pro"}).json()["checkout_url"]
    at_work = Job.objects.filter(workspace=charlie.workspace, name="agent.jobs.run", leased_until__isnull=False)

    with slow_answers(charlie, SLOTS + 1):
        assert comes_true(lambda: at_work.count() == SLOTS)
        pay(url)

        assert comes_true(lambda: state(alice) == ("pro", "active"))
        assert comes_true(lambda: not StripeEvent.objects.filter(processed_at=None).exists())
        assert at_work.count() == SLOTS
