"""Tasks deleted here and brought back: nothing that was edited is lost, and they are as any other task again."""

from concurrent.futures import ThreadPoolExecutor, wait
from typing import Any

import pytest

from accounts import tenancy
from tasks.models import Outgoing
from tests.agent.sync.working import sync
from tests.outside import NotionWorkspace, connect
from tests.people import Person
from tests.tasks.test_both_ways import TITLE, deliver, in_notion, patch, task
from tests.threads import elsewhere

NEW = "Choose two printers"


@pytest.fixture
def synced(alice: Person, acme: NotionWorkspace) -> Person:
    connect(alice, acme)
    with tenancy.within(alice.workspace):
        sync(alice)
    return alice


def settle(person: Person, task_id: str, action: str) -> dict[str, Any]:
    answer = person.api.post(f"/tasks/{task_id}/sync", {"action": action})
    assert answer.status_code == 200, answer.content
    return dict(answer.json())


def delete(person: Person, task_id: str) -> None:
    assert person.api.delete(f"/tasks/{task_id}").status_code == 204


def be_quiet(acme: NotionWorkspace) -> None:
    acme.emulator.control(f"faults?token={acme.token}", method="DELETE")


@pytest.mark.parametrize("is_sent_between", [False, True])
def test_an_edit_survives_deleting_and_bringing_back(
    synced: Person, acme: NotionWorkspace, is_sent_between: bool
) -> None:
    acme.fault("503", times=1_000)
    edited = patch(synced, title=NEW)
    deliver(synced)
    delete(synced, edited["id"])
    deliver(synced)

    if is_sent_between:
        be_quiet(acme)
        deliver(synced)
    settle(synced, edited["id"], "restore")
    be_quiet(acme)
    deliver(synced)

    assert NEW in in_notion(acme)
    assert (task(synced, NEW)["sync_state"], TITLE in in_notion(acme)) == ("synced", False)


def test_an_edit_survives_being_brought_back_while_the_deletion_is_sent(synced: Person, acme: NotionWorkspace) -> None:
    edited = task(synced)
    delete(synced, edited["id"])

    with ThreadPoolExecutor(1) as worker, acme.held(method="PATCH"):
        sending = worker.submit(elsewhere, lambda: deliver(synced))
        with tenancy.within(synced.workspace):
            while not Outgoing.objects.exclude(sent={}).exists():
                wait([sending], timeout=0.02)
                assert not sending.done()
        settle(synced, edited["id"], "restore")
        patch(synced, title=NEW)
        assert not sending.done()
    sending.result()
    deliver(synced)

    assert (NEW in in_notion(acme), task(synced, NEW)["sync_state"]) == (True, "synced")


def test_what_notion_does_not_take_does_not_keep_a_task_from_the_trash(synced: Person, acme: NotionWorkspace) -> None:
    edited = patch(synced, due_on="2026-12-03")
    database = acme.source("tasks_main")
    acme.edit(op="remove_property", source=database, id=database, name="Due")
    delete(synced, edited["id"])

    deliver(synced)

    assert TITLE not in in_notion(acme)
    with tenancy.within(synced.workspace):
        assert not Outgoing.objects.exists()


def test_a_task_whose_row_is_back_in_notion_is_no_longer_gone(synced: Person, acme: NotionWorkspace) -> None:
    edited = patch(synced, due_on="2026-12-03")
    acme.edit(op="trash", id=edited["notion_page_id"])
    deliver(synced)
    was = task(synced)["sync_state"]

    acme.edit(op="restore", id=edited["notion_page_id"])
    with tenancy.within(synced.workspace):
        sync(synced)
    deliver(synced)

    assert (was, task(synced)["sync_state"]) == ("gone", "synced")
    assert in_notion(acme)[TITLE]["properties"]["Due"]["date"]["start"] == "2026-12-03"


@pytest.mark.parametrize("is_deleted", [False, True])
def test_a_new_task_that_was_discarded_is_brought_back_whole(
    synced: Person, acme: NotionWorkspace, is_deleted: bool
) -> None:
    acme.fault("503", times=1_000)
    made = synced.api.post("/tasks", {"title": NEW, "source": "notion", "due_on": "2026-12-24"}).json()
    deliver(synced)
    if is_deleted:
        delete(synced, made["id"])
    settle(synced, made["id"], "discard")

    settle(synced, made["id"], "restore")
    be_quiet(acme)
    deliver(synced)

    assert {NEW, f"{NEW} again"} & in_notion(acme).keys() == {NEW}
    kept = task(synced, NEW)
    assert (kept["id"], kept["due_on"], kept["sync_state"]) == (made["id"], "2026-12-24", "synced")
