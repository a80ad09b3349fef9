from datetime import datetime, timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from rest_framework.test import APIClient

from accounts import tenancy
from accounts.models import Membership
from billing.models import Subscription
from tests.people import Person, join, put_on_plan, sign_up
from usage import services
from usage.models import Hold, Period
from usage.quota import quota


def use(person: Person, now: datetime, *, key: str = "one", tokens: int = 300, outcome: str = "succeeded") -> None:
    with tenancy.within(person.workspace):
        hold = services.hold(membership=person.membership, key=key, now=now)
        if outcome == "failed":
            services.release(hold_id=hold.pk, now=now)
            return
        grounded = outcome == "succeeded"
        cost = services.Cost(tokens - 100, 100, "extractive", milliseconds=tokens, grounded=grounded)
        services.settle(hold_id=hold.pk, now=now, outcome=outcome, cost=cost)


def test_the_quota_says_what_is_left(alice: Person, now: datetime) -> None:
    use(alice, now)

    body = alice.api.get("/usage/quota").json()

    assert body["requests"] == {"limit": 120, "used": 1, "held": 0, "remaining": 119}
    assert body["tokens"] == {"limit": 50_000, "used": 300, "held": 0, "remaining": 49_700}
    assert set(body["period"]) == {"starts_at", "ends_at"}


@pytest.mark.parametrize(("used", "is_foreseen"), [(11, False), (12, True)])
def test_from_a_tenth_of_the_quota_on_its_end_is_foreseen(
    alice: Person, now: datetime, used: int, is_foreseen: bool
) -> None:
    use(alice, now)
    with tenancy.within(alice.workspace):
        Period.objects.update(requests_used=used)

    answer = alice.api.get("/usage/quota").json()

    assert bool(answer["forecast"]["requests_run_out_at"]) == is_foreseen


@pytest.mark.parametrize(("first_use", "lasts"), [(1, 8), (4, 16)])
def test_the_pace_of_who_joined_in_mid_period_counts_from_then_or_from_their_use_of_before(
    alice: Person, now: datetime, first_use: int, lasts: int
) -> None:
    put_on_plan(alice, "teams", seats=2, now=now - timedelta(days=6))
    bob = join(alice, "Bob")
    Membership.objects.filter(pk=bob.membership.pk).update(joined_at=now - timedelta(days=2))
    with tenancy.within(alice.workspace):
        held = services.hold(membership=bob.membership, key="bob", now=now)
        Hold.objects.filter(pk=held.pk).update(created_at=now - timedelta(days=first_use))
        Period.objects.update(requests_used=1_000, requests_held=0, tokens_held=0)
        left = quota(membership=Membership.objects.get(pk=bob.membership.pk), now=now)

    assert left.requests.runs_out_at == now + timedelta(days=lasts)


def test_nobody_who_used_nothing_runs_out(alice: Person) -> None:
    body = alice.api.get("/usage/quota").json()

    assert body["forecast"] == {"requests_run_out_at": None, "tokens_run_out_at": None}


def test_every_metered_answer_says_what_is_left(alice: Person, now: datetime) -> None:
    put_on_plan(alice, "pro", now=now)
    use(alice, now)

    for address in ("/usage/quota", "/usage/logs", "/usage/logs?limit=0"):
        headers = alice.api.get(address).headers
        assert headers["RateLimit"].startswith('"requests";r=999;t=')
        assert '"tokens";q=1000000;w=' in headers["RateLimit-Policy"]


@pytest.mark.parametrize("address", ["/usage/quota", "/usage/logs", "/agent/run"])
def test_what_an_answer_may_not_be_is_refused_with_what_is_left(alice: Person, now: datetime, address: str) -> None:
    put_on_plan(alice, "pro", now=now)

    refused = alice.api.generic("POST" if "run" in address else "GET", address, HTTP_ACCEPT="image/png")

    assert refused.status_code == 406
    assert refused.headers["RateLimit"].startswith('"requests";r=1000;t=')


def test_who_is_not_known_is_told_nothing_of_what_is_left() -> None:
    refused = APIClient().get("/usage/quota", HTTP_ACCEPT="image/png")

    assert (refused.status_code, refused.has_header("RateLimit")) == (406, False)


def test_a_body_that_is_too_large_is_refused_with_what_is_left(alice: Person) -> None:
    refused = alice.api.generic("POST", "/agent/run", b" " * 1_000_001, content_type="application/json")

    assert refused.status_code == 413
    assert refused.headers["RateLimit"].startswith('"requests";r=')


def test_no_time_is_told_after_which_a_trial_has_more(alice: Person) -> None:
    states = alice.api.get("/usage/quota").headers["RateLimit"].split(", ")

    assert [";t=" in each for each in states] == [False, False, True]


CLOSED: dict[str, dict[str, object]] = {
    "trial": {"trial_ends_at": timezone.now() - timedelta(days=20)},
    "ended": {"tier": "teams", "status": "canceled", "ended_at": timezone.now() - timedelta(days=20)},
    "late": {"tier": "teams", "status": "past_due", "past_due_since": timezone.now() - timedelta(days=20)},
}


@pytest.mark.parametrize("facts", CLOSED.values(), ids=CLOSED)
def test_nothing_is_left_of_a_plan_with_which_nothing_can_be_asked(alice: Person, facts: dict[str, object]) -> None:
    Subscription.objects.filter(workspace=alice.workspace).update(**facts)

    said = alice.api.get("/usage/quota")
    refused = alice.api.post("/agent/run", {"prompt": "What?"})

    assert (said.json()["requests"]["remaining"], said.json()["tokens"]["remaining"]) == (0, 0)
    assert refused.status_code == 402
    for answer in (said, refused):
        assert answer.headers["RateLimit"] == '"requests";r=0, "tokens";r=0, "minute";r=0'
        assert answer.headers["RateLimit-Policy"] == '"requests";q=0, "tokens";q=0, "minute";q=0'


def test_nothing_is_left_for_whom_a_team_left_over(bob: Person, team_owner: Person) -> None:
    put_on_plan(team_owner, "plus")

    assert bob.api.get("/usage/quota").json()["requests"]["remaining"] == 0
    assert team_owner.api.get("/usage/quota").json()["requests"]["remaining"] == 2_500


def test_the_quota_costs_three_queries_however_much_was_used(alice: Person, now: datetime) -> None:
    for key in ("a", "b", "c"):
        use(alice, now, key=key)

    with tenancy.within(alice.workspace), CaptureQueriesContext(connection) as queries:
        services.quota(membership=alice.membership, now=now)

    assert len(queries) == 3


def test_the_log_is_newest_first_and_comes_in_pieces(alice: Person, now: datetime) -> None:
    for n in range(5):
        use(alice, now - timedelta(seconds=n), key=str(n), tokens=300 + n)

    first = alice.api.get("/usage/logs?limit=3").json()
    second = alice.api.get("/usage/logs", {"limit": 3, "cursor": first["next"]}).json()

    assert [row["input_tokens"] for row in first["results"] + second["results"]] == [200, 201, 202, 203, 204]
    assert second["next"] is None


@pytest.mark.parametrize("query", ["cursor=nonsense", "cursor=WzEsMl0", "limit=0", "limit=101", "limit=x"])
def test_a_bad_cursor_or_limit_is_refused(alice: Person, query: str) -> None:
    assert alice.api.get(f"/usage/logs?{query}").status_code == 400


def test_a_member_sees_their_own_use_and_an_owner_everybodys(team_owner: Person, bob: Person, now: datetime) -> None:
    use(team_owner, now)
    use(bob, now)

    hers, his = (person.api.get("/usage/logs").json()["results"] for person in (team_owner, bob))

    assert len(hers) == 2
    assert [row["user_id"] for row in his] == [str(bob.user.pk)]


def test_charlie_sees_nothing_of_another_workspace(alice: Person, charlie: Person, now: datetime) -> None:
    use(alice, now)

    assert charlie.api.get("/usage/logs").json()["results"] == []
    assert charlie.api.get("/usage/summary").json()["totals"]["requests"] == 0


def test_the_summary_counts_runs_and_their_ends(alice: Person, now: datetime) -> None:
    use(alice, now, key="good")
    use(alice, now, key="empty", outcome="not_found", tokens=500)
    use(alice, now, key="broken", outcome="failed")

    totals = alice.api.get("/usage/summary").json()["totals"]

    assert (totals["requests"], totals["tokens"], totals["runs_succeeded"], totals["runs_failed"]) == (2, 800, 2, 1)
    assert totals["grounded_share"] == 0.5
    assert totals["latency_ms"]["p50"] == pytest.approx(300, rel=0.025)


@pytest.mark.parametrize(("by", "name"), [("day", "day"), ("member", "user_id"), ("kind", "kind"), ("model", "model")])
def test_the_summary_has_a_series(alice: Person, now: datetime, by: str, name: str) -> None:
    use(alice, now)

    series = alice.api.get(f"/usage/summary?by={by}").json()["series"]

    assert [(row["requests"], row["tokens"]) for row in series] == [(1, 300)]
    assert series[0][name]


def test_a_day_in_the_summary_is_the_members_own(alice: Person) -> None:
    alice.api.patch("/user/config", {"timezone": "Asia/Tokyo"})
    moment = alice.subscription.started_at.replace(hour=23, minute=30) + timedelta(days=1)
    use(alice, moment)

    series = alice.api.get(
        "/usage/summary", {"from": moment.date() - timedelta(days=2), "to": moment.date() + timedelta(days=2)}
    ).json()["series"]

    assert [row["day"] for row in series] == [str(moment.date() + timedelta(days=1))]


@pytest.mark.parametrize(
    "query",
    [
        "from=tomorrow",
        "to=2026-13-01",
        "from=2026-02-01&to=2026-01-01",
        "by=colour",
        "from=9999-12-31T01:00:00Z&to=9999-12-31T02:00:00Z",
    ],
)
def test_a_summary_of_nonsense_is_refused(alice: Person, query: str) -> None:
    assert alice.api.get(f"/usage/summary?{query}").status_code == 400


def test_a_team_sees_its_people_with_what_they_used(team_owner: Person, bob: Person, now: datetime) -> None:
    use(bob, now)

    rows = team_owner.api.get("/admin/users").json()["results"]

    assert [(row["email"], row["role"], row["requests_used"], row["tokens_used"]) for row in rows] == [
        (team_owner.email, "owner", 0, 0),
        (bob.email, "member", 1, 300),
    ]
    assert rows[0]["caps"] == {"requests": None, "tokens": None}


def test_without_teams_the_people_are_refused_and_the_plan_is_named(alice: Person) -> None:
    answer = alice.api.get("/admin/users")

    assert (answer.status_code, answer.json()["type"]) == (403, "/problems/plan-required")
    assert answer.json()["plan"] == "teams"


@pytest.mark.parametrize("who", ["bob", "vera"])
def test_members_and_viewers_do_not_see_the_people(request: pytest.FixtureRequest, who: str) -> None:
    answer = request.getfixturevalue(who).api.get("/admin/users")

    assert (answer.status_code, answer.json()["type"]) == (403, "/problems/forbidden")


def test_the_table_of_people_counts_from_where_the_quota_counts(now: datetime) -> None:
    alice = sign_up("Alice", now=now - timedelta(days=2))
    use(alice, now - timedelta(days=1))
    put_on_plan(alice, "teams", seats=5, now=now - timedelta(hours=1))

    row = alice.api.get("/admin/users").json()["results"][0]

    assert (row["requests_used"], row["tokens_used"]) == (0, 0)
    assert alice.api.get("/usage/quota").json()["requests"]["used"] == 0


@pytest.mark.parametrize("address", ["/usage/quota", "/usage/logs", "/usage/summary", "/admin/users"])
def test_nobody_is_asked_to_sign_in(client: object, address: str) -> None:
    from rest_framework.test import APIClient

    assert APIClient().get(address).status_code == 401
