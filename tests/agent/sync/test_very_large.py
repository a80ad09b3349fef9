"""Pages and databases of a size that takes a worker minutes: it stays the one that reads them, and reads all."""

import random
from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection as database

from accounts import tenancy
from accounts.models import Job
from agent import indexing
from agent.models import Chunk, Page, SyncRun
from agent.sync import jobs, services
from devkit.notion.process import EmulatorProcess
from tests.outside import connect, seeded
from tests.people import Person
from tests.storm import STORM
from tests.threads import elsewhere

IS_WHOLE = STORM > 1
# Notion gives 200,000 characters in one block at most.
LONGEST_BLOCK = 200_000
CODE = 2_000_000 if IS_WHOLE else 40_000
BLOCKS = 5_000 if IS_WHOLE else 1_000
ROWS = 1_000 if IS_WHOLE else 40
WORDS = ["return", "value", "index", "count", "page", "rows", "lambda", "yield", "import", "None"]


def code(size: int) -> str:
    dice, lines, length = random.Random(size), [""], 0
    while length < size:
        lines.append(" ".join(dice.choices(WORDS, k=9)) + "()")
        length += len(lines[-1]) + 1
    return "\n".join(lines)[1 : size + 1]


def long_code() -> dict[str, Any]:
    blocks = [{"code": {"text": code(min(LONGEST_BLOCK, CODE)), "language": "python"}}] * max(1, CODE // LONGEST_BLOCK)
    return {"pages": [{"key": "top", "title": "Generated", "blocks": blocks}]}


def many_blocks() -> dict[str, Any]:
    return {"pages": [{"key": "top", "title": "Log", "blocks": [{"p": f"Entry {n}"} for n in range(BLOCKS)]}]}


def many_rows() -> dict[str, Any]:
    rows = [{"Name": f"Row {n}"} for n in range(ROWS)]
    table = {"key": "all", "properties": {"Name": "title"}, "rows": rows}
    return {
        "pages": [{"key": "top", "title": "Top"}],
        "databases": [{"key": "db", "title": "Rows", "parent": "top", "sources": [table]}],
    }


def sync_counting_renewals(person: Person) -> int:
    """As the worker does it: how often it said that it is alive."""
    renewals = 0

    def count(execute: Callable[..., Any], sql: str, *rest: Any) -> Any:
        nonlocal renewals
        renewals += sql.startswith('UPDATE "accounts_job" SET "leased_until"')
        return execute(sql, *rest)

    def work() -> None:
        [job] = Job.objects.filter(workspace=person.workspace, name=jobs.sync.name)
        with database.execute_wrapper(count):
            jobs.sync(str(job.pk))

    with tenancy.within(person.workspace):
        services.start(membership=person.membership)
    elsewhere(work)
    return renewals


def test_a_worker_says_that_it_is_alive_before_each_request(
    alice: Person, emulator: EmulatorProcess, chroma: str
) -> None:
    """Any of them may be answered only after a minute."""
    toggles = [{"toggle": {"text": f"Part {n}", "blocks": [f"Entry {n}"]}} for n in range(20)]
    connect(alice, seeded(emulator, {"pages": [{"key": "top", "title": "Top", "blocks": toggles}]}, ["top"]))

    renewals = sync_counting_renewals(alice)

    with tenancy.within(alice.workspace):
        assert renewals >= SyncRun.objects.get().notion_requests > 20


@pytest.mark.parametrize(("shape", "pages"), [(long_code, 1), (many_blocks, 1), (many_rows, ROWS + 1)])
def test_a_worker_keeps_what_it_reads(
    monkeypatch: pytest.MonkeyPatch,
    alice: Person,
    emulator: EmulatorProcess,
    chroma: str,
    shape: Callable[[], dict[str, Any]],
    pages: int,
) -> None:
    monkeypatch.setattr(indexing, "EMBEDDED_AT_ONCE", 4)
    connect(alice, seeded(emulator, shape(), ["top"]))

    renewals = sync_counting_renewals(alice)

    with tenancy.within(alice.workspace):
        run = SyncRun.objects.get()
        chunks = Chunk.objects.count()
        assert (run.status, run.known, run.indexed, run.chunks_embedded) == ("complete", pages, pages, chunks)
        assert not Page.objects.exclude(warnings=[]).exists()
    assert renewals >= pages + chunks // 4
    assert not Job.objects.filter(workspace=alice.workspace, name=jobs.sync.name).exists()
