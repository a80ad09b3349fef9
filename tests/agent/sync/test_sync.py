from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import pytest
from django.db import connections
from django.utils import timezone

from accounts import connections as authorizations
from accounts import tenancy
from accounts.models import Connection, Job
from agent import indexing
from agent.models import Chunk, Page, Source, SyncRun
from agent.sync import services
from devkit.notion.process import EmulatorProcess
from integrations import vectors
from tasks.models import Task
from tests.outside import HANDBOOK, NotionWorkspace, connect, seeded
from tests.people import Person, join

REFUSAL = {"error": {"status": 400, "code": "validation_error", "message": "Block type ai_block is not supported."}}
RECORDED = Path(__file__).resolve().parents[4] / "shared" / "notion" / "recorded"


def sync(person: Person, *, is_full: bool = False) -> SyncRun:
    """One sync from beginning to end, as the worker does it."""
    run = services.start(membership=person.membership, is_full=is_full)
    services.perform(sync_run_id=str(run.id))
    return SyncRun.objects.get(pk=run.pk)


@contextmanager
def syncing(person: Person, notion: NotionWorkspace) -> Iterator[None]:
    """A worker is in the middle of reading; afterwards it has ended."""
    notion.fault({"slow": {"ms": 80}}, path_regex="/children")
    run = services.start(membership=person.membership)

    def work() -> None:
        with tenancy.within(person.workspace):
            services.perform(sync_run_id=str(run.id))
        connections.close_all()

    with ThreadPoolExecutor(1) as worker:
        ended = worker.submit(work)
        while not Page.objects.filter(sync_run=run.pk).exists():
            assert not ended.done()
            wait([ended], timeout=0.01)
        yield
        ended.result()


def long_ago() -> None:
    """As if the last sync had been minutes after the last edits, so that their minute is surely over."""
    Page.objects.update(indexed_at=timezone.now() + timedelta(minutes=5))


def test_a_sync_reads_every_page_and_says_complete(alice: Person, acme: NotionWorkspace) -> None:
    connection = connect(alice, acme)

    with tenancy.within(alice.workspace):
        run = sync(alice)
        titles = set(Page.objects.filter(state="indexed").values_list("title", flat=True))
        chunks = {str(key) for key in Chunk.objects.values_list("id", flat=True)}

    assert (run.status, run.reason) == ("complete", "")
    assert titles >= {"Handbook", "Travel", "Security", "Write the announcement"}
    assert run.known == run.indexed == len(titles)
    assert set(vectors.workspace(alice.workspace.id).collection(connection.id).ids()) == chunks


def test_a_sync_without_changes_embeds_nothing_and_reads_no_blocks(alice: Person, acme: NotionWorkspace) -> None:
    connect(alice, acme)

    with tenancy.within(alice.workspace):
        sync(alice)
        long_ago()
        asked = len(acme.requests())
        again = sync(alice)

    assert (again.status, again.indexed, again.chunks_embedded) == ("complete", 0, 0)
    assert again.unchanged == again.known
    assert not [each for each in acme.requests()[asked:] if each["path"].endswith("/children")]


def test_an_edit_is_read_and_only_its_chunks_are_embedded(alice: Person, acme: NotionWorkspace) -> None:
    connect(alice, acme)

    with tenancy.within(alice.workspace):
        sync(alice)
        acme.edit(op="append", parent=acme.page("travel"), blocks=[{"p": "Ferries are booked with a cabin."}])
        again = sync(alice)
        text = "\n".join(Chunk.objects.filter(page__title="Travel").values_list("text", flat=True))

    assert "Ferries are booked with a cabin." in text
    assert (again.indexed, again.chunks_embedded) == (1, 1)


def test_rows_of_the_task_database_become_tasks(alice: Person, acme: NotionWorkspace) -> None:
    connect(alice, acme)

    with tenancy.within(alice.workspace):
        sync(alice)
        tasks = {task.title: task for task in Task.objects.all()}

    assert set(tasks) == {"Write the announcement", "Check the contract", "Choose a printer"}
    assert tasks["Check the contract"].is_done
    assert str(tasks["Write the announcement"].due_on) == "2026-11-20"
    assert tasks["Write the announcement"].assignees == ["Anna Berg"]


def test_one_bad_page_fails_alone_and_the_sync_is_partial(alice: Person, acme: NotionWorkspace) -> None:
    connect(alice, acme)
    acme.fault("500", path_regex=f"blocks/{acme.page('travel')}/children")

    with tenancy.within(alice.workspace):
        run = sync(alice)
        states = dict(Page.objects.values_list("title", "state"))
        problems = services.problems(run)

    assert (run.status, run.failed) == ("partial", 1)
    assert states["Travel"] == "failed"
    assert states["Security"] == states["Handbook"] == "indexed"
    assert [problem["title"] for problem in problems] == ["Travel"]
    assert problems[0]["next_try_at"] > timezone.now()


def test_a_page_that_cannot_be_read_again_keeps_what_was_indexed(alice: Person, acme: NotionWorkspace) -> None:
    connect(alice, acme)

    with tenancy.within(alice.workspace):
        sync(alice)
        acme.edit(op="append", parent=acme.page("travel"), blocks=[{"p": "More."}])
        acme.fault("500", path_regex=f"blocks/{acme.page('travel')}/children")
        run = sync(alice)
        kept = Chunk.objects.filter(page__title="Travel").count()
        searchable = Page.objects.searchable().filter(title="Travel").exists()  # type: ignore[attr-defined]

    assert run.status == "partial"
    assert kept
    assert searchable


def test_a_block_that_notion_does_not_show_makes_the_sync_partial(
    alice: Person, emulator: EmulatorProcess, chroma: str
) -> None:
    elsewhere = {
        "key": "secret",
        "title": "Elsewhere",
        "blocks": [{"synced": {"key": "s1", "blocks": ["shared text"]}}],
    }
    page = {"key": "top", "title": "Top", "blocks": [{"p": "Read me."}, {"synced_copy": "s1"}, {"p": "And me."}]}
    notion = seeded(emulator, {"pages": [elsewhere, page]}, ["top"])
    connect(alice, notion)

    with tenancy.within(alice.workspace):
        run = sync(alice)
        text = "\n".join(Chunk.objects.values_list("text", flat=True))

    assert run.status == "partial"
    assert "1 blocks could not be read." in run.reason
    assert "Read me." in text
    assert "And me." in text


def test_a_trashed_page_is_no_longer_searched(alice: Person, acme: NotionWorkspace) -> None:
    connection = connect(alice, acme)

    with tenancy.within(alice.workspace):
        sync(alice)
        acme.edit(op="trash", id=acme.page("travel"))
        run = sync(alice)
        page = Page.objects.get(title="Travel")
        chunks = {str(key) for key in Chunk.objects.values_list("id", flat=True)}

    assert run.status == "complete"
    assert page.state in {"trashed", "unreachable"}
    assert set(vectors.workspace(alice.workspace.id).collection(connection.id).ids()) == chunks


def test_absence_from_search_deletes_nothing(alice: Person, acme: NotionWorkspace) -> None:
    connect(alice, acme)

    with tenancy.within(alice.workspace):
        sync(alice)
        acme.fault({"search_omit": {"ids": [acme.page("travel"), acme.page("security")]}}, path_regex="search")
        run = sync(alice)
        states = dict(Page.objects.values_list("title", "state"))

    assert run.status == "complete"
    assert states["Travel"] == states["Security"] == "indexed"


def test_many_pages_vanishing_at_once_are_kept(alice: Person, emulator: EmulatorProcess, chroma: str) -> None:
    pages = [{"key": f"p{n}", "title": f"Page {n}", "blocks": [{"p": f"Fact number {n}."}]} for n in range(10)]
    notion = seeded(emulator, {"pages": pages}, [f"p{n}" for n in range(10)])
    connect(alice, notion)

    with tenancy.within(alice.workspace):
        sync(alice)
        for n in range(8):
            notion.edit(op="unshare", id=notion.page(f"p{n}"), token=notion.token)
        run = sync(alice)

        assert run.status == "partial"
        assert "8 pages vanished at once" in run.reason
        assert Chunk.objects.values("page").distinct().count() == 10


def test_a_revoked_token_is_said_and_nothing_is_lost(alice: Person, acme: NotionWorkspace) -> None:
    connection = connect(alice, acme)

    with tenancy.within(alice.workspace):
        sync(alice)
        before = Chunk.objects.count()
        acme.emulator.control("tokens", {"token": acme.token, "do": "revoke"})
        run = sync(alice)

        assert run.status == "failed"
        assert "Connect again" in run.reason
        assert Connection.objects.get(pk=connection.pk).status == "reauthorize"
        assert Chunk.objects.count() == before


def test_an_index_that_lost_vectors_is_repaired(alice: Person, acme: NotionWorkspace) -> None:
    connection = connect(alice, acme)

    with tenancy.within(alice.workspace):
        sync(alice)
        index = vectors.workspace(alice.workspace.id).collection(connection.id)
        lost = list(index.ids())[:2]
        index.delete(lost)
        repaired = indexing.repair(workspace_id=alice.workspace.id, connection_id=connection.id)

        assert repaired.missing == 2
        assert set(lost) <= set(index.ids())


def test_a_dropped_index_comes_back_with_the_next_sync(alice: Person, acme: NotionWorkspace) -> None:
    connection = connect(alice, acme)

    with tenancy.within(alice.workspace):
        sync(alice)
        vectors.workspace(alice.workspace.id).drop()
        again = sync(alice)

        assert again.chunks_embedded <= again.known
        assert vectors.workspace(alice.workspace.id).collection(connection.id).count() == Chunk.objects.count()


def test_sources_that_were_not_chosen_are_not_read(alice: Person, acme: NotionWorkspace) -> None:
    connection = connect(alice, acme)

    with tenancy.within(alice.workspace):
        services.find_sources(connection_id=str(connection.id))
        tree = Source.objects.get(kind="page")
        services.choose(membership=alice.membership, connection=connection, source_ids={tree.id})
        run = sync(alice)

        assert not Task.objects.exists()
        assert set(Page.objects.filter(state="indexed").values_list("source__title", flat=True)) == {"Handbook"}
        assert run.status == "complete"


def test_starting_twice_gives_the_same_sync(alice: Person, acme: NotionWorkspace) -> None:
    connect(alice, acme)

    with tenancy.within(alice.workspace):
        first = services.start(membership=alice.membership)
        second = services.start(membership=alice.membership)

    assert first.pk == second.pk


def test_a_sync_that_is_repeated_in_the_middle_reads_the_rest_only(alice: Person, acme: NotionWorkspace) -> None:
    connect(alice, acme)
    acme.fault("401", path_regex="/children", nth=3)

    with tenancy.within(alice.workspace):
        run = services.start(membership=alice.membership)
        services.perform(sync_run_id=str(run.id))
        SyncRun.objects.filter(pk=run.pk).update(status="running", finished_at=None)
        Connection.objects.update(status="active")
        asked = len(acme.requests())
        services.perform(sync_run_id=str(run.id))
        run.refresh_from_db()
        reread = [each["path"] for each in acme.requests()[asked:] if each["path"].endswith("/children")]

        assert run.status == "complete"
        assert len(reread) < run.known
        assert len(reread) == len(set(reread))
        assert Chunk.objects.count() == len(set(Chunk.objects.values_list("page_id", "ordinal")))


def test_disconnecting_removes_everything(alice: Person, acme: NotionWorkspace) -> None:
    connection = connect(alice, acme)

    with tenancy.within(alice.workspace):
        sync(alice)
        services.disconnect(membership=alice.membership)
        services.erase(connection_id=str(connection.id))

        assert not Page.objects.exists()
        assert not Chunk.objects.exists()
        assert not Task.objects.exists()
        assert not Source.objects.exists()
    assert not Connection.objects.filter(pk=connection.pk).exists()
    assert vectors.workspace(alice.workspace.id).collection(connection.id).count() == 0


def test_a_private_connection_is_its_owners_alone(team_owner: Person, acme: NotionWorkspace) -> None:
    bob = join(team_owner, "Bob")
    connection = connect(team_owner, acme)

    with tenancy.within(team_owner.workspace):
        run = sync(team_owner)
        with pytest.raises(services.NoSync):
            services.get(membership=bob.membership, sync_run_id=run.id)
        assert services.coverage(membership=bob.membership, now=timezone.now())["connections"] == []
    with pytest.raises(authorizations.NoConnection):
        authorizations.owned(bob.membership, connection.id)


def test_what_real_notion_answered_is_synced_too(alice: Person, emulator: EmulatorProcess, chroma: str) -> None:
    if not RECORDED.is_dir():
        pytest.skip("the folder with recorded answers is not beside the project")
    token = f"ntn_recorded_{alice.workspace.id.hex}"
    emulator.control("seed", {"recorded": str(RECORDED), "token": token})
    authorizations.connect_with_token(membership=alice.membership, token=token, is_shared=False, now=timezone.now())

    with tenancy.within(alice.workspace):
        run = sync(alice)

        assert run.status in {"complete", "partial"}
        assert run.failed == 0
        assert run.indexed > 50
        assert Chunk.objects.count() > run.indexed / 2


def test_an_empty_connection_is_not_called_complete(alice: Person, emulator: EmulatorProcess, chroma: str) -> None:
    notion = seeded(emulator, {"pages": [HANDBOOK]}, [])
    connect(alice, notion)

    with tenancy.within(alice.workspace):
        run = sync(alice)

    assert run.status == "partial"
    assert "Share pages with it" in run.reason


def test_a_database_that_cannot_be_listed_stops_nothing_else(alice: Person, acme: NotionWorkspace) -> None:
    connect(alice, acme)
    acme.fault("500", path_regex=f"data_sources/{acme.source('tasks_main')}/query")

    with tenancy.within(alice.workspace):
        run = sync(alice)
        indexed = set(Page.objects.filter(state="indexed").values_list("title", flat=True))

    assert run.status == "partial"
    assert "The rows of “Launch plan” could not be listed" in run.reason
    assert {"Handbook", "Travel", "Security"} <= indexed


def test_a_worker_that_goes_on_knows_what_went_wrong_before(alice: Person, acme: NotionWorkspace) -> None:
    connect(alice, acme)
    acme.fault(REFUSAL, path_regex=f"data_sources/{acme.source('tasks_main')}/query")
    acme.fault("401", path_regex=f"blocks/{acme.page('security')}/children", times=1)

    with tenancy.within(alice.workspace):
        run = services.start(membership=alice.membership)
        services.perform(sync_run_id=str(run.id))
        SyncRun.objects.filter(pk=run.pk).update(status="running", finished_at=None)
        Connection.objects.update(status="active")
        services.perform(sync_run_id=str(run.id))
        run.refresh_from_db()

    assert run.status == "partial"
    assert "could not be listed" in run.reason


def test_a_known_page_that_cannot_be_asked_for_fails_alone(alice: Person, acme: NotionWorkspace) -> None:
    connect(alice, acme)

    with tenancy.within(alice.workspace):
        sync(alice)
        acme.fault({"search_omit": {"ids": [acme.page("travel")]}}, path_regex="search")
        acme.fault(REFUSAL, path_regex=f"pages/{acme.page('travel')}$")
        run = sync(alice)

        assert run.status == "partial"
        assert Page.objects.get(title="Travel").state == "failed"
        assert Chunk.objects.filter(page__title="Travel").exists()


def test_a_refused_page_stays_until_it_is_proven_gone(alice: Person, acme: NotionWorkspace) -> None:
    connect(alice, acme)

    with tenancy.within(alice.workspace):
        sync(alice)
        acme.edit(op="append", parent=acme.page("travel"), blocks=[{"p": "More."}])
        acme.fault(
            {"error": {"status": 404, "code": "object_not_found", "message": "Could not find block"}},
            path_regex=f"blocks/{acme.page('travel')}/children",
        )
        run = sync(alice)

        assert run.status == "partial"
        assert Page.objects.get(title="Travel").state == "failed"
        assert Chunk.objects.filter(page__title="Travel").exists()


def test_a_block_that_was_refused_is_asked_for_again(alice: Person, emulator: EmulatorProcess, chroma: str) -> None:
    page = {"key": "top", "title": "Top", "blocks": [{"toggle": {"text": "Details", "blocks": ["The code is 4711."]}}]}
    notion = seeded(emulator, {"pages": [page]}, ["top"])
    connect(alice, notion)
    fault = notion.fault(REFUSAL, path_regex=f"blocks/(?!{notion.page('top')}).*/children")

    with tenancy.within(alice.workspace):
        first = sync(alice)
        long_ago()
        emulator.control(f"faults?id={fault}", method="DELETE")
        second = sync(alice)
        text = "\n".join(Chunk.objects.values_list("text", flat=True))

    assert (first.status, second.status) == ("partial", "complete")
    assert "4711" in text


def test_a_failed_page_is_tried_again_by_itself(alice: Person, acme: NotionWorkspace) -> None:
    connect(alice, acme)
    fault = acme.fault("500", path_regex=f"blocks/{acme.page('travel')}/children")

    with tenancy.within(alice.workspace):
        sync(alice)
        job = Job.objects.get(name="agent.jobs.try_again")
        next_try_at = Page.objects.get(title="Travel").next_try_at
        acme.emulator.control(f"faults?id={fault}", method="DELETE")
        services.try_again(**job.arguments)
        run = SyncRun.objects.latest("created_at")
        services.perform(sync_run_id=str(run.id))
        run.refresh_from_db()

    assert next_try_at is not None
    assert abs(job.due_at - next_try_at) < timedelta(minutes=1)
    assert (run.status, run.tries) == ("complete", 1)


def test_a_source_left_out_in_the_middle_of_a_sync_stays_out(alice: Person, acme: NotionWorkspace) -> None:
    connection = connect(alice, acme)

    with tenancy.within(alice.workspace):
        services.find_sources(connection_id=str(connection.id))
        source = Source.objects.get(kind="database")
        with syncing(alice, acme):
            services.leave_out_source(source, workspace_id=alice.workspace.id)

        assert not Chunk.objects.filter(page__source=source).exists()
        assert not Task.objects.exists()


def test_disconnecting_in_the_middle_of_a_sync_leaves_nothing(alice: Person, acme: NotionWorkspace) -> None:
    connection = connect(alice, acme)

    with tenancy.within(alice.workspace):
        with syncing(alice, acme):
            services.disconnect(membership=alice.membership)
        services.erase(connection_id=str(connection.id))

        assert not any(model.objects.exists() for model in (Page, Chunk, Task, Source, SyncRun))
    assert not Connection.objects.filter(pk=connection.pk).exists()
    assert vectors.workspace(alice.workspace.id).collection(connection.id).count() == 0


def test_authorizing_again_does_not_change_who_may_read(team_owner: Person, acme: NotionWorkspace) -> None:
    connection = connect(team_owner, acme, is_shared=True)

    again = connect(team_owner, acme, is_shared=False)

    assert again.pk == connection.pk
    assert again.is_shared
