"""A paid period ends and no event comes: Stripe is asked whether another has begun. Until it says no, a payer is
served."""

from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from billing import hearing
from billing.effective import State, effective
from billing.gateways import gateway
from billing.models import StripeAccount, Subscription
from billing.stripe import truth
from devkit.stripe.process import StripeProcess
from tests.billing.stripe import DAY, a_while_passes, account, buy, clock, state, waiting, work
from tests.people import Person, put_on_plan


@pytest.fixture(autouse=True)
def _others_have_ended(_database: None) -> None:
    """Rounds look at every subscription, also at those of other tests."""
    StripeAccount.objects.update(subscription_id="")


@pytest.fixture
def payer(vendor: StripeProcess, alice: Person) -> Person:
    buy(alice, vendor)
    a_while_passes(alice)
    return alice


def standing(person: Person, vendor: StripeProcess) -> State:
    return effective(person.subscription, clock(vendor)).state


def a_round(person: Person, vendor: StripeProcess) -> None:
    hearing.ask_unheard(now=clock(vendor))
    work(person)


def test_what_was_cancelled_there_unheard_ends_with_its_period(vendor: StripeProcess, payer: Person) -> None:
    truth.api().v1.subscriptions.update(account(payer).subscription_id, {"cancel_at_period_end": True})
    vendor.advance(32 * DAY)
    before = standing(payer, vendor)

    a_round(payer, vendor)

    assert (before, standing(payer, vendor), state(payer)) == (State.ACTIVE, State.ENDED, ("pro", "canceled"))


def test_who_renewed_unheard_goes_on_and_is_not_asked_about_again(vendor: StripeProcess, payer: Person) -> None:
    began = payer.subscription.paid_from
    vendor.advance(32 * DAY)

    a_round(payer, vendor)
    hearing.ask_unheard(now=clock(vendor) + timedelta(hours=2))

    assert began is not None
    assert payer.subscription.paid_from > began
    assert (standing(payer, vendor), waiting(payer).exists()) == (State.ACTIVE, False)


@pytest.mark.parametrize("fault", ["500", "cut"])
def test_while_stripe_does_not_answer_a_payer_is_served(vendor: StripeProcess, payer: Person, fault: str) -> None:
    vendor.advance(32 * DAY)
    vendor.fault(fault, times=1)

    a_round(payer, vendor)

    assert standing(payer, vendor) == State.ACTIVE
    assert waiting(payer).count() == 1


def test_who_made_a_late_payment_unheard_is_served_again(vendor: StripeProcess, payer: Person) -> None:
    vendor.advance(45 * DAY)
    since = clock(vendor) - timedelta(days=8)
    Subscription.objects.filter(workspace=payer.workspace).update(status="past_due", past_due_since=since)
    before = standing(payer, vendor)

    a_round(payer, vendor)

    assert (before, standing(payer, vendor)) == (State.READ_ONLY, State.ACTIVE)


@pytest.mark.parametrize("minutes", [-5, 5])
def test_word_of_a_renewal_is_waited_for_before_anybody_is_asked(
    vendor: StripeProcess, payer: Person, minutes: int
) -> None:
    ends_at = effective(payer.subscription, clock(vendor)).period.ends_at

    hearing.ask_unheard(now=ends_at + timedelta(minutes=minutes))
    early = waiting(payer).exists()
    hearing.ask_unheard(now=ends_at + timedelta(minutes=11))

    assert (early, waiting(payer).exists()) == (False, True)


def test_nobody_is_asked_about_a_plan_that_was_given(vendor: StripeProcess, alice: Person) -> None:
    put_on_plan(alice, "plus")

    hearing.ask_unheard(now=clock(vendor) + timedelta(days=40))

    assert not waiting(alice).exists()


def test_who_has_no_new_period_there_is_asked_about_once_an_hour(vendor: StripeProcess, payer: Person) -> None:
    later = clock(vendor) + timedelta(days=32)
    StripeAccount.objects.filter(workspace=payer.workspace).update(synced_at=later)

    hearing.ask_unheard(now=later + timedelta(minutes=59))
    early = waiting(payer).exists()
    hearing.ask_unheard(now=later + timedelta(minutes=61))

    assert (early, waiting(payer).exists()) == (False, True)


def test_a_job_that_gave_up_is_followed_by_another_only_after_an_hour(vendor: StripeProcess, payer: Person) -> None:
    later = clock(vendor) + timedelta(days=32)
    hearing.ask_unheard(now=later)
    waiting(payer).update(failed_at=later)

    hearing.ask_unheard(now=later + timedelta(minutes=5))
    early = waiting(payer).exists()
    hearing.ask_unheard(now=later + timedelta(minutes=61))

    assert (early, waiting(payer).exists()) == (False, True)


def test_a_round_is_one_query_and_a_job_for_each_up_to_a_number(
    vendor: StripeProcess, payer: Person, charlie: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    buy(charlie, vendor)
    later = clock(vendor) + timedelta(days=32)
    with CaptureQueriesContext(connection) as queries:
        found = list(gateway().unheard(now=later))
    monkeypatch.setattr(hearing, "MOST", 1)

    hearing.ask_unheard(now=later)

    assert set(found) == {payer.workspace.pk, charlie.workspace.pk}
    assert len(queries) == 1
    # Who was asked about longest ago is first.
    assert (waiting(payer).count(), waiting(charlie).count()) == (1, 0)
