"""The effective plan at random moments: no payer is refused, and nobody else is served."""

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from billing.effective import Access, effective, period_before
from billing.plans import PAST_DUE_GRACE, Tier

moments = st.datetimes(datetime(2024, 1, 1), datetime(2030, 12, 31), timezones=st.just(UTC))
paid = st.sampled_from(["pro", "plus", "teams"])


@dataclass
class Facts:
    tier: str
    status: str
    started_at: datetime
    trial_ends_at: datetime
    anchor_at: datetime
    past_due_since: datetime | None = None
    pending_tier: str = ""
    pending_at: datetime | None = None
    ended_at: datetime | None = None
    erases_from: datetime | None = None
    content_erased_at: datetime | None = None


def facts(tier: str, status: str, start: datetime, past_due_since: datetime | None = None) -> Facts:
    return Facts(tier, status, start, start + timedelta(days=7), start, past_due_since)


@given(paid, moments, moments)
def test_who_pays_is_served_whenever_the_trial_was(tier: str, start: datetime, now: datetime) -> None:
    current = effective(facts(tier, "active", start), now)

    assert (current.access, current.tier, current.reason) == (Access.FULL, tier, "")


@given(moments, st.timedeltas(timedelta(0), timedelta(days=60)))
def test_a_trial_is_served_for_seven_days_and_then_closed(start: datetime, age: timedelta) -> None:
    current = effective(facts("trial", "trialing", start), start + age)

    assert (current.access == Access.FULL) == (age < timedelta(days=7))
    assert current.access in {Access.FULL, Access.CLOSED}


@given(paid, moments, st.timedeltas(timedelta(0), timedelta(days=400)))
def test_a_late_payer_is_served_for_the_grace_and_then_reads(tier: str, start: datetime, late: timedelta) -> None:
    current = effective(facts(tier, "past_due", start, past_due_since=start), start + late)

    assert current.access == (Access.FULL if late < PAST_DUE_GRACE else Access.READ_ONLY)


@given(paid, moments, moments)
def test_an_ended_subscription_is_closed(tier: str, start: datetime, now: datetime) -> None:
    ended = replace(facts(tier, "canceled", start), ended_at=start)

    current = effective(ended, now)

    assert (current.access, current.reason) == (Access.CLOSED, "payment-required")
    assert current.erases_at == start + timedelta(days=30)


@given(moments, moments)
def test_every_moment_lies_in_its_month(anchor: datetime, now: datetime) -> None:
    period = effective(facts(Tier.PRO, "active", anchor), now).period

    assert period.starts_at <= now < period.ends_at
    assert timedelta(days=28) <= period.ends_at - period.starts_at <= timedelta(days=31)


@given(moments, st.integers(0, 60))
def test_months_follow_each_other_without_a_gap(anchor: datetime, count: int) -> None:
    subscription = facts(Tier.PRO, "active", anchor)
    end = effective(subscription, anchor + timedelta(days=30 * count)).period.ends_at

    assert effective(subscription, end).period.starts_at == end


def test_a_month_that_began_on_the_31st_returns_to_it() -> None:
    subscription = facts(Tier.PRO, "active", datetime(2026, 1, 31, 9, tzinfo=UTC))

    short = effective(subscription, datetime(2026, 3, 1, tzinfo=UTC)).period
    after = effective(subscription, datetime(2026, 4, 1, tzinfo=UTC)).period

    assert (short.starts_at.day, short.ends_at.day) == (28, 31)
    assert (after.starts_at.month, after.starts_at.day) == (3, 31)


@given(paid, moments, moments)
def test_the_period_before_is_the_one_that_was_present_before(tier: str, start: datetime, now: datetime) -> None:
    bought = facts(tier, "active", start)
    current = effective(bought, now)

    before = period_before(bought, current)

    assert before.ends_at == current.period.starts_at
    assert before == effective(bought, current.period.starts_at - timedelta(seconds=1)).period


def test_the_month_before_a_short_one_begins_on_the_31st() -> None:
    bought = facts("pro", "active", datetime(2026, 1, 31, 12, tzinfo=UTC))

    before = period_before(bought, effective(bought, datetime(2026, 3, 15, tzinfo=UTC)))

    assert before.starts_at == datetime(2026, 1, 31, 12, tzinfo=UTC)
