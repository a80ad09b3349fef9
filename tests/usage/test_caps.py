"""Each member of a team brings a whole quota; an owner or admin may give a member less."""

from datetime import datetime, timedelta

import pytest
from django.utils import timezone

from accounts import tenancy
from accounts.models import Membership, Role
from billing import changes
from billing.plans import Tier
from billing.seats import SeatsFull
from billing.team import invitations, members
from tests.billing import team
from tests.people import Person, join, put_on_plan
from usage import services
from usage.models import Period
from usage.quota import Quota, quota


def use(person: Person, now: datetime, key: str, *, tokens: int = 300) -> None:
    person.membership.refresh_from_db()
    with tenancy.within(person.workspace):
        hold = services.hold(membership=person.membership, key=key, now=now)
        services.settle(hold_id=hold.pk, now=now, outcome="succeeded", cost=services.Cost(tokens - 100, 100, "m"))


def left(person: Person, now: datetime) -> Quota:
    membership = Membership.objects.get(workspace=person.workspace, user=person.user)
    with tenancy.within(person.workspace):
        return quota(membership=membership, now=now)


def cap(owner: Person, person: Person, now: datetime, **caps: int | None) -> None:
    members.change(by=owner.membership, user_id=person.user.pk, caps=caps, now=now)


def test_a_member_who_joins_in_mid_period_brings_a_whole_quota(team_owner: Person, now: datetime) -> None:
    put_on_plan(team_owner, "teams", now=now - timedelta(days=20))

    nora = team.joined(team_owner, "Nora", now)
    use(nora, now, "one")

    with tenancy.within(team_owner.workspace):
        period = Period.objects.get(member_id=nora.user.pk)
    assert (period.requests_limit, period.tokens_limit) == (5_000, 5_000_000)
    assert period.starts_at == now - timedelta(days=20)
    assert left(nora, now).requests.remaining == 4_999


def test_one_members_use_takes_nothing_from_another(team_owner: Person, bob: Person, now: datetime) -> None:
    use(bob, now, "one")

    assert left(bob, now).requests.remaining == 4_999
    assert left(team_owner, now).requests.remaining == 5_000


def test_a_cap_below_the_plan_holds_for_this_member_alone(team_owner: Person, bob: Person, now: datetime) -> None:
    answer = team_owner.api.patch(f"/admin/users/{bob.user.pk}", {"caps": {"requests": 2, "tokens": 1_000}})

    assert answer.json()["caps"] == {"requests": 2, "tokens": 1_000}
    assert bob.api.get("/usage/quota").json()["requests"]["limit"] == 2
    assert bob.api.get("/usage/quota").json()["tokens"]["limit"] == 1_000
    assert team_owner.api.get("/usage/quota").json()["requests"]["limit"] == 5_000


def test_a_capped_member_is_refused_at_the_cap(team_owner: Person, bob: Person, now: datetime) -> None:
    cap(team_owner, bob, now, requests=2)
    use(bob, now, "one")
    use(bob, now, "two")

    with pytest.raises(services.QuotaExceeded):
        use(bob, now, "three")


def test_a_raised_cap_holds_from_the_next_question_on(team_owner: Person, bob: Person, now: datetime) -> None:
    cap(team_owner, bob, now, requests=1)
    use(bob, now, "one")

    cap(team_owner, bob, now, requests=2)
    use(bob, now, "two")

    assert left(bob, now).requests.remaining == 0


def test_a_cap_under_what_was_used_refuses_and_shows_no_negative(
    team_owner: Person, bob: Person, now: datetime
) -> None:
    for key in ("one", "two", "three"):
        use(bob, now, key)

    cap(team_owner, bob, now, requests=1)

    body = bob.api.get("/usage/quota").json()["requests"]
    assert body == {"limit": 1, "used": 3, "held": 0, "remaining": 0}
    with pytest.raises(services.QuotaExceeded):
        use(bob, now, "four")
    assert bob.web.get("/app/usage").status_code == 200


def test_a_lifted_cap_gives_the_plans_own_limit_back(team_owner: Person, bob: Person, now: datetime) -> None:
    cap(team_owner, bob, now, requests=0, tokens=0)
    assert left(bob, now).requests.limit == 0
    assert bob.web.get("/app/usage").status_code == 200

    team_owner.api.patch(f"/admin/users/{bob.user.pk}", {"caps": {"requests": None}})

    assert (left(bob, now).requests.limit, left(bob, now).tokens.limit) == (5_000, 0)


@pytest.mark.parametrize("caps", [{"requests": 0}, {"tokens": services.LEAST_RUN_TOKENS - 1}])
def test_who_may_ask_nothing_is_promised_no_return(
    team_owner: Person, bob: Person, now: datetime, caps: dict[str, int]
) -> None:
    cap(team_owner, bob, now, **caps)

    with pytest.raises(services.QuotaExceeded) as refused:
        use(bob, now, "one")
    page = bob.web.get("/app/usage").content.decode()

    assert (refused.value.retry_after, refused.value.extra["resets_at"]) == (None, None)
    assert "start anew" not in refused.value.detail
    assert "ask an owner or admin" in refused.value.detail
    assert "a month nothing can be asked" in page
    assert "Asking has stopped until" not in page


def test_a_limit_of_nothing_has_no_time_after_which_there_is_more(team_owner: Person, bob: Person) -> None:
    cap(team_owner, bob, timezone.now(), requests=0)

    states = bob.api.get("/usage/quota").headers["RateLimit"].split(", ")

    assert states[0] == '"requests";r=0'
    assert states[1].startswith('"tokens";r=5000000;t=')


@pytest.mark.parametrize(("name", "value"), [("requests", 5_001), ("tokens", 5_000_001), ("requests", -1)])
def test_a_cap_lies_between_nothing_and_the_plans_limit(team_owner: Person, bob: Person, name: str, value: int) -> None:
    answer = team_owner.api.patch(f"/admin/users/{bob.user.pk}", {"caps": {name: value}})

    assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (400, f"/caps/{name}")


@pytest.mark.parametrize("role", ["member", "viewer"])
def test_only_owners_and_admins_cap(team_owner: Person, bob: Person, role: str) -> None:
    other = join(team_owner, "Otto", Role(role))

    assert other.api.patch(f"/admin/users/{bob.user.pk}", {"caps": {"requests": 1}}).status_code == 403
    assert other.api.patch(f"/admin/users/{other.user.pk}", {"caps": {"requests": None}}).status_code == 403


def test_caps_come_with_teams(alice: Person) -> None:
    put_on_plan(alice, "plus")

    answer = alice.api.patch(f"/admin/users/{alice.user.pk}", {"caps": {"requests": 1}})

    assert (answer.status_code, answer.json()["type"]) == (403, "/problems/plan-required")


def test_a_cap_set_on_teams_does_not_follow_into_a_plan_without_caps(team_owner: Person, now: datetime) -> None:
    cap(team_owner, team_owner, now, requests=1)

    put_on_plan(team_owner, "plus", now=now)

    assert left(team_owner, now).requests.limit == 2_500


def test_leaving_and_coming_back_gives_no_second_quota(team_owner: Person, now: datetime) -> None:
    nora = team.joined(team_owner, "Nora", now)
    use(nora, now, "one")
    members.remove(by=nora.membership, user_id=nora.user.pk, now=now)

    token = team.link_for(team_owner, nora.email, now)
    back = invitations.accept(token=token, user=nora.user, now=now)
    nora = Person(user=nora.user, membership=back)
    use(nora, now + timedelta(hours=1), "two")

    assert left(nora, now).requests.used == 2
    with tenancy.within(team_owner.workspace):
        assert Period.objects.filter(member_id=nora.user.pk).count() == 1


def test_who_leaves_frees_the_seat_and_what_they_used_stays_counted(team_owner: Person, now: datetime) -> None:
    put_on_plan(team_owner, "teams", seats=1, now=now - timedelta(days=20))
    nora = team.joined(team_owner, "Nora", now)
    use(nora, now, "one")
    seats = team_owner.subscription.seats

    members.remove(by=team_owner.membership, user_id=nora.user.pk, now=now)

    summary = team_owner.api.get("/usage/summary?by=member").json()
    assert (seats, team_owner.subscription.seats) == (2, 1)
    assert summary["totals"]["requests"] == 1
    assert [row["requests"] for row in summary["series"] if row["user_id"] == str(nora.user.pk)] == [1]
    assert len(team_owner.api.get("/usage/logs").json()["results"]) == 1


def test_in_a_fixed_team_the_seat_of_who_left_is_free_for_another(team_owner: Person, now: datetime) -> None:
    put_on_plan(team_owner, "teams", seats=2, now=now)
    team.fix_seats(team_owner, 2)
    nora = team.joined(team_owner, "Nora", now)
    use(nora, now, "one")
    with pytest.raises(SeatsFull):
        team.joined(team_owner, "Otto", now)

    members.remove(by=team_owner.membership, user_id=nora.user.pk, now=now)
    otto = team.joined(team_owner, "Otto", now)

    assert team_owner.subscription.seats == 2
    # Nora's question stays counted with the seats; what is left of them is more than one person may use.
    assert left(otto, now).requests.remaining == 5_000


def test_a_cap_does_not_outlive_a_membership(team_owner: Person, now: datetime) -> None:
    nora = team.joined(team_owner, "Nora", now)
    cap(team_owner, nora, now, requests=1)
    members.remove(by=team_owner.membership, user_id=nora.user.pk, now=now)

    token = team.link_for(team_owner, nora.email, now)
    invitations.accept(token=token, user=nora.user, now=now)

    assert left(nora, now).requests.limit == 5_000


def test_an_upgrade_to_teams_in_mid_period_raises_the_limit_and_keeps_what_was_used(
    alice: Person, now: datetime
) -> None:
    put_on_plan(alice, "plus", now=now - timedelta(days=10))
    use(alice, now - timedelta(days=1), "one")

    changes.upgrade(membership=alice.membership, tier=Tier.TEAMS, now=now)
    nora = team.joined(alice, "Nora", now)

    assert (left(alice, now).requests.limit, left(alice, now).requests.used) == (5_000, 1)
    assert (left(nora, now).requests.limit, left(nora, now).requests.used) == (5_000, 0)
    assert left(nora, now).plan.period == left(alice, now).plan.period


def test_after_a_downgrade_the_next_period_has_the_smaller_limit(team_owner: Person, now: datetime) -> None:
    put_on_plan(team_owner, "teams", now=now)
    use(team_owner, now, "one")
    pending = changes.downgrade(membership=team_owner.membership, tier=Tier.PLUS, now=now).subscription
    assert pending.pending_at is not None

    assert left(team_owner, pending.pending_at - timedelta(seconds=1)).requests.limit == 5_000
    after = left(team_owner, pending.pending_at).requests
    assert (after.limit, after.used) == (2_500, 0)


def test_a_downgrade_keeps_the_larger_limit_to_the_last_moment_and_then_refuses_beyond_the_smaller(
    alice: Person, now: datetime
) -> None:
    put_on_plan(alice, "plus", now=now)
    end = changes.downgrade(membership=alice.membership, tier=Tier.PRO, now=now).subscription.pending_at
    assert end is not None
    with tenancy.within(alice.workspace):
        before = services.hold(membership=alice.membership, key="a", now=end - timedelta(hours=1), requests=2_000)
        after = services.hold(membership=alice.membership, key="b", now=end, requests=1_000, tokens=100)
        with pytest.raises((services.QuotaExceeded, services.Busy)):
            services.hold(membership=alice.membership, key="c", now=end)

    assert (before.period_id != after.period_id, left(alice, end).requests.limit) == (True, 1_000)
