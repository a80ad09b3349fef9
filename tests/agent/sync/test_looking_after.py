"""Syncs that begin by themselves, pause, give their worker back, or lost their job."""

import uuid
from datetime import datetime, timedelta

import pytest
from django.utils import timezone

from accounts import background, tenancy
from accounts.models import Connection, Job, Workspace
from agent.models import Page, SyncRun
from agent.sync import performing, scheduling, services
from agent.sync import session as sessions
from agent.sync.jobs import scheduled, sync
from config import valkey
from integrations.notion.setup import budget_from_settings
from tests.agent.sync.working import sync as read_all
from tests.agent.sync.working import syncing
from tests.outside import NotionWorkspace, connect
from tests.people import Person, put_on_plan


def due(person: Person, connection: Connection) -> None:
    """As if it had been read once, and its time had come."""
    moment = timezone.now() - timedelta(seconds=1)
    Connection.objects.filter(pk=connection.pk).update(last_synced_at=moment, sync_due_at=moment)


def asked(connection: Connection) -> bool:
    scheduling.fan_out(now=timezone.now())
    return Job.objects.filter(name=scheduled.name, key=str(connection.pk)).exists()


def jobs_of(run: SyncRun) -> list[Job]:
    return list(Job.objects.filter(name=sync.name, arguments__sync_run_id=str(run.pk)))


def queued(person: Person) -> SyncRun:
    with tenancy.within(person.workspace):
        return services.start(membership=person.membership)


def read(person: Person, run: SyncRun) -> SyncRun:
    with tenancy.within(person.workspace):
        return SyncRun.objects.get(pk=run.pk)


def take(job: Job) -> None:
    Job.objects.filter(pk=job.pk).update(due_at=timezone.now())
    sync(str(job.pk))


@pytest.mark.parametrize(("plan", "minutes"), [("pro", 60), ("plus", 15), ("teams", 15)])
def test_a_due_connection_is_asked_for_once_each_interval(
    alice: Person, acme: NotionWorkspace, plan: str, minutes: int
) -> None:
    put_on_plan(alice, plan)
    connection = connect(alice, acme)
    due(alice, connection)
    begun = timezone.now()

    assert asked(connection)

    Job.objects.filter(name=scheduled.name).delete()
    connection.refresh_from_db()
    assert 0.89 <= (connection.sync_due_at - begun) / timedelta(minutes=minutes) <= 1.01
    assert not asked(connection)


def test_the_first_sync_is_followed_after_an_interval(alice: Person, acme: NotionWorkspace) -> None:
    put_on_plan(alice, "plus")
    connection = connect(alice, acme)

    with tenancy.within(alice.workspace):
        first = read_all(alice)

    connection.refresh_from_db()
    assert first.started_at is not None
    assert connection.sync_due_at == first.started_at + timedelta(minutes=15)


def test_without_a_schedule_nothing_follows(alice: Person, acme: NotionWorkspace) -> None:
    connection = connect(alice, acme)

    with tenancy.within(alice.workspace):
        read_all(alice)

    before = connection.sync_due_at
    connection.refresh_from_db()
    assert connection.sync_due_at == before


def test_a_scheduled_sync_reads(alice: Person, acme: NotionWorkspace) -> None:
    put_on_plan(alice, "pro")
    connection = connect(alice, acme)
    due(alice, connection)
    assert asked(connection)

    scheduled(str(Job.objects.get(name=scheduled.name, key=str(connection.pk)).pk))

    connection.refresh_from_db()
    with tenancy.within(alice.workspace):
        assert SyncRun.objects.get(connection_id=connection.pk).pk == connection.open_sync


@pytest.mark.parametrize("reason", ["trial", "suspended", "reauthorize", "disconnected", "never read", "expired"])
def test_what_may_not_begin_by_itself_does_not(
    alice: Person, acme: NotionWorkspace, reason: str, now: datetime
) -> None:
    connection = connect(alice, acme)
    due(alice, connection)
    if reason != "trial":
        put_on_plan(alice, "pro")
    if reason == "suspended":
        Workspace.objects.filter(pk=alice.workspace.pk).update(state="suspended")
    if reason in ("reauthorize", "disconnected"):
        Connection.objects.filter(pk=connection.pk).update(status=reason)
    if reason == "never read":
        Connection.objects.filter(pk=connection.pk).update(last_synced_at=None)
    if reason == "expired":
        type(alice.workspace.subscription).objects.filter(workspace=alice.workspace).update(
            status="canceled", ended_at=now - timedelta(days=1)
        )

    assert not asked(connection)


def test_a_sync_whose_job_is_gone_begins_again_though_the_broker_forgot_all(
    alice: Person, acme: NotionWorkspace
) -> None:
    connect(alice, acme)
    run = queued(alice)
    Job.objects.filter(pk=jobs_of(run)[0].pk).delete()
    valkey.client().delete("sync")

    scheduling.restart_lost()
    scheduling.restart_lost()

    (job,) = jobs_of(run)
    take(job)
    assert read(alice, run).status == SyncRun.Status.COMPLETE
    assert Connection.objects.get(workspace=alice.workspace).open_sync is None


def test_a_sync_that_waits_is_not_stuck(alice: Person, acme: NotionWorkspace) -> None:
    connect(alice, acme)
    run = queued(alice)
    (job,) = jobs_of(run)
    Job.objects.filter(pk=job.pk).update(due_at=timezone.now() + timedelta(hours=1))

    scheduling.restart_lost()

    assert [each.pk for each in jobs_of(run)] == [job.pk]


def test_a_long_wait_for_notion_gives_the_worker_back(alice: Person, acme: NotionWorkspace) -> None:
    connection = connect(alice, acme)
    run = queued(alice)
    budget = budget_from_settings(valkey.client(), str(connection.pk))
    budget.block(600)
    begun = timezone.now()

    (job,) = jobs_of(run)
    sync(str(job.pk))

    (job,) = jobs_of(run)
    assert (job.lease, job.attempts) == (None, 0)
    assert timedelta(seconds=500) < job.due_at - begun < timedelta(seconds=700)
    slowed = read(alice, run)
    assert (slowed.status, slowed.slowed_until) == (SyncRun.Status.RUNNING, job.due_at)
    valkey.client().delete(budget.key)
    take(job)
    assert read(alice, run).status == SyncRun.Status.COMPLETE


def test_a_sync_goes_behind_others_after_its_share_and_loses_no_page(
    alice: Person, charlie: Person, acme: NotionWorkspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sessions, "SHARE_SECONDS", 0.0)
    connect(alice, acme)
    run = queued(alice)
    background.enqueue(scheduled, workspace_id=charlie.workspace.pk, connection_id=str(uuid.uuid4()))

    (job,) = jobs_of(run)
    sync(str(job.pk))
    assert read(alice, run).status == SyncRun.Status.RUNNING
    Job.objects.exclude(pk=job.pk).filter(queue="sync").delete()
    take(job)

    run = read(alice, run)
    assert (run.status, run.indexed) == (SyncRun.Status.COMPLETE, run.known)


def test_a_paused_sync_stops_reads_on_when_asked_and_the_overtaken_worker_writes_nothing(
    alice: Person, acme: NotionWorkspace
) -> None:
    connection = connect(alice, acme)
    with tenancy.within(alice.workspace), syncing(alice, acme):
        run = SyncRun.objects.get(connection_id=connection.pk)
        with tenancy.shared():
            paused = alice.api.post(f"/agent/sync/{run.pk}/pause")
        assert paused.json()["status"] == "paused"
    due(alice, connection)
    assert not asked(connection)
    counted = read(alice, run)
    with tenancy.within(alice.workspace):
        accounted = Page.objects.filter(sync_run=run.pk).count()
        assert counted.indexed == accounted < counted.known

    alice.api.post(f"/agent/sync/{run.pk}/resume")
    with tenancy.within(alice.workspace):
        performing.perform(sync_run_id=str(run.pk))

    run = read(alice, run)
    assert (run.status, run.indexed, run.turn) == (SyncRun.Status.COMPLETE, run.known, 2)
    assert alice.api.post(f"/agent/sync/{run.pk}/pause").status_code == 409


def test_a_paused_sync_can_be_cancelled(alice: Person, acme: NotionWorkspace) -> None:
    connection = connect(alice, acme)
    run = queued(alice)

    alice.api.post(f"/agent/sync/{run.pk}/pause")
    answer = alice.api.post(f"/agent/sync/{run.pk}/cancel")

    assert answer.json()["status"] == "cancelled"
    connection.refresh_from_db()
    assert (connection.open_sync, connection.is_paused) == (None, False)
