from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from accounts.models import Connection
from tests.people import Person, join
from tests.tasks import rows

FIELDS = {
    *("id", "title", "status", "done", "due_on", "priority", "assignees", "labels", "url", "notion_page_id", "source"),
    *("created_at", "updated_at", "sync_state"),
}


def titles(person: Person, query: str = "") -> list[str]:
    answer = person.api.get(f"/tasks{query}")
    assert answer.status_code == 200, answer.content
    return [row["title"] for row in answer.json()["results"]]


def test_a_local_task_is_made_read_changed_and_deleted(alice: Person) -> None:
    task = alice.api.post("/tasks", {"title": "Buy a printer", "due_on": "2026-12-01", "labels": ["office"]})
    address = f"/tasks/{task.json()['id']}"

    changed = alice.api.patch(address, {"done": True})

    assert task.status_code == 201
    assert task["Location"] == address
    assert set(task.json()) >= FIELDS
    assert changed.json() | {"updated_at": ""} == task.json() | {"done": True, "status": "Done", "updated_at": ""}
    assert alice.api.get(address).json() == changed.json()
    assert alice.api.delete(address).status_code == 204
    assert alice.api.get(address).status_code == 404


def test_a_row_goes_to_the_database_that_is_named(alice: Person) -> None:
    first, second = rows.connection(alice), rows.connection(alice)
    told = alice.api.get("/agent/coverage").json()["connections"]
    named = {each["id"]: each["task_source"] for each in told}

    unnamed = alice.api.post("/tasks", {"title": "Call", "source": "notion"}).json()
    there = alice.api.post("/tasks", {"title": "Write", "source": named[str(second.pk)]}).json()

    assert unnamed["source_id"] == named[str(first.pk)]
    assert (there["source"], there["source_id"]) == ("notion", named[str(second.pk)])


def test_a_database_that_is_not_ones_own_is_404(team_owner: Person, bob: Person, charlie: Person) -> None:
    made = rows.connection(team_owner)
    [told] = team_owner.api.get("/agent/coverage").json()["connections"]
    address, body = "/tasks", {"title": "Call", "source": told["task_source"]}

    assert [person.api.post(address, body).status_code for person in (team_owner, bob, charlie)] == [201, 404, 404]
    Connection.objects.filter(pk=made.pk).update(status=Connection.Status.REAUTHORIZE)
    assert team_owner.api.post(address, body).status_code == 404
    assert team_owner.api.post(address, body | {"source": "elsewhere"}).status_code == 400


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("status=doing", {"Contract"}),
        ("done=true", {"Printer"}),
        ("done=false", {"Contract", "Poster"}),
        ("due_before=2026-12-01", {"Contract"}),
        ("due_after=2026-11-20", {"Printer"}),
        ("assignee=anna berg", {"Contract"}),
        ("assignee=me", {"Poster"}),
        ("source=notion", {"Contract"}),
        ("source=local", {"Printer", "Poster"}),
    ],
)
def test_filters_narrow_the_list(alice: Person, query: str, found: set[str]) -> None:
    rows.from_notion(rows.connection(alice), "Contract", due="2026-11-20", who="Anna Berg")
    rows.local(alice, "Printer", due_on="2026-12-01", done=True)
    rows.local(alice, "Poster", assignees=["Alice"])

    assert set(titles(alice, f"?{query}")) == found


def test_the_id_of_a_source_is_a_filter(alice: Person) -> None:
    task_id = rows.from_notion(rows.connection(alice), "Contract")
    rows.local(alice, "Printer")

    source = alice.api.get(f"/tasks/{task_id}").json()["source_id"]

    assert titles(alice, f"?source={source}") == ["Contract"]


@pytest.mark.parametrize("query", ["done=perhaps", "due_before=soon", "source=x", "limit=0", "limit=101", "limit=x"])
def test_a_filter_that_cannot_be_read_is_refused(alice: Person, query: str) -> None:
    answer = alice.api.get(f"/tasks?{query}")

    assert answer.status_code == 400
    assert answer.json()["errors"][0]["pointer"] == "/" + query.partition("=")[0]


def test_a_bad_cursor_is_refused(alice: Person) -> None:
    answers = [alice.api.get(f"{address}cursor=bm8").json() for address in ("/tasks?", "/tasks/search?q=x&")]

    assert [(answer["status"], answer["type"]) for answer in answers] == [(400, "/problems/bad-cursor")] * 2


def test_pages_of_the_list_hold_each_task_once(alice: Person) -> None:
    made = [f"Task {number}" for number in range(7)]
    for title in made:
        rows.local(alice, title)

    seen, cursor = [], ""
    while cursor is not None:
        page = alice.api.get(f"/tasks?limit=3&cursor={cursor}").json()
        seen += [row["title"] for row in page["results"]]
        cursor = page["next"]

    assert seen == made[::-1]


def test_a_viewer_reads_and_does_not_write(team_owner: Person, vera: Person) -> None:
    task_id = rows.local(team_owner, "Printer", shared=True)

    refused = [
        vera.api.post("/tasks", {"title": "Mine"}),
        vera.api.patch(f"/tasks/{task_id}", {"done": True}),
        vera.api.delete(f"/tasks/{task_id}"),
    ]

    assert [answer.status_code for answer in refused] == [403, 403, 403]
    assert titles(vera) == ["Printer"]


def test_members_see_their_own_and_what_is_shared(team_owner: Person, bob: Person) -> None:
    private, common = rows.connection(team_owner), rows.connection(team_owner, is_shared=True)
    rows.from_notion(private, "Salary talks")
    rows.from_notion(common, "Launch")
    rows.local(team_owner, "Gift for Bob")
    rows.local(team_owner, "Party", shared=True)

    assert set(titles(bob)) == {"Launch", "Party"}
    assert set(titles(team_owner)) == {"Salary talks", "Launch", "Gift for Bob", "Party"}


def test_what_is_no_longer_shared_is_no_longer_seen(team_owner: Person, bob: Person) -> None:
    common = rows.connection(team_owner, is_shared=True)
    rows.from_notion(common, "Launch")

    Connection.objects.filter(pk=common.pk).update(is_shared=False)

    assert titles(bob) == []


def test_only_its_maker_and_managers_delete_a_shared_task(team_owner: Person, bob: Person) -> None:
    carol = join(team_owner, "Carol")
    task_id = rows.local(bob, "Party", shared=True)

    assert carol.api.patch(f"/tasks/{task_id}", {"done": True}).status_code == 200
    assert carol.api.patch(f"/tasks/{task_id}", {"shared": False}).status_code == 403
    assert carol.api.delete(f"/tasks/{task_id}").status_code == 403
    assert team_owner.api.delete(f"/tasks/{task_id}").status_code == 204


def test_charlie_gets_404(alice: Person, charlie: Person) -> None:
    task_id = rows.local(alice, "Printer")

    answers: list[Any] = [
        charlie.api.get(f"/tasks/{task_id}"),
        charlie.api.patch(f"/tasks/{task_id}", {"done": True}),
        charlie.api.delete(f"/tasks/{task_id}"),
    ]

    assert [answer.status_code for answer in answers] == [404, 404, 404]
    assert alice.api.get(f"/tasks/{task_id}").json()["done"] is False
    assert titles(charlie) == []


@pytest.mark.parametrize("address", ["/tasks", "/tasks/search?q=task"])
def test_the_number_of_queries_does_not_grow(alice: Person, address: str) -> None:
    notion = rows.connection(alice)
    counts = []

    for more in (5, 45):
        for number in range(more):
            rows.from_notion(notion, f"Task {number}")
        alice.api.get(address)
        with CaptureQueriesContext(connection) as queries:
            assert alice.api.get(address).status_code == 200
        counts.append(len(queries))

    assert counts[0] == counts[1] <= 8
