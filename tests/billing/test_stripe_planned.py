"""An upgrade beside what is planned at Stripe: it is dropped, and nothing is lost on the way."""

import pytest

from devkit.stripe.process import StripeProcess
from tests.billing.stripe import DAY, buy, confirm, hear, state, upgrade
from tests.people import Person


@pytest.mark.parametrize(("path", "body"), [("downgrade", {"tier": "pro"}), ("cancel", {})])
def test_an_upgrade_drops_what_is_planned(
    vendor: StripeProcess, alice: Person, path: str, body: dict[str, str]
) -> None:
    buy(alice, vendor, "plus")
    alice.api.post(f"/subscription/{path}", body)

    looked = alice.api.post("/subscription/preview", {"tier": "teams"}).json()
    kept = alice.subscription.pending_at
    url = upgrade(alice, "teams")
    dropped = alice.subscription.pending_at
    confirm(url)
    hear(alice, vendor)
    vendor.advance(32 * DAY)
    hear(alice, vendor)

    assert (looked["drops"]["tier"], dropped) == (body.get("tier"), None)
    assert kept is not None
    assert state(alice) == ("teams", "active")
    assert alice.subscription.pending_at is None
    assert [one["total"] for one in vendor.control("state?kind=invoice")["objects"]] == [
        1_900, pytest.approx(looked["due_now_cents"], abs=1), 6_100
    ]  # fmt: skip


def test_an_upgrade_is_possible_in_the_month_after_a_smaller_plan_came(vendor: StripeProcess, alice: Person) -> None:
    buy(alice, vendor, "plus")
    alice.api.post("/subscription/downgrade", {"tier": "pro"})
    vendor.advance(32 * DAY)
    hear(alice, vendor)

    confirm(upgrade(alice, "plus"))
    hear(alice, vendor)

    assert (state(alice), alice.subscription.pending_at) == (("plus", "active"), None)


@pytest.mark.parametrize(("path", "tier"), [("downgrade", "pro"), ("cancel", "")])
def test_what_is_planned_stays_when_the_page_does_not_open(
    vendor: StripeProcess, alice: Person, path: str, tier: str
) -> None:
    buy(alice, vendor, "plus")
    alice.api.post(f"/subscription/{path}", {"tier": tier} if tier else {})
    vendor.fault("500", times=9, path="billing_portal/sessions")

    refused = alice.api.post("/user/upgrade-subscription", {"tier": "teams"})
    hear(alice, vendor)

    assert refused.status_code == 503
    assert alice.subscription.pending_at is not None
    assert alice.subscription.pending_tier == tier
