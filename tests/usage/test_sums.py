"""The figures of pages and API are what the log's lines add up to."""

import random
import uuid
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext

from accounts import tenancy
from tests.people import Person, put_on_plan
from usage import analytics, services
from usage.models import Entry

ZONES = ("UTC", "America/New_York", "Asia/Kathmandu", "Pacific/Chatham", "Asia/Kolkata")
MODELS = ("extractive", "acme-1", "=HYPERLINK()")


@pytest.fixture
def busy_team(team_owner: Person, bob: Person, now: datetime) -> Person:
    """Forty pieces of work of two members, over twelve days, that ended in every way."""
    draw = random.Random(7)
    began = now - timedelta(days=12)
    put_on_plan(team_owner, "teams", seats=5, now=began)
    with tenancy.within(team_owner.workspace):
        for number in range(40):
            at = began + timedelta(seconds=draw.randrange(12 * 86_400))
            end_one(draw.choice((team_owner, bob)), str(number), at, draw)
    return team_owner


def end_one(person: Person, key: str, at: datetime, draw: random.Random) -> None:
    held = services.hold(membership=person.membership, key=key, now=at, tokens=300)
    outcome = draw.choice(["succeeded", "succeeded", "not_found", "stopped", "failed"])
    grounded = {"succeeded": True, "not_found": False}.get(outcome)
    cost = services.Cost(
        draw.randrange(300),
        draw.randrange(300),
        draw.choice(MODELS),
        milliseconds=draw.randrange(9_000),
        grounded=grounded,
    )
    if outcome == "failed":
        services.release(hold_id=held.pk, now=at, cost=cost)
    else:
        services.settle(hold_id=held.pk, now=at, cost=cost, outcome=outcome)


def added(lines: list[Entry]) -> tuple[int, int, int, int]:
    return (
        sum(line.requests for line in lines),
        sum(line.input_tokens + line.output_tokens for line in lines),
        sum(line.outcome in {"succeeded", "not_found"} for line in lines),
        sum(line.outcome == "failed" for line in lines),
    )


def numbers(row: dict[str, Any]) -> tuple[int, int, int, int]:
    return row["requests"], row["tokens"], row["runs_succeeded"], row["runs_failed"]


@pytest.mark.parametrize("zone", ZONES)
def test_every_figure_is_the_sum_of_its_lines(busy_team: Person, now: datetime, zone: str) -> None:
    span = analytics.Span(now - timedelta(days=9, hours=3, seconds=17), now - timedelta(hours=5, seconds=3))
    with tenancy.within(busy_team.workspace):
        lines = list(span.of(Entry.objects.all()))
        found = analytics.figures(membership=busy_team.membership, span=span, zone=ZoneInfo(zone))
        members = analytics.by_member(membership=busy_team.membership, span=span)

    assert numbers(found.totals.as_json()) == added(lines)
    series: list[tuple[str, list[dict[str, Any]], Callable[[Entry], object]]] = [
        ("day", found.by_day, lambda line: line.at.astimezone(ZoneInfo(zone)).date()),
        ("kind", found.by_kind, lambda line: line.kind),
        ("model", found.by_model, lambda line: line.model),
        ("user_id", members, lambda line: line.member_id),
    ]
    for name, rows, of in series:
        keys = {of(line) for line in lines}
        assert {row[name]: numbers(row) for row in rows} == {
            key: added([line for line in lines if of(line) == key]) for key in keys
        }


@pytest.mark.parametrize("length", [timedelta(0), timedelta(minutes=7), timedelta(minutes=40), timedelta(days=11)])
def test_short_and_long_spans_count_each_line_once(busy_team: Person, now: datetime, length: timedelta) -> None:
    with tenancy.within(busy_team.workspace):
        first = Entry.objects.earliest("at").at
        span = analytics.Span(first, first + length)
        lines = list(span.of(Entry.objects.all()))
        found = analytics.totals(membership=busy_team.membership, span=span)

    assert numbers(found) == added(lines)


def test_a_member_gets_only_their_own_sums(busy_team: Person, bob: Person, now: datetime) -> None:
    span = analytics.Span(now - timedelta(days=20), now)
    with tenancy.within(busy_team.workspace):
        his = list(Entry.objects.filter(member_id=bob.user.pk))
        found = analytics.figures(membership=bob.membership, span=span, zone=UTC)
        members = analytics.by_member(membership=bob.membership, span=span)

    assert numbers(found.totals.as_json()) == added(his)
    assert [(row["user_id"], numbers(row)) for row in members] == [(bob.user.pk, added(his))]


@pytest.mark.parametrize("who", ["busy_team", "bob"])
def test_percentiles_are_within_their_error(
    request: pytest.FixtureRequest, busy_team: Person, bob: Person, now: datetime, who: str
) -> None:
    person: Person = request.getfixturevalue(who)
    with tenancy.within(busy_team.workspace):
        seen = analytics.visible_to(person.membership).filter(outcome__in=["succeeded", "not_found"])
        taken = sorted(seen.values_list("milliseconds", flat=True))
        found = analytics.latency(membership=person.membership, span=analytics.Span(now - timedelta(days=20), now))

    for name, share in (("p50", 50), ("p95", 95), ("p99", 99)):
        assert found[name] == pytest.approx(taken[-(-len(taken) * share // 100) - 1], rel=0.025)


def test_the_figures_cost_the_same_statements_however_much_was_used(busy_team: Person, now: datetime) -> None:
    def cost(days: int) -> int:
        span = analytics.Span(now - timedelta(days=days), now)
        with tenancy.within(busy_team.workspace), CaptureQueriesContext(connection) as queries:
            analytics.figures(membership=busy_team.membership, span=span, zone=UTC)
            analytics.latency(membership=busy_team.membership, span=span)
            analytics.by_member(membership=busy_team.membership, span=span)
        return len(queries)

    assert {cost(1), cost(5), cost(20)} == {4}


def test_a_line_that_is_rolled_back_is_in_no_sum(alice: Person, now: datetime) -> None:
    with tenancy.within(alice.workspace):
        held = services.hold(membership=alice.membership, key="one", now=now)
        with pytest.raises(ZeroDivisionError):
            roll_back(held.pk, now)
        span = analytics.Span(now - timedelta(1), now + timedelta(1))
        found = analytics.totals(membership=alice.membership, span=span)

    assert numbers(found) == (0, 0, 0, 0)


def roll_back(hold_id: uuid.UUID, now: datetime) -> None:
    with transaction.atomic():
        services.settle(hold_id=hold_id, now=now, cost=services.Cost(10, 10, "m"), outcome="succeeded")
        raise ZeroDivisionError
