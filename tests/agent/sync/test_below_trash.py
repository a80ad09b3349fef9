"""What lies in something in the trash looks to Notion's callers as if nothing had happened."""

from datetime import timedelta

import pytest
from django.utils import timezone

from accounts import tenancy
from accounts.models import Connection, NotionNotice
from agent.live import reading as live
from agent.models import Page, Source, SyncRun
from agent.sync import coverage, meeting, performing, services, trash, vanishing
from agent.sync.session import opened
from devkit.notion.process import EmulatorProcess
from tasks.models import Task
from tests.agent.sync.working import sync
from tests.outside import NotionWorkspace, connect, seeded
from tests.people import Person, put_on_plan

ROOMS = {
    "key": "rooms",
    "title": "Rooms",
    "sources": [
        {
            "key": "rooms_all",
            "properties": {"Room": "title", "Ready": "checkbox"},
            "rows": [{"Room": "Kitchen"}, {"Room": "Cellar"}],
        }
    ],
}
HOLDERS = pytest.mark.parametrize("above", ["office", "floor", "wiki"])


@pytest.fixture
def notion(emulator: EmulatorProcess, chroma: str, above: str) -> NotionWorkspace:
    """A database in a page, in a page below that one, or in a wiki; and other pages."""
    others = [{"key": f"p{n}", "title": f"Page {n}", "blocks": [{"p": f"Fact {n}."}]} for n in range(9)]
    floor = {"key": "floor", "title": "Floor", "blocks": [{"p": "Upstairs."}]}
    office = {"key": "office", "title": "Office", "blocks": [{"p": "A house."}], "pages": [floor]}
    wiki = {"key": "wiki", "title": "Wiki", "sources": [{"key": "wiki_all", "rows": [{"Name": "Welcome"}]}]}
    made = seeded(
        emulator,
        {"pages": [office, *others], "databases": [wiki]},
        ["office", "wiki", *(f"p{n}" for n in range(9))],
    )
    parent = made.source("wiki_all") if above == "wiki" else made.page("floor")
    made.edit(op="add_database", parent=parent, database=ROOMS)
    return made


def thing(notion: NotionWorkspace, above: str) -> str:
    return str(notion.ids["databases"]["wiki"]) if above == "wiki" else notion.page(above)


@pytest.fixture
def connection(alice: Person, notion: NotionWorkspace) -> Connection:
    put_on_plan(alice, "plus")
    connection = connect(alice, notion)
    with tenancy.within(alice.workspace):
        assert sync(alice).status == "complete"
    return connection


def rooms(person: Person) -> list[str]:
    with tenancy.within(person.workspace):
        found = Page.objects.searchable().filter(title__in=["Kitchen", "Cellar"])
        return sorted(found.values_list("title", flat=True))


def told(person: Person, connection: Connection, notion_id: str) -> None:
    with (
        tenancy.within(person.workspace),
        opened(connection, SyncRun(connection_id=connection.pk)) as session,
    ):
        session.is_only_looking = True
        notice = NotionNotice(connection=connection, kind="page", notion_id=notion_id, happened_at=timezone.now())
        live._handle(session, notice, began=timezone.now())


def later(person: Person) -> None:
    with tenancy.within(person.workspace):
        Page.objects.exclude(gone_at=None).update(gone_at=timezone.now() - timedelta(minutes=10))


@HOLDERS
def test_rows_below_the_trash_go_with_the_next_sync_and_come_back(
    alice: Person, notion: NotionWorkspace, connection: Connection, above: str
) -> None:
    notion.edit(op="trash", id=thing(notion, above))
    with tenancy.within(alice.workspace):
        run = sync(alice)

    assert (run.status, rooms(alice)) == ("complete", [])
    with tenancy.within(alice.workspace):
        assert Source.objects.get(title="Rooms").is_gone
        assert not Task.objects.filter(gone_at=None).exists()
    notion.edit(op="restore", id=thing(notion, above))
    with tenancy.within(alice.workspace):
        sync(alice)
    assert rooms(alice) == ["Cellar", "Kitchen"]


@HOLDERS
@pytest.mark.parametrize("asked", [True, False], ids=["inventory", "changes"])
def test_rows_that_an_event_hid_stay_hidden_in_the_syncs_after_it(
    alice: Person, notion: NotionWorkspace, connection: Connection, above: str, asked: bool
) -> None:
    with tenancy.within(alice.workspace):
        kitchen = Page.objects.get(title="Kitchen").notion_id
    notion.edit(op="append", parent=kitchen, blocks=[{"p": "Just painted."}])
    notion.edit(op="trash", id=thing(notion, above))
    told(alice, connection, thing(notion, above))
    assert rooms(alice) == []
    # The event of the edit comes after that of the deletion.
    told(alice, connection, kitchen)
    assert rooms(alice) == []

    for _ in range(2):
        with tenancy.within(alice.workspace):
            run = services.start_connection(connection, requested_by=alice.user.pk if asked else None)
            performing.perform(sync_run_id=str(run.pk))
            run.refresh_from_db()
            assert run.reach == ("inventory" if asked else "changes")
        assert rooms(alice) == []
        later(alice)
    with tenancy.within(alice.workspace):
        assert not Page.objects.filter(title__in=["Kitchen", "Cellar"]).exists()
        assert coverage.coverage(membership=alice.membership, now=timezone.now())["complete"]


@pytest.mark.parametrize("above", ["office"])
@pytest.mark.parametrize("is_full", [False, True], ids=["inventory", "everything"])
def test_a_page_that_went_with_the_one_above_is_asked_for_by_the_next_sync_that_lists_it_all(
    alice: Person, notion: NotionWorkspace, connection: Connection, is_full: bool
) -> None:
    notion.edit(op="trash", id=notion.page("office"))
    told(alice, connection, notion.page("office"))

    with tenancy.within(alice.workspace):
        assert Page.objects.get(title="Floor").reason == vanishing.NOT_ASKED[1]
        assert sync(alice, is_full=is_full).status == "complete"
        assert coverage.searchable([connection.pk])["complete"]
        floor = Page.objects.get(title="Floor")
        assert (floor.state, floor.reason) == trash.BELOW


@HOLDERS
def test_rows_that_an_event_hid_come_back_with_the_event_of_the_restoring(
    alice: Person, notion: NotionWorkspace, connection: Connection, above: str
) -> None:
    for op in ("trash", "restore"):
        notion.edit(op=op, id=thing(notion, above))
        told(alice, connection, thing(notion, above))
    with tenancy.within(alice.workspace):
        assert not Source.objects.get(title="Rooms").is_gone
        for key in Page.objects.filter(state="trashed").values_list("notion_id", flat=True):
            told(alice, connection, key)

    assert rooms(alice) == ["Cellar", "Kitchen"]


@pytest.mark.parametrize("above", ["floor"])
def test_a_new_row_below_the_trash_is_not_read(
    alice: Person, notion: NotionWorkspace, connection: Connection, above: str
) -> None:
    with tenancy.within(alice.workspace):
        source = Source.objects.get(title="Rooms").notion_id
    brought = notion.edit(op="add_row", source=source, row={"Room": "Attic"})["id"]
    notion.edit(op="trash", id=notion.page("floor"))
    told(alice, connection, notion.page("floor"))

    told(alice, connection, brought)

    with tenancy.within(alice.workspace):
        assert not Page.objects.searchable().filter(notion_id=brought).exists()


@pytest.mark.parametrize("above", ["floor"])
@pytest.mark.parametrize("trouble", ["403", "500"])
def test_a_holder_that_is_not_shown_brings_nothing_back(
    alice: Person, notion: NotionWorkspace, connection: Connection, above: str, trouble: str
) -> None:
    notion.edit(op="trash", id=notion.page("floor"))
    told(alice, connection, notion.page("floor"))
    notion.fault(trouble, path_regex=f"pages/{notion.page('floor')}$")

    with tenancy.within(alice.workspace):
        run = sync(alice)

    assert (run.status, rooms(alice)) == ("partial", [])
    assert "was not shown" in run.reason


@pytest.mark.parametrize("above", ["floor"])
def test_a_database_that_search_lists_from_the_trash_is_gone(
    alice: Person, notion: NotionWorkspace, connection: Connection, above: str
) -> None:
    with tenancy.within(alice.workspace), opened(connection, SyncRun(connection_id=connection.pk)) as session:
        session.is_only_looking = True
        source = Source.objects.get(title="Rooms")
        notion.edit(op="trash", id=source.database_id)
        found = session.notion.data_source(source.notion_id)

        meeting.meet(session, [found, {**found, "id": notion.page("p0")}])

        assert found["in_trash"] is True
        assert Source.objects.get(title="Rooms").is_gone
        assert not Source.objects.filter(notion_id=notion.page("p0"), kind="database").exists()
