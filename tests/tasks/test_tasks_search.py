from datetime import UTC, date, datetime, time, timedelta
from typing import Any

import pytest
from django.utils import timezone

from accounts import tenancy
from tasks import search as finding
from tests.people import Person
from tests.tasks import rows

MONDAY = date(2026, 11, 23)


def search(person: Person, text: str, **parameters: str) -> list[dict[str, Any]]:
    answer = person.api.get("/tasks/search", {"q": text, **parameters})
    assert answer.status_code == 200, answer.content
    found: list[dict[str, Any]] = answer.json()["results"]
    return found


@pytest.mark.parametrize(
    ("text", "title", "way"),
    [
        ("announcements", "Write the announcement", "words"),
        ("announ", "Write the announcement", "beginning"),
        ("anouncement", "Write the announcement", "similar"),
        ("anna berg", "Check the contract", "people"),
    ],
)
def test_words_find_a_task(alice: Person, text: str, title: str, way: str) -> None:
    rows.local(alice, "Write the announcement")
    rows.local(alice, "Check the contract", assignees=["Anna Berg"])

    found = search(alice, text)

    assert [row["title"] for row in found] == [title]
    assert way in found[0]["matched"]
    assert 0 < found[0]["score"] <= 1


@pytest.mark.parametrize(
    ("text", "titles"),
    [
        ("is:done", {"Old"}),
        ("overdue", {"Late"}),
        ("which tasks are overdue?", {"Late"}),
        ("due:today", {"Now"}),
        ("due:none", {"Old"}),
        ("status:Waiting printer", {"Late"}),
        ('label:"Head office"', {"Now"}),
        ("assigned to me", {"Now"}),
        ("all tasks", {"Old", "Late", "Now"}),
    ],
)
def test_filters_can_be_written_into_the_search(alice: Person, text: str, titles: set[str]) -> None:
    today = timezone.now().date()
    rows.local(alice, "Old", done=True)
    rows.local(alice, "Late", due_on=str(today - timedelta(days=3)), status="Waiting", labels=["Printer"])
    rows.local(alice, "Now", due_on=str(today), assignees=["Alice"], labels=["Head office"])

    assert {row["title"] for row in search(alice, text)} == titles


@pytest.mark.parametrize("day", [MONDAY, MONDAY + timedelta(days=6)])
@pytest.mark.parametrize("text", ["due this week", "due:week"])
def test_a_week_is_monday_to_sunday_on_each_of_its_days(alice: Person, text: str, day: date) -> None:
    for number in (-1, 0, 3, 6, 7):
        rows.local(alice, f"Day {number}", due_on=str(MONDAY + timedelta(days=number)))
    noon = datetime.combine(day, time(12), tzinfo=UTC)

    with tenancy.within(alice.workspace):
        found = finding.search(by=alice.membership, text=text, now=noon).found

    assert [each.task.title for each in found] == ["Day 0", "Day 3", "Day 6"]


@pytest.mark.parametrize(
    ("text", "titles"),
    [
        ("done tasks of Tom", {"Old"}),
        ("which tasks are assigned to tom reyes?", {"Old", "Now"}),
        ("open tasks for Tom", {"Now"}),
        ("open tasks of me", {"Mine"}),
        # Nobody is called so: these are words.
        ("tasks for the fair", {"Tell Tom of the fair"}),
        ("done tasks of Tomas", set()),
    ],
)
def test_tasks_of_somebody_are_found_by_a_part_of_the_name(alice: Person, text: str, titles: set[str]) -> None:
    rows.local(alice, "Old", done=True, assignees=["Tom Reyes"])
    rows.local(alice, "Now", assignees=["Ana Lind", "Tom Reyes"])
    rows.local(alice, "Mine", assignees=["Alice"])
    rows.local(alice, "Tell Tom of the fair", done=True, assignees=["Tomma Lund"])

    assert {row["title"] for row in search(alice, text)} == titles


def test_better_matches_come_first(alice: Person) -> None:
    for title in ("Contracting out the kitchen", "Check the contract with the printer", "Printer paper"):
        rows.local(alice, title)

    found = search(alice, "contract printer")

    assert found[0]["title"] == "Check the contract with the printer"
    assert [row["score"] for row in found] == sorted((row["score"] for row in found), reverse=True)


def test_a_search_is_paged(alice: Person) -> None:
    for number in range(5):
        rows.local(alice, f"Call customer {number}")

    first = alice.api.get("/tasks/search?q=customer&limit=3").json()
    second = alice.api.get(f"/tasks/search?q=customer&limit=3&cursor={first['next']}").json()

    assert len({row["id"] for row in first["results"] + second["results"]}) == 5
    assert second["next"] is None


@pytest.mark.parametrize("query", ["", "?q=", "?q=%20"])
def test_an_empty_search_is_refused(alice: Person, query: str) -> None:
    answer = alice.api.get(f"/tasks/search{query}")

    assert answer.status_code == 400
    assert answer.json()["errors"][0]["pointer"] == "/q"


@pytest.mark.parametrize("text", ["'", ":*", "& | !", "a:*b <-> (", '"', "due:2026-02-31", "due:9999-12-31", "%", "\\"])
def test_odd_characters_are_words_like_others(alice: Person, text: str) -> None:
    assert search(alice, text) == []


def test_a_search_finds_only_what_the_member_may_read(team_owner: Person, bob: Person, charlie: Person) -> None:
    rows.from_notion(rows.connection(team_owner), "Salary talks")
    rows.local(team_owner, "Salary list")

    assert len(search(team_owner, "salary")) == 2
    assert search(bob, "salary") == search(charlie, "salary") == []
