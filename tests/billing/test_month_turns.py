"""A month ends by our clock and not yet by Stripe's, or the other way round: nothing is said that is not known."""

from collections.abc import Callable
from datetime import datetime, timedelta

import pytest

from billing import changes, dialogs, hearing, previewing, shown
from billing.plans import Tier
from billing.stripe import truth
from devkit.stripe.process import StripeProcess
from tests.billing.stripe import account, buy, state
from tests.people import Person

SECONDS = {"behind": (-60, 5), "ahead": (60, -5)}
DEEDS: dict[str, Callable[[Person, datetime], object]] = {
    "cancel": lambda alice, now: changes.cancel(membership=alice.membership, now=now),
    "downgrade": lambda alice, now: changes.downgrade(membership=alice.membership, tier=Tier.PRO, now=now),
    "upgrade": lambda alice, now: changes.upgrade(membership=alice.membership, tier=Tier.TEAMS, now=now),
    "preview": lambda alice, now: previewing.preview(membership=alice.membership, tier=Tier.PRO, now=now),
    "cancel dialog": lambda alice, now: dialogs.dialog(alice.membership, chosen="cancel", seats="", now=now),
    "downgrade dialog": lambda alice, now: dialogs.dialog(alice.membership, chosen="pro", seats="", now=now),
}


def end_of_month(alice: Person) -> int:
    return truth.item_of(truth.api().v1.subscriptions.retrieve(account(alice).subscription_id)).current_period_end


def turn(vendor: StripeProcess, alice: Person, stripes_clock: str) -> datetime:
    """Stripe's clock is near the end of the month, on one side; ours, which is answered with, on the other."""
    theirs, ours = SECONDS[stripes_clock]
    end = end_of_month(alice)
    vendor.set_clock(end + theirs)
    now = truth.moment(end + ours)
    # As a page does before it says anything.
    hearing.look(membership=alice.membership, now=now)
    return now


@pytest.mark.parametrize("stripes_clock", SECONDS)
@pytest.mark.parametrize("deed", DEEDS)
def test_what_would_come_at_another_time_than_said_is_not_done(
    vendor: StripeProcess, alice: Person, stripes_clock: str, deed: str
) -> None:
    buy(alice, vendor, "plus")
    now = turn(vendor, alice, stripes_clock)

    with pytest.raises(changes.MonthTurns, match="A month ends just now"):
        DEEDS[deed](alice, now)

    assert (state(alice), alice.subscription.pending_at) == (("plus", "active"), None)


@pytest.mark.parametrize("stripes_clock", SECONDS)
def test_no_date_is_offered_that_would_not_hold(vendor: StripeProcess, alice: Person, stripes_clock: str) -> None:
    buy(alice, vendor, "plus")
    now = turn(vendor, alice, stripes_clock)

    columns = shown.plan_page(alice.membership, now=now)["columns"]

    assert "Move to Pro" in [column["action"] for column in columns]


@pytest.mark.parametrize("planned", ["cancel", "downgrade"])
def test_what_has_ended_by_our_clock_alone_is_not_said_to_be_bought(
    vendor: StripeProcess, alice: Person, planned: str
) -> None:
    buy(alice, vendor, "plus")
    alice.api.post(f"/subscription/{planned}", {} if planned == "cancel" else {"tier": "pro"})
    now = turn(vendor, alice, "behind")

    with pytest.raises(changes.MonthTurns):
        changes.upgrade(membership=alice.membership, tier=Tier.TEAMS, now=now)


@pytest.mark.parametrize("stripes_clock", SECONDS)
def test_when_the_month_has_ended_by_both_clocks_all_is_as_ever(
    vendor: StripeProcess, alice: Person, stripes_clock: str
) -> None:
    buy(alice, vendor, "plus")
    turn(vendor, alice, stripes_clock)
    vendor.set_clock(end_of_month(alice) + 120 if stripes_clock == "behind" else vendor.now())
    now = truth.moment(vendor.now()) + timedelta(seconds=5)

    after = changes.cancel(membership=alice.membership, now=now).subscription

    assert after.pending_at == truth.moment(end_of_month(alice))
