"""What the plan page says before a change is true in the state in which it is said."""

from datetime import datetime, timedelta

import pytest
from django.utils import timezone

from billing.models import Subscription
from devkit.stripe.process import StripeProcess
from tests.billing.pages import text
from tests.billing.stripe import FAILS_LATER, account, buy, hear
from tests.people import Person, join, put_on_plan

DAY = timedelta(days=1)
ALL = "Until then everything stays as it is."
READS = "Until then only reading is possible, unless the late payment is made."
DUE = "Everything works until then. The late payment stays due."
THEN_READS = "; after that only reading, until the late payment is made."
SENTENCES = {ALL, READS, DUE, THEN_READS}


def late(person: Person, *, days: int, month_began_days_ago: int = 3) -> None:
    """On Teams, with a payment that failed so many days ago."""
    now = timezone.now()
    put_on_plan(person, "teams", now=now - month_began_days_ago * DAY)
    if days:
        mine = Subscription.objects.filter(workspace=person.workspace)
        mine.update(status="past_due", past_due_since=now - days * DAY)


@pytest.mark.parametrize(
    ("days_late", "month_began_days_ago", "expected"),
    [(0, 3, ALL), (2, 3, THEN_READS), (2, 27, DUE), (9, 9, READS)],
)
def test_a_cancellation_says_what_works_until_then(
    alice: Person, days_late: int, month_began_days_ago: int, expected: str
) -> None:
    late(alice, days=days_late, month_began_days_ago=month_began_days_ago)

    asked = text(alice, "?confirm=cancel")
    alice.web.post("/app/plan", {"action": "cancel"})
    planned = text(alice)

    assert [{each for each in SENTENCES if each in page} for page in (asked, planned)] == [{expected}] * 2
    assert "It can be taken back on this page until then." in asked


@pytest.mark.parametrize(("days_late", "expected"), [(2, THEN_READS), (9, READS)])
def test_a_smaller_plan_that_is_planned_says_it_too_when_a_payment_is_late(
    alice: Person, days_late: int, expected: str
) -> None:
    late(alice, days=0)
    asked = text(alice, "?confirm=pro")
    alice.web.post("/app/plan", {"action": "downgrade", "tier": "pro"})
    pending_at = alice.subscription.pending_at
    late(alice, days=days_late)
    Subscription.objects.filter(workspace=alice.workspace).update(pending_tier="pro", pending_at=pending_at)

    planned = text(alice)

    assert ALL in asked
    assert {each for each in SENTENCES if each in planned} == {expected}


@pytest.mark.parametrize(("days_late", "expected"), [(0, "Questions, syncs and changes stop"), (9, "Reading stops")])
def test_what_has_stopped_is_not_said_to_stop_then(alice: Person, days_late: int, expected: str) -> None:
    late(alice, days=days_late, month_began_days_ago=9)
    join(alice, "Bob")

    asked = text(alice, "?confirm=cancel")

    stops = [words for words in ("Questions, syncs and changes stop", "Reading stops") if words in asked]
    assert stops == [expected]
    assert "also for the 1 other here." in asked


def test_while_a_payment_is_late_no_other_plan_is_offered(alice: Person) -> None:
    late(alice, days=2)

    assert "Move to Pro" not in text(alice, "?confirm=pro")


def test_a_cancelled_subscription_is_not_asked_about_again(alice: Person) -> None:
    late(alice, days=0)
    alice.web.post("/app/plan", {"action": "cancel"})

    page = text(alice, "?confirm=cancel")

    assert "Cancel Teams" not in page
    assert "Keep current plan" in page


@pytest.mark.parametrize(
    ("first", "query", "dropped"),
    [
        ({"action": "downgrade", "tier": "pro"}, "?confirm=cancel", "The change to Pro that is planned for"),
        ({"action": "cancel"}, "?confirm=pro", "The end that is planned for"),
        ({"action": "downgrade", "tier": "pro"}, "?confirm=plus", "The change to Pro that is planned for"),
    ],
)
def test_what_is_planned_already_is_said_to_be_dropped(
    alice: Person, first: dict[str, str], query: str, dropped: str
) -> None:
    late(alice, days=0)
    before = text(alice, query)
    alice.web.post("/app/plan", first)

    assert dropped not in before
    assert f"{dropped} {day(alice.subscription.pending_at)} is dropped." in text(alice, query)


def day(moment: datetime | None) -> str:
    assert moment is not None
    return f"{moment:%-d %b %Y}"


# With Stripe


def test_an_upgrade_says_that_what_is_planned_is_dropped_when_it_is_begun(vendor: StripeProcess, alice: Person) -> None:
    buy(alice, vendor, "plus")
    alice.web.post("/app/plan", {"action": "cancel"})

    page = text(alice, "?confirm=teams")
    preview = alice.api.post("/subscription/preview", {"tier": "teams"}).json()

    ends_on = day(alice.subscription.pending_at)
    assert f"The end that is planned for {ends_on} is dropped as soon as you continue, also if you do not" in page
    assert "Continue to payment" in page
    assert (preview["drops"]["tier"], preview["due_now_cents"]) == (None, pytest.approx(6_100 - 1_900, abs=1))


def test_what_was_given_is_changed_without_a_word_of_money(vendor: StripeProcess, alice: Person) -> None:
    put_on_plan(alice, "teams")

    dialogs = [text(alice, query).partition("Your plan")[0] for query in ("?confirm=pro", "?confirm=teams&seats=3")]
    asked = [{"tier": "pro"}, {"tier": "teams", "seats": 3}, {"tier": "teams"}]
    said = [alice.api.post("/subscription/preview", body).json() for body in asked]

    assert ["Move to Pro on" in dialogs[0], "Change seats" in dialogs[1]] == [True, True]
    assert not any("$" in words or "charged" in words for words in dialogs)
    amounts = [(each["due_now_cents"], each["rest_cents"], each["then_cents"], each["next_at"]) for each in said]
    assert amounts == [(0, 0, 0, None)] * 3


def test_what_is_paid_for_says_what_a_seat_more_costs(vendor: StripeProcess, alice: Person) -> None:
    buy(alice, vendor, "teams")

    words = text(alice, "?confirm=teams&seats=3").partition("Your plan")[0]

    assert "A seat more is charged for the rest of the month" in words
    assert "$85 a month" in words


def test_a_late_payer_at_stripe_is_not_told_that_everything_stays(vendor: StripeProcess, alice: Person) -> None:
    buy(alice, vendor, "pro")
    vendor.give_card(account(alice).customer_id, FAILS_LATER)
    vendor.advance(32 * 86_400)
    hear(alice, vendor)

    page = text(alice, "?confirm=cancel")

    assert "Cancel Pro" in page
    assert ALL not in page


def test_a_smaller_plan_that_is_planned_already_is_not_dropped(alice: Person) -> None:
    put_on_plan(alice, "teams")
    alice.web.post("/app/plan", {"action": "downgrade", "tier": "pro"})
    at = f"{alice.subscription.pending_at:%-d %b %Y}"

    page = text(alice, "?confirm=pro")
    again = alice.api.post("/subscription/downgrade", {"tier": "pro"})
    shown = alice.api.post("/subscription/preview", {"tier": "pro"})

    words = f"The change to Pro on {at} is planned already."
    assert (words in page, "is dropped" in page) == (True, False)
    assert (again.status_code, again.json()["dropped"]) == (200, None)
    assert (shown.status_code, shown.json()["detail"]) == (409, words)
    assert "is dropped" in text(alice, "?confirm=plus")
