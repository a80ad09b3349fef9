"""A connection is not called complete while Notion does not say what it is asked for."""

from datetime import timedelta

import pytest
from django.utils import timezone

from accounts import tenancy
from accounts.models import Connection
from agent.models import Page, Source, SyncRun
from agent.sync import coverage, performing, services
from devkit.notion.process import EmulatorProcess
from tests.agent.live.telling import event, post, texts, work
from tests.agent.sync.working import REFUSAL, sync
from tests.outside import HANDBOOK, NotionWorkspace, connect, seeded
from tests.people import Person, put_on_plan

pytestmark = pytest.mark.usefixtures("subscribed")


@pytest.fixture
def read(alice: Person, acme: NotionWorkspace) -> Connection:
    put_on_plan(alice, "plus")
    connection = connect(alice, acme)
    with tenancy.within(alice.workspace):
        assert sync(alice).status == "complete"
    return connection


def changes(person: Person, connection: Connection) -> SyncRun:
    with tenancy.within(person.workspace):
        run = services.start_connection(connection, requested_by=None)
        performing.perform(sync_run_id=str(run.pk))
        run.refresh_from_db()
        assert run.reach == "changes"
        return run


def is_complete(person: Person, connection: Connection) -> bool:
    with tenancy.within(person.workspace):
        return bool(coverage.searchable([connection.pk])["complete"])


def calm(notion: NotionWorkspace) -> None:
    notion.emulator.control(f"faults?token={notion.token}", method="DELETE")


@pytest.mark.parametrize("route", ["pages/{}$", "blocks/{}/children"])
def test_a_page_that_came_back_and_answers_with_an_error(
    alice: Person, acme: NotionWorkspace, read: Connection, route: str
) -> None:
    acme.edit(op="trash", id=acme.page("travel"))
    post(event(read, "page.deleted", acme.page("travel")))
    work(alice)
    assert is_complete(alice, read)
    acme.edit(op="restore", id=acme.page("travel"))
    acme.fault("500", path_regex=route.format(acme.page("travel")))
    acme.fault({"search_omit": {"ids": [acme.page("travel")]}}, path_regex="search")

    post(event(read, "page.undeleted", acme.page("travel")))
    work(alice)

    assert not is_complete(alice, read)
    changes(alice, read)
    assert not is_complete(alice, read)
    calm(acme)
    assert changes(alice, read).status == "complete"
    assert is_complete(alice, read)
    assert "second class" in texts(alice)


def test_a_block_that_was_lost_and_is_read_for_an_event(alice: Person, emulator: EmulatorProcess, chroma: str) -> None:
    toggle = {"toggle": {"text": "More", "key": "more", "blocks": [{"p": "The price is high."}]}}
    notion = seeded(emulator, {"pages": [{"key": "top", "title": "Top", "blocks": [toggle]}]}, ["top"])
    put_on_plan(alice, "plus")
    connection = connect(alice, notion)
    notion.fault(REFUSAL, path_regex=f"blocks/{notion.ids['blocks']['more']}/children")
    with tenancy.within(alice.workspace):
        assert sync(alice).status == "partial"
    assert not is_complete(alice, connection)
    calm(notion)

    post(event(connection, "page.content_updated", notion.page("top")))
    work(alice)

    assert "The price is high." in texts(alice)
    assert is_complete(alice, connection)


def test_a_database_that_came_back_and_answers_with_an_error(
    alice: Person, acme: NotionWorkspace, read: Connection
) -> None:
    database = acme.ids["databases"]["tasks"]
    acme.edit(op="trash", id=database)
    post(event(read, "database.deleted", database))
    work(alice)
    with tenancy.within(alice.workspace):
        Page.objects.filter(state="trashed").update(reason="In Notion's trash")
    assert is_complete(alice, read)
    acme.edit(op="restore", id=database)
    acme.fault("500", path_regex=f"data_sources/{acme.source('tasks_main')}$")

    post(event(read, "database.undeleted", database))
    work(alice)

    assert not is_complete(alice, read)
    changes(alice, read)
    assert not is_complete(alice, read)
    calm(acme)
    assert changes(alice, read).status == "complete"
    assert "Status: Doing" in texts(alice)


@pytest.mark.parametrize("trouble", ["500", "409", "403"])
def test_a_database_whose_name_is_not_given(
    alice: Person, acme: NotionWorkspace, read: Connection, trouble: str
) -> None:
    database = acme.ids["databases"]["tasks"]
    acme.edit(op="set_title", id=database, title="Landing plan")
    acme.fault(trouble, path_regex=f"databases/{database}$")

    with tenancy.within(alice.workspace):
        run = sync(alice)

    assert run.status == "partial"
    assert "What Notion says of 1 database could not be read (“Launch plan”)." in run.reason
    [row] = alice.api.get("/agent/coverage").json()["connections"]
    assert [(each["pages"], each["reason"]) for each in row["reasons"]] == [(3, run.reason)]
    # Nor after a sync that would not ask for it otherwise.
    changes(alice, read)
    assert not is_complete(alice, read)
    calm(acme)
    assert changes(alice, read).status == "complete"
    assert is_complete(alice, read)
    with tenancy.within(alice.workspace):
        assert Source.objects.get(kind="database").database_title == "Landing plan"


def test_a_hidden_page_whose_second_look_fails(
    alice: Person, emulator: EmulatorProcess, acme: NotionWorkspace, read: Connection
) -> None:
    acme.edit(op="trash", id=acme.page("travel"))
    with tenancy.within(alice.workspace):
        sync(alice)
        Page.objects.exclude(gone_at=None).update(gone_at="2026-01-01T00:00Z")
        acme.fault("500", path_regex=f"pages/{acme.page('travel')}$")
        run = sync(alice)

    assert (run.status, is_complete(alice, read)) == ("partial", False)
    assert "1 page that was gone may be back" in run.reason
    calm(acme)
    assert changes(alice, read).status == "complete"
    with tenancy.within(alice.workspace):
        assert not Page.objects.filter(title="Travel").exists()


def test_a_page_with_a_block_that_is_not_given(alice: Person, acme: NotionWorkspace, read: Connection) -> None:
    toggle = {"toggle": {"text": "More", "blocks": [{"p": "Boats are booked by hand."}]}}
    block = acme.edit(op="append", parent=acme.page("travel"), blocks=[toggle])["ids"][0]
    acme.fault(REFUSAL, path_regex=f"blocks/{block}/children")

    post(event(read, "page.content_updated", acme.page("travel")))
    work(alice)

    assert not is_complete(alice, read)


ATTIC = {"key": "attic", "title": "Attic", "parent": "private"}
CHEST = {**ATTIC, "sources": [{"key": "attic_all", "rows": [{"Name": "Chest"}]}]}


def test_a_new_database_whose_old_rows_are_not_listed(alice: Person, emulator: EmulatorProcess, chroma: str) -> None:
    private = {"key": "private", "title": "Private"}
    notion = seeded(emulator, {"pages": [HANDBOOK, private], "databases": [CHEST]}, ["handbook"])
    put_on_plan(alice, "plus")
    read = connect(alice, notion)
    with tenancy.within(alice.workspace):
        assert sync(alice).status == "complete"
    notion.edit(op="move", id=notion.ids["databases"]["attic"], to=notion.page("handbook"))
    with tenancy.within(alice.workspace):
        # As if its row had been edited long before the last sync.
        SyncRun.objects.update(watermark=timezone.now() + timedelta(hours=1))
    notion.fault("503", path_regex="data_sources/.*/query")

    post(event(read, "page.content_updated", notion.page("handbook")))
    work(alice)

    assert not is_complete(alice, read)
    calm(notion)
    assert changes(alice, read).status == "complete"
    assert is_complete(alice, read)
    with tenancy.within(alice.workspace):
        assert Page.objects.get(title="Chest").state == "indexed"
