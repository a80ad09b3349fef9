"""The task database is away for a while: forgotten at a second look alone, and what was made or edited here meanwhile
goes to Notion when it is back."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
from django.utils import timezone

from accounts import tenancy
from accounts.models import Job
from agent.models import Page, Source
from devkit.notion.process import EmulatorProcess
from tasks import jobs
from tasks.models import Outgoing, TaskSource
from tests.agent.sync.test_vanishing import second_look_is_due
from tests.agent.sync.working import long_ago, sync
from tests.outside import HANDBOOK, TASKS, NotionWorkspace, connect, seeded
from tests.people import Person
from tests.tasks.test_both_ways import TITLE, in_notion, patch, synced, task
from tests.threads import elsewhere

__all__ = ["synced"]

NEW = "Order paper"
NOT_FOUND = {"error": {"status": 404, "code": "object_not_found", "message": "Could not find data source."}}
EMPTY: dict[str, Any] = {**TASKS, "sources": [{**TASKS["sources"][0], "rows": []}]}


@dataclass
class Away:
    go: Callable[[NotionWorkspace, str], Any]
    come: Callable[[NotionWorkspace, str], Any]


WAYS = {
    "trash": Away(
        lambda notion, key: notion.edit(op="trash", id=key), lambda notion, key: notion.edit(op="restore", id=key)
    ),
    "unshared": Away(
        lambda notion, key: notion.edit(op="restrict", id=key),
        lambda notion, key: notion.edit(op="restrict", id=key, restricted=False),
    ),
    "404": Away(
        lambda notion, _: notion.fault(NOT_FOUND, path_regex="/v1/(data_sources|databases)/|/v1/pages$"),
        lambda notion, _: notion.emulator.control(f"faults?token={notion.token}", method="DELETE"),
    ),
}
EVERY_WAY = pytest.mark.parametrize("how", WAYS)


@pytest.fixture
def empty(alice: Person, emulator: EmulatorProcess, chroma: str) -> NotionWorkspace:
    """A task database without a row, which was read."""
    notion = seeded(emulator, {"pages": [HANDBOOK], "databases": [EMPTY]}, ["handbook"])
    connect(alice, notion)
    read(alice)
    return notion


def read(person: Person) -> None:
    with tenancy.within(person.workspace):
        sync(person)


def database(notion: NotionWorkspace) -> str:
    return str(notion.ids["databases"]["tasks"])


def known(person: Person) -> tuple[bool, bool]:
    """Whether we know how it is called, and its columns as those of tasks."""
    with tenancy.within(person.workspace):
        return Source.objects.filter(title="Launch plan").exists(), bool(TaskSource.objects.get().columns)


def work(person: Person) -> None:
    """What waits for a worker, or for its time."""
    waiting = Job.objects.filter(workspace=person.workspace, name="tasks.jobs.send")
    waiting.update(due_at=timezone.now())
    for job in waiting:
        elsewhere(lambda key=str(job.pk): jobs.send(key))


def make(person: Person) -> dict[str, Any]:
    answer = person.api.post("/tasks", {"title": NEW, "source": "notion", "status": "Doing"})
    assert answer.status_code == 201, answer.content
    return dict(answer.json())


def made(notion: NotionWorkspace) -> list[str]:
    return [title for title in in_notion(notion) if NEW in title]


@pytest.mark.parametrize("how", ["trash", "unshared"])
def test_an_empty_database_is_forgotten_at_the_second_look(alice: Person, empty: NotionWorkspace, how: str) -> None:
    WAYS[how].go(empty, database(empty))

    seen = []
    for _ in range(2):
        read(alice)
        seen.append(known(alice))
    with tenancy.within(alice.workspace):
        second_look_is_due()
    read(alice)

    assert (seen, known(alice)) == ([(True, True)] * 2, (False, False))


def test_one_that_is_back_at_the_second_look_is_kept(alice: Person, empty: NotionWorkspace) -> None:
    empty.edit(op="trash", id=database(empty))
    read(alice)
    with tenancy.within(alice.workspace):
        second_look_is_due()
    empty.edit(op="restore", id=database(empty))

    read(alice)

    assert known(alice) == (True, True)
    with tenancy.within(alice.workspace):
        assert not Source.objects.get(title="Launch plan").is_gone


def test_one_that_does_not_answer_at_the_second_look_is_kept(alice: Person, empty: NotionWorkspace) -> None:
    empty.edit(op="trash", id=database(empty))
    read(alice)
    with tenancy.within(alice.workspace):
        second_look_is_due()
    empty.fault("503", path_regex="/v1/data_sources/")

    read(alice)

    assert known(alice) == (True, True)


@EVERY_WAY
def test_what_is_made_while_it_is_away_is_made_there_when_it_is_back(
    alice: Person, empty: NotionWorkspace, how: str
) -> None:
    WAYS[how].go(empty, database(empty))
    read(alice)
    make(alice)
    work(alice)
    waiting = task(alice, NEW)
    with tenancy.within(alice.workspace):
        second_look_is_due()
    read(alice)
    work(alice)

    WAYS[how].come(empty, database(empty))
    read(alice)
    work(alice)

    assert waiting["sync_state"] == "waiting"
    assert waiting["sync_reason"].startswith("The task database is in Notion's trash, or no longer shared with Docent")
    assert (made(empty), task(alice, NEW)["sync_state"]) == ([NEW], "synced")


@EVERY_WAY
def test_what_may_have_been_made_before_it_went_is_not_made_again(
    alice: Person, empty: NotionWorkspace, how: str
) -> None:
    away = empty.fault("503", path_regex="/v1/users/me")
    empty.fault({"commit_then": {"status": "reset"}}, method="POST", path_regex="/v1/pages$", times=1)
    make(alice)
    work(alice)
    empty.calm(away)
    WAYS[how].go(empty, database(empty))
    work(alice)

    WAYS[how].come(empty, database(empty))
    read(alice)
    work(alice)

    assert made(empty) == [NEW]
    with tenancy.within(alice.workspace):
        assert not Outgoing.objects.exists()


def test_what_notion_does_not_find_in_a_database_that_it_shows_does_not_wait_for_the_database(
    alice: Person, empty: NotionWorkspace
) -> None:
    message = "Could not find user with ID: 7c2ed1b4-0d4e-4b0e-8a3a-2f5a3a6f5a11."
    refusal = {"error": {"status": 404, "code": "object_not_found", "message": message}}
    empty.fault(refusal, method="POST", path_regex="/v1/pages$")

    make(alice)
    work(alice)

    assert (task(alice, NEW)["sync_state"], task(alice, NEW)["sync_reason"]) == ("failed", f"Notion said: {message}")


@EVERY_WAY
def test_an_edit_of_its_row_is_sent_when_it_is_back(synced: Person, acme: NotionWorkspace, how: str) -> None:
    with tenancy.within(synced.workspace):
        long_ago()
    WAYS[how].go(acme, database(acme))
    patch(synced, due_on="2026-12-03")
    work(synced)
    before = task(synced)["sync_state"]

    WAYS[how].come(acme, database(acme))
    read(synced)
    work(synced)

    assert before in {"waiting", "gone"}
    assert (task(synced)["sync_state"], task(synced)["due_on"]) == ("synced", "2026-12-03")
    assert in_notion(acme)[TITLE]["properties"]["Due"]["date"]["start"] == "2026-12-03"


def test_a_row_that_is_still_gone_is_not_asked_for_with_each_sync(synced: Person, acme: NotionWorkspace) -> None:
    edited = patch(synced, due_on="2026-12-03")
    acme.edit(op="trash", id=edited["notion_page_id"])
    work(synced)

    read(synced)

    assert task(synced)["sync_state"] == "gone"
    assert not Job.objects.filter(workspace=synced.workspace, name="tasks.jobs.send").exists()
    with tenancy.within(synced.workspace):
        assert not Page.objects.searchable().filter(notion_id=edited["notion_page_id"]).exists()
