"""A full sync that was asked for is done, whatever another sync is at meanwhile."""

from concurrent.futures import Future, ThreadPoolExecutor, wait

import pytest
from django.db import IntegrityError, connection, connections, transaction
from django.utils import timezone

from accounts import tenancy
from agent.models import Page, SyncRun
from agent.sync import performing, services
from tests.agent.sync.working import sync, syncing
from tests.outside import NotionWorkspace, connect
from tests.people import Person


def ask_for_a_full_one(person: Person) -> SyncRun:
    with tenancy.within(person.workspace):
        run = services.start(membership=person.membership, is_full=True)
    connections.close_all()
    return run


def until_it_waits_for_us(asked: Future[SyncRun]) -> None:
    waiting = "SELECT count(*) FROM pg_locks WHERE NOT granted AND pg_backend_pid() = ANY(pg_blocking_pids(pid))"
    while True:
        assert not asked.done()
        with connection.cursor() as cursor:
            cursor.execute(waiting)
            if cursor.fetchone()[0]:
                return
        wait([asked], timeout=0.01)


def test_a_full_sync_asked_for_in_the_middle_of_another_follows_it(alice: Person, acme: NotionWorkspace) -> None:
    connect(alice, acme)

    with tenancy.within(alice.workspace):
        with syncing(alice, acme):
            joined = services.start(membership=alice.membership, is_full=True)
        following = SyncRun.objects.get(status="queued")
        performing.perform(sync_run_id=str(following.pk))
        following.refresh_from_db()

        assert (joined.is_full, following.is_full) == (False, True)
        assert (following.status, following.unchanged) == ("complete", following.known)
        assert SyncRun.objects.count() == 2


def test_a_full_sync_asked_for_as_another_ends_is_not_lost(alice: Person, acme: NotionWorkspace) -> None:
    connect(alice, acme)

    with tenancy.within(alice.workspace):
        ending = services.start(membership=alice.membership)
        with ThreadPoolExecutor(1) as other, transaction.atomic():
            SyncRun.objects.select_for_update().get(pk=ending.pk)
            asked = other.submit(ask_for_a_full_one, alice)
            until_it_waits_for_us(asked)
            SyncRun.objects.update(status=SyncRun.Status.COMPLETE)

    assert asked.result().is_full
    assert asked.result().pk != ending.pk


def test_what_follows_a_killed_reader_embeds_nothing_that_is_there(alice: Person, acme: NotionWorkspace) -> None:
    connect(alice, acme)

    with tenancy.within(alice.workspace):
        sync(alice)
        again = sync(alice, is_full=True)
        # As one leaves it who is killed when everything is listed and nothing read.
        SyncRun.objects.filter(pk=again.pk).update(status=SyncRun.Status.RUNNING)
        Page.objects.update(sync_run=None)
        performing.perform(sync_run_id=str(again.pk))
        again.refresh_from_db()

    assert (again.status, again.chunks_embedded) == ("complete", 0)


def test_a_sync_that_waits_becomes_the_full_one(alice: Person, acme: NotionWorkspace) -> None:
    connect(alice, acme)

    with tenancy.within(alice.workspace):
        waiting = services.start(membership=alice.membership)
        asked = services.start(membership=alice.membership, is_full=True)

    assert (asked.pk, asked.is_full) == (waiting.pk, True)


def test_a_full_sync_that_was_stopped_is_done_by_the_next(alice: Person, acme: NotionWorkspace) -> None:
    connect(alice, acme)

    with tenancy.within(alice.workspace):
        services.cancel(services.start(membership=alice.membership, is_full=True), now=timezone.now())
        following = services.start(membership=alice.membership)
        performing.perform(sync_run_id=str(following.pk))
        later = services.start(membership=alice.membership)

    assert (following.is_full, later.is_full) == (True, False)


def test_the_database_keeps_a_full_sync_that_is_due(alice: Person, acme: NotionWorkspace) -> None:
    key = connect(alice, acme).pk

    with tenancy.within(alice.workspace):
        due = SyncRun.objects.create(connection_id=key, status=SyncRun.Status.FAILED, is_full_due=True)
        with pytest.raises(IntegrityError, match="one_open_or_due_sync_per_connection"), transaction.atomic():
            SyncRun.objects.create(connection_id=key)
        with pytest.raises(IntegrityError, match="finished_sync_has_no_full_one_due"), transaction.atomic():
            SyncRun.objects.filter(pk=due.pk).update(status=SyncRun.Status.COMPLETE)


def test_a_first_sync_is_told_as_a_full_one_and_the_next_as_one_of_changes(
    alice: Person, acme: NotionWorkspace
) -> None:
    connect(alice, acme)

    with tenancy.within(alice.workspace):
        stopped = services.start(membership=alice.membership)
        services.stop(membership=alice.membership, sync_run_id=stopped.pk, now=timezone.now())
        first, second = (sync(alice), sync(alice))
    kinds = [alice.api.get(f"/agent/sync/{run.pk}").json()["kind"] for run in (stopped, first, second)]

    assert kinds == ["full", "full", "changes"]
