"""Editing on the pages: inline in the list and on a task's own page, with and without script."""

import uuid
from typing import Any

import pytest
from django.db import connection as database
from django.test.utils import CaptureQueriesContext

from accounts import tenancy
from agent.models import Source
from tasks import services, sources
from tasks.models import Outgoing, Task, TaskChange, TaskSource
from tests.people import Person
from tests.tasks import rows

HTMX = {"HTTP_HX_REQUEST": "true"}


def post(person: Person, task_id: str, *, path: str = "/app/tasks", **fields: Any) -> Any:
    return person.web.post(path, {"task": task_id, **fields})


def task(person: Person, task_id: str) -> dict[str, Any]:
    return dict(person.api.get(f"/tasks/{task_id}").json())


def own_page(person: Person, task_id: str) -> str:
    answer = person.web.get(f"/app/tasks/{task_id}")
    assert answer.status_code == 200
    return answer.content.decode()


def fail(person: Person, task_id: str, reason: str = "Notion said: Due is odd.") -> None:
    with tenancy.within(person.workspace):
        Outgoing.objects.filter(task_id=task_id).update(state="failed", reason=reason)
        Task.objects.filter(pk=task_id).update(sync_state="failed")


@pytest.mark.parametrize("path", ["/app/tasks", "/app/tasks/{}"])
def test_a_task_is_edited(alice: Person, path: str) -> None:
    task_id = rows.from_notion(rows.connection(alice), "Contract", who="Anna Berg")
    shown = {"initial-title": "Contract", "initial-status": "Doing", "initial-assignees": ["Anna Berg"]}
    values = {"title": "Signed contract", "status": "Done", "due_on": "2040-01-02", "assignees": ["Anna Berg"]}

    answer = post(alice, task_id, path=path.format(task_id), action="edit", **shown, **values)

    assert answer.status_code == 302
    now = task(alice, task_id)
    assert (now["title"], now["status"], now["done"], now["due_on"]) == ("Signed contract", "Done", True, "2040-01-02")
    assert now["sync_state"] == "waiting"
    with tenancy.within(alice.workspace):
        assert set(Outgoing.objects.get(task_id=task_id).fields) == {"title", "status", "due_on"}


def test_what_somebody_else_changed_meanwhile_is_not_set_back(alice: Person) -> None:
    task_id = rows.local(alice, "Printer")
    alice.api.patch(f"/tasks/{task_id}", {"due_on": "2040-05-05"})

    shown = {"initial-title": "Printer", "initial-due_on": "", "title": "Printer", "due_on": ""}
    post(alice, task_id, action="edit", **shown | {"title": "Big printer"})

    assert (task(alice, task_id)["title"], task(alice, task_id)["due_on"]) == ("Big printer", "2040-05-05")


def test_the_form_opens_in_its_row(alice: Person) -> None:
    task_id = rows.from_notion(rows.connection(alice), "Contract")

    answer = alice.web.get(f"/app/tasks?edit={task_id}")

    html = answer.content.decode()
    assert f'name="initial-title" value="Contract" id="initial-edit-{task_id}-title"' in html.replace("hidden ", "")
    assert 'value="Doing" selected' in html


def test_a_wrong_value_is_refused_in_the_form(alice: Person) -> None:
    task_id = rows.local(alice, "Printer")

    for values in ({"title": ""}, {"title": "x" * 2001}, {"title": "Printer", "due_on": "soon"}, {"status": "Odd"}):
        answer = alice.web.post("/app/tasks", {"task": task_id, "action": "edit", **values}, **HTMX)

        assert answer.status_code == 422
        assert f'id="edit-{task_id}-' in answer.content.decode()
    assert task(alice, task_id)["title"] == "Printer"


def test_a_new_task_goes_to_notion_when_chosen(alice: Person) -> None:
    rows.connection(alice)
    with tenancy.within(alice.workspace):
        from accounts.models import Connection

        Connection.objects.update(status="active")

    alice.web.post("/app/tasks", {"action": "create", "title": "Order paper", "source": "notion"})

    made = next(row for row in alice.api.get("/tasks").json()["results"] if row["title"] == "Order paper")
    assert (made["source"], made["sync_state"]) == ("notion", "waiting")
    assert "In Notion: Launch plan" in alice.web.get("/app/tasks").content.decode()


def test_what_notion_refused_is_said_in_its_words_tried_again_discarded_and_undone(alice: Person) -> None:
    task_id = rows.from_notion(rows.connection(alice), "Contract")
    alice.api.patch(f"/tasks/{task_id}", {"due_on": "2040-01-02"})
    fail(alice, task_id)

    for path in ("/app/tasks", f"/app/tasks/{task_id}"):
        assert "Due is odd." in alice.web.get(path).content.decode()
        post(alice, task_id, path=path, action="retry")
        assert task(alice, task_id)["sync_state"] == "waiting"
        fail(alice, task_id)
        post(alice, task_id, path=path, action="discard")
        assert (task(alice, task_id)["due_on"], "Undo" in alice.web.get(path).content.decode()) == (None, True)
        post(alice, task_id, path=path, action="undo")
        assert task(alice, task_id)["due_on"] == "2040-01-02"
        fail(alice, task_id)


@pytest.mark.parametrize(("action", "holds", "state"), [("mine", "2040-01-02", "waiting"), ("keep", None, "synced")])
def test_a_lost_value_is_shown_and_comes_back_when_wanted(
    alice: Person, action: str, holds: str | None, state: str
) -> None:
    task_id = conflicting(alice)

    before = own_page(alice, task_id)
    post(alice, task_id, action=action)

    assert "Changed on both sides" in before
    assert "<s>2040-01-02</s>" in before
    assert "Due – mine: <b><bdi>2040-01-02</bdi></b>, in Notion: <b><bdi>nothing</bdi></b>" in before
    assert (task(alice, task_id)["due_on"], task(alice, task_id)["sync_state"]) == (holds, state)
    assert "Changed on both sides" not in own_page(alice, task_id)


def conflicting(person: Person) -> str:
    """Its due date was set here and lost against Notion, which says none."""
    task_id = rows.from_notion(rows.connection(person), "Contract")
    with tenancy.within(person.workspace):
        TaskChange.objects.create(
            task_id=task_id,
            at="2026-11-20T09:00:00Z",
            origin="notion",
            field="due_on",
            old="2040-01-02",
            new=None,
            is_conflict=True,
            is_open=True,
        )
        Task.objects.filter(pk=task_id).update(sync_state="conflict")
    return task_id


def test_a_task_that_is_gone_in_notion_leaves_when_discarded_and_comes_back(alice: Person) -> None:
    task_id = rows.from_notion(rows.connection(alice), "Contract")
    alice.api.patch(f"/tasks/{task_id}", {"due_on": "2040-01-02"})
    with tenancy.within(alice.workspace):
        Outgoing.objects.update(state="failed")
        Task.objects.filter(pk=task_id).update(sync_state="gone")

    assert "Gone in Notion" in alice.web.get("/app/tasks").content.decode()
    post(alice, task_id, action="discard")
    assert task_id not in alice.web.get("/app/tasks").content.decode()
    post(alice, task_id, path=f"/app/tasks/{task_id}", action="undo")
    assert task_id in alice.web.get("/app/tasks").content.decode()


def test_a_local_task_has_a_history_and_can_be_deleted(alice: Person) -> None:
    task_id = rows.local(alice, "Printer")
    post(alice, task_id, path=f"/app/tasks/{task_id}", action="edit", title="Big printer", status="Done")

    lines = alice.api.get(f"/tasks/{task_id}/history").json()["results"]
    assert {(line["field"], line["old"], line["new"]) for line in lines} == {
        ("title", "Printer", "Big printer"),
        ("status", "", "Done"),
    }
    assert "Big printer" in own_page(alice, task_id)
    assert post(alice, task_id, path=f"/app/tasks/{task_id}", action="delete").status_code == 302
    assert alice.web.get(f"/app/tasks/{task_id}").status_code == 404


def test_the_list_asks_the_same_number_of_questions_of_few_and_many(alice: Person) -> None:
    connection = rows.connection(alice)

    def counted(number: int) -> int:
        for each in range(number):
            task_id = rows.from_notion(connection, f"Contract {each}")
            alice.api.patch(f"/tasks/{task_id}", {"due_on": "2040-01-02"})
            fail(alice, task_id)
        alice.web.get("/app/tasks")
        with CaptureQueriesContext(database) as queries:
            assert alice.web.get("/app/tasks").status_code == 200
        return len(queries)

    assert counted(2) == counted(20)


@pytest.mark.parametrize("wanted", ["x", "00000000-0000-4000-8000-000000000000"])
def test_an_unknown_task_cannot_be_edited(alice: Person, wanted: str) -> None:
    assert alice.web.get(f"/app/tasks?edit={wanted}").status_code == 404
    assert post(alice, "x", action="edit").status_code == 404
    assert alice.web.get(f"/app/tasks/{uuid.uuid4()}").status_code == 404


def test_a_viewer_reads_a_task_and_changes_nothing(team_owner: Person, vera: Person) -> None:
    task_id = rows.local(team_owner, "Printer", shared=True)

    assert "Save" not in own_page(vera, task_id)
    for action in ("edit", "retry", "delete"):
        for path in ("/app/tasks", f"/app/tasks/{task_id}"):
            if (action, path) != ("delete", "/app/tasks"):
                assert post(vera, task_id, path=path, action=action, title="Mine").status_code == 403


def test_charlie_gets_404(alice: Person, charlie: Person) -> None:
    task_id = rows.local(alice, "Printer")

    assert charlie.web.get(f"/app/tasks/{task_id}").status_code == 404
    for action in ("edit", "discard", "delete"):
        assert post(charlie, task_id, path=f"/app/tasks/{task_id}", action=action, title="x").status_code == 404


def test_trouble_with_columns_is_said_where_tasks_and_sources_are(alice: Person) -> None:
    rows.connection(alice)
    with tenancy.within(alice.workspace):
        [source] = services.writable_sources(alice.membership)
        schema = {name: column for name, column in rows.SCHEMA.items() if name != "Due"}
        sources.choose_source(connection_id=source.connection_id, candidates=[(rows.SOURCE, "Launch plan", schema)])

    assert "The column for “Due date” is gone" in alice.web.get("/app/tasks").content.decode()
    with tenancy.within(alice.workspace):
        sources.choose_source(
            connection_id=source.connection_id, candidates=[(rows.SOURCE, "Launch plan", rows.SCHEMA)]
        )
    assert "is gone" not in alice.web.get("/app/tasks").content.decode()


def test_a_database_whose_tasks_have_unsent_changes_stays_mapped(alice: Person) -> None:
    made = rows.connection(alice)
    task_id = rows.from_notion(made, "Contract")
    post(alice, task_id, action="edit", title="Signed contract")
    with tenancy.within(alice.workspace):
        chosen = Source.objects.create(connection_id=made.pk, notion_id=rows.SOURCE, kind="database", title="Plan")
    form = {"source": str(chosen.pk), "shown": str(chosen.pk), "tasks_source": ""}

    refused = alice.web.post(f"/app/connect/{made.pk}/choose", form)
    kept = task(alice, task_id)["title"]
    with tenancy.within(alice.workspace):
        sources.choose_source(connection_id=made.pk, candidates=[("another", "Tasks", rows.SCHEMA)])
        is_kept = TaskSource.objects.filter(data_source_id=rows.SOURCE).exists()
    post(alice, task_id, action="discard")
    allowed = alice.web.post(f"/app/connect/{made.pk}/choose", form)

    assert (refused.status_code, kept, is_kept) == (422, "Signed contract", True)
    assert "1 task has a change that is not in Notion yet" in refused.content.decode()
    assert allowed.status_code == 302
