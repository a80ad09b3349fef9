"""The task database is away for a while: it is forgotten at a second look alone."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest

from accounts import tenancy
from agent.models import Source
from devkit.notion.process import EmulatorProcess
from tasks.models import TaskSource
from tests.agent.sync.test_vanishing import second_look_is_due
from tests.agent.sync.working import sync
from tests.outside import HANDBOOK, TASKS, NotionWorkspace, connect, seeded
from tests.people import Person

NOT_FOUND = {"error": {"status": 404, "code": "object_not_found", "message": "Could not find data source."}}
EMPTY: dict[str, Any] = {**TASKS, "sources": [{**TASKS["sources"][0], "rows": []}]}


@dataclass
class Away:
    go: Callable[[NotionWorkspace, str], Any]
    come: Callable[[NotionWorkspace, str], Any]


WAYS = {
    "trash": Away(
        lambda notion, key: notion.edit(op="trash", id=key), lambda notion, key: notion.edit(op="restore", id=key)
    ),
    "unshared": Away(
        lambda notion, key: notion.edit(op="restrict", id=key),
        lambda notion, key: notion.edit(op="restrict", id=key, restricted=False),
    ),
    "404": Away(
        lambda notion, _: notion.fault(NOT_FOUND, path_regex="/v1/(data_sources|databases)/|/v1/pages$"),
        lambda notion, _: notion.emulator.control(f"faults?token={notion.token}", method="DELETE"),
    ),
}


@pytest.fixture
def empty(alice: Person, emulator: EmulatorProcess, chroma: str) -> NotionWorkspace:
    """A task database without a row, which was read."""
    notion = seeded(emulator, {"pages": [HANDBOOK], "databases": [EMPTY]}, ["handbook"])
    connect(alice, notion)
    read(alice)
    return notion


def read(person: Person) -> None:
    with tenancy.within(person.workspace):
        sync(person)


def database(notion: NotionWorkspace) -> str:
    return str(notion.ids["databases"]["tasks"])


def known(person: Person) -> tuple[bool, bool]:
    """Whether we know how it is called, and its columns as those of tasks."""
    with tenancy.within(person.workspace):
        return Source.objects.filter(title="Launch plan").exists(), bool(TaskSource.objects.get().columns)


@pytest.mark.parametrize("how", ["trash", "unshared"])
def test_an_empty_database_is_forgotten_at_the_second_look(alice: Person, empty: NotionWorkspace, how: str) -> None:
    WAYS[how].go(empty, database(empty))

    seen = []
    for _ in range(2):
        read(alice)
        seen.append(known(alice))
    with tenancy.within(alice.workspace):
        second_look_is_due()
    read(alice)

    assert (seen, known(alice)) == ([(True, True)] * 2, (False, False))


def test_one_that_is_back_at_the_second_look_is_kept(alice: Person, empty: NotionWorkspace) -> None:
    empty.edit(op="trash", id=database(empty))
    read(alice)
    with tenancy.within(alice.workspace):
        second_look_is_due()
    empty.edit(op="restore", id=database(empty))

    read(alice)

    assert known(alice) == (True, True)
    with tenancy.within(alice.workspace):
        assert not Source.objects.get(title="Launch plan").is_gone


def test_one_that_does_not_answer_at_the_second_look_is_kept(alice: Person, empty: NotionWorkspace) -> None:
    empty.edit(op="trash", id=database(empty))
    read(alice)
    with tenancy.within(alice.workspace):
        second_look_is_due()
    empty.fault("503", path_regex="/v1/data_sources/")

    read(alice)

    assert known(alice) == (True, True)
