"""A count is that of all rows, and a list says how many it leaves out."""

import uuid
from typing import Any

import pytest
from django.utils import timezone

from accounts import tenancy
from accounts.models import Connection
from agent import indexing, keyless, retrieval
from agent.composing import Answer, Citation
from agent.models import Page, Source, SyncRun
from agent.picking import MOST_ROWS
from tests.agent.asking import ask
from tests.index import connect, write
from tests.people import Person

pytestmark = pytest.mark.usefixtures("chroma")
DONE = MOST_ROWS + 10
WHOLE = {"known": DONE + 3, "indexed": DONE + 3, "older": 0, "missing": 0, "older_since": None, "complete": True}


@pytest.fixture
def tasks(alice: Person) -> Connection:
    """A database with more done tasks than are listed."""
    connection = connect(alice)
    with tenancy.within(alice.workspace):
        source = Source.objects.create(connection_id=connection.pk, notion_id="d", kind="database", title="Launch plan")
        for number in range(DONE + 3):
            page = Page.objects.create(
                connection_id=connection.pk,
                source=source,
                notion_id=str(uuid.uuid4()),
                title=f"Step {number}",
                indexed_at=timezone.now(),
                state=Page.State.INDEXED,
            )
            lines = [("Status", "Done" if number < DONE else "Blocked")]
            indexing.prepare(page, [], workspace_id=alice.workspace.pk, lines=lines).replace()
    return connection


def titles(answered: dict[str, Any]) -> set[str]:
    return {each["title"] for each in answered["citations"]}


@pytest.mark.usefixtures("tasks")
def test_more_rows_than_are_listed_are_counted(alice: Person) -> None:
    counted, listed = ask(alice, "How many tasks are done?"), ask(alice, "Which tasks are done?")

    assert counted["answer"].startswith(f"{DONE} found in “Launch plan”. The first {MOST_ROWS} of {DONE}:\n\n- Step ")
    assert listed["answer"].startswith(f"The first {MOST_ROWS} of {DONE}:\n\n- Step ")
    for answered in (counted, listed):
        assert answered["grounded"]
        assert len(titles(answered)) == len(answered["citations"]) == MOST_ROWS


@pytest.mark.usefixtures("tasks")
def test_what_is_listed_whole_has_no_first(alice: Person) -> None:
    assert ask(alice, "How many tasks are blocked?")["answer"].startswith("3 found in “Launch plan”:\n\n")
    assert ask(alice, "Which tasks are blocked?")["answer"].startswith("- Step ")


@pytest.mark.usefixtures("tasks")
def test_a_count_over_rows_that_were_not_all_looked_at_is_the_least(
    alice: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retrieval, "MOST_READ_ROWS", DONE + 2)

    answered = ask(alice, "How many tasks are done?")["answer"]

    number = answered.partition(" found in “Launch plan”.")[0].removeprefix("At least ")
    assert DONE - 1 <= int(number) <= DONE
    assert answered.startswith(f"At least {number} found in “Launch plan”. The first {MOST_ROWS} of at least {number}:")


def read_whole(connection: Connection) -> None:
    SyncRun.objects.create(connection_id=connection.pk, status=SyncRun.Status.COMPLETE, finished_at=timezone.now())


def test_a_count_during_a_first_sync_says_how_much_is_read(alice: Person, tasks: Connection) -> None:
    with tenancy.within(alice.workspace):
        run = SyncRun.objects.create(connection_id=tasks.pk, status=SyncRun.Status.RUNNING)
        Page.objects.create(connection_id=tasks.pk, notion_id=str(uuid.uuid4()))
    counted, listed = ask(alice, "How many tasks are blocked?"), ask(alice, "Which tasks are blocked?")
    with tenancy.within(alice.workspace):
        SyncRun.objects.filter(pk=run.pk).update(status=SyncRun.Status.CANCELLED, finished_at=timezone.now())
    afterwards = ask(alice, "How many tasks are blocked?")

    for answered in (counted, listed):
        assert answered["grounded"]
        assert answered["answer"].endswith(f"\n\nThis may not be all: {DONE + 3} of {DONE + 4} pages are read so far.")
        assert answered["coverage"] == {**WHOLE, "known": DONE + 4, "missing": 1, "complete": False}
    assert afterwards["answer"].endswith(f"This may not be all: {DONE + 3} of {DONE + 4} known pages are searchable.")


def test_a_count_while_pages_are_still_discovered_is_not_whole(alice: Person, tasks: Connection) -> None:
    with tenancy.within(alice.workspace):
        SyncRun.objects.create(connection_id=tasks.pk, status=SyncRun.Status.RUNNING)

    answered = ask(alice, "How many tasks are blocked?")

    assert answered["answer"].endswith("This may not be all: there may be pages that are not known yet.")
    assert answered["coverage"]["complete"] is False


def test_a_count_over_all_pages_says_nothing_of_them(alice: Person, tasks: Connection) -> None:
    with tenancy.within(alice.workspace):
        read_whole(tasks)

    answered = ask(alice, "How many tasks are blocked?")

    assert "may not be all" not in answered["answer"]
    assert answered["coverage"] == WHOLE


def test_another_answer_tells_the_coverage_beside_its_words(alice: Person) -> None:
    write(alice, connect(alice), "Time off", "Everyone has 28 days of paid holiday a year.")

    answered = ask(alice, "How many days of paid holiday do we have?")

    assert answered["grounded"]
    assert "may not be all" not in answered["answer"]
    assert answered["coverage"] == {**WHOLE, "known": 1, "indexed": 1, "complete": False}


@pytest.mark.parametrize(
    ("question", "is_found", "said"),
    [
        ("How many days of paid holiday do we have?", False, ". 1 of 2 known pages are searchable."),
        ("When is the oven cleaned?", True, "on Fridays. [1]\n\n1 of 2 known pages are searchable."),
    ],
)
def test_a_page_that_could_not_be_read_is_told(alice: Person, question: str, is_found: bool, said: str) -> None:
    connection = connect(alice)
    write(alice, connection, "Oven", "The oven is cleaned on Fridays.")
    with tenancy.within(alice.workspace):
        SyncRun.objects.create(connection_id=connection.pk, status=SyncRun.Status.PARTIAL, finished_at=timezone.now())
        Connection.objects.filter(pk=connection.pk).update(last_synced_at=timezone.now())
        Page.objects.create(connection_id=connection.pk, notion_id=str(uuid.uuid4()), state=Page.State.FAILED)

    answered = ask(alice, question)
    page = alice.web.get(f"/app/ask/{answered['conversation_id']}").content.decode()

    assert answered["grounded"] == is_found
    assert answered["answer"].endswith(said)
    assert "1 of 2 known pages are searchable." in page


def test_a_list_cut_for_the_quota_says_how_many_are_left() -> None:
    lines = "\n".join(f"- Step {n} – Status: Done [{n}]" for n in range(1, 4))
    citations = tuple(Citation(n, str(n), str(n), "", "Status: Done") for n in range(1, 4))
    said = Answer(f"50 found. The first 3 of 50:\n\n{lines}", citations, grounded=True)

    kept = keyless.shortened(said, len(said.text) - 5, len)

    assert kept.text.startswith("50 found. The first 2 of 50:")
    assert len(kept.citations) == 2
