"""Columns of every kind, as customers have them: what is written keeps the rest, and what no longer fits is said."""

from typing import Any

import pytest

from accounts import tenancy
from accounts.models import Connection
from agent.models import Source
from devkit.notion.process import EmulatorProcess
from tasks import columns as task_columns
from tasks import mirroring, sources
from tasks.models import Outgoing, Task, TaskSource
from tests.agent.sync.working import long_ago, sync
from tests.outside import HANDBOOK, NotionWorkspace, connect, seeded
from tests.people import Person
from tests.tasks.test_both_ways import deliver, history, in_notion, task

PEOPLE = 30
USERS = [{"key": "anna", "name": "Anna Berg"}] + [{"key": f"u{n}", "name": f"User {n:02}"} for n in range(PEOPLE)]
EVERYBODY = [user["key"] for user in USERS if user["key"] != "anna"]
COLUMNS: dict[str, Any] = {
    "Task": "title",
    "Status": {"status": {"To-do": ["Not started"], "In progress": ["Doing"], "Complete": ["Done"]}},
    "Due": "date",
    "Owner": "people",
    "Priority": {"select": ["Low", "High"]},
    "Labels": {"multi_select": ["Home", "Work", "Garden"]},
}
ROWS: list[dict[str, Any]] = [
    {"Task": "Paint", "Status": "Doing", "Owner": EVERYBODY, "Priority": "Low", "Labels": ["Home", "Work"]},
    {"Task": "Meet", "Status": "Doing", "Due": {"start": "2026-12-01T09:30:00.000+01:00"}},
    {"Task": "Travel", "Status": "Doing", "Due": {"start": "2026-12-01", "end": "2026-12-05"}},
]


def workspace(emulator: EmulatorProcess, columns: dict[str, Any], rows: list[dict[str, Any]]) -> NotionWorkspace:
    source = {"key": "tasks_main", "properties": columns, "rows": rows}
    database = {"key": "tasks", "title": "Launch plan", "parent": "handbook", "sources": [source]}
    return seeded(emulator, {"users": USERS, "pages": [HANDBOOK], "databases": [database]}, ["handbook"])


@pytest.fixture
def rich(emulator: EmulatorProcess, chroma: str) -> NotionWorkspace:
    return workspace(emulator, COLUMNS, ROWS)


@pytest.fixture
def nora(alice: Person, rich: NotionWorkspace) -> Person:
    connect(alice, rich)
    resync(alice)
    return alice


def resync(person: Person) -> None:
    with tenancy.within(person.workspace):
        long_ago()
        sync(person)


def change(person: Person, title: str, **values: Any) -> dict[str, Any]:
    answer = person.api.patch(f"/tasks/{task(person, title)['id']}", values)
    assert answer.status_code == 200, answer.content
    deliver(person)
    return dict(person.api.get(f"/tasks/{answer.json()['id']}").json())


def has(rich: NotionWorkspace, title: str, column: str) -> Any:
    value = in_notion(rich)[title]["properties"][column]
    return value[value["type"]]


def source_of(person: Person) -> TaskSource:
    with tenancy.within(person.workspace):
        return TaskSource.objects.get()


def test_a_list_of_thirty_people_stays_whole(nora: Person, rich: NotionWorkspace) -> None:
    everybody = [f"User {number:02}" for number in range(PEOPLE)]
    assert task(nora, "Paint")["assignees"] == everybody

    renamed = change(nora, "Paint", priority="High")
    after_other = has(rich, "Paint", "Owner")
    fewer = change(nora, "Paint", assignees=everybody[:-1])

    assert len(after_other) == PEOPLE
    assert (renamed["sync_state"], fewer["sync_state"]) == ("synced", "synced")
    assert [user["name"] for user in has(rich, "Paint", "Owner")] == everybody[:-1]
    resync(nora)
    assert task(nora, "Paint")["assignees"] == everybody[:-1]
    assert not any(line["conflict"] for line in history(nora, fewer["id"]))


def test_priority_and_labels_are_written_by_their_options(nora: Person, rich: NotionWorkspace) -> None:
    now = change(nora, "Paint", priority="high", labels=["Garden", "Home"])

    assert has(rich, "Paint", "Priority")["name"] == "High"
    assert sorted(option["name"] for option in has(rich, "Paint", "Labels")) == ["Garden", "Home"]
    assert (now["priority"], now["sync_state"]) == ("High", "synced")
    assert change(nora, "Paint", priority="", labels=[])["sync_state"] == "synced"
    assert (has(rich, "Paint", "Priority"), has(rich, "Paint", "Labels")) == (None, [])


def test_another_day_keeps_the_time_of_day(nora: Person, rich: NotionWorkspace) -> None:
    now = change(nora, "Meet", due_on="2026-12-24")

    start = has(rich, "Meet", "Due")["start"]
    assert start.startswith("2026-12-24T09:30")
    assert start.endswith("+01:00")
    assert (now["due_on"], now["sync_state"]) == ("2026-12-24", "synced")
    resync(nora)
    assert task(nora, "Meet")["sync_state"] == "synced"


def test_a_range_keeps_its_length(nora: Person, rich: NotionWorkspace) -> None:
    change(nora, "Travel", due_on="2026-12-30")

    assert (has(rich, "Travel", "Due")["start"], has(rich, "Travel", "Due")["end"]) == ("2026-12-30", "2027-01-03")


@pytest.mark.parametrize(
    ("column", "before", "done"), [("checkbox", False, True), ({"select": ["Open", "Done"]}, "Open", "Done")]
)
def test_a_status_may_be_a_checkbox_or_a_select(
    emulator: EmulatorProcess, alice: Person, chroma: str, column: Any, before: Any, done: Any
) -> None:
    plain = workspace(emulator, COLUMNS | {"Status": column}, [{"Task": "Paint", "Status": before}])
    connect(alice, plain)
    resync(alice)
    choose(alice, plain, status=in_notion(plain)["Paint"]["properties"]["Status"]["id"])

    completed = change(alice, "Paint", done=True)

    found = has(plain, "Paint", "Status")
    assert (found if isinstance(done, bool) else found["name"]) == done
    assert (completed["done"], completed["status"], completed["sync_state"]) == (True, "Done", "synced")
    reopened = change(alice, "Paint", done=False)
    assert (reopened["done"], reopened["sync_state"]) == (False, "synced")


def choose(person: Person, notion: NotionWorkspace, *, status: str) -> None:
    """The member says which database holds tasks, and which column their status."""
    with tenancy.within(person.workspace):
        source = Source.objects.get(notion_id=notion.source("tasks_main"))
        here = {"connection_id": source.connection_id, "data_source_id": source.notion_id, "schema": source.schema}
        sources.map_source(title=source.title, **here)
        task_columns.remap(columns={"status_property": status}, **here)
        sync(person, is_full=True)


def test_an_edit_that_waited_for_a_new_connection_goes_with_the_next_sync(nora: Person, rich: NotionWorkspace) -> None:
    rich.fault("401", method="GET", path_regex="/v1/pages/", times=1)
    rich.fault("401", method="POST", path_regex="/oauth/token", times=1)
    waiting = change(nora, "Paint", priority="High")
    Connection.objects.filter(workspace=nora.workspace).update(status="active")

    resync(nora)
    deliver(nora)

    assert waiting["sync_state"] == "waiting"
    assert task(nora, "Paint")["sync_state"] == "synced"
    assert has(rich, "Paint", "Priority")["name"] == "High"


@pytest.mark.parametrize("op", ["remove_property", "retype_property"])
def test_a_column_that_went_is_said_and_nothing_else_suffers(nora: Person, rich: NotionWorkspace, op: str) -> None:
    edit = {"op": op, "source": rich.source("tasks_main"), "id": rich.source("tasks_main"), "name": "Due"}
    rich.edit(**edit, type="number")

    resync(nora)
    refused = nora.api.patch(f"/tasks/{task(nora, 'Meet')['id']}", {"due_on": "2026-12-24"})

    assert source_of(nora).problems == [
        "The column for “Due date” is gone or of another type. It is not synced until you choose one."
    ]
    assert "The column for “Due date” is gone" in nora.web.get("/app/tasks").content.decode()
    assert refused.status_code == 400
    assert change(nora, "Meet", priority="High")["sync_state"] == "synced"


def test_a_column_that_goes_while_its_edit_waits_is_a_refusal_in_words(nora: Person, rich: NotionWorkspace) -> None:
    task_id = task(nora, "Paint")["id"]
    nora.api.patch(f"/tasks/{task_id}", {"due_on": "2026-12-24"})
    rich.edit(op="remove_property", source=rich.source("tasks_main"), id=rich.source("tasks_main"), name="Due")

    deliver(nora)

    assert task(nora, "Paint")["sync_state"] == "failed"
    assert "no column any more" in nora.web.get("/app/tasks").content.decode()


def test_problems_end_when_the_column_is_back(nora: Person, rich: NotionWorkspace) -> None:
    where = {"source": rich.source("tasks_main"), "id": rich.source("tasks_main"), "name": "Due"}
    rich.edit(op="retype_property", type="number", **where)
    resync(nora)
    had = bool(source_of(nora).problems)

    rich.edit(op="retype_property", type="date", **where)
    resync(nora)

    assert had
    assert source_of(nora).problems == []
    assert change(nora, "Meet", due_on="2026-12-24")["sync_state"] == "synced"
    assert has(rich, "Meet", "Due")["start"] == "2026-12-24"


def test_a_row_older_than_our_write_sets_nothing_back(nora: Person, rich: NotionWorkspace) -> None:
    old = in_notion(rich)["Paint"]
    change(nora, "Paint", priority="High")

    with tenancy.within(nora.workspace):
        connection = Connection.objects.get(workspace=nora.workspace)
        mirroring.mirror(
            connection_id=connection.pk,
            owner_id=connection.owner_id,
            data_source_id=rich.source("tasks_main"),
            row=old,
        )

    assert (task(nora, "Paint")["priority"], task(nora, "Paint")["sync_state"]) == ("High", "synced")


def test_a_mapping_from_before_columns_were_kept_learns_them(nora: Person, rich: NotionWorkspace) -> None:
    with tenancy.within(nora.workspace):
        TaskSource.objects.update(columns={}, people={})
        Task.objects.update(base={})

    changed = change(nora, "Paint", priority="High")
    nora.api.post("/tasks", {"title": "Order paper", "source": "notion", "labels": ["Work"]})
    deliver(nora)

    assert changed["sync_state"] == "synced"
    assert has(rich, "Paint", "Priority")["name"] == "High"
    assert [label["name"] for label in has(rich, "Order paper", "Labels")] == ["Work"]


def test_when_notion_does_not_say_its_columns_the_edit_is_refused_for_now(nora: Person, rich: NotionWorkspace) -> None:
    with tenancy.within(nora.workspace):
        TaskSource.objects.update(columns={})
    rich.fault("503", path_regex="/data_sources/")

    answer = nora.api.patch(f"/tasks/{task(nora, 'Paint')['id']}", {"priority": "High"})

    assert (answer.status_code, answer.json()["type"]) == (503, "/problems/notion-unreachable")
    with tenancy.within(nora.workspace):
        assert not Outgoing.objects.exists()


def test_when_notion_does_not_say_its_columns_a_new_task_stays_as_it_was_typed(
    nora: Person, rich: NotionWorkspace
) -> None:
    with tenancy.within(nora.workspace):
        TaskSource.objects.update(columns={})
    rich.fault("503", path_regex="/data_sources/")
    typed = {"action": "create", "title": "Order paper", "source": "notion", "workspace": str(nora.workspace.pk)}

    answer = nora.web.post("/app/tasks", typed)

    page = answer.content.decode()
    assert (answer.status_code, 'value="Order paper"' in page) == (422, True)
    assert "Notion did not say which columns there are" in page
