"""Every job × workspaces and ids that are not its own."""

from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from django.utils import timezone

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
    "accounts.jobs.forget_expired",
    "billing.jobs.process_events",
    "billing.jobs.reconcile",
    "billing.jobs.find_strays",
    "billing.jobs.ask_unheard",
    "billing.jobs.tell_contacts",
    "accounts.jobs.send_mails",
    "agent.jobs.erase_ended",
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


def task_runs_in(name: str) -> str:
    """Only the eraser of a workspace runs in one that is closed."""
    return "erasing" if name == "agent.jobs.erase_workspace" else "active"


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
    [(name, state) for name in ARGUMENTS for state in Workspace.State.values if task_runs_in(name) != state],
)
def test_a_job_of_a_closed_workspace_never_runs(world: World, name: str, state: str) -> None:
    closed = world.eve.workspace
    Workspace.objects.filter(pk=closed.pk).update(state=state)
    before = world.of_alice()

    job = job_of(world, name, closed)
    task(name)(str(job.pk))
    Workspace.objects.filter(pk=closed.pk).update(state="active")

    job.refresh_from_db()
    assert job.failed_at is not None
    assert world.of_alice() == before


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
