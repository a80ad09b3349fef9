"""Sync workers as production starts them, over the database and the streams of the benchmark."""

import os
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from django.conf import settings

from accounts import tenancy
from accounts.models import Connection
from agent.models import SyncRun
from agent.sync import services
from devkit.notion.process import EmulatorProcess
from devkit.supervisor import WORKERS
from tests.outside import NotionWorkspace, connect, seeded
from tests.people import Person, sign_up
from tests.stack import Program, Says


@contextmanager
def workers(number: int, notion: EmulatorProcess, *, per_second: float) -> Iterator[list[Program]]:
    """With a beat, since a sync that waits for long is woken by its sweep."""
    os.environ["NOTION_API_URL"] = settings.NOTION_API_URL = notion.url
    settings.NOTION_REQUESTS_PER_SECOND = per_second
    environment = {"NOTION_REQUESTS_PER_SECOND": str(per_second)}
    celery = ["celery", "-A", "config.celery", "worker", "-l", "INFO", "--without-gossip", "--without-mingle"]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder)
        sweep = ["-Q", "default", "-c", "1", "-B", "-s", f"{folder}/beat", "-n", "sweep@bench"]
        programs = [Program([*celery, *sweep], path / "sweep.log", environment)]
        programs += [
            Program([*celery, *WORKERS["sync"], "-n", f"sync{n}@bench"], path / f"{n}.log", environment)
            for n in range(number)
        ]
        try:
            for program in programs:
                program.start()
            for program in programs:
                program.wait_until(Says(" ready."))
            yield programs[1:]
        finally:
            for program in programs:
                program.end()


def of(notion: EmulatorProcess, pages: int) -> tuple[Person, NotionWorkspace]:
    given = [
        {"key": f"p{n}", "title": f"Page {n}", "blocks": [{"p": f"Fact {n} of {pages} is kept here."}]}
        for n in range(pages)
    ]
    person, workspace = sign_up("Maya"), seeded(notion, {"pages": given}, [f"p{n}" for n in range(pages)])
    connect(person, workspace)
    return person, workspace


def begin(person: Person) -> None:
    with tenancy.within(person.workspace):
        services.start(membership=person.membership)


def until_over(people: list[Person]) -> None:
    keys = [each.workspace.pk for each in people]
    while Connection.objects.filter(workspace_id__in=keys, open_sync__isnull=False).exists():
        time.sleep(0.25)


def newest(person: Person) -> SyncRun:
    with tenancy.within(person.workspace):
        return SyncRun.objects.latest("created_at")


def seconds(person: Person) -> float:
    """From being asked for to the end."""
    run = newest(person)
    assert run.status == SyncRun.Status.COMPLETE, f"{run.status}: {run.reason}"
    assert run.finished_at is not None
    return (run.finished_at - run.created_at).total_seconds()


def limit(notion: EmulatorProcess, workspace: NotionWorkspace, per_minute: int) -> Any:
    return notion.control("limits", {"token": workspace.token, "per_minute": per_minute})
