"""A first purchase that fails once: the customer was made at Stripe, and is the same one at every later try."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import transaction

from accounts.models import Role, Workspace
from billing.models import StripeAccount, Subscription
from devkit.stripe.process import StripeProcess
from tests.billing.stripe import account, buy, state, upgrade
from tests.devkit.machine import eventually
from tests.people import Person, join
from tests.threads import at_once, elsewhere

CHECKOUT = "/v1/checkout/sessions$"


def fail(person: Person, vendor: StripeProcess, do: str, path: str) -> None:
    vendor.fault(do, times=100, method="POST", path=path)
    answer = person.api.post("/user/upgrade-subscription", {"tier": "pro"})
    vendor.control("faults", method="DELETE")
    assert (answer.status_code, answer.json()["type"]) == (503, "/problems/payments-unavailable")


def customers(vendor: StripeProcess) -> list[str]:
    return [one["id"] for one in vendor.control("state?kind=customer")["objects"]]


@pytest.mark.parametrize("do", ["500", "cut_after"])
@pytest.mark.parametrize("path", [CHECKOUT, "/v1/customers$", "/v1/customers/"])
def test_another_name_or_owner_meanwhile_is_no_obstacle(
    vendor: StripeProcess, alice: Person, do: str, path: str
) -> None:
    fail(alice, vendor, do, path)
    Workspace.objects.filter(pk=alice.workspace.pk).update(name="Another company")
    bob = join(alice, "Bob", role=Role.OWNER)
    alice.membership.delete()

    buy(bob, vendor, "teams")

    assert state(bob) == ("teams", "active")
    assert customers(vendor) == [account(bob).customer_id]


def test_the_customer_is_kept_although_the_page_does_not_open(vendor: StripeProcess, alice: Person) -> None:
    fail(alice, vendor, "500", CHECKOUT)

    assert customers(vendor) == [account(alice).customer_id]


def test_the_customer_has_the_name_and_the_address_of_who_buys(vendor: StripeProcess, alice: Person) -> None:
    buy(alice, vendor, "pro")

    [customer] = vendor.control("state?kind=customer")["objects"]
    told = customer["name"], customer["email"], customer["metadata"]["workspace"]
    assert told == (alice.workspace.name, alice.email, str(alice.workspace.pk))


def test_nobody_is_made_a_customer_by_a_wish_that_is_refused(vendor: StripeProcess, alice: Person) -> None:
    assert alice.api.post("/user/upgrade-subscription", {"tier": "pro", "seats": 7}).status_code == 400

    assert customers(vendor) == []
    assert not StripeAccount.objects.filter(workspace=alice.workspace).exists()


def test_while_who_pays_already_is_looked_for_nobody_waits_for_the_workspace(
    vendor: StripeProcess, alice: Person
) -> None:
    """All that stand are read, a hundred a call."""
    vendor.fault("slow", seconds=60, method="GET", path="/v1/subscriptions$")

    with ThreadPoolExecutor(1) as thread:
        bought = thread.submit(elsewhere, lambda: upgrade(alice, "pro"))
        eventually(lambda: vendor.control("faults", method="GET")["faults"][0]["hits"] == 1)
        with transaction.atomic():
            held = Subscription.objects.select_for_update(nowait=True, of=("self",)).get(workspace=alice.workspace)
        vendor.control("faults", method="DELETE")

    assert held.tier == "trial"
    assert bought.result().startswith(vendor.url)


def test_two_who_buy_at_once_for_the_first_time_are_one_customer(vendor: StripeProcess, alice: Person) -> None:
    vendor.fault("slow", times=100, seconds=0.3)

    pages = at_once(lambda: upgrade(alice, "pro"), times=2)

    assert len(set(pages)) == 1
    assert customers(vendor) == [account(alice).customer_id]
