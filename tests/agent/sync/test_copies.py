"""A copy of a synced block says what its original says, though Notion calls the page of the copy unchanged."""

from datetime import timedelta

import pytest

from accounts import tenancy
from accounts.models import Connection
from agent.models import Page, Source, SyncRun
from devkit.notion.process import EmulatorProcess
from tests.agent.sync.test_reach import next_in, scheduled
from tests.agent.sync.test_showing import LONG_AGO, changes, listed, text
from tests.agent.sync.working import sync
from tests.outside import NotionWorkspace, connect, seeded
from tests.people import Person, put_on_plan


@pytest.fixture
def acme(emulator: EmulatorProcess, chroma: str) -> NotionWorkspace:
    """Two trees: what one holds is copied in the other, and there is a page that copies nothing."""
    rule = {"p": {"text": "Doors close at six.", "key": "rule"}}
    pages = [
        {
            "key": "rules",
            "title": "Rules",
            **LONG_AGO,
            "blocks": [{"synced": {"key": "original", "blocks": [rule]}}, {"p": "Ask the porter."}],
        },
        {
            "key": "house",
            "title": "House",
            **LONG_AGO,
            "blocks": [{"synced_copy": "original"}, {"p": "It has two floors."}],
        },
        {"key": "garden", "title": "Garden", **LONG_AGO, "blocks": [{"p": "It has a pond."}]},
    ]
    return seeded(emulator, {"pages": pages}, ["rules", "house", "garden"])


def read_once(person: Person, acme: NotionWorkspace) -> Connection:
    put_on_plan(person, "pro")
    connection = connect(person, acme)
    next_in(timedelta(minutes=50))
    with tenancy.within(person.workspace):
        run = sync(person)
        assert (run.status, run.indexed) == ("complete", 3), run.reason
        assert "Doors close at six." in text("House")
    return connection


def test_an_edit_of_the_original_stands_in_its_copy(alice: Person, acme: NotionWorkspace) -> None:
    connection = read_once(alice, acme)
    with tenancy.within(alice.workspace):
        asked = len(acme.requests())
        acme.edit(op="set_text", id=acme.ids["blocks"]["rule"], text="Doors close at eight.")
        run = changes(connection, acme, "rules")

        assert (run.status, run.reach, run.indexed) == ("complete", "changes", 2)
        assert "Doors close at eight." in text("House")
        assert "Doors close at six." not in text("House")
    assert acme.page("garden") not in listed(acme, asked)


def test_copies_cost_nothing_while_nothing_changes(alice: Person, acme: NotionWorkspace) -> None:
    read_once(alice, acme)
    with tenancy.within(alice.workspace):
        asked = len(acme.requests())
        run = sync(alice)

        assert (run.status, run.reach, run.unchanged) == ("complete", "inventory", 3)
    assert listed(acme, asked) == set()


@pytest.mark.parametrize("gone", ["original", "rules"])
def test_what_is_deleted_at_its_original_leaves_the_copy(alice: Person, acme: NotionWorkspace, gone: str) -> None:
    read_once(alice, acme)
    with tenancy.within(alice.workspace):
        acme.edit(op="delete", id={**acme.ids["blocks"], **acme.ids["pages"]}[gone])
        sync(alice)

        assert text("House") == "It has two floors."


def test_an_original_that_is_no_longer_shared_is_said_to_be_missing(alice: Person, acme: NotionWorkspace) -> None:
    read_once(alice, acme)
    with tenancy.within(alice.workspace):
        acme.edit(op="unshare", id=acme.page("rules"), token=acme.token)
        sync(alice)

        assert text("House") == "It has two floors."
        assert "could not be read (“House”)" in SyncRun.objects.latest("created_at").reason


def test_a_copy_of_what_is_not_read_here_follows_with_each_inventory(alice: Person, acme: NotionWorkspace) -> None:
    connection = read_once(alice, acme)
    with tenancy.within(alice.workspace):
        Source.objects.filter(title="Rules").update(is_chosen=False)
        sync(alice)
        assert Page.objects.get(title="Rules").state == "skipped"
        acme.edit(op="set_text", id=acme.ids["blocks"]["rule"], text="Doors close at nine.")
        scheduled(connection)
        before = text("House")
        sync(alice)

        assert "Doors close at six." in before
        assert "Doors close at nine." in text("House")
