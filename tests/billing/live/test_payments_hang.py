"""The payment provider takes for ever to answer: whoever does not ask it is served as ever."""

from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager

import httpx

from accounts import tokens
from devkit.stripe.process import StripeProcess
from tests.billing.stripe import pay, state
from tests.devkit.machine import eventually
from tests.people import Person, sign_up
from tests.stack import Stack

# More than Django has threads.
ASKING = 12
HANGS = 60  # seconds


def client(stack: Stack, person: Person, *, timeout: float) -> httpx.Client:
    access = tokens.issue(person.membership).access
    return httpx.Client(base_url=stack.url, headers={"Authorization": f"Bearer {access}"}, timeout=timeout)


@contextmanager
def much_asked(stack: Stack, vendor: StripeProcess, *, hangs: float) -> Iterator[list["Future[httpx.Response]"]]:
    """What an owner asked, who waits for it, since Stripe answers nothing for so many seconds."""
    alice = sign_up("Alice")
    pay(alice.api.post("/user/upgrade-subscription", {"tier": "pro"}).json()["checkout_url"])
    eventually(lambda: state(alice) == ("pro", "active"))
    with client(stack, alice, timeout=60) as owner, ThreadPoolExecutor(ASKING) as pool:
        since = vendor.control("journal")["last"]
        vendor.fault("hang", times=1_000, seconds=hangs)
        asked = [pool.submit(owner.post, "/subscription/preview", json={"tier": "plus"}) for _ in range(ASKING)]
        eventually(lambda: vendor.control("journal")["last"] > since)
        yield asked


def test_who_asks_for_no_payment_waits_for_none(stack: Stack, vendor: StripeProcess) -> None:
    with (
        client(stack, sign_up("Charlie"), timeout=HANGS / 2) as other,
        much_asked(stack, vendor, hangs=HANGS) as asked,
    ):
        said = other.get("/usage/quota")
        vendor.control("faults", method="DELETE")
        answers = {each.result().status_code for each in asked}

    assert said.status_code == 200
    assert answers <= {200, 503}


def test_who_asks_for_little_is_served_while_another_owner_asks_for_much(stack: Stack, vendor: StripeProcess) -> None:
    with client(stack, sign_up("Charlie"), timeout=60) as other, much_asked(stack, vendor, hangs=120) as asked:
        said = other.get("/subscription")
        answers = [each.result() for each in asked]
        vendor.control("faults", method="DELETE")

    assert said.status_code == 200
    assert {answer.status_code for answer in answers} == {503}
    assert all("Retry-After" in answer.headers for answer in answers)
