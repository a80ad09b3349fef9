"""What lies in a toggle or column that somebody deletes or restores: Notion tells only of the page around it."""

from datetime import timedelta

import pytest
from django.utils import timezone

from accounts import tenancy
from accounts.models import Connection
from agent.live import checking
from agent.models import Page, Source, SyncRun
from agent.sync import coverage, performing, services, vanishing
from devkit.notion.process import EmulatorProcess
from tests.agent.live.telling import event, post, texts, work
from tests.agent.sync.working import sync, syncing
from tests.outside import NotionWorkspace, connect, seeded
from tests.people import Person, put_on_plan

pytestmark = pytest.mark.usefixtures("subscribed")
WAYS = pytest.mark.parametrize("way", ["event", "changes"])
INNER = {
    "key": "inner",
    "title": "Inner",
    "blocks": [{"p": "The safe is in the wall."}],
    "pages": [{"key": "deep", "title": "Deep", "blocks": [{"p": "Its code is in the drawer."}]}],
}
ROOMS = {"key": "rooms", "title": "Rooms", "sources": [{"key": "all", "rows": [{"Name": "Attic"}, {"Name": "Cellar"}]}]}


@pytest.fixture
def notion(emulator: EmulatorProcess, chroma: str) -> NotionWorkspace:
    """A page in a toggle, a database in a column, and pages enough that losing these is nothing odd."""
    columns = [[{"p": "Left."}], [{"toggle": {"text": "More", "blocks": [{"child_database": ROOMS}]}}]]
    office = {
        "key": "office",
        "title": "Office",
        "blocks": [{"toggle": {"text": "Secrets", "key": "toggle", "blocks": [{"child_page": INNER}]}}],
    }
    floor = {"key": "floor", "title": "Floor", "blocks": [{"columns": columns, "key": "columns"}]}
    others = [{"key": f"p{n}", "title": f"Page {n}", "blocks": [{"p": f"Fact {n}."}]} for n in range(3)]
    return seeded(emulator, {"pages": [office, floor, *others]}, ["office", "floor", *(f"p{n}" for n in range(3))])


@pytest.fixture
def read(alice: Person, notion: NotionWorkspace) -> Connection:
    put_on_plan(alice, "plus")
    connection = connect(alice, notion)
    with tenancy.within(alice.workspace):
        assert sync(alice).status == "complete"
    return connection


def follow(person: Person, connection: Connection, notion: NotionWorkspace, page: str, way: str) -> None:
    if way == "event":
        post(event(connection, "page.content_updated", notion.page(page)))
        work(person)
    else:
        changes(person, connection)


def changes(person: Person, connection: Connection) -> SyncRun:
    with tenancy.within(person.workspace):
        run = services.start_connection(connection, requested_by=None)
        performing.perform(sync_run_id=str(run.pk))
        run.refresh_from_db()
        assert (run.reach, run.status) == ("changes", "complete")
    return run


def block(notion: NotionWorkspace, key: str) -> str:
    return str(notion.ids["blocks"][key])


def is_complete(person: Person) -> bool:
    return bool(person.api.get("/agent/coverage").json()["complete"])


@WAYS
@pytest.mark.parametrize("op", ["delete_block", "delete"])
def test_a_page_in_a_deleted_toggle_goes_with_what_lies_below_it(
    alice: Person, notion: NotionWorkspace, read: Connection, way: str, op: str
) -> None:
    notion.edit(op=op, id=block(notion, "toggle"))

    follow(alice, read, notion, "office", way)

    assert "safe" not in texts(alice)
    assert "drawer" not in texts(alice)
    assert "Fact 1." in texts(alice)


@WAYS
def test_a_page_in_a_restored_toggle_comes_back_with_what_lies_below_it(
    alice: Person, notion: NotionWorkspace, read: Connection, way: str
) -> None:
    notion.edit(op="delete_block", id=block(notion, "toggle"))
    follow(alice, read, notion, "office", way)

    notion.edit(op="restore", id=block(notion, "toggle"))
    follow(alice, read, notion, "office", way)

    assert "safe" in texts(alice)
    assert "drawer" in texts(alice)
    assert is_complete(alice)


@WAYS
def test_the_rows_of_a_database_in_deleted_columns_go_and_come_back(
    alice: Person, notion: NotionWorkspace, read: Connection, way: str
) -> None:
    notion.edit(op="delete_block", id=block(notion, "columns"))
    follow(alice, read, notion, "floor", way)
    with tenancy.within(alice.workspace):
        assert not Page.objects.searchable().filter(title__in=["Attic", "Cellar"]).exists()
        assert Source.objects.get(title="Rooms").is_gone

    notion.edit(op="restore", id=block(notion, "columns"))
    follow(alice, read, notion, "floor", way)
    with tenancy.within(alice.workspace):
        assert Page.objects.searchable().filter(title__in=["Attic", "Cellar"]).count() == 2
    assert is_complete(alice)


@WAYS
def test_a_toggle_that_moves_to_another_page_takes_along_what_lies_in_it(
    alice: Person, notion: NotionWorkspace, read: Connection, way: str
) -> None:
    notion.edit(op="move", id=block(notion, "toggle"), to=notion.page("p1"))
    notion.edit(op="append", parent=notion.page("office"), blocks=[{"p": "The toggle went."}])
    follow(alice, read, notion, "office", way)
    follow(alice, read, notion, "p1", way)

    with tenancy.within(alice.workspace):
        inner = Page.objects.searchable().get(title="Inner")
        assert inner.parent_id == notion.page("p1")
    assert is_complete(alice)


@pytest.mark.parametrize("key", ["toggle", "columns"])
def test_a_page_in_a_deleted_block_is_not_quoted_though_nobody_has_told_of_it(
    alice: Person, notion: NotionWorkspace, read: Connection, key: str
) -> None:
    notion.edit(op="delete_block", id=block(notion, key))
    with tenancy.within(alice.workspace):
        Page.objects.update(
            indexed_at=timezone.now() - timedelta(minutes=5), checked_at=timezone.now() - timedelta(minutes=5)
        )
        quoted = {
            (str(read.pk), page)
            for page in Page.objects.filter(title__in=["Deep", "Attic"]).values_list("notion_id", flat=True)
        }
        check = checking.Check(alice.membership)
        gone = check.find_gone(quoted)
        titles = set(Page.objects.filter(notion_id__in=[page for _, page in gone]).values_list("title", flat=True))

    assert titles == ({"Deep"} if key == "toggle" else {"Attic"})
    assert not check.unchecked


@WAYS
def test_what_cannot_be_asked_for_is_not_called_complete(
    alice: Person, emulator: EmulatorProcess, notion: NotionWorkspace, read: Connection, way: str
) -> None:
    notion.edit(op="delete_block", id=block(notion, "toggle"))
    fault = notion.fault("500", path_regex=f"blocks/{block(notion, 'toggle')}$")
    if way == "event":
        follow(alice, read, notion, "office", way)
    else:
        with tenancy.within(alice.workspace):
            run = services.start_connection(read, requested_by=None)
            performing.perform(sync_run_id=str(run.pk))

    assert not is_complete(alice)

    emulator.control(f"faults?id={fault}", method="DELETE")
    with tenancy.within(alice.workspace):
        run = services.start_connection(read, requested_by=None)
        performing.perform(sync_run_id=str(run.pk))
        assert not coverage.searchable([read.pk])["connections"][0]["pages"]["failed"]
    assert "safe" not in texts(alice)
    assert is_complete(alice)


@WAYS
def test_a_page_that_its_parent_shows_no_more_is_asked_for_itself(
    alice: Person, notion: NotionWorkspace, read: Connection, way: str
) -> None:
    leaf = notion.edit(op="add_page", parent=notion.page("office"), page={"title": "Leaf", "blocks": [{"p": "Green."}]})
    follow(alice, read, notion, "office", way)
    assert "Green." in texts(alice)

    notion.edit(op="trash", id=leaf["id"])
    follow(alice, read, notion, "office", way)

    assert "Green." not in texts(alice)


def test_events_that_come_twice_while_a_sync_reads(alice: Person, notion: NotionWorkspace, read: Connection) -> None:
    with tenancy.within(alice.workspace), syncing(alice, notion):
        notion.edit(op="delete_block", id=block(notion, "toggle"))
        with tenancy.shared():
            for _ in range(2):
                post(event(read, "page.content_updated", notion.page("office")))
            work(alice)

    assert "safe" not in texts(alice)
    assert "drawer" not in texts(alice)
    assert "Fact 1." in texts(alice)


def test_who_goes_on_for_a_worker_that_was_killed_asks_for_what_it_missed(
    alice: Person, notion: NotionWorkspace, read: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    notion.edit(op="delete_block", id=block(notion, "toggle"))
    with tenancy.within(alice.workspace):
        run = services.start_connection(read, requested_by=None)
        with monkeypatch.context() as killed:
            killed.setattr(vanishing, "settle", _die)
            with pytest.raises(KeyboardInterrupt):
                performing.perform(sync_run_id=str(run.pk))
        assert not coverage.searchable([read.pk])["complete"]

        performing.perform(sync_run_id=str(run.pk))

    assert "safe" not in texts(alice)
    assert "drawer" not in texts(alice)


def _die(session: object) -> None:
    raise KeyboardInterrupt
