"""What is asked with an API key counts for its member, and usage tells it from what is asked signed in."""

import csv
import random
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from html import unescape

import pytest
from django.utils import timezone

from accounts import tenancy
from accounts.models import ApiKey, Membership, Role
from agent.models import Run
from agent.runs import ending
from tests.people import Person, key_of, program, put_on_plan
from tests.usage.test_books import check
from usage import analytics, services
from usage.analytics import Span
from usage.models import Entry, Hold, KeyDay


@pytest.fixture
def robot(bob: Person) -> ApiKey:
    key_of(bob)
    return bob.membership.api_keys.get()


def work(person: Person, now: datetime, *, key: ApiKey | None = None, outcome: str = "succeeded") -> None:
    with tenancy.within(person.workspace):
        held = services.hold(
            membership=person.membership, key=str(uuid.uuid4()), now=now, api_key_id=key.pk if key else None
        )
        cost = services.Cost(200, 100, "extractive", grounded=outcome == "succeeded")
        end = services.release if outcome == "failed" else services.settle
        end(hold_id=held.pk, now=now, outcome=outcome, cost=cost)


def series(person: Person, by: str = "source") -> list[tuple[str, int, int]]:
    answer = person.api.get("/usage/summary", {"by": by})
    assert answer.status_code == 200, answer.json()
    return [(row["name"], row["requests"], row["tokens"]) for row in answer.json()["series"]]


def test_a_question_asked_with_a_key_counts_for_its_member_and_says_so(team_owner: Person, bob: Person) -> None:
    robot = program(key_of(bob))

    asked = robot.post("/agent/run", {"prompt": "When do we ship?"})
    key = bob.membership.api_keys.get()
    with tenancy.within(bob.workspace):
        held = Hold.objects.select_related("period").get()
        ending.finish(Run.objects.get(), Run.Status.STOPPED)
        line = Entry.objects.get()

    assert asked.status_code == 202
    assert '"key-minute";r=' in asked.headers["RateLimit"]
    assert (held.period.member_id, held.api_key_id) == (bob.user.pk, key.pk)
    assert (line.member_id, line.api_key_id) == (bob.user.pk, key.pk)
    assert [row["api_key_id"] for row in bob.api.get("/usage/logs").json()["results"]] == [str(key.pk)]


def test_a_key_asks_no_faster_than_a_seat_and_takes_from_the_workspaces_minute(bob: Person) -> None:
    robot = program(key_of(bob))

    headers = [robot.get("/usage/quota").headers["RateLimit-Policy"], bob.api.get("/usage/quota").headers["RateLimit"]]

    assert '"minute";q=600;w=60' in headers[0]
    assert '"key-minute";q=60;w=60' in headers[0]
    assert "key-minute" not in headers[1]


def test_sources_add_up_to_the_whole(team_owner: Person, bob: Person, robot: ApiKey) -> None:
    now = timezone.now()
    put_on_plan(team_owner, "teams", seats=10, now=now - timedelta(days=3))
    for age, key in ((0, robot), (1, robot), (2, None), (0, None)):
        work(bob, now - timedelta(days=age), key=key)
    work(team_owner, now)

    assert series(team_owner) == [("Signed in", 3, 900), ("Robot", 2, 600)]
    assert series(bob) == [("Signed in", 2, 600), ("Robot", 2, 600)]
    assert check(bob, now) == []


def test_random_spans_are_told_as_the_lines_have_them(team_owner: Person, bob: Person, robot: ApiKey) -> None:
    draw, now = random.Random(3), timezone.now()
    began = now - timedelta(days=6)
    put_on_plan(team_owner, "teams", seats=10, now=began)
    for _ in range(25):
        at = began + timedelta(seconds=draw.randrange(6 * 86_400))
        work(bob, at, key=draw.choice((robot, None)), outcome=draw.choice(("succeeded", "failed", "stopped")))

    with tenancy.within(bob.workspace):
        lines = list(Entry.objects.all())
        assert {line.api_key_id for line in lines} == {robot.pk, None}
        for _ in range(20):
            first, last = sorted(began + timedelta(seconds=draw.randrange(6 * 86_400)) for _ in range(2))
            span = Span(first, last)
            for who in (bob, team_owner):
                totals = analytics.figures(membership=who.membership, span=span, zone=UTC).totals
                rows = analytics.by_source(totals, membership=who.membership, span=span)
                told = {row["api_key_id"]: row["requests"] for row in rows}
                counted = {
                    key: sum(line.requests for line in lines if line.api_key_id == key and first <= line.at < last)
                    for key in (robot.pk, None)
                }
                assert told.get(robot.pk, 0) == counted[robot.pk]
                assert told[None] == counted[None]


def test_others_see_nothing_of_somebody_elses_key(bob: Person, vera: Person, robot: ApiKey) -> None:
    work(bob, timezone.now(), key=robot)

    assert series(vera) == [("Signed in", 0, 0)]
    assert "Robot" not in vera.web.get("/app/usage").content.decode()


def test_the_page_tells_work_by_key_from_work_signed_in(team_owner: Person, bob: Person, robot: ApiKey) -> None:
    now = timezone.now()
    before = page(team_owner)
    work(bob, now)
    signed_in_alone = page(team_owner)
    work(bob, now, key=robot)

    both, own = page(team_owner), page(bob)

    assert "By source" not in before + signed_in_alone
    assert "By source" in both
    assert f"of {bob.user.name}" in both
    assert "Robot" in own
    assert f"of {bob.user.name}" not in own


def test_a_page_that_looks_again_hears_of_work_by_a_key(bob: Person, robot: ApiKey) -> None:
    now = timezone.now()
    work(bob, now)
    work(bob, now, key=robot)
    seen = page(bob).partition("seen=")[2].partition('"')[0]
    same = bob.web.get("/app/usage", {"seen": seen}).status_code
    ApiKey.objects.filter(pk=robot.pk).update(name="Nightly")

    assert (same, bob.web.get("/app/usage", {"seen": seen}).status_code) == (204, 200)


def page(person: Person) -> str:
    answer = person.web.get("/app/usage")
    assert answer.status_code == 200
    return unescape(answer.content.decode())


def test_the_exports_name_the_key(bob: Person, robot: ApiKey) -> None:
    work(bob, timezone.now(), key=robot)

    log = list(rows_of(bob, "?of=log"))
    figures = [row for row in rows_of(bob) if row[0] == "By source"]

    assert (log[0][-1], log[1][-1]) == ("api_key_id", str(robot.pk))
    assert ["By source", "Robot", "questions", "1"] in figures
    assert ["By source", "Signed in", "share of questions, percent", "0"] in figures


def rows_of(person: Person, query: str = "") -> Iterator[list[str]]:
    answer = person.web.get(f"/app/usage/export{query}")
    whole = b"".join(answer.streaming_content) if answer.streaming else answer.content
    return csv.reader(whole.decode().splitlines())


def test_a_key_that_was_ended_is_still_named_and_one_that_is_gone_is_said_to_be(
    team_owner: Person, bob: Person, robot: ApiKey
) -> None:
    work(bob, timezone.now(), key=robot)
    ApiKey.objects.filter(pk=robot.pk).update(revoked_at=timezone.now())
    ended = series(team_owner)
    Membership.objects.filter(pk=bob.membership.pk).delete()

    assert ended[1] == ("Robot", 1, 300)
    assert series(team_owner)[1] == ("A deleted key", 1, 300)


def test_a_sum_of_keys_that_was_changed_by_hand_is_an_alarm(bob: Person, robot: ApiKey) -> None:
    now = timezone.now()
    work(bob, now, key=robot)
    with tenancy.within(bob.workspace):
        KeyDay.objects.update(requests=5)

    assert check(bob, now) == [("requests", 5, 1)]


def test_a_lowered_role_narrows_what_is_told(team_owner: Person, bob: Person, robot: ApiKey) -> None:
    Membership.objects.filter(pk=bob.membership.pk).update(role=Role.ADMIN)
    work(team_owner, timezone.now())
    everybodys = program(key_of(bob, "read")).get("/usage/summary").json()["totals"]["requests"]
    Membership.objects.filter(pk=bob.membership.pk).update(role=Role.MEMBER)

    own = program(key_of(bob, "read")).get("/usage/summary").json()["totals"]["requests"]

    assert (everybodys, own) == (1, 0)
