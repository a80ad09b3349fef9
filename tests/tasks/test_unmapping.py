"""A member takes the task database away and back while edits of its rows are made and sent."""

import random
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from itertools import count
from typing import Any
from uuid import UUID

import pytest
from django.db import connections

from accounts import tenancy
from accounts.models import Connection
from agent.models import Source, SyncRun
from agent.sync import performing
from tasks import sending
from tasks.models import Outgoing, Task
from tests.agent.sync.working import sync
from tests.outside import NotionWorkspace, connect
from tests.people import Person

ROUNDS = 8
ALLOWED = {"edit 200", "edit 404", "create 201", "create 409", "unmap 302", "unmap 422"}


@pytest.fixture
def mapped(alice: Person, acme: NotionWorkspace) -> Connection:
    connection = connect(alice, acme)
    with tenancy.within(alice.workspace):
        sync(alice)
    return connection


def choose(person: Person, connection: Connection, *, is_mapped: bool) -> int:
    with tenancy.within(person.workspace):
        sources = {source.kind: str(source.pk) for source in Source.objects.all()}
    form = {"source": list(sources.values()), "tasks_source": sources["database"] if is_mapped else ""}
    answer = person.web.post(f"/app/connect/{connection.pk}/choose", form | {"workspace": str(person.workspace.pk)})
    return int(answer.status_code)


def read(person: Person) -> None:
    with tenancy.within(person.workspace):
        for run in SyncRun.objects.filter(status__in=SyncRun.AT_WORK):
            performing.perform(sync_run_id=str(run.pk))


def send(person: Person) -> None:
    with tenancy.within(person.workspace):
        for key in list(Outgoing.objects.values_list("pk", flat=True)):
            sending.send(outgoing_id=str(key))


@contextmanager
def meanwhile(*works: Callable[[], object]) -> Iterator[None]:
    """Each again and again in a thread of its own, until what is within has ended; what one raises is raised."""
    is_over = threading.Event()

    def repeat(work: Callable[[], object]) -> None:
        try:
            while not is_over.is_set():
                work()
        finally:
            connections.close_all()

    with ThreadPoolExecutor(len(works)) as threads:
        running = [threads.submit(repeat, work) for work in works]
        try:
            yield
        finally:
            is_over.set()
        for each in running:
            each.result()


def later(work: Callable[[], object], seconds: float) -> None:
    time.sleep(seconds)
    work()


def together(*works: Callable[[], object]) -> None:
    """Each once, in threads that begin together."""
    barrier = threading.Barrier(len(works))

    def run(work: Callable[[], object]) -> None:
        barrier.wait()
        try:
            work()
        finally:
            connections.close_all()

    with ThreadPoolExecutor(len(works)) as threads:
        for each in [threads.submit(run, work) for work in works]:
            each.result()


def titles(acme: NotionWorkspace) -> dict[str, str]:
    """Of the living rows in Notion, by id."""
    objects = [one for each in acme.emulator.control("state")["workspaces"] for one in each["objects"].values()]
    rows = [one for one in objects if one["object"] == "page" and "Task" in one["properties"] and not one["in_trash"]]
    ours = [row for row in rows if row["parent"].get("data_source_id") == acme.source("tasks_main")]
    return {row["id"]: "".join(part["plain_text"] for part in row["properties"]["Task"]["title"]) for row in ours}


def test_an_edit_on_its_way_is_sent_once_and_its_database_stays_until_then(
    alice: Person, acme: NotionWorkspace, mapped: Connection
) -> None:
    with tenancy.within(alice.workspace):
        row = Task.objects.get(title="Choose a printer")
    assert alice.api.patch(f"/tasks/{row.pk}", {"title": "Buy a printer"}).status_code == 200
    slow = acme.fault({"slow": {"ms": 60_000}}, method="PATCH", path_regex=f"pages/{row.notion_page_id}")
    since = len(acme.requests())

    with meanwhile(lambda: send(alice)):
        while not any(each["method"] == "PATCH" for each in acme.requests(since)):
            pass
        refused = choose(alice, mapped, is_mapped=False)
        acme.calm(slow)

    assert refused == 422
    assert titles(acme)[row.notion_page_id] == "Buy a printer"
    assert [each["method"] for each in acme.requests(since)].count("PATCH") == 1
    assert choose(alice, mapped, is_mapped=False) == 302


def test_whatever_is_accepted_while_the_database_goes_and_comes_is_in_notion_once(
    alice: Person, acme: NotionWorkspace, mapped: Connection
) -> None:
    seed = random.randrange(1_000_000)
    print("seed", seed)
    dice, numbers, said = random.Random(seed), count(1), dict[str, str]()
    made: list[str] = []
    answered: Counter[str] = Counter()

    def edit(key: UUID, page_id: str) -> None:
        title = f"Edit {next(numbers)}"
        answer = alice.api.patch(f"/tasks/{key}", {"title": title})
        answered[f"edit {answer.status_code}"] += 1
        if answer.status_code == 200:
            said[page_id] = title

    def create() -> None:
        title = f"New {next(numbers)}"
        answer: Any = alice.api.post("/tasks", {"title": title, "source": "notion"})
        answered[f"create {answer.status_code}"] += 1
        if answer.status_code == 201:
            made.append(title)

    def unmap() -> None:
        answered[f"unmap {choose(alice, mapped, is_mapped=False)}"] += 1

    def late(work: Callable[[], object], *, most: float = 0.06) -> Callable[[], object]:
        return partial(later, work, dice.uniform(0, most))

    for _ in range(ROUNDS):
        with tenancy.within(alice.workspace):
            row = dice.choice(list(Task.objects.exclude(notion_page_id="").order_by("notion_page_id")))
        edits = late(partial(edit, row.pk, row.notion_page_id)), late(create)
        together(*edits, late(unmap, most=0.01), late(partial(send, alice)))
        send(alice)
        with tenancy.within(alice.workspace):
            is_mapped = Task.objects.exists()
        if not is_mapped:
            choose(alice, mapped, is_mapped=True)
            read(alice)
    send(alice)

    there = titles(acme)
    print(answered)
    assert set(answered) <= ALLOWED
    assert {page_id: there[page_id] for page_id in said} == said
    # What was made may have been renamed since; nothing was made twice.
    assert len(there) == 3 + len(made)
