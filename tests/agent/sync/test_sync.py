from datetime import timedelta

from django.utils import timezone

from accounts import tenancy
from agent.models import Chunk, Page, SyncRun
from agent.sync import services
from integrations import vectors
from tasks.models import Task
from tests.outside import NotionWorkspace, connect
from tests.people import Person


def sync(person: Person, *, is_full: bool = False) -> SyncRun:
    """One sync from beginning to end, as the worker does it."""
    run = services.start(membership=person.membership, is_full=is_full)
    services.perform(sync_run_id=str(run.id))
    return SyncRun.objects.get(pk=run.pk)


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
        Page.objects.update(indexed_at=timezone.now() + timedelta(minutes=5))
        asked = len(acme.requests())
        again = sync(alice)

    assert (again.status, again.indexed, again.chunks_embedded) == ("complete", 0, 0)
    assert again.unchanged == again.known
    assert not [each for each in acme.requests()[asked:] if each["path"].endswith("/children")]


def test_rows_of_the_task_database_become_tasks(alice: Person, acme: NotionWorkspace) -> None:
    connect(alice, acme)

    with tenancy.within(alice.workspace):
        sync(alice)
        tasks = {task.title: task for task in Task.objects.all()}

    assert set(tasks) == {"Write the announcement", "Check the contract", "Choose a printer"}
    assert tasks["Check the contract"].is_done
    assert str(tasks["Write the announcement"].due_on) == "2026-11-20"
    assert tasks["Write the announcement"].assignees == ["Anna Berg"]
