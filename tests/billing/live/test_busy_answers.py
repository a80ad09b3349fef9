"""Payments are heard of while every worker for questions is busy with a slow answer."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from django.db import connection, connections, transaction

from accounts import tenancy
from accounts.models import Job
from billing.models import StripeEvent
from devkit.stripe.process import StripeProcess
from tests.billing.stripe import pay, state
from tests.devkit.machine import eventually
from tests.people import Person, sign_up

SLOTS = 2


@contextmanager
def slow_answers(person: Person, number: int) -> Iterator[None]:
    """So many questions, whose workers wait for a table of the workspace that is held here."""
    held, over = threading.Event(), threading.Event()

    def hold() -> None:
        try:
            with tenancy.within(person.workspace), transaction.atomic(), connection.cursor() as cursor:
                cursor.execute("LOCK TABLE agent_step IN EXCLUSIVE MODE")
                held.set()
                over.wait(120)
        finally:
            connections.close_all()

    thread = threading.Thread(target=hold)
    thread.start()
    assert held.wait(60)
    try:
        for n in range(number):
            assert person.api.post("/agent/run", {"prompt": f"What is {n}?"}).status_code == 202
        yield
    finally:
        over.set()
        thread.join()


def test_a_payment_is_heard_of_while_all_questions_take_long(vendor: StripeProcess) -> None:
    alice, charlie = sign_up("Alice"), sign_up("Charlie")
    url = alice.api.post("/user/upgrade-subscription", {"tier": "pro"}).json()["checkout_url"]
    at_work = Job.objects.filter(workspace=charlie.workspace, name="agent.jobs.run", leased_until__isnull=False)

    with slow_answers(charlie, SLOTS + 1):
        eventually(lambda: at_work.count() == SLOTS)
        pay(url)

        eventually(lambda: state(alice) == ("pro", "active"))
        eventually(lambda: not StripeEvent.objects.filter(processed_at=None).exists())
        assert at_work.count() == SLOTS
