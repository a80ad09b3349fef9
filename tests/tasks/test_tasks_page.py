from datetime import date, timedelta
from zoneinfo import ZoneInfo

import pytest
from django.db import connections
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts import tenancy
from accounts.models import Connection, User
from tasks.models import TaskSource
from tests.people import Person
from tests.tasks import rows


def page(person: Person, query: str = "") -> str:
    answer = person.web.get(f"/app/tasks{query}")
    assert answer.status_code == 200
    return answer.content.decode()


def send(person: Person, **fields: str) -> int:
    return person.web.post("/app/tasks", {"workspace": str(person.workspace.pk), **fields}).status_code


def test_open_tasks_are_grouped_by_the_members_own_day(alice: Person) -> None:
    # Of these two zones, 26 hours apart, the days never agree.
    for name in ("Pacific/Kiritimati", "Etc/GMT+12"):
        User.objects.filter(pk=alice.user.pk).update(timezone=name)
        today = timezone.now().astimezone(ZoneInfo(name)).date()
        for title, due in (("Late", today - timedelta(days=1)), ("Now", today), ("Later", date(2040, 1, 1))):
            rows.local(alice, f"{title} in {name}", due_on=str(due))

        answer = alice.web.get("/app/tasks")
        groups = {group["name"]: [task["title"] for task in group["tasks"]] for group in answer.context["groups"]}

        assert f"Late in {name}" in groups["Overdue"]
        assert f"Now in {name}" in groups["Today"]
        assert f"Later in {name}" in groups["Later"]


def test_many_tasks_cost_no_more_queries_than_few(alice: Person) -> None:
    """Rows of Notion with edits under way, and local ones: each could ask for its own source and outbox."""
    connection = rows.connection(alice)
    counts = []
    for number in (2, 15):
        for n in range(number):
            rows.local(alice, f"Local {number} {n}")
            rows.from_notion(connection, f"Row {number} {n}", due="2026-11-20", who="Anna")
        for task in alice.api.get("/tasks?limit=100&source=notion").json()["results"]:
            alice.api.patch(f"/tasks/{task['id']}", {"title": f"{task['title']} again"}, format="json")
        # The first one also learns what is kept between requests.
        page(alice)
        with CaptureQueriesContext(connections["default"]) as asked:
            assert page(alice).count("Waiting for Notion") >= number
        counts.append(len(asked))

    assert counts[0] == counts[1]


def test_a_new_task_goes_to_the_database_that_is_chosen(alice: Person) -> None:
    for name in ("Acme", "Other"):
        made = rows.connection(alice)
        Connection.objects.filter(pk=made.pk).update(notion_workspace_name=name)
        with tenancy.within(alice.workspace):
            TaskSource.objects.filter(connection_id=made.pk).update(data_source_id=f"of {name}")
    offered = {each["workspace"]: str(each["id"]) for each in alice.web.get("/app/tasks").context["targets"]}

    send(alice, action="create", title="Order paper", source=offered["Other"])

    [task] = alice.api.get("/tasks").json()["results"]
    assert list(offered) == ["Acme", "Other"]
    assert "In Notion: Launch plan · Other" in page(alice)
    assert (task["title"], task["source_id"]) == ("Order paper", offered["Other"])


@pytest.mark.parametrize("how", ["unmapped", "no access"])
def test_a_task_for_a_database_that_holds_none_any_more_is_not_lost(alice: Person, how: str) -> None:
    made = rows.connection(alice)
    [target] = alice.web.get("/app/tasks").context["targets"]
    if how == "unmapped":
        with tenancy.within(alice.workspace):
            TaskSource.objects.filter(connection_id=made.pk).delete()
    else:
        Connection.objects.filter(pk=made.pk).update(status=Connection.Status.REAUTHORIZE)
    given = {"title": "Order “paper”", "due_on": "2040-01-02", "source": str(target["id"])}
    known = len(alice.api.get("/tasks").json()["results"])

    answer = alice.web.post("/app/tasks", {"action": "create", "workspace": str(alice.workspace.pk), **given})
    by_program = alice.api.post("/tasks", given)

    shown = answer.content.decode()
    sentence = "The chosen database does not hold tasks, or does so no longer. Choose another, or make a local task."
    assert (answer.status_code, sentence in shown) == (422, True)
    assert 'value="Order “paper”"' in shown
    assert 'value="2040-01-02"' in shown
    assert (by_program.status_code, by_program.json()["detail"]) == (404, sentence)
    assert [each["pointer"] for each in by_program.json()["errors"]] == ["/source"]
    assert len(alice.api.get("/tasks").json()["results"]) == known


def test_databases_of_the_same_name_are_told_apart_where_tasks_are_filtered(alice: Person) -> None:
    for name in ("Acme", "Other"):
        made = rows.connection(alice)
        Connection.objects.filter(pk=made.pk).update(notion_workspace_name=name)
        rows.from_notion(made, f"Row of {name}")

    [select] = [each for each in alice.web.get("/app/tasks").context["selects"] if each["name"] == "source"]

    assert [words for _, words in select["choices"]] == ["Launch plan · Acme", "Launch plan · Other"]


def test_one_database_of_two_connections_is_offered_once(team_owner: Person, bob: Person) -> None:
    rows.connection(bob, is_shared=True)
    own = rows.connection(team_owner)

    [target] = team_owner.web.get("/app/tasks").context["targets"]

    with tenancy.within(team_owner.workspace):
        assert TaskSource.objects.get(pk=target["id"]).connection_id == own.pk


def test_completing_can_be_undone_at_once(alice: Person) -> None:
    task = rows.local(alice, "Buy a printer")
    send(alice, action="complete", task=task)

    toast = page(alice).partition("data-toast")[2]

    assert f'name="task" value="{task}"' in toast
    assert 'name="action" value="reopen">Undo' in toast
    send(alice, action="reopen", task=task)
    assert "Undo" not in page(alice).partition("data-toast")[2]


def test_a_task_is_added_completed_and_opened_again(alice: Person) -> None:
    assert send(alice, action="create", title="Buy a printer", due_on="2040-01-02") == 302
    task = alice.api.get("/tasks").json()["results"][0]

    assert "Buy a printer" in page(alice)
    assert send(alice, action="complete", task=task["id"]) == 302
    assert alice.api.get(f"/tasks/{task['id']}").json()["done"] is True
    assert f"task-{task['id']}" not in page(alice)
    assert f"task-{task['id']}" in page(alice, "?status=done")
    assert send(alice, action="reopen", task=task["id"]) == 302
    assert task["id"] in page(alice)


def test_an_empty_title_is_refused_in_words(alice: Person) -> None:
    fields = {"action": "create", "title": " ", "due_on": "2040-01-02", "workspace": str(alice.workspace.pk)}

    answer = alice.web.post("/app/tasks", fields)

    shown = answer.content.decode()
    assert answer.status_code == 422
    assert "Say what is to be done. The task was not added." in shown
    assert 'value="2040-01-02"' in shown
    assert alice.api.get("/tasks").json()["results"] == []


@pytest.mark.parametrize(
    ("query", "seen"),
    [
        ("?q=contr", "Contract"),
        ("?assignee=Anna+Berg", "Contract"),
        ("?source=local", "Printer"),
        ("?whose=mine", "Printer"),
    ],
)
def test_filters_live_in_the_address(alice: Person, query: str, seen: str) -> None:
    ids = {"Contract": rows.from_notion(rows.connection(alice), "Contract", who="Anna Berg")}
    ids["Printer"] = rows.local(alice, "Printer")

    answer = alice.web.get(f"/app/tasks{query}")

    listed = [task["id"] for group in answer.context["groups"] for task in group["tasks"]]
    assert listed == [ids[seen]]


def test_after_a_change_the_filters_are_still_there(alice: Person) -> None:
    fields = {
        "action": "create",
        "title": "Printer",
        "filters": "source=local&q=x",
        "workspace": str(alice.workspace.pk),
    }

    answer = alice.web.post("/app/tasks", fields | {"filters": "source=local&q=x"})

    assert answer["Location"] == "/app/tasks?source=local&q=x"


def test_fifty_are_shown_and_then_more(alice: Person) -> None:
    for number in range(52):
        rows.local(alice, f"Number {number:02}")

    first, second = page(alice), page(alice, "?show=100")

    assert "show=100" in first
    assert (first.count("data-row"), second.count("data-row")) == (50, 52)


def test_a_row_of_notion_is_completed_here_and_waits_for_notion(alice: Person) -> None:
    task_id = rows.from_notion(rows.connection(alice), "Contract")

    assert f'value="{task_id}"' in page(alice)
    assert send(alice, action="complete", task=task_id) == 302
    assert alice.api.get(f"/tasks/{task_id}").json()["sync_state"] == "waiting"
    assert "Waiting for Notion" in page(alice, "?status=done")


def test_a_viewer_sees_no_buttons_and_is_refused(team_owner: Person, vera: Person) -> None:
    task_id = rows.local(team_owner, "Printer", shared=True)

    shown = page(vera)

    assert "Printer" in shown
    assert "data-complete" not in shown
    assert send(vera, action="create", title="Mine") == send(vera, action="complete", task=task_id) == 403


@pytest.mark.parametrize("task", ["", "x", "00000000-0000-4000-8000-000000000000"])
def test_an_unknown_task_is_404(alice: Person, task: str) -> None:
    assert send(alice, action="complete", task=task) == 404


def test_charlie_gets_404(alice: Person, charlie: Person) -> None:
    task_id = rows.local(alice, "Printer")

    assert send(charlie, action="complete", task=task_id) == 404
    assert "Printer" not in page(charlie)


def test_a_stranger_is_asked_to_sign_in() -> None:
    answer = Client().get("/app/tasks")

    assert answer.status_code == 302
    assert answer["Location"].startswith("/accounts/login/")
