"""Plans that staff give where Stripe takes the money: they stand until somebody changes them."""

from datetime import timedelta

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from billing import giving
from billing.effective import State, effective
from billing.models import PlanRequest, StripeAccount, Subscription
from billing.plans import PLANS, Tier
from billing.stripe import events, setup, truth
from devkit.stripe.process import StripeProcess
from tests.billing.stripe import DAY, account, buy, clock, hear, pay, state, upgrade
from tests.billing.wishes import staff
from tests.people import Person, sign_up


@pytest.fixture
def alice(vendor: StripeProcess) -> Person:
    return sign_up("Alice")


def give(person: Person, tier: str, *, seats: int = 1) -> None:
    wish = PlanRequest.objects.create(
        workspace=person.workspace, tier=tier, seats=seats, requested_by_id=person.user.pk
    )
    call_command("approve_plan", str(wish.pk), "--by", staff().email)


def leave(person: Person, vendor: StripeProcess, *, is_heard: bool = True) -> None:
    person.api.post("/subscription/cancel")
    vendor.advance(32 * DAY)
    if is_heard:
        hear(person, vendor)


@pytest.mark.parametrize("is_heard", [True, False])
def test_what_is_given_after_an_end_stands_through_every_night(
    vendor: StripeProcess, alice: Person, is_heard: bool
) -> None:
    buy(alice, vendor, "pro")
    leave(alice, vendor, is_heard=is_heard)

    give(alice, "teams", seats=3)
    for _ in range(2):
        events.reconcile(now=clock(vendor))

    assert (*state(alice), alice.subscription.seats) == ("teams", "active", 3)


def test_what_was_given_before_ends_were_remembered_stands_too(vendor: StripeProcess, alice: Person) -> None:
    buy(alice, vendor, "pro")
    leave(alice, vendor)
    give(alice, "teams", seats=3)
    Subscription.objects.filter(workspace=alice.workspace).update(changed_at=clock(vendor))
    StripeAccount.objects.filter(workspace=alice.workspace).update(ended_id="")

    for _ in range(2):
        events.reconcile(now=clock(vendor))

    assert (*state(alice), alice.subscription.seats) == ("teams", "active", 3)
    assert account(alice).ended_id != ""


def test_what_is_given_changes_by_the_clock_also_for_who_once_paid(vendor: StripeProcess, alice: Person) -> None:
    buy(alice, vendor, "pro")
    leave(alice, vendor)
    give(alice, "plus")

    answer = alice.api.post("/subscription/cancel").json()
    ends_at = alice.subscription.pending_at
    hear(alice, vendor)

    assert ends_at is not None
    assert (answer["pending"]["tier"], alice.subscription.pending_at) == (None, ends_at)
    assert effective(alice.subscription, ends_at).state == State.ENDED


def test_the_end_of_what_was_given_is_not_moved_back_to_the_older_one(vendor: StripeProcess, alice: Person) -> None:
    buy(alice, vendor, "pro")
    leave(alice, vendor)
    give(alice, "plus")
    subscription = alice.subscription
    later = clock(vendor) + timedelta(days=90)
    subscription.status, subscription.ended_at = "canceled", later
    subscription.save()

    events.reconcile(now=clock(vendor))

    assert (state(alice), alice.subscription.ended_at) == (("plus", "canceled"), later)


def test_a_purchase_takes_over_what_was_given_and_its_end_is_the_end(vendor: StripeProcess, alice: Person) -> None:
    buy(alice, vendor, "pro")
    leave(alice, vendor)
    give(alice, "pro")

    buy(alice, vendor, "teams")
    bought = (state(alice), account(alice).subscription_id != "")
    leave(alice, vendor)
    events.reconcile(now=clock(vendor))

    assert bought == (("teams", "active"), True)
    assert state(alice) == ("teams", "canceled")


def test_nothing_is_given_beside_what_is_being_paid_for(vendor: StripeProcess, alice: Person) -> None:
    buy(alice, vendor, "pro")

    with pytest.raises(CommandError, match="has to end before"):
        give(alice, "teams")

    assert state(alice) == ("pro", "active")
    assert PlanRequest.objects.get(workspace=alice.workspace).decided_at is None


def test_an_end_that_was_lost_or_changed_by_hand_is_still_mended(vendor: StripeProcess, alice: Person) -> None:
    buy(alice, vendor, "pro")
    leave(alice, vendor)
    right = alice.subscription
    type(right).objects.filter(pk=right.pk).update(tier="teams", ended_at=right.started_at)

    events.reconcile(now=clock(vendor))

    assert (state(alice), alice.subscription.ended_at) == (("pro", "canceled"), right.ended_at)


def test_the_members_page_of_a_given_team_names_no_price(vendor: StripeProcess, alice: Person) -> None:
    give(alice, "teams")

    pages = [alice.web.get(path).content.decode() for path in ("/app/members", "/app/members?invite=1")]

    assert all("1 member" in page and "$" not in page for page in pages)
    assert "The plan was given to you" in pages[1]


def test_a_page_to_pay_at_is_closed_when_a_plan_is_given(vendor: StripeProcess, alice: Person) -> None:
    page = upgrade(alice, "pro")

    give(alice, "teams", seats=3)
    pay(page)
    hear(alice, vendor)

    assert (*state(alice), alice.subscription.seats) == ("teams", "active", 3)
    assert not vendor.control("state?kind=subscription")["objects"]


@pytest.mark.parametrize("is_asked", [True, False])
def test_what_is_paid_beside_a_given_plan_is_served_and_told_unless_it_was_asked_for_since(
    vendor: StripeProcess, alice: Person, caplog: pytest.LogCaptureFixture, is_asked: bool
) -> None:
    upgrade(alice, "pro")
    giving.give(workspace=alice.workspace, tier=Tier.PLUS, by=staff(), why="A pilot.", now=timezone.now())
    if is_asked:
        page = upgrade(alice, "teams")
    else:
        # As when the bank's answer was on its way while the page was closed.
        checkout = vendor.control("state?kind=checkout.session")["objects"][0]
        again = {"mode": "subscription", "customer": checkout["customer"], "success_url": "http://127.0.0.1/"}
        line = {"price": setup.price_of(PLANS[Tier.TEAMS]), "quantity": 1}
        page = truth.api().v1.checkout.sessions.create({**again, "line_items": [line]}).url or ""

    pay(page)
    hear(alice, vendor)

    told = [record for record in caplog.records if "beside what was given" in record.message]
    assert (state(alice), len(told)) == (("teams", "active"), 0 if is_asked else 1)
