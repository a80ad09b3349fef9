"""Tasks edited here and in Notion: sent once, never lost, and what loses in a conflict stays in the history."""

from concurrent.futures import ThreadPoolExecutor, wait
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from accounts import tenancy
from accounts.models import Connection, Job
from agent.models import Page
from agent.sync import vanishing
from billing.models import Subscription
from config import valkey
from integrations.notion.setup import budget_from_settings
from tasks import sending
from tasks.models import Outgoing, Task
from tests.agent.sync.working import long_ago, sync
from tests.outside import NotionWorkspace, connect
from tests.people import Person
from tests.threads import elsewhere

TITLE = "Choose a printer"


LONG_AGO = timezone.now() - timedelta(days=9)
CLOSED: list[dict[str, object]] = [
    {"trial_ends_at": LONG_AGO},
    {"tier": "pro", "status": "past_due", "past_due_since": LONG_AGO},
]


@pytest.fixture
def synced(alice: Person, acme: NotionWorkspace) -> Person:
    connect(alice, acme)
    with tenancy.within(alice.workspace):
        sync(alice)
    return alice


def task(person: Person, title: str = TITLE) -> dict[str, Any]:
    rows = person.api.get("/tasks").json()["results"]
    return next(row for row in rows if row["title"] == title)


def patch(person: Person, **values: Any) -> dict[str, Any]:
    answer = person.api.patch(f"/tasks/{task(person)['id']}", values)
    assert answer.status_code == 200, answer.content
    return dict(answer.json())


def deliver(person: Person) -> None:
    """What the worker does, and after a pause does again, until nothing is due."""
    with tenancy.within(person.workspace):
        Outgoing.objects.update(lease=None, leased_until=None)
        for key in list(Outgoing.objects.values_list("pk", flat=True)):
            sending.send(outgoing_id=str(key))


def in_notion(acme: NotionWorkspace) -> dict[str, dict[str, Any]]:
    """The living rows by title."""
    objects = [one for each in acme.emulator.control("state")["workspaces"] for one in each["objects"].values()]
    found = {}
    for one in objects:
        if one["object"] == "page" and "Task" in one["properties"] and not one["in_trash"] and _of(acme, one):
            title = "".join(part["plain_text"] for part in one["properties"]["Task"]["title"])
            found[f"{title} again" if title in found else title] = one
    return found


def _of(acme: NotionWorkspace, row: dict[str, Any]) -> bool:
    return row["parent"].get("data_source_id") == acme.source("tasks_main")


def history(person: Person, task_id: str) -> list[dict[str, Any]]:
    return list(person.api.get(f"/tasks/{task_id}/history").json()["results"])


def test_an_edit_goes_to_notion(synced: Person, acme: NotionWorkspace) -> None:
    edited = patch(synced, title="Buy a printer", status="doing", due_on="2026-12-03", assignees=["Anna Berg"])

    deliver(synced)

    row = in_notion(acme)["Buy a printer"]["properties"]
    assert edited["sync_state"] == "waiting"
    assert row["Status"]["status"]["name"] == "Doing"
    assert row["Due"]["date"]["start"] == "2026-12-03"
    assert [user["name"] for user in row["Owner"]["people"]] == ["Anna Berg"]
    assert task(synced, "Buy a printer")["sync_state"] == "synced"


def test_done_takes_the_option_of_the_complete_group(synced: Person, acme: NotionWorkspace) -> None:
    patch(synced, done=True)

    deliver(synced)

    assert in_notion(acme)[TITLE]["properties"]["Status"]["status"]["name"] == "Done"


@pytest.mark.parametrize("values", [{"status": "Nonsense"}, {"assignees": ["Nobody"]}, {"labels": ["x"]}])
def test_what_the_database_cannot_hold_is_refused(synced: Person, values: dict[str, Any]) -> None:
    answer = synced.api.patch(f"/tasks/{task(synced)['id']}", values)

    assert answer.status_code == 400
    assert task(synced)["sync_state"] == "synced"


@pytest.mark.parametrize("how", ["503", "504", "reset"])
def test_a_task_made_here_is_made_once_although_the_answer_was_lost(
    synced: Person, acme: NotionWorkspace, how: str
) -> None:
    synced.api.post("/tasks", {"title": "Order paper", "source": "notion", "status": "Doing"})
    acme.fault({"commit_then": {"status": how}}, method="POST", path_regex="/v1/pages$", times=1)

    for _ in range(2):
        deliver(synced)

    assert [title for title in in_notion(acme) if "Order paper" in title] == ["Order paper"]
    assert task(synced, "Order paper")["sync_state"] == "synced"
    assert task(synced, "Order paper")["notion_page_id"] == in_notion(acme)["Order paper"]["id"]


@pytest.mark.parametrize("how", ["503", "504", "reset"])
def test_a_change_whose_answer_was_lost_is_its_own_echo(synced: Person, acme: NotionWorkspace, how: str) -> None:
    patch(synced, due_on="2026-12-03")
    acme.fault({"commit_then": {"status": how}}, method="PATCH", times=1)
    deliver(synced)

    patch(synced, due_on="2026-12-04")
    deliver(synced)

    assert in_notion(acme)[TITLE]["properties"]["Due"]["date"]["start"] == "2026-12-04"
    assert task(synced)["sync_state"] == "synced"
    assert not any(line["conflict"] for line in history(synced, task(synced)["id"]))


def test_what_was_changed_in_notion_later_wins_and_the_other_is_kept(synced: Person, acme: NotionWorkspace) -> None:
    edited = patch(synced, due_on="2026-12-03")
    acme.edit(op="set_property", id=edited["notion_page_id"], name="Due", value="2026-12-24")

    deliver(synced)

    now = task(synced)
    lost = [line["old"] for line in history(synced, now["id"]) if line["conflict"]]
    assert (now["due_on"], now["sync_state"], lost) == ("2026-12-24", "conflict", ["2026-12-03"])
    assert synced.api.post(f"/tasks/{now['id']}/sync", {"action": "keep"}).json()["sync_state"] == "synced"


def test_a_conflict_takes_only_its_own_field(synced: Person, acme: NotionWorkspace) -> None:
    edited = patch(synced, due_on="2026-12-03")
    acme.edit(op="set_property", id=edited["notion_page_id"], name="Status", value="Doing")

    deliver(synced)

    row = in_notion(acme)[TITLE]["properties"]
    assert (row["Due"]["date"]["start"], task(synced)["status"]) == ("2026-12-03", "Doing")
    assert task(synced)["sync_state"] == "synced"


def test_409_twice_then_applied_once(synced: Person, acme: NotionWorkspace) -> None:
    patch(synced, due_on="2026-12-03")
    acme.fault("409", method="PATCH", times=2)

    deliver(synced)

    assert in_notion(acme)[TITLE]["properties"]["Due"]["date"]["start"] == "2026-12-03"
    assert task(synced)["sync_state"] == "synced"


def test_a_task_in_the_trash_is_gone_and_not_tried_again(synced: Person, acme: NotionWorkspace) -> None:
    edited = patch(synced, due_on="2026-12-03")
    acme.edit(op="trash", id=edited["notion_page_id"])

    deliver(synced)
    before = len(acme.requests())
    deliver(synced)

    assert task(synced)["sync_state"] == "gone"
    assert len(acme.requests()) == before


def test_a_refused_change_is_shown_tried_again_discarded_and_taken_back(synced: Person, acme: NotionWorkspace) -> None:
    edited = patch(synced, due_on="2026-12-03")
    refusal = {"error": {"status": 400, "code": "validation_error", "message": "Due is odd."}}
    acme.fault(refusal, method="PATCH", times=1)
    deliver(synced)
    address = f"/tasks/{edited['id']}/sync"
    failed = task(synced)

    discarded = synced.api.post(address, {"action": "discard"}).json()
    undone = synced.api.post(address, {"action": "undo"}).json()
    deliver(synced)

    assert failed["sync_state"] == "failed"
    assert (discarded["sync_state"], discarded["due_on"]) == ("synced", None)
    assert (undone["sync_state"], undone["due_on"]) == ("waiting", "2026-12-03")
    assert in_notion(acme)[TITLE]["properties"]["Due"]["date"]["start"] == "2026-12-03"


def test_a_dead_token_makes_it_wait(synced: Person, acme: NotionWorkspace) -> None:
    patch(synced, due_on="2026-12-03")
    acme.fault("401", method="GET")

    deliver(synced)

    assert task(synced)["sync_state"] == "waiting"
    assert Connection.objects.get(workspace=synced.workspace).status == Connection.Status.REAUTHORIZE


def test_deleting_moves_to_notions_trash_and_restoring_brings_it_back(synced: Person, acme: NotionWorkspace) -> None:
    task_id = task(synced)["id"]
    assert synced.api.delete(f"/tasks/{task_id}").status_code == 204
    deliver(synced)
    gone = TITLE not in in_notion(acme)

    restored = synced.api.post(f"/tasks/{task_id}/sync", {"action": "restore"})
    deliver(synced)

    assert gone
    assert restored.status_code == 200
    assert TITLE in in_notion(acme)
    assert task(synced)["sync_state"] == "synced"


def test_an_edit_in_notion_comes_by_sync_and_stands_in_the_history(synced: Person, acme: NotionWorkspace) -> None:
    before = task(synced)
    acme.edit(op="set_property", id=before["notion_page_id"], name="Due", value="2026-12-24")

    with tenancy.within(synced.workspace):
        sync(synced)

    assert task(synced)["due_on"] == "2026-12-24"
    newest = history(synced, before["id"])[0]
    assert (newest["origin"], newest["field"], newest["old"], newest["new"]) == ("notion", "due_on", None, "2026-12-24")


def test_our_own_write_is_no_news_to_the_next_sync(synced: Person, acme: NotionWorkspace) -> None:
    patch(synced, due_on="2026-12-03")
    deliver(synced)
    before = history(synced, task(synced)["id"])

    with tenancy.within(synced.workspace):
        long_ago()
        sync(synced)

    assert history(synced, task(synced)["id"]) == before
    assert task(synced)["sync_state"] == "synced"


def test_a_long_title_is_cut_between_characters(synced: Person, acme: NotionWorkspace) -> None:
    title = "x" + "🙂" * 1_500

    patch(synced, title=title)
    deliver(synced)

    assert title in in_notion(acme)
    with tenancy.within(synced.workspace):
        assert Task.objects.filter(title=title, sync_state="synced", updated_at__lte=timezone.now()).exists()


def test_a_renamed_column_is_written_by_its_id(synced: Person, acme: NotionWorkspace) -> None:
    patch(synced, due_on="2026-12-03")
    acme.edit(op="rename_property", id=acme.source("tasks_main"), source=acme.source("tasks_main"), name="Due", to="By")

    deliver(synced)

    assert in_notion(acme)[TITLE]["properties"]["By"]["date"]["start"] == "2026-12-03"


@pytest.mark.parametrize("facts", CLOSED)
def test_what_waits_when_a_plan_ends_is_sent_when_it_goes_on(
    synced: Person, acme: NotionWorkspace, facts: dict[str, object]
) -> None:
    patch(synced, title="Choose two printers")
    mine = Subscription.objects.filter(workspace=synced.workspace)
    mine.update(**facts)

    deliver(synced)
    kept = TITLE in in_notion(acme)
    with tenancy.within(synced.workspace):
        waiting = Outgoing.objects.get()
    due = Job.objects.filter(workspace=synced.workspace, name="tasks.jobs.send", due_at__gt=timezone.now())
    is_due = due.exists()
    mine.update(tier="pro", status="active", past_due_since=None)
    deliver(synced)

    assert (kept, waiting.state, is_due) == (True, "waiting", True)
    assert waiting.reason.endswith("The change goes then.")
    assert "Choose two printers" in in_notion(acme)


def test_a_row_trashed_in_notion_hides_its_task_until_the_second_look(synced: Person, acme: NotionWorkspace) -> None:
    task_id, row = task(synced)["id"], task(synced)["notion_page_id"]
    patch(synced, due_on="2026-12-03")
    deliver(synced)
    before = history(synced, task_id)

    answers = []
    for op in ("trash", "restore", "trash"):
        acme.edit(op=op, id=row)
        with tenancy.within(synced.workspace):
            sync(synced)
        answers.append(synced.api.get(f"/tasks/{task_id}").status_code)
        if op == "restore":
            assert history(synced, task_id) == before
    with tenancy.within(synced.workspace):
        is_kept = Task.objects.filter(pk=task_id).exists()
        Page.objects.filter(notion_id=row).update(gone_at=timezone.now() - vanishing.SECOND_LOOK_AFTER)
        sync(synced)
        is_kept_for_good = Task.objects.filter(pk=task_id).exists()

    assert answers == [404, 200, 404]
    assert (is_kept, is_kept_for_good) == (True, False)


def test_a_task_brought_back_while_it_is_thrown_away_is_made(synced: Person, acme: NotionWorkspace) -> None:
    made = synced.api.post("/tasks", {"title": "Order more paper", "source": "notion"}).json()
    acme.fault("503", method="POST", path_regex="/v1/pages", times=9)
    deliver(synced)
    acme.emulator.control(f"faults?token={acme.token}", method="DELETE")
    synced.api.delete(f"/tasks/{made['id']}")

    with ThreadPoolExecutor(1) as worker, acme.held(path_regex="/v1/users/me") as is_held:
        sending = worker.submit(elsewhere, lambda: deliver(synced))
        while not is_held():
            wait([sending], timeout=0.02)
            assert not sending.done()
        restored = synced.api.post(f"/tasks/{made['id']}/sync", {"action": "restore"})
        assert not sending.done()
    sending.result()
    deliver(synced)

    assert restored.status_code == 200
    assert "Order more paper" in in_notion(acme)


def test_what_was_once_written_here_is_news_when_somebody_writes_it_in_notion(
    synced: Person, acme: NotionWorkspace
) -> None:
    """While the title waits, what was sent of the day is still known."""
    edited = patch(synced, due_on="2026-12-03")
    acme.fault({"commit_then": {"status": "reset"}}, method="PATCH", times=1)
    deliver(synced)
    patch(synced, title="Choose two printers")

    for day in (None, "2026-12-24", "2026-12-03"):
        if day:
            acme.edit(op="set_property", id=edited["notion_page_id"], name="Due", value=day)
        with tenancy.within(synced.workspace):
            sync(synced)

    lines = [line for line in history(synced, edited["id"]) if line["field"] == "due_on"]
    said = [("docent", "2026-12-03"), ("notion", "2026-12-03"), ("notion", "2026-12-24")]
    assert sorted((line["origin"], line["new"]) for line in lines) == said


def test_sending_waits_when_notion_holds_up_the_whole_workspace(synced: Person, acme: NotionWorkspace) -> None:
    """As it told another connection to the same Notion workspace."""
    shared = Connection.objects.get(workspace=synced.workspace).notion_workspace_id
    budget_from_settings(valkey.client(), "another", workspace=shared).block(60, whole_workspace=True)
    patch(synced, due_on="2026-12-03")
    before = len(acme.requests())

    deliver(synced)

    assert len(acme.requests()) == before
    assert task(synced)["sync_state"] == "waiting"
