"""A worker tells a slow Stripe of other seats; the owner changes the plan at that moment."""

from devkit.stripe.process import StripeProcess
from tests.billing import stripe_truth
from tests.billing.live.test_deliveries import wait_until_heard
from tests.billing.live.test_payments_hang import client
from tests.billing.stripe import account, buy
from tests.devkit.machine import eventually
from tests.people import Person
from tests.stack import Stack

SLOW = 0.4  # seconds for each answer


def test_a_change_of_plan_right_after_other_seats_waits_for_its_turn(
    vendor: StripeProcess, stack: Stack, alice: Person
) -> None:
    buy(alice, vendor, "teams", seats=2)
    alice.api.post("/subscription/downgrade", {"tier": "pro"})
    wait_until_heard(vendor, [alice])
    since = vendor.control("journal")["last"]
    vendor.fault("slow", times=1_000, seconds=SLOW)

    def is_told() -> bool:
        """The first of eight calls, which put the smaller plan aside, change the seats and plan it again."""
        calls = vendor.control(f"journal?since={since}")["requests"]
        return any(each["method"] == "POST" and "/v1/subscriptions/" in each["path"] for each in calls)

    with client(stack, alice, timeout=60) as owner:
        told = owner.post("/subscription/seats", json={"seats": 4})
        eventually(is_told)
        changed = owner.post("/subscription/resume")
    vendor.control("faults", method="DELETE")
    eventually(lambda: alice.subscription.seats == 4)

    true = stripe_truth.of_customer(vendor, account(alice).customer_id)
    assert (told.status_code, changed.status_code) == (200, 200), changed.text
    assert true is not None
    assert (true.seats, true.pending_at, alice.subscription.pending_at) == (4, None, None)
