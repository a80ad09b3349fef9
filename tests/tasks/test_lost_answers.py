"""Notion made the task's row and its answer was lost; before the retry somebody took the row away or changed it."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db.models import F

from accounts import tenancy
from devkit.notion.process import EmulatorProcess
from integrations.notion import Notion, Unmetered
from tasks import attempts
from tasks.models import Outgoing, Task
from tests.agent.sync.working import sync
from tests.outside import HANDBOOK, TASKS, NotionWorkspace, connect, seeded
from tests.people import Person
from tests.tasks.test_both_ways import deliver
from tests.tasks.test_moving import IDEAS

NEW, OTHER = "Order paper", "Buy stamps"
PRIVATE = {"key": "private", "title": "Private"}


@pytest.fixture
def notion(emulator: EmulatorProcess, chroma: str) -> NotionWorkspace:
    return seeded(emulator, {"pages": [HANDBOOK, PRIVATE], "databases": [TASKS, IDEAS]}, ["handbook"])


@pytest.fixture
def lost(alice: Person, notion: NotionWorkspace) -> str:
    """The row, of which nobody here knows: Notion was away too when it was looked for at once."""
    connect(alice, notion)
    with tenancy.within(alice.workspace):
        sync(alice)
    made = alice.api.post("/tasks", {"title": NEW, "source": "notion"})
    assert made.status_code == 201, made.content
    away = notion.fault("503", path_regex="/v1/users/me")
    notion.fault({"commit_then": {"status": "reset"}}, method="POST", path_regex="/v1/pages$", times=1)
    deliver(alice)
    notion.emulator.control(f"faults?id={away}", method="DELETE")
    [row] = rows(notion)
    return row


def rows(notion: NotionWorkspace) -> list[str]:
    """What was made in Notion by us, wherever it lies by now."""
    return [each for each, one in objects(notion).items() if one["object"] == "page" and _title(one) == NEW]


def objects(notion: NotionWorkspace) -> dict[str, dict[str, Any]]:
    spaces = [each["objects"] for each in notion.emulator.control("state")["workspaces"]]
    [mine] = [each for each in spaces if notion.page("handbook") in each]
    return dict(mine)


def _title(page: dict[str, Any]) -> str:
    values = [each for each in page["properties"].values() if each["type"] == "title"]
    return "".join(part["plain_text"] for each in values for part in each["title"])


def line_of(notion: NotionWorkspace, row: str) -> str:
    [line] = [key for key, one in objects(notion).items() if one.get("parent", {}).get("page_id") == row]
    return line


def shown(person: Person) -> list[dict[str, Any]]:
    return [each for each in person.api.get("/tasks").json()["results"] if each["title"] == NEW]


def reason(person: Person) -> str:
    with tenancy.within(person.workspace):
        return str(Outgoing.objects.get().reason)


def long_after(person: Person, pause: timedelta = timedelta(minutes=4)) -> None:
    with tenancy.within(person.workspace):
        Outgoing.objects.update(attempted_at=F("attempted_at") - pause)


def settle(person: Person, action: str) -> None:
    with tenancy.within(person.workspace):
        task_id = Task.objects.get(notion_page_id="", title=NEW).pk
    assert person.api.post(f"/tasks/{task_id}/sync", {"action": action}).status_code == 200


TAKEN_AWAY: dict[str, Callable[[NotionWorkspace, str], Any]] = {
    "trash": lambda notion, row: notion.edit(op="trash", id=row),
    "database": lambda notion, row: notion.edit(op="move", id=row, to=notion.source("ideas_all")),
    "page": lambda notion, row: notion.edit(op="move", id=row, to=notion.page("travel")),
}


@pytest.mark.parametrize("where", TAKEN_AWAY)
def test_a_row_that_was_taken_away_is_found_and_not_made_again(
    alice: Person, notion: NotionWorkspace, lost: str, where: str
) -> None:
    TAKEN_AWAY[where](notion, lost)

    deliver(alice)

    assert rows(notion) == [lost]
    assert shown(alice) == []


def test_an_edit_of_a_row_that_was_taken_away_is_kept(alice: Person, notion: NotionWorkspace, lost: str) -> None:
    notion.edit(op="trash", id=lost)
    [task] = shown(alice)
    alice.api.patch(f"/tasks/{task['id']}", {"due_on": "2026-12-24"})

    deliver(alice)

    assert rows(notion) == [lost]
    assert [(each["sync_state"], each["due_on"]) for each in shown(alice)] == [("gone", "2026-12-24")]


def test_words_added_to_its_line_do_not_hide_it(alice: Person, notion: NotionWorkspace, lost: str) -> None:
    notion.edit(op="set_text", id=line_of(notion, lost), text=f"See {text_of(notion, lost)}, thanks")

    deliver(alice)

    assert [each["notion_page_id"] for each in shown(alice)] == rows(notion) == [lost]


def test_a_new_name_does_not_hide_it(alice: Person, notion: NotionWorkspace, lost: str) -> None:
    notion.edit(op="set_title", id=lost, title="Order more paper")

    deliver(alice)

    assert (rows(notion), shown(alice)) == ([], [])
    with tenancy.within(alice.workspace):
        assert Task.objects.get(notion_page_id=lost).title == "Order more paper"


def text_of(notion: NotionWorkspace, row: str) -> str:
    line = objects(notion)[line_of(notion, row)]
    return "".join(part["plain_text"] for part in line["paragraph"]["rich_text"])


@pytest.mark.parametrize("action", ["make", "discard"])
def test_without_its_line_a_member_is_asked(alice: Person, notion: NotionWorkspace, lost: str, action: str) -> None:
    notion.edit(op="trash", id=line_of(notion, lost))

    for _ in range(2):
        deliver(alice)

    assert rows(notion) == [lost]
    [task] = shown(alice)
    assert (task["sync_state"], task["doubtful"], f"“{NEW}”" in task["sync_reason"]) == ("failed", True, True)
    assert alice.api.get(f"/tasks/{task['id']}").json() == task
    # As a program does with all that failed.
    again = alice.api.post(f"/tasks/{task['id']}/sync", {"action": "retry"})
    deliver(alice)
    assert (again.status_code, again.json()["type"]) == (409, "/problems/perhaps-in-notion")
    assert rows(notion) == [lost]
    page = alice.web.get("/app/tasks").content.decode()
    assert ("Perhaps in Notion" in page, f'value="{action}"' in page, 'value="retry"' in page) == (True, True, False)
    settle(alice, action)
    deliver(alice)
    assert len(rows(notion)) == (2 if action == "make" else 1)
    assert [each["sync_state"] for each in shown(alice)] == (["synced"] if action == "make" else [])


def test_an_edit_is_no_answer_to_the_doubt(alice: Person, notion: NotionWorkspace, lost: str) -> None:
    notion.edit(op="trash", id=line_of(notion, lost))
    deliver(alice)
    [task] = shown(alice)

    edited = alice.api.patch(f"/tasks/{task['id']}", {"due_on": "2026-12-24"}).json()
    before = len(notion.requests())
    deliver(alice)

    assert (rows(notion), len(notion.requests())) == ([lost], before)
    assert shown(alice) == [edited]
    assert (edited["sync_state"], edited["doubtful"], edited["due_on"]) == ("failed", True, "2026-12-24")
    assert edited["sync_reason"] == task["sync_reason"]


@pytest.mark.parametrize("pause", [attempts.life(), timedelta(minutes=4)], ids=["a lease", "minutes"])
def test_a_row_out_of_sight_is_asked_for_after_a_while(
    alice: Person, notion: NotionWorkspace, lost: str, pause: timedelta
) -> None:
    """A lease: so long after a worker died in its request, the next one goes on."""
    notion.edit(op="move", id=lost, to=notion.page("private"))
    long_after(alice, pause)

    deliver(alice)

    assert rows(notion) == [lost]
    assert "in a place that Docent does not see" in reason(alice)


def test_what_is_found_at_once_needs_no_second_look(alice: Person, notion: NotionWorkspace) -> None:
    connect(alice, notion)
    with tenancy.within(alice.workspace):
        sync(alice)
    alice.api.post("/tasks", {"title": NEW, "source": "notion"})
    notion.fault({"commit_then": {"status": "reset"}}, method="POST", path_regex="/v1/pages$", times=1)

    deliver(alice)

    assert [each["notion_page_id"] for each in shown(alice)] == rows(notion)
    assert shown(alice)[0]["sync_state"] == "synced"


def test_what_notion_refused_and_did_not_make_is_made_whenever_it_is_back(
    alice: Person, notion: NotionWorkspace
) -> None:
    """Also beside rows that others made with the same token."""
    connect(alice, notion)
    with tenancy.within(alice.workspace):
        sync(alice)
    alice.api.post("/tasks", {"title": NEW, "source": "notion"})
    client = Notion(notion.token, notion.emulator.url, budget=Unmetered())
    client.create_page({"parent": {"data_source_id": notion.source("tasks_main")}, "properties": {}})
    notion.fault("503", method="POST", path_regex="/v1/pages$", times=1)
    deliver(alice)
    assert rows(notion) == []

    long_after(alice)
    deliver(alice)

    assert len(rows(notion)) == 1
    assert [each["notion_page_id"] for each in shown(alice)] == rows(notion)


def test_a_task_in_doubt_that_is_deleted_is_made_no_more(alice: Person, notion: NotionWorkspace, lost: str) -> None:
    notion.edit(op="trash", id=line_of(notion, lost))
    deliver(alice)
    [task] = shown(alice)

    assert alice.api.delete(f"/tasks/{task['id']}").status_code == 204
    deliver(alice)

    assert rows(notion) == [lost]
    with tenancy.within(alice.workspace):
        assert not Task.objects.filter(title=NEW).exists()


def say_it_is(person: Person, page: str) -> Any:
    with tenancy.within(person.workspace):
        task_id = Task.objects.get(notion_page_id="", title=NEW).pk
    return person.api.post(f"/tasks/{task_id}/sync", {"action": "found", "page": page})


def test_a_member_says_which_row_it_is(alice: Person, notion: NotionWorkspace, lost: str) -> None:
    notion.edit(op="trash", id=line_of(notion, lost))
    notion.edit(op="set_title", id=lost, title="Order more paper")
    deliver(alice)
    with tenancy.within(alice.workspace):
        # Its row is read, and a task of its own until somebody says so.
        sync(alice)
        assert Task.objects.filter(notion_page_id=lost).count() == 1
    [task] = shown(alice)
    alice.api.patch(f"/tasks/{task['id']}", {"due_on": "2026-12-24"})

    answer = say_it_is(alice, f"https://www.notion.so/Order-more-paper-{lost.replace('-', '')}?pvs=4")
    deliver(alice)

    assert answer.status_code == 200, answer.content
    now = alice.api.get(f"/tasks/{task['id']}").json()
    assert (now["title"], now["due_on"], now["notion_page_id"]) == ("Order more paper", "2026-12-24", lost)
    assert (now["sync_state"], now["doubtful"], rows(notion)) == ("synced", False, [])
    assert objects(notion)[lost]["properties"]["Due"]["date"]["start"] == "2026-12-24"
    with tenancy.within(alice.workspace):
        assert Task.objects.filter(notion_page_id=lost).count() == 1


def test_it_is_said_on_the_page_of_the_task(alice: Person, notion: NotionWorkspace, lost: str) -> None:
    notion.edit(op="trash", id=line_of(notion, lost))
    deliver(alice)
    [task] = shown(alice)
    address, form = f"/app/tasks/{task['id']}", {"workspace": str(alice.workspace.pk), "action": "found"}
    assert "It is this one" in alice.web.get(address).content.decode()

    wrong = alice.web.post(address, form | {"page": "here"}, follow=True).content.decode()
    right = alice.web.post(address, form | {"page": lost}, follow=True).content.decode()

    assert ("This is no link to a page in Notion" in wrong, "It is this one" in wrong) == (True, True)
    assert ("It is that row in Notion now" in right, "Perhaps in Notion" in right) == (True, False)
    assert [each["notion_page_id"] for each in shown(alice)] == [lost]


def row_of_another(person: Person) -> str:
    assert person.api.post("/tasks", {"title": OTHER, "source": "notion"}).status_code == 201
    deliver(person)
    with tenancy.within(person.workspace):
        return Task.objects.get(title=OTHER).notion_page_id


@pytest.mark.parametrize(
    ("which", "why"),
    [
        ("page", "no row of the task database"),
        ("trash", "no row of the task database"),
        ("older", "was there before"),
        ("unseen", "does not show this page"),
        ("unsent", "not in Notion yet"),
        ("another's", "of another task"),
        ("another's, without its line", "of another task"),
    ],
)
def test_it_is_not_just_any_page(alice: Person, notion: NotionWorkspace, lost: str, which: str, why: str) -> None:
    notion.edit(op="trash", id=line_of(notion, lost))
    deliver(alice)
    given = {"page": notion.page("travel"), "unseen": notion.page("private")}.get(which, lost)
    if which.startswith("another's"):
        given = row_of_another(alice)
        if "without" in which:
            notion.edit(op="trash", id=line_of(notion, given))
    with tenancy.within(alice.workspace):
        if which == "older":
            Outgoing.objects.update(attempted_at=F("attempted_at") + timedelta(minutes=10))
        if which == "trash":
            notion.edit(op="trash", id=lost)
        if which == "unsent":
            sync(alice)
            other = Task.objects.get(notion_page_id=lost).pk
            alice.api.patch(f"/tasks/{other}", {"due_on": "2026-12-24"})

    answer = say_it_is(alice, given)

    assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (400, "/page")
    assert why in answer.content.decode()
    with tenancy.within(alice.workspace):
        assert Outgoing.objects.get(task__title=NEW, task__notion_page_id="").state == "doubtful"
        assert not which.startswith("another's") or Task.objects.filter(title=OTHER, notion_page_id=given).exists()


def test_charlie_gets_404(alice: Person, charlie: Person, notion: NotionWorkspace, lost: str) -> None:
    notion.edit(op="trash", id=line_of(notion, lost))
    deliver(alice)
    [task] = shown(alice)

    answer = charlie.api.post(f"/tasks/{task['id']}/sync", {"action": "found", "page": lost})

    assert answer.status_code == 404
