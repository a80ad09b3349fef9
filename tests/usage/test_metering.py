import uuid
from datetime import datetime, timedelta

import pytest

from accounts import tenancy
from accounts.models import Job, Membership
from billing.effective import PaymentRequired, TrialExpired
from billing.models import Subscription
from tests.people import Person, put_on_plan
from usage import jobs, services
from usage.models import Entry, Hold, Period

MODEL = "extractive"


def settle(hold: Hold, now: datetime, *, tokens: int = 300) -> None:
    services.settle(hold_id=hold.pk, now=now, outcome="succeeded", cost=services.Cost(tokens - 100, 100, MODEL))


def row(person: Person) -> Period:
    return Period.objects.get(member_id=person.user.pk)


def test_a_hold_reserves_and_settling_charges_what_was_used(alice: Person, now: datetime) -> None:
    with tenancy.within(alice.workspace):
        hold = services.hold(membership=alice.membership, key="one", now=now)
        during = row(alice)
        settle(hold, now)
        after = row(alice)

    assert (during.requests_held, during.tokens_held) == (1, services.RUN_TOKEN_CAP)
    assert (after.requests_used, after.tokens_used, after.requests_held, after.tokens_held) == (1, 300, 0, 0)


def test_the_log_has_one_line_for_a_settled_hold(alice: Person, now: datetime) -> None:
    with tenancy.within(alice.workspace):
        hold = services.hold(membership=alice.membership, key="one", now=now)
        settle(hold, now)
        settle(hold, now)
        entries = list(Entry.objects.values_list("kind", "outcome", "requests", "input_tokens", "output_tokens"))

    assert entries == [("run", "succeeded", 1, 200, 100)]


def test_the_same_key_finds_its_hold(alice: Person, now: datetime) -> None:
    with tenancy.within(alice.workspace):
        first = services.hold(membership=alice.membership, key="one", now=now)
        again = services.hold(membership=alice.membership, key="one", now=now)

        assert again.pk == first.pk
        assert row(alice).requests_held == 1


def test_two_members_may_use_the_same_key(team_owner: Person, bob: Person, now: datetime) -> None:
    with tenancy.within(team_owner.workspace):
        hers = services.hold(membership=team_owner.membership, key="one", now=now)
        his = services.hold(membership=bob.membership, key="one", now=now)

    assert hers.pk != his.pk


def test_a_released_hold_costs_nothing_and_is_in_the_log(alice: Person, now: datetime) -> None:
    with tenancy.within(alice.workspace):
        hold = services.hold(membership=alice.membership, key="one", now=now)
        services.release(hold_id=hold.pk, now=now, cost=services.Cost(40))
        services.release(hold_id=hold.pk, now=now, cost=services.Cost(40))
        period, entries = row(alice), list(Entry.objects.values_list("requests", "input_tokens", "outcome"))

    assert (period.requests_used, period.requests_held, period.tokens_used, period.tokens_held) == (0, 0, 0, 0)
    assert entries == [(0, 40, "failed")]


def test_tokens_beyond_the_hold_are_an_overage_line_of_their_own(alice: Person, now: datetime) -> None:
    with tenancy.within(alice.workspace):
        hold = services.hold(membership=alice.membership, key="one", now=now, tokens=250)
        settle(hold, now, tokens=300)
        entries = set(Entry.objects.values_list("kind", "outcome", "requests", "input_tokens", "output_tokens"))

        assert row(alice).tokens_used == 250
    assert entries == {("run", "succeeded", 1, 200, 50), ("overage", "overage", 0, 0, 50)}


def test_used_up_requests_are_refused_with_when_they_return(alice: Person, now: datetime) -> None:
    put_on_plan(alice, "pro", now=now)
    with tenancy.within(alice.workspace):
        settle(services.hold(membership=alice.membership, key="all", now=now, requests=1_000), now)
        with pytest.raises(services.QuotaExceeded) as refusal:
            services.hold(membership=alice.membership, key="more", now=now)

    assert refusal.value.extra["violated"] == "requests"
    assert refusal.value.extra["resets_at"] > now + timedelta(days=27)
    assert refusal.value.extra["plan"] == "plus"


def test_used_up_tokens_are_refused(alice: Person, now: datetime) -> None:
    with tenancy.within(alice.workspace):
        settle(services.hold(membership=alice.membership, key="all", now=now, tokens=50_000), now, tokens=50_000)
        with pytest.raises(services.QuotaExceeded) as refusal:
            services.hold(membership=alice.membership, key="more", now=now)

    assert refusal.value.extra["violated"] == "tokens"


def test_what_only_work_in_flight_holds_is_busy_for_a_moment(alice: Person, now: datetime) -> None:
    with tenancy.within(alice.workspace):
        services.hold(membership=alice.membership, key="all", now=now, tokens=50_000)
        with pytest.raises(services.Busy) as refusal:
            services.hold(membership=alice.membership, key="more", now=now)

        assert Hold.objects.count() == 1
    assert refusal.value.retry_after == 2
    assert (refusal.value.extra["violated"], refusal.value.extra["plan"]) == ("tokens", "pro")


def test_the_last_run_gets_what_is_left(alice: Person, now: datetime) -> None:
    with tenancy.within(alice.workspace):
        services.hold(membership=alice.membership, key="most", now=now, tokens=49_950)
        last = services.hold(membership=alice.membership, key="last", now=now)

    assert last.tokens == 50


def test_what_is_too_little_for_an_answer_is_refused_in_tokens(alice: Person, now: datetime) -> None:
    with tenancy.within(alice.workspace):
        settle(services.hold(membership=alice.membership, key="most", now=now, tokens=49_990), now, tokens=49_990)
        with pytest.raises(services.QuotaExceeded) as refusal:
            services.hold(membership=alice.membership, key="last", now=now)

    assert refusal.value.extra["violated"] == "tokens"
    assert refusal.value.detail.startswith("Of the 50,000 tokens of the trial 10 are left, and this needs 50 or more.")


def test_work_that_needs_more_than_a_run_may_hold_gets_the_most(alice: Person, now: datetime) -> None:
    with tenancy.within(alice.workspace):
        held = services.hold(membership=alice.membership, key="long", now=now, at_least=services.RUN_TOKEN_CAP * 2)

    assert held.tokens == services.RUN_TOKEN_CAP


def test_an_upgrade_in_mid_period_raises_the_limits_and_keeps_what_was_used(alice: Person, now: datetime) -> None:
    put_on_plan(alice, "pro", now=now - timedelta(days=3))
    with tenancy.within(alice.workspace):
        settle(services.hold(membership=alice.membership, key="all", now=now, requests=1_000), now)
    Subscription.objects.filter(workspace=alice.workspace).update(tier="plus")
    with tenancy.within(alice.workspace):
        services.hold(membership=alice.membership, key="more", now=now)
        period = row(alice)

    assert (period.requests_limit, period.requests_used, period.requests_held) == (2_500, 1_000, 1)


def test_a_plan_bought_in_the_trial_starts_a_period_of_its_own(alice: Person, now: datetime) -> None:
    with tenancy.within(alice.workspace):
        before = services.hold(membership=alice.membership, key="trial", now=now)
    later = now + timedelta(days=2)
    put_on_plan(alice, "pro", now=later)
    with tenancy.within(alice.workspace):
        settle(services.hold(membership=alice.membership, key="paid", now=later), later)
        settle(before, later)
        periods = list(Period.objects.order_by("starts_at").values_list("requests_used", "ends_at"))

    assert periods[0] == (1, later)
    assert periods[1][0] == 1


def test_a_new_month_starts_anew_and_old_work_is_charged_where_it_began(alice: Person, now: datetime) -> None:
    put_on_plan(alice, "pro", now=now)
    with tenancy.within(alice.workspace):
        hold = services.hold(membership=alice.membership, key="old", now=now + timedelta(days=27))
        services.hold(membership=alice.membership, key="new", now=now + timedelta(days=32))
        settle(hold, now + timedelta(days=32))
        used = list(Period.objects.order_by("starts_at").values_list("requests_used", "requests_held"))

    assert used == [(1, 0), (0, 1)]


def test_a_members_cap_is_below_the_plan(team_owner: Person, bob: Person, now: datetime) -> None:
    Membership.objects.filter(pk=bob.membership.pk).update(request_cap=2)
    bob.membership.refresh_from_db()
    with tenancy.within(team_owner.workspace):
        settle(services.hold(membership=bob.membership, key="both", now=now, requests=2), now)
        with pytest.raises(services.QuotaExceeded):
            services.hold(membership=bob.membership, key="third", now=now)
        hers = services.hold(membership=team_owner.membership, key="hers", now=now)

    assert hers.state == Hold.State.OPEN


def test_an_expired_trial_holds_nothing(alice: Person, now: datetime) -> None:
    with tenancy.within(alice.workspace), pytest.raises(TrialExpired):
        services.hold(membership=alice.membership, key="late", now=now + timedelta(days=8))


def test_a_payment_late_for_more_than_the_grace_holds_nothing(alice: Person, now: datetime) -> None:
    put_on_plan(alice, "pro")
    Subscription.objects.filter(workspace=alice.workspace).update(
        status="past_due", past_due_since=now - timedelta(days=8)
    )

    with tenancy.within(alice.workspace), pytest.raises(PaymentRequired):
        services.hold(membership=alice.membership, key="late", now=now)


def test_an_expired_hold_gives_back_and_a_late_settle_is_charged_once(alice: Person, now: datetime) -> None:
    late = now + timedelta(minutes=16)
    with tenancy.within(alice.workspace):
        hold = services.hold(membership=alice.membership, key="slow", now=now)
        assert services.expire_holds(now=late) == 1
        given_back = row(alice)
        settle(hold, late)
        settle(hold, late)
        period, state = row(alice), Hold.objects.get(pk=hold.pk).state

    assert given_back.requests_held == given_back.tokens_held == 0
    assert (period.requests_used, period.tokens_used, period.requests_held) == (1, 300, 0)
    assert state == Hold.State.LATE


def test_a_late_settle_never_passes_the_limit_and_hides_nothing(alice: Person, now: datetime) -> None:
    late = now + timedelta(minutes=16)
    with tenancy.within(alice.workspace):
        slow = services.hold(membership=alice.membership, key="slow", now=now, tokens=50_000)
        services.expire_holds(now=late)
        settle(services.hold(membership=alice.membership, key="next", now=late, tokens=49_900), late, tokens=49_900)
        settle(slow, late, tokens=300)

        assert row(alice).tokens_used == 50_000
        assert Entry.objects.get(outcome="overage").output_tokens == 100


def test_a_hold_nobody_ended_refuses_nobody_after_its_time(alice: Person, now: datetime) -> None:
    with tenancy.within(alice.workspace):
        services.hold(membership=alice.membership, key="dead", now=now, tokens=50_000)

        again = services.hold(membership=alice.membership, key="next", now=now + timedelta(minutes=16))

    assert again.tokens == services.RUN_TOKEN_CAP


def test_holds_of_a_workspace_share_the_job_that_expires_them(alice: Person, now: datetime) -> None:
    with tenancy.within(alice.workspace):
        for key in "abc":
            hold = services.hold(membership=alice.membership, key=key, now=now)

    job = Job.objects.get(workspace=alice.workspace, name="usage.jobs.expire_holds")
    assert hold.expires_at <= job.due_at <= hold.expires_at + timedelta(minutes=5)


def test_the_job_gives_back_what_dead_work_held(alice: Person, now: datetime) -> None:
    with tenancy.within(alice.workspace):
        services.hold(membership=alice.membership, key="dead", now=now - timedelta(minutes=25))
    job = Job.objects.get(workspace=alice.workspace, name="usage.jobs.expire_holds")

    jobs.expire_holds(str(job.pk))

    with tenancy.within(alice.workspace):
        assert (row(alice).requests_held, row(alice).tokens_held) == (0, 0)
    assert not Job.objects.filter(pk=job.pk).exists()


def test_charlie_cannot_settle_a_hold_of_another_workspace(alice: Person, charlie: Person, now: datetime) -> None:
    with tenancy.within(alice.workspace):
        hold = services.hold(membership=alice.membership, key="one", now=now)

    with tenancy.within(charlie.workspace), pytest.raises(Hold.DoesNotExist):
        settle(hold, now)


def test_an_unknown_hold_is_an_error(alice: Person, now: datetime) -> None:
    with tenancy.within(alice.workspace), pytest.raises(Hold.DoesNotExist):
        services.release(hold_id=uuid.uuid4(), now=now)
