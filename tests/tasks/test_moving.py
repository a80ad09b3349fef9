"""A row that moves out of the task database is no task any more, and is one again when it comes back."""

from typing import Any

import pytest
from django.utils import timezone

from accounts import tenancy
from accounts.models import Connection
from agent.live import reading as live
from agent.models import Page, SyncRun
from agent.sync.session import opened
from devkit.notion.process import EmulatorProcess
from tasks import sending
from tasks.models import Outgoing, Task, TaskChange
from tests.agent.sync.working import long_ago, sync
from tests.outside import HANDBOOK, TASKS, NotionWorkspace, connect, seeded
from tests.people import Person

TITLE = "Choose a printer"
IDEAS = {
    "key": "ideas",
    "title": "Ideas",
    "parent": "handbook",
    "sources": [{"key": "ideas_all", "properties": {"Idea": "title"}, "rows": [{"Idea": "Paint the door"}]}],
}
WHERE = pytest.mark.parametrize("where", ["page", "database"])


@pytest.fixture
def notion(emulator: EmulatorProcess, chroma: str, request: pytest.FixtureRequest) -> NotionWorkspace:
    """Notion may give what moves no newer time."""
    space = {"pages": [HANDBOOK], "databases": [TASKS, IDEAS], "moves_are_edits": getattr(request, "param", True)}
    return seeded(emulator, space, ["handbook"])


@pytest.fixture
def connection(alice: Person, notion: NotionWorkspace) -> Connection:
    made = connect(alice, notion)
    with tenancy.within(alice.workspace):
        sync(alice)
        long_ago()
    return made


def titles(person: Person) -> list[str]:
    return sorted(row["title"] for row in person.api.get("/tasks").json()["results"])


def row(person: Person) -> str:
    with tenancy.within(person.workspace):
        return str(Page.objects.get(title=TITLE).notion_id)


def target(notion: NotionWorkspace, where: str) -> str:
    return notion.page("travel") if where == "page" else notion.source("ideas_all")


def move(person: Person, notion: NotionWorkspace, connection: Connection, to: str, *, by_event: bool) -> None:
    notion.edit(op="move", id=row(person), to=to)
    with tenancy.within(person.workspace):
        if not by_event:
            sync(person)
            return
        with opened(connection, SyncRun(connection_id=connection.pk)) as session:
            session.is_only_looking = True
            live.read_page(session, row(person), edited_at=timezone.now())


@WHERE
@pytest.mark.parametrize("by_event", [True, False], ids=["event", "sync"])
@pytest.mark.parametrize("notion", [True, False], ids=["edited", "silent"], indirect=True)
def test_a_row_that_moved_away_leaves_the_tasks_and_comes_back(
    alice: Person, notion: NotionWorkspace, connection: Connection, where: str, by_event: bool
) -> None:
    before = titles(alice)
    assert TITLE in before
    [changed] = [each for each in alice.api.get("/tasks").json()["results"] if each["title"] == TITLE]
    with tenancy.within(alice.workspace):
        TaskChange.objects.create(task_id=changed["id"], at=timezone.now(), field="title", origin="notion")

    move(alice, notion, connection, target(notion, where), by_event=by_event)

    assert titles(alice) == [each for each in before if each != TITLE]
    assert alice.api.get(f"/tasks/{changed['id']}").status_code == 404
    with tenancy.within(alice.workspace):
        assert Page.objects.get(title=TITLE).state == "indexed"
        assert TaskChange.objects.filter(task_id=changed["id"]).count() == 1
    move(alice, notion, connection, notion.source("tasks_main"), by_event=by_event)
    assert titles(alice) == before


@WHERE
def test_an_edit_of_a_row_that_moved_away_is_kept_and_not_written(
    alice: Person, notion: NotionWorkspace, connection: Connection, where: str
) -> None:
    [task] = [each for each in alice.api.get("/tasks").json()["results"] if each["title"] == TITLE]
    notion.edit(op="move", id=row(alice), to=target(notion, where))
    alice.api.patch(f"/tasks/{task['id']}", {"due_on": "2026-12-24"})
    written = len(writes(notion))

    with tenancy.within(alice.workspace):
        for key in list(Outgoing.objects.values_list("pk", flat=True)):
            sending.send(outgoing_id=str(key))
        sync(alice)

        held = Task.objects.get(pk=task["id"])
        assert (held.sync_state, str(held.due_on), held.title) == ("gone", "2026-12-24", TITLE)
    assert len(writes(notion)) == written


def writes(notion: NotionWorkspace) -> list[dict[str, Any]]:
    return [each for each in notion.requests() if each["method"] == "PATCH"]
