from pathlib import Path

import pytest
from django.utils import timezone

from accounts import tenancy
from accounts.models import Connection
from agent import indexing
from agent.models import Chunk, Page, SyncRun
from agent.sync import performing, services
from billing import reading as billing_reading
from devkit.notion.process import EmulatorProcess
from integrations import vectors
from tasks.models import Task
from tests.agent.sync.working import long_ago, sync
from tests.outside import NotionWorkspace, connect
from tests.people import Person

RECORDED = Path(__file__).resolve().parents[4] / "shared" / "notion" / "recorded"


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
        performing.perform(sync_run_id=str(run.id))
        SyncRun.objects.filter(pk=run.pk).update(status="running", finished_at=None)
        Connection.objects.update(status="active")
        asked = len(acme.requests())
        performing.perform(sync_run_id=str(run.id))
        run.refresh_from_db()
        reread = [each["path"] for each in acme.requests()[asked:] if each["path"].endswith("/children")]

        assert run.status == "complete"
        assert len(reread) < run.known
        assert len(reread) == len(set(reread))
        assert Chunk.objects.count() == len(set(Chunk.objects.values_list("page_id", "ordinal")))


def test_what_real_notion_answered_is_synced_too(alice: Person, emulator: EmulatorProcess, chroma: str) -> None:
    if not RECORDED.is_dir():
        pytest.skip("the folder with recorded answers is not beside the project")
    token = f"ntn_recorded_{alice.workspace.id.hex}"
    emulator.control("seed", {"recorded": str(RECORDED), "token": token})
    billing_reading.connect_with_token(membership=alice.membership, token=token, is_shared=False, now=timezone.now())

    with tenancy.within(alice.workspace):
        run = sync(alice)

        assert run.status in {"complete", "partial"}
        assert run.failed == 0
        assert run.indexed > 50
        assert Chunk.objects.count() > run.indexed / 2


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


def test_a_page_that_somebody_saves_while_it_is_read_is_read_again(alice: Person, acme: NotionWorkspace) -> None:
    connect(alice, acme)
    acme.fault("409", path_regex="/children", nth=1)
    acme.fault("409", path_regex="/query", nth=1)

    with tenancy.within(alice.workspace):
        run = sync(alice)

    assert (run.status, run.failed) == ("complete", 0)
