"""Every job × workspaces and ids that are not its own."""

from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from django.utils import timezone

from accounts import background
from accounts.background import PublicTask, WorkspaceJob
from accounts.models import Job, Workspace
from devkit import supervisor
from devkit.home import Home
from tests.isolation import inventory
from tests.isolation.world import World, build

# What each job's row would hold if somebody put Alice's ids into it. A job without an entry turns the build red.
ARGUMENTS: dict[str, dict[str, str]] = {
    "agent.jobs.sync": {"sync_run_id": "sync"},
    "agent.jobs.erase_connection": {"connection_id": "connection"},
    "agent.jobs.find_sources": {"connection_id": "connection"},
    "agent.jobs.try_again": {"connection_id": "connection"},
    "agent.jobs.scheduled_sync": {"connection_id": "connection"},
    "agent.jobs.read_noticed": {"connection_id": "connection"},
    "agent.jobs.run": {"run_id": "run"},
    "agent.jobs.apply_proposal": {"proposal_id": "proposal"},
    "agent.jobs.restore_index": {"connection_id": "connection"},
    "agent.jobs.rebuild_index": {"connection_id": "connection"},
    "agent.jobs.erase_content": {},
    "agent.jobs.erase_workspace": {},
    "agent.jobs.export": {"export_id": "export"},
    "agent.jobs.forget_exports": {},
    "tasks.jobs.send": {"outgoing_id": "task"},
    "tasks.jobs.look": {"task_id": "task"},
    "usage.jobs.expire_holds": {},
    "usage.jobs.check_books": {},
    "billing.jobs.send_seats": {"change": "sync"},
    "billing.jobs.finish_planned": {},
    "billing.jobs.tell_contact": {},
    "billing.jobs.hear": {},
}
# Sweeps: they run without a workspace and take no arguments.
SWEEPS = {
    "accounts.jobs.sweep",
    "accounts.jobs.fill_pool",
    "accounts.jobs.end_impersonations",
    "accounts.jobs.forget_expired",
    "billing.jobs.process_events",
    "billing.jobs.reconcile",
    "billing.jobs.find_strays",
    "billing.jobs.ask_unheard",
    "billing.jobs.tell_contacts",
    "accounts.jobs.send_mails",
    "agent.jobs.erase_ended",
    "agent.jobs.look_after_deleted",
    "agent.jobs.take_events",
    "agent.jobs.forget_events",
    "billing.jobs.remind",
    "billing.jobs.withdraw_lapsed",
    "agent.jobs.look_after_syncs",
}


@pytest.fixture(scope="module")
def world(_database: None) -> World:
    return build()


def job_of(world: World, name: str, workspace: Workspace) -> Job:
    arguments: dict[str, Any] = {key: str(world.ids[thing]) for key, thing in ARGUMENTS[name].items()}
    if name == "agent.jobs.try_again":
        arguments["tries"] = 1
    return Job.objects.create(workspace=workspace, name=name, queue="default", arguments=arguments)


def task(name: str) -> Any:
    return inventory.jobs()[name]


# What is still done in a deleted workspace until it is erased: last answers and exports, what holds and payments need.
UNTIL_ERASED = {
    "agent.jobs.run",
    "agent.jobs.export",
    "agent.jobs.forget_exports",
    "usage.jobs.expire_holds",
    "billing.jobs.finish_planned",
    "billing.jobs.hear",
}


# Neither ask Notion nor a model; money, what was reserved, and the way out go on.
GO_ON = {
    "agent.jobs.erase_connection",
    "agent.jobs.erase_content",
    "agent.jobs.export",
    "agent.jobs.forget_exports",
    "usage.jobs.expire_holds",
    "usage.jobs.check_books",
    "billing.jobs.send_seats",
    "billing.jobs.finish_planned",
    "billing.jobs.tell_contact",
    "billing.jobs.hear",
}


def task_runs_in(name: str) -> set[str]:
    """Only the eraser of a workspace runs in one that is being erased."""
    if name == "agent.jobs.erase_workspace":
        return {"erasing"}
    return {"active", *(["closing"] if name in UNTIL_ERASED else []), *(["suspended"] if name in GO_ON else [])}


# What may wait for Notion, write or delete for long. Elsewhere it would keep questions, mails or sign-ups waiting.
LONG = {
    "agent.jobs.scheduled_sync",
    "agent.jobs.sync",
    "agent.jobs.find_sources",
    "agent.jobs.erase_connection",
    "agent.jobs.erase_content",
    "agent.jobs.erase_workspace",
    "agent.jobs.export",
    "agent.jobs.restore_index",
    "agent.jobs.rebuild_index",
    "agent.jobs.read_noticed",
}


def test_questions_have_a_queue_of_their_own_and_never_wait_behind_a_crawl() -> None:
    queues: dict[str, set[str]] = {}
    for name, each in inventory.jobs().items():
        queues.setdefault(getattr(each, "queue_name", "default"), set()).add(name)

    assert set(queues) == {"runs", "sync", "default"}
    assert (queues["runs"], queues["sync"]) == ({"agent.jobs.run"}, LONG)


def test_each_queue_is_served_by_one_worker(tmp_path: Path) -> None:
    programs = supervisor.application(Home(tmp_path), {"DATABASE_URL": "postgresql://x@h/x", "SECRET_KEY": "x"}, 1)
    served = {each.name: each.arguments[each.arguments.index("-Q") + 1] for each in programs if "-Q" in each.arguments}

    assert served == {"runs": "runs", "default": "default", "sync": "sync"}


def test_every_job_has_an_entry() -> None:
    found = inventory.jobs()

    assert {name for name, each in found.items() if isinstance(each, WorkspaceJob)} == set(ARGUMENTS)
    assert {name for name, each in found.items() if isinstance(each, PublicTask)} == SWEEPS
    assert set(found) == set(ARGUMENTS) | SWEEPS


@pytest.mark.parametrize("name", ARGUMENTS)
def test_a_job_of_another_workspace_does_nothing_with_alices_ids(world: World, name: str) -> None:
    before = world.of_alice()

    task(name)(str(job_of(world, name, world.charlie.workspace).pk))

    assert world.of_alice() == before


@pytest.mark.parametrize(
    ("name", "state"),
    [
        (name, state)
        for name in ARGUMENTS
        for state in ("active", "closing", "erasing")
        if state not in task_runs_in(name)
    ],
)
def test_a_job_of_a_closed_workspace_never_runs(world: World, name: str, state: str) -> None:
    closed = world.eve.workspace
    erases_at = timezone.now() + timedelta(days=14) if state == "closing" else None
    Workspace.objects.filter(pk=closed.pk).update(state=state, erases_at=erases_at)
    before = world.of_alice()

    job = job_of(world, name, closed)
    task(name)(str(job.pk))
    Workspace.objects.filter(pk=closed.pk).update(state="active", erases_at=None)

    job.refresh_from_db()
    # In one that may come back it waits.
    assert job.due_at > erases_at if erases_at else job.failed_at is not None
    assert world.of_alice() == before


@pytest.mark.parametrize("name", sorted(set(ARGUMENTS) - GO_ON - {"agent.jobs.erase_workspace"}))
def test_a_job_of_a_suspended_workspace_waits_or_is_ended(world: World, name: str) -> None:
    suspended = world.eve.workspace
    Workspace.objects.filter(pk=suspended.pk).update(state="suspended")
    before = world.of_alice()

    job = job_of(world, name, suspended)
    task(name)(str(job.pk))
    background.take_up_again(suspended.pk, now=timezone.now())
    Workspace.objects.filter(pk=suspended.pk).update(state="active")

    left = Job.objects.filter(pk=job.pk).first()
    assert (left is None) == (name == "agent.jobs.run")
    assert left is None or (left.failed_at, left.attempts, left.due_at <= timezone.now()) == (None, 0, True)
    assert world.of_alice() == before


def test_where_each_job_goes_on_is_listed() -> None:
    jobs = {name: each for name, each in inventory.jobs().items() if isinstance(each, WorkspaceJob)}

    assert {name: set(each.runs_in) for name, each in jobs.items()} == {name: task_runs_in(name) for name in ARGUMENTS}


@pytest.mark.parametrize("name", ARGUMENTS)
def test_a_job_that_does_not_exist_does_nothing(world: World, name: str) -> None:
    before = world.of_alice()

    task(name)(str(uuid4()))

    assert world.of_alice() == before


@pytest.mark.parametrize("name", ARGUMENTS)
def test_a_job_is_not_run_under_another_jobs_name(world: World, name: str) -> None:
    other = next(each for each in ARGUMENTS if each != name)
    job = job_of(world, other, world.alice.workspace)
    before = world.of_alice()

    task(name)(str(job.pk))

    assert world.of_alice() == before
    job.delete()


@pytest.mark.parametrize("name", ARGUMENTS)
def test_a_job_in_another_workers_hands_is_left_alone(world: World, name: str) -> None:
    job = job_of(world, name, world.charlie.workspace)
    Job.objects.filter(pk=job.pk).update(lease=uuid4(), leased_until=timezone.now() + timedelta(minutes=1))

    task(name)(str(job.pk))

    assert Job.objects.get(pk=job.pk).attempts == 0
    job.delete()
