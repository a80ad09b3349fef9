"""What a run lists, what that costs, and that nothing is lost by it."""

from datetime import timedelta

import httpx
import pytest
from django.db import IntegrityError, transaction
from django.utils import timezone

from accounts import tenancy
from accounts.models import Connection
from agent.models import Chunk, Page, Source, SyncRun
from agent.sync import performing, services
from agent.sync.scheduling import JITTER, fan_out
from billing.plans import SYNC_INTERVALS
from devkit.notion.process import EmulatorProcess
from integrations import vectors
from tasks.models import TaskSource
from tests.agent.asking import ask
from tests.agent.sync.working import long_ago, sync
from tests.outside import HANDBOOK, TASKS, NotionWorkspace, connect, seeded
from tests.people import Person, put_on_plan

UNAVAILABLE = {"error": {"status": 500, "code": "internal_server_error", "message": "Unexpected error."}}


def scheduled(connection: Connection) -> SyncRun:
    """A sync that nobody asked for, right after another."""
    run = services.start_connection(connection, requested_by=None)
    performing.perform(sync_run_id=str(run.pk))
    return SyncRun.objects.get(pk=run.pk)


def next_in(pause: timedelta) -> None:
    with tenancy.shared():
        Connection.objects.update(sync_due_at=timezone.now() + pause)


def later() -> None:
    """As if what is hidden had been hidden for minutes."""
    Page.objects.exclude(gone_at=None).update(gone_at=timezone.now() - timedelta(hours=1))


def sums_up(run: SyncRun) -> bool:
    parts = run.indexed + run.unchanged + run.skipped + run.failed + run.trashed
    return run.known == parts


def test_a_run_right_after_another_asks_only_for_what_changed(
    alice: Person, emulator: EmulatorProcess, chroma: str
) -> None:
    pages = [{"key": f"p{n}", "title": f"Page {n}", "blocks": [{"p": f"Fact {n}."}]} for n in range(120)]
    acme = seeded(emulator, {"pages": pages}, [page["key"] for page in pages])
    put_on_plan(alice, "pro")
    connection = connect(alice, acme)
    next_in(timedelta(minutes=50))

    with tenancy.within(alice.workspace):
        first = sync(alice)
        long_ago()
        SyncRun.objects.update(watermark=timezone.now() + timedelta(minutes=30))
        quiet = scheduled(connection)
        emulator.control("clock", {"workspace": "acme", "advance": 3600})
        acme.edit(op="append", parent=acme.page("p7"), blocks=[{"p": "Ferries."}])
        busy = scheduled(connection)

        assert (first.reach, quiet.reach, busy.reach) == ("everything", "changes", "changes")
        assert (quiet.status, quiet.known, quiet.unchanged) == ("complete", 120, 120)
        assert quiet.notion_requests == 2
        assert (busy.indexed, busy.notion_requests) == (1, 3)
        assert Chunk.objects.filter(page__title="Page 7", text__contains="Ferries").exists()


@pytest.mark.parametrize(("plan", "interval"), [(str(tier), pause) for tier, pause in SYNC_INTERVALS.items()])
def test_a_deletion_is_found_within_one_interval(
    alice: Person, acme: NotionWorkspace, plan: str, interval: timedelta
) -> None:
    put_on_plan(alice, plan)
    connection = connect(alice, acme)

    with tenancy.within(alice.workspace):
        sync(alice)
        long_ago()
        # Deleted for good: in no trash either.
        acme.edit(op="delete", id=Page.objects.get(title="Choose a printer").notion_id)
        # A third of the interval later the next scheduled sync is still in time.
        SyncRun.objects.update(watermark=timezone.now() - interval / 3)
        next_in(interval / 2)
        extra = scheduled(connection)
        found_by_then = Page.objects.exclude(gone_at=None).count()
        # The schedule comes round, earlier than the interval by all that it may.
        SyncRun.objects.update(watermark=timezone.now() - interval * (1 - JITTER))
        next_in(timedelta(0))
        with tenancy.shared():
            fan_out(now=timezone.now())
        regular = scheduled(connection)

        assert (extra.reach, found_by_then) == ("changes", 0)
        assert regular.reach == "inventory"
        assert Page.objects.get(title="Choose a printer").state == "unreachable"


@pytest.fixture(params=[True, False], ids=["an edit", "no edit"])
def between(
    request: pytest.FixtureRequest, alice: Person, emulator: EmulatorProcess, chroma: str
) -> tuple[Connection, NotionWorkspace]:
    """Alice on Pro, everything read minutes ago, and the next scheduled sync is far. What goes into the trash may be
    newer by that, or not."""
    put_on_plan(alice, "pro")
    seed = {"pages": [HANDBOOK], "databases": [TASKS], "moves_are_edits": request.param}
    acme = seeded(emulator, seed, ["handbook"])
    connection = connect(alice, acme)
    with tenancy.within(alice.workspace):
        sync(alice)
        long_ago()
    next_in(timedelta(minutes=50))
    return connection, acme


def test_a_row_in_the_trash_is_found_by_a_sync_that_lists_only_changes(
    alice: Person, between: tuple[Connection, NotionWorkspace]
) -> None:
    connection, acme = between
    with tenancy.within(alice.workspace):
        row = Page.objects.get(title="Choose a printer")
        acme.edit(op="trash", id=row.notion_id)

        found = scheduled(connection)
        again = scheduled(connection)
        row.refresh_from_db()

        assert (found.reach, found.status, found.trashed) == ("changes", "complete", 1)
        assert (row.state, row.doubted_at) == ("trashed", None)
        # Alive? Search, the rows that were edited, those in the trash, and the database's name. And then the row
        # itself; still alive?
        assert (found.notion_requests, again.notion_requests) == (7, 5)


def rename(notion: NotionWorkspace, title: str, *, version: str = "2026-03-11") -> None:
    """The database of the tasks. In the older version its data source is renamed with it. Neither becomes newer."""
    address = f"{notion.emulator.url}/v1/databases/{notion.ids['databases']['tasks']}"
    headers = {"Authorization": f"Bearer {notion.token}", "Notion-Version": version}
    body = {"title": [{"type": "text", "text": {"content": title}}]}
    assert httpx.patch(address, headers=headers, json=body).status_code == 200


@pytest.mark.parametrize("version", ["2026-03-11", "2022-06-28"])
def test_a_new_name_of_a_database_is_heard_by_a_sync_that_lists_only_changes(
    alice: Person, between: tuple[Connection, NotionWorkspace], version: str
) -> None:
    connection, acme = between
    rename(acme, "Start plan", version=version)
    acme.fault({"search_omit": {"ids": [*acme.ids["pages"].values(), acme.source("tasks_main")]}}, path_regex="search")

    with tenancy.within(alice.workspace):
        run = scheduled(connection)
        known = Source.objects.get(kind="database")
        again = scheduled(connection)

        assert (run.reach, run.status, again.status) == ("changes", "complete", "complete")
        assert (known.title, known.database_title, TaskSource.objects.get().title) == ("Start plan",) * 3
        assert (again.indexed, again.chunks_embedded) == (0, 0)
    said = ask(alice, "Which tasks are done?")
    assert [each["place"] for each in said["citations"]] == ["Start plan"]


def test_a_trash_that_is_not_shown_keeps_a_sync_from_being_complete(
    alice: Person, between: tuple[Connection, NotionWorkspace]
) -> None:
    connection, acme = between
    acme.fault(UNAVAILABLE, path_regex="query", nth=list(range(2, 9)))
    with tenancy.within(alice.workspace):
        acme.edit(op="trash", id=Page.objects.get(title="Choose a printer").notion_id)

        run = scheduled(connection)

        assert (run.status, run.watermark) == ("partial", None)
        assert "“Launch plan”" in run.reason


def test_a_sync_that_waited_beyond_the_interval_takes_inventory(alice: Person, acme: NotionWorkspace) -> None:
    put_on_plan(alice, "pro")
    connection = connect(alice, acme)

    with tenancy.within(alice.workspace):
        sync(alice)
        SyncRun.objects.update(watermark=timezone.now() - timedelta(minutes=61))
        next_in(timedelta(0))

        assert scheduled(connection).reach == "inventory"


def test_a_page_that_search_never_shows_is_found_through_its_parent_within_a_day(
    alice: Person, acme: NotionWorkspace
) -> None:
    connection = connect(alice, acme)

    with tenancy.within(alice.workspace):
        sync(alice)
        long_ago()
        acme.emulator.control("clock", {"workspace": "acme", "advance": 3600})
        made = acme.edit(op="add_page", parent=acme.page("travel"), page={"title": "Ferries", "blocks": ["By sea."]})
        acme.fault({"search_omit": {"ids": [made["id"], acme.page("travel")]}}, path_regex="search")
        SyncRun.objects.update(watermark=timezone.now() - timedelta(hours=25))
        run = scheduled(connection)

        assert run.reach == "everything"
        assert Chunk.objects.filter(page__notion_id=made["id"], text__contains="By sea").exists()


def test_an_edit_of_a_row_is_found_while_search_is_down(alice: Person, acme: NotionWorkspace) -> None:
    connection = connect(alice, acme)

    with tenancy.within(alice.workspace):
        sync(alice)
        row = Page.objects.get(title="Choose a printer")
        acme.edit(op="append", parent=row.notion_id, blocks=[{"p": "The grey one."}])
        acme.fault(UNAVAILABLE, path_regex="search")
        run = scheduled(connection)

        assert run.status == "partial"
        assert run.watermark is None
        assert Chunk.objects.filter(page=row, text__contains="The grey one").exists()
        assert not Page.objects.exclude(gone_at=None).exists()


def test_an_edit_is_found_that_search_omits_for_good(alice: Person, acme: NotionWorkspace) -> None:
    connect(alice, acme)

    with tenancy.within(alice.workspace):
        sync(alice)
        acme.fault({"search_omit": {"ids": [acme.page("travel")]}}, path_regex="search")
        acme.edit(op="append", parent=acme.page("travel"), blocks=[{"p": "Ferries."}])
        run = sync(alice)

        assert run.reach == "inventory"
        assert Chunk.objects.filter(page__title="Travel", text__contains="Ferries").exists()


def test_a_deleted_page_is_hidden_first_and_erased_at_the_second_look(alice: Person, acme: NotionWorkspace) -> None:
    connection = connect(alice, acme)

    with tenancy.within(alice.workspace):
        sync(alice)
        acme.edit(op="trash", id=acme.page("travel"))
        first = sync(alice)
        hidden = Page.objects.get(title="Travel")
        kept = Chunk.objects.filter(page=hidden).exists()
        second = sync(alice)
        still = Page.objects.filter(title="Travel").exists()
        later()
        third = scheduled(connection)
        left = {str(key) for key in Chunk.objects.values_list("id", flat=True)}

        assert (hidden.state, kept, still) == ("trashed", True, True)
        assert not Page.objects.searchable().filter(title="Travel").exists()
        assert not Page.objects.filter(title="Travel").exists()
        assert not Chunk.objects.filter(text__contains="Trains").exists()
        assert set(vectors.workspace(alice.workspace.id).collection(connection.id).ids()) == left
        assert all(map(sums_up, (first, second, third)))


def test_a_restored_page_comes_back_without_being_embedded(
    alice: Person, emulator: EmulatorProcess, chroma: str
) -> None:
    titles = ("travel", "security")
    pages = [{"key": key, "title": key.title(), "blocks": [{"p": f"About {key}."}]} for key in titles]
    acme = seeded(emulator, {"pages": pages}, list(titles))
    connect(alice, acme)

    with tenancy.within(alice.workspace):
        sync(alice)
        acme.edit(op="trash", id=acme.page("travel"))
        sync(alice)
        acme.edit(op="restore", id=acme.page("travel"))
        run = sync(alice)

        assert Page.objects.get(title="Travel").state == "indexed"
        assert (run.status, run.chunks_embedded) == ("complete", 0)


def test_what_lies_below_a_trashed_page_is_gone_with_it(alice: Person, emulator: EmulatorProcess, chroma: str) -> None:
    below = {"key": "low", "title": "Low", "blocks": [{"p": "Deep."}]}
    others = [{"key": f"p{n}", "title": f"Page {n}", "blocks": [{"p": f"Fact {n}."}]} for n in range(9)]
    top = {"key": "top", "title": "Top", "blocks": [{"p": "High."}], "pages": [below]}
    acme = seeded(emulator, {"pages": [top, *others]}, ["top", *(page["key"] for page in others)])
    connect(alice, acme)

    with tenancy.within(alice.workspace):
        sync(alice)
        acme.edit(op="trash", id=acme.page("top"))
        sync(alice)

        assert dict(Page.objects.exclude(gone_at=None).values_list("title", "state")) == {
            "Top": "trashed",
            "Low": "trashed",
        }


def test_a_connection_that_shows_nothing_any_more_fails(alice: Person, acme: NotionWorkspace) -> None:
    connect(alice, acme)

    with tenancy.within(alice.workspace):
        before = sync(alice)
        acme.edit(op="unshare", id=acme.page("handbook"), token=acme.token)
        run = sync(alice)

        assert run.status == "failed"
        assert Page.objects.searchable().count() == before.known
    assert "seem gone" in alice.web.get("/app/sources").content.decode()


def test_errors_while_asking_for_unseen_pages_delete_nothing(alice: Person, acme: NotionWorkspace) -> None:
    connect(alice, acme)

    with tenancy.within(alice.workspace):
        sync(alice)
        acme.fault({"search_omit": {"ids": [acme.page("travel"), acme.page("security")]}}, path_regex="search")
        acme.fault(UNAVAILABLE, path_regex="/pages/")
        run = sync(alice)

        assert run.status == "partial"
        assert not Page.objects.exclude(gone_at=None).exists()
        assert Page.objects.searchable().filter(title__in=["Travel", "Security"]).count() == 2


def test_the_database_refuses_sums_that_do_not_add_up(alice: Person, acme: NotionWorkspace) -> None:
    connection = connect(alice, acme)

    with tenancy.within(alice.workspace):
        sync(alice)
        for change in ({"known": 9_999}, {"unchanged": 9_999}):
            with pytest.raises(IntegrityError, match="accounts_for_every_page"), transaction.atomic():
                SyncRun.objects.filter(connection_id=connection.pk).update(**change)
        with pytest.raises(IntegrityError, match="gone_page_says_since_when"), transaction.atomic():
            Page.objects.filter(title="Travel").update(state="trashed")


def test_a_second_edit_in_the_same_minute_is_found(alice: Person, acme: NotionWorkspace) -> None:
    connection = connect(alice, acme)
    acme.emulator.control("clock", {"workspace": "acme", "freeze": True})

    with tenancy.within(alice.workspace):
        sync(alice)
        acme.edit(op="append", parent=acme.page("travel"), blocks=[{"p": "Ferries."}])
        scheduled(connection)
        first = Page.objects.get(title="Travel").edited_at
        acme.edit(op="append", parent=acme.page("travel"), blocks=[{"p": "Balloons."}])
        scheduled(connection)
        page = Page.objects.get(title="Travel")

        assert page.edited_at == first
        assert "Ferries" in page.markdown
        assert "Balloons" in page.markdown


def test_an_object_stripped_of_its_properties_is_read_whole(alice: Person, acme: NotionWorkspace) -> None:
    connect(alice, acme)
    acme.fault({"strip_partial": {}}, path_regex="search")

    with tenancy.within(alice.workspace):
        run = sync(alice)

        assert Page.objects.get(notion_id=acme.page("travel")).title == "Travel"
        assert run.failed == 0
