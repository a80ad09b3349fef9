"""Who has paid keeps what they have and hears of no end, although no event ever comes; nor does anybody while Stripe
does not answer."""

from datetime import datetime, timedelta

import pytest

from accounts import tenancy
from accounts.models import Mail
from agent import erasing
from agent.models import Conversation
from billing import erasure, reminding
from billing.models import Subscription
from billing.reminders import FIRST_WARNING, LAST_WARNING
from billing.stripe import truth
from devkit.stripe.process import StripeProcess
from tests.billing.stripe import account, asked, buy, clock, forget_the_hang, pay, state, upgrade, while_stripe_hangs
from tests.people import Person, sign_up

DAY = timedelta(days=1)
ENDED = ["trial-ended", "trial-over", FIRST_WARNING, LAST_WARNING]


@pytest.fixture(autouse=True)
def _others_sleep(_database: None) -> None:
    """Rounds look at every subscription that is due, also at those of thousands of other tests."""
    Subscription.objects.update(remind_at=None)


@pytest.fixture
def eve(vendor: StripeProcess) -> Person:
    """She signs up now, by Stripe's clock, and asks something."""
    person = sign_up("Eve", now=clock(vendor))
    with tenancy.within(person.workspace):
        Conversation.objects.create(owner_id=person.user.pk, title="Ours", created_at=clock(vendor))
    return person


def a_round(person: Person, now: datetime) -> None:
    """What the workers do, by their own clocks."""
    while reminding.sweep(now=now):
        pass
    Mail.objects.filter(workspace=person.workspace, sent_at=None).update(sent_at=now)
    if person.workspace.pk in erasure.due(now=now):
        with tenancy.within(person.workspace):
            erasing.erase(now=now)


def live(person: Person, vendor: StripeProcess, *, days: int) -> None:
    for _ in range(days):
        vendor.advance(DAY.total_seconds())
        a_round(person, clock(vendor))


def told(person: Person) -> list[str]:
    found = Mail.objects.filter(workspace=person.workspace).order_by("created_at", "key")
    return [mail.key.partition(":")[0] for mail in found]


def has_content(person: Person) -> bool:
    with tenancy.within(person.workspace):
        return Conversation.objects.exists()


def test_who_paid_in_the_trial_keeps_everything(vendor: StripeProcess, eve: Person) -> None:
    pay(upgrade(eve, "pro"))

    live(eve, vendor, days=45)

    assert (told(eve), has_content(eve), state(eve)) == ([], True, ("pro", "active"))


def test_who_paid_after_the_last_warning_keeps_everything(vendor: StripeProcess, eve: Person) -> None:
    live(eve, vendor, days=36)
    pay(upgrade(eve, "plus"))
    before = told(eve)

    live(eve, vendor, days=8)

    assert LAST_WARNING in before
    assert (told(eve), has_content(eve), state(eve)) == (before, True, ("plus", "active"))


def test_who_bought_anew_after_an_end_keeps_everything(vendor: StripeProcess, eve: Person) -> None:
    buy(eve, vendor, "pro")
    truth.api().v1.subscriptions.cancel(account(eve).subscription_id)
    live(eve, vendor, days=20)
    Subscription.objects.filter(workspace=eve.workspace).update(remind_at=None)
    pay(upgrade(eve, "plus"))

    live(eve, vendor, days=25)

    assert (told(eve), has_content(eve), state(eve)) == ([], True, ("plus", "active"))


def test_who_opened_a_page_and_did_not_pay_is_told_and_erased(vendor: StripeProcess, eve: Person) -> None:
    upgrade(eve, "pro")

    live(eve, vendor, days=39)

    assert (told(eve)[2:], has_content(eve)) == (ENDED, False)


@pytest.mark.parametrize("pays", [True, False])
def test_while_stripe_does_not_answer_nobody_is_told_or_erased(vendor: StripeProcess, eve: Person, pays: bool) -> None:
    url = upgrade(eve, "pro")
    vendor.fault("500", times=100_000, path="^/v1/")

    if pays:
        pay(url)

    live(eve, vendor, days=44)
    kept, told_meanwhile = has_content(eve), told(eve)
    vendor.control("faults", method="DELETE")
    live(eve, vendor, days=4)

    assert (told_meanwhile, kept) == ([], True)
    assert (told(eve), has_content(eve)) == (([], True) if pays else ([FIRST_WARNING, LAST_WARNING], False))


@pytest.mark.parametrize("fault", ["500", "hang"])
def test_stripe_is_away_when_the_day_of_erasure_comes(vendor: StripeProcess, eve: Person, fault: str) -> None:
    upgrade(eve, "pro")
    live(eve, vendor, days=36)
    vendor.fault(fault, times=1)

    vendor.advance(DAY.total_seconds())
    a_round(eve, clock(vendor))
    kept = has_content(eve)
    forget_the_hang()
    a_round(eve, clock(vendor) + timedelta(minutes=15))

    assert (told(eve)[2:], kept, has_content(eve)) == (ENDED, True, False)


def test_who_never_opened_a_page_is_told_without_asking(vendor: StripeProcess, eve: Person) -> None:
    before = asked(vendor)

    for day in range(40):
        a_round(eve, clock(vendor) + day * DAY)

    assert (asked(vendor), told(eve)[2:], has_content(eve)) == (before, ENDED, False)


def test_nobody_waits_for_the_row_while_stripe_is_asked(vendor: StripeProcess, eve: Person) -> None:
    upgrade(eve, "pro")
    after = clock(vendor) + 8 * DAY

    with while_stripe_hangs(vendor, eve, lambda: reminding.sweep(now=after)):
        assert state(eve) == ("trial", "trialing")


@pytest.mark.parametrize("days", [1, 8])
def test_who_made_a_late_payment_unheard_hears_of_none(vendor: StripeProcess, eve: Person, days: int) -> None:
    buy(eve, vendor, "pro")
    now = clock(vendor) + timedelta(minutes=1)
    Subscription.objects.filter(workspace=eve.workspace).update(
        status="past_due", started_at=now - 40 * DAY, past_due_since=now - days * DAY, remind_at=now
    )

    a_round(eve, now)

    assert (told(eve), state(eve)) == ([], ("pro", "active"))


def test_who_was_late_and_has_ended_unheard_is_asked_for_no_payment(vendor: StripeProcess, eve: Person) -> None:
    buy(eve, vendor, "pro")
    truth.api().v1.subscriptions.cancel(account(eve).subscription_id)
    now = clock(vendor) + timedelta(minutes=1)
    Subscription.objects.filter(workspace=eve.workspace).update(
        status="past_due", started_at=now - 40 * DAY, past_due_since=now - DAY, remind_at=now
    )

    a_round(eve, now)

    assert (told(eve), state(eve)) == ([], ("pro", "canceled"))
