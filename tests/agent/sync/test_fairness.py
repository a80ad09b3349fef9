"""A big workspace and small ones at one worker process: who waits is seen in the order of what Notion was asked."""

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from accounts import tenancy
from accounts.models import Connection
from agent.models import Page, SyncRun
from agent.sync import services
from agent.sync.session import SHARE_SECONDS
from devkit.notion.process import EmulatorProcess
from tests.outside import NotionWorkspace, connect, seeded
from tests.people import Person, sign_up
from tests.stack import Program, Says

SLOW_SECONDS = 0.25
# Reading these takes more than two shares of a worker's time, however fast the machine is.
BIG = int(2 * SHARE_SECONDS / SLOW_SECONDS)
SMALL, HOW_MANY = 8, 3
PATIENCE_SECONDS = 150


@pytest.fixture
def one_thread(_database: None, emulator: EmulatorProcess, chroma: str, tmp_path: Path) -> Iterator[Program]:
    """A sync worker that does one thing at a time."""
    celery = ["celery", "-A", "config.celery", "worker", "-l", "INFO", "--without-gossip", "--without-mingle"]
    worker = Program([*celery, "-Q", "sync", "-P", "threads", "-c", "1"], tmp_path / "worker.log", {})
    worker.start()
    try:
        worker.wait_until(Says(" ready."))
        yield worker
    finally:
        worker.kill()


def begin(person: Person, notion: NotionWorkspace) -> SyncRun:
    connect(person, notion)
    with tenancy.within(person.workspace):
        return services.start(membership=person.membership)


def of(emulator: EmulatorProcess, pages: int) -> NotionWorkspace:
    given = [{"key": f"p{n}", "title": f"Page {n}", "blocks": [{"p": f"Fact {n}."}]} for n in range(pages)]
    return seeded(emulator, {"pages": given}, [f"p{n}" for n in range(pages)])


def eventually_over(people: list[Person]) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while Connection.objects.filter(
        workspace__in=[each.workspace for each in people], open_sync__isnull=False
    ).exists():
        assert time.monotonic() < deadline, "the syncs do not end"
        time.sleep(0.1)


def test_small_workspaces_are_read_before_a_big_one_is_done(one_thread: Program, emulator: EmulatorProcess) -> None:
    big, small = of(emulator, BIG), [of(emulator, SMALL) for _ in range(HOW_MANY)]
    big.fault({"slow": {"ms": int(1000 * SLOW_SECONDS)}}, path_regex="children")
    owner, others = sign_up("Big"), [sign_up("Small") for _ in range(HOW_MANY)]
    begin(owner, big)
    while not any(each["path"].endswith("/children") for each in big.requests()):
        time.sleep(0.02)

    for person, notion in zip(others, small, strict=True):
        begin(person, notion)
    eventually_over([owner, *others])

    asked_of_big = [each["n"] for each in big.requests()]
    for notion in small:
        asked = [each["n"] for each in notion.requests()]
        assert asked_of_big[0] < asked[0], "the big one was there first"
        assert asked[-1] < asked_of_big[-1], "a small one waited until the big one was done"
    for person, pages in [(owner, BIG), *((each, SMALL) for each in others)]:
        with tenancy.within(person.workspace):
            assert SyncRun.objects.get().status == "complete"
            assert Page.objects.filter(state="indexed").count() == pages
