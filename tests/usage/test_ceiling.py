"""All members of a team together use no more than the seats that are paid for bring, whoever takes turns on them."""

from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from html import unescape

import pytest
from django.db import connection, connections
from django.db.models import F, Sum
from django.test.utils import CaptureQueriesContext

from accounts import tenancy
from accounts.models import Membership
from billing.models import Subscription
from billing.team import members
from tests.billing import team
from tests.people import Person, join, put_on_plan
from tests.usage.test_caps import left, use
from tests.usage.test_refusals import banner
from usage import services
from usage.models import Hold, Period


def team_of(owner: Person, seats: int, now: datetime) -> None:
    put_on_plan(owner, "teams", seats=seats, now=now - timedelta(days=3))
    team.fix_seats(owner, seats)


def uses_up(person: Person, now: datetime, *, requests: int = 5_000) -> None:
    """All of it in this period, of which the first question was one."""
    use(person, now, f"first of {person.user.pk}")
    with tenancy.within(person.workspace):
        Period.objects.filter(member_id=person.user.pk).update(requests_used=requests)


def refusal(person: Person, now: datetime, **more: int) -> services.QuotaExceeded:
    with tenancy.within(person.workspace), pytest.raises(services.QuotaExceeded) as refused:
        services.hold(membership=person.membership, key="refused", now=now, **more)
    return refused.value


def test_who_takes_a_seat_over_has_what_is_left_of_the_seats(team_owner: Person, now: datetime) -> None:
    team_of(team_owner, 2, now)
    nora = team.joined(team_owner, "Nora", now)
    uses_up(nora, now)
    members.remove(by=team_owner.membership, user_id=nora.user.pk, now=now)

    otto = team.joined(team_owner, "Otto", now)
    uses_up(otto, now, requests=4_999)
    last = left(otto, now).requests.remaining, left(team_owner, now).requests.remaining
    warned = banner(team_owner, now)
    use(otto, now, "the last one")

    refused = refusal(team_owner, now)
    assert last == (1, 1)
    assert (warned["tone"], warned["title"], warned["action"]) == (
        "warn",
        "9,999 of 10,000 questions of the team's seats are used.",
        "Add seats",
    )
    assert (refused.extra["violated"], refused.extra["seats"], refused.extra["plan"]) == ("requests", 2, None)
    assert "At this pace the rest lasts until" in warned["text"]
    assert "The workspace's 10,000 requests of this month, 5,000 for each of 2 seats, are used" in refused.detail
    assert "They start anew on" in refused.detail
    assert refused.extra["resets_at"] == left(team_owner, now).plan.period.ends_at
    shown = banner(team_owner, now)
    assert (shown["title"], shown["action"]) == ("All 10,000 questions of the team's seats are used.", "Add seats")
    assert team_owner.api.get("/usage/quota").headers["RateLimit"].startswith('"requests";r=0;')
    assert "0 left for all members together" in team_owner.web.get("/app/usage").content.decode()


def test_it_is_foreseen_when_all_together_have_used_it_up(team_owner: Person, now: datetime) -> None:
    team_of(team_owner, 2, now)
    uses_up(team.joined(team_owner, "Nora", now), now, requests=4_990)
    uses_up(team_owner, now, requests=10)
    out = now + timedelta(days=3)

    foreseen = left(team_owner, now).requests.runs_out_at
    page = unescape(team_owner.web.get("/app/usage").content.decode())
    told = team_owner.api.get("/usage/quota").json()["forecast"]["requests_run_out_at"]

    assert foreseen is not None
    assert abs(foreseen - out) < timedelta(minutes=1)
    assert told[:10] in {f"{out:%Y-%m-%d}", f"{out + timedelta(minutes=5):%Y-%m-%d}"}
    # Of the owner's own and of the team's.
    assert page.count("at this pace until") == 2


def test_a_members_own_end_comes_first_where_it_is_earlier(team_owner: Person, now: datetime) -> None:
    team_of(team_owner, 2, now)
    team.joined(team_owner, "Nora", now)
    uses_up(team_owner, now, requests=3_750)

    requests = left(team_owner, now).requests

    assert requests.runs_out_at is not None
    assert requests.together is not None
    assert requests.together.runs_out_at is not None
    assert requests.runs_out_at - now < timedelta(days=1, minutes=5) < requests.together.runs_out_at - now


def test_the_tokens_have_a_ceiling_too(team_owner: Person, now: datetime) -> None:
    team_of(team_owner, 2, now)
    bob = join(team_owner, "Bob")
    use(bob, now, "one")
    with tenancy.within(team_owner.workspace):
        Period.objects.filter(member_id=bob.user.pk).update(tokens_used=10_000_000 - 60)
        held = services.hold(membership=team_owner.membership, key="rest", now=now)
        with pytest.raises(services.Busy):
            services.hold(membership=team_owner.membership, key="more", now=now)

    assert held.tokens == 60


def test_seats_that_follow_the_members_keep_what_was_paid_for(team_owner: Person, now: datetime) -> None:
    put_on_plan(team_owner, "teams", seats=1, now=now - timedelta(days=3))
    nora = team.joined(team_owner, "Nora", now)
    uses_up(nora, now)

    members.remove(by=team_owner.membership, user_id=nora.user.pk, now=now)

    assert team_owner.subscription.seats == 1
    assert left(team_owner, now).requests.remaining == 5_000


def test_in_turn_guests_bring_no_more_than_the_seats(team_owner: Person, now: datetime) -> None:
    put_on_plan(team_owner, "teams", seats=1, now=now - timedelta(days=3))
    for name in ("Nora", "Otto"):
        guest = team.joined(team_owner, name, now)
        uses_up(guest, now)
        members.remove(by=team_owner.membership, user_id=guest.user.pk, now=now)

    third = team.joined(team_owner, "Paul", now)

    assert "are used" in refusal(third, now).detail


def test_a_seat_more_raises_it_at_once(team_owner: Person, now: datetime) -> None:
    team_of(team_owner, 1, now)
    with tenancy.within(team_owner.workspace):
        use(team_owner, now, "one")
        Period.objects.update(requests_used=4_999, member_id=team_owner.user.pk)
    use(team_owner, now, "two")
    assert left(team_owner, now).requests.remaining == 0

    team_owner.api.post("/subscription/seats", {"seats": 2})
    bob = team.joined(team_owner, "Bob", now)

    use(bob, now, "three")
    assert left(bob, now).requests.remaining == 4_999


def test_a_new_period_begins_with_nothing_used(team_owner: Person, now: datetime) -> None:
    team_of(team_owner, 1, now)
    uses_up(team_owner, now)
    Subscription.objects.filter(workspace=team_owner.workspace).update(anchor_at=F("anchor_at") - timedelta(days=40))

    later = left(team_owner, now).plan.period.ends_at + timedelta(days=1)

    assert left(team_owner, later).requests.remaining == 5_000
    use(team_owner, later, "then")


def test_what_others_hold_is_busy_until_it_has_ended_or_expired(team_owner: Person, now: datetime) -> None:
    team_of(team_owner, 1, now)
    bob = join(team_owner, "Bob")
    with tenancy.within(team_owner.workspace):
        services.hold(membership=bob.membership, key="all", now=now, requests=5_000, tokens=100)
        with pytest.raises(services.Busy) as refused:
            services.hold(membership=team_owner.membership, key="mine", now=now)
        later = services.hold(membership=team_owner.membership, key="mine", now=now + services.HOLD_LIFE)

    assert "Questions of others hold" in refused.value.detail
    assert (refused.value.extra["violated"], refused.value.extra["plan"]) == ("requests", None)
    assert later.requests == 1


def test_other_plans_have_none(alice: Person, now: datetime) -> None:
    put_on_plan(alice, "plus", now=now - timedelta(days=3))
    bob = join(alice, "Bob")
    uses_up(bob, now, requests=2_500)

    use(alice, now, "one")

    assert left(alice, now).requests.remaining == 2_499


def test_32_at_once_of_8_members_never_pass_it(team_owner: Person, now: datetime) -> None:
    team_of(team_owner, 1, now)
    people = [join(team_owner, f"Member{n}") for n in range(8)]

    def ask(n: int) -> str:
        membership = Membership.objects.select_related("workspace").get(pk=people[n % 8].membership.pk)
        try:
            with tenancy.within(membership.workspace):
                services.hold(membership=membership, key=str(n), now=now, requests=250, tokens=250_000)
            return "held"
        except (services.QuotaExceeded, services.Busy) as refused:
            return refused.code
        finally:
            connections.close_all()

    with ThreadPoolExecutor(32) as pool:
        words = list(pool.map(ask, range(64)))

    with tenancy.within(team_owner.workspace):
        total = Period.objects.aggregate(requests=Sum("requests_held"), tokens=Sum("tokens_held"))
        holds = Hold.objects.filter(state="open").count()
    assert (words.count("held"), words.count("busy"), holds) == (20, 44, 20)
    assert total == {"requests": 5_000, "tokens": 5_000_000}


def test_a_teams_quota_costs_two_queries_more_however_many_there_are(team_owner: Person, now: datetime) -> None:
    for n in range(3):
        use(join(team_owner, f"Member{n}"), now, str(n))

    with tenancy.within(team_owner.workspace), CaptureQueriesContext(connection) as queries:
        services.quota(membership=team_owner.membership, now=now)

    assert len(queries) == 4
