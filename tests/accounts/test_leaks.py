"""Two workspaces hammered by threads, streams and workers: whatever goes wrong in between, nobody ever sees the
other's rows."""

import asyncio
import queue
import random
import re
import threading
import uuid
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib import import_module
from typing import Any

import psycopg
import pytest
from celery import shared_task
from django.db import DatabaseError, connection, connections, transaction

from accounts import background, tenancy
from accounts.models import Job, Membership
from agent.events import Events
from agent.models import Conversation, Run
from config import waiting
from tests.people import Person
from tests.storm import ROUND, STORM

THREADS = 8
WORKERS = 2
OPERATIONS = 10_000 * STORM
seen_by_jobs: list[tuple[str, list[str]]] = []
# As workers hear of jobs and as a server's loop serves streams: neither is in the thread that asks.
heard: queue.Queue[str | None] = queue.Queue()
loop = asyncio.new_event_loop()


@shared_task(base=background.WorkspaceJob, name="tests.look_around")
def look_around(*, owner: str) -> None:
    seen_by_jobs.append((owner, titles()))


def titles() -> list[str]:
    return list(Conversation.objects.values_list("title", flat=True))


def plain_read(person: Person) -> list[str]:
    with tenancy.within(person.workspace):
        return titles()


def error_in_transaction(person: Person) -> list[str]:
    try:
        with tenancy.within(person.workspace), transaction.atomic():
            Conversation.objects.create(owner_id=person.user.pk, title="never kept")
            connection.cursor().execute("SELECT 1/0")
    except DatabaseError:
        pass
    return plain_read(person)


def savepoint_rolled_back(person: Person) -> list[str]:
    with tenancy.within(person.workspace), transaction.atomic():
        before = titles()
        with transaction.atomic():
            transaction.set_rollback(True)
        return before + titles()


def half_read_cursor(person: Person) -> list[str]:
    with tenancy.within(person.workspace):
        rows = Conversation.objects.values_list("title", flat=True).iterator(chunk_size=1)
        first = next(rows)
    return [first, *plain_read(person)]


def connection_given_back_in_the_middle(person: Person) -> list[str]:
    with tenancy.within(person.workspace):
        before = titles()
        connection.close()
        return before + titles()


def killed_backend(person: Person) -> list[str]:
    try:
        with tenancy.within(person.workspace):
            connection.ensure_connection()
            raw: psycopg.Connection[object] = connection.connection
            raw.close()
            titles()
    except DatabaseError:
        connection.close()
    return plain_read(person)


def request(person: Person) -> list[str]:
    answer = person.api.get("/agent/conversations", {"limit": 100})
    assert answer.status_code == 200, answer.content
    return [row["title"] for row in answer.json()["results"]]


def shared_then_workspace(person: Person) -> list[str]:
    with tenancy.within(person.workspace):
        with tenancy.shared():
            assert Membership.objects.filter(user=person.user).exists()
        return titles()


def job(person: Person) -> list[str]:
    row = Job.objects.create(
        workspace=person.workspace, name=look_around.name, queue="default", arguments={"owner": person.user.name}
    )
    heard.put(str(row.pk))
    return plain_read(person)


def work() -> None:
    while (job_id := heard.get()) is not None:
        look_around(job_id)
    connections.close_all()


def stream(person: Person) -> list[str]:
    with tenancy.within(person.workspace):
        [run_id] = Run.objects.values_list("pk", flat=True)
    said = asyncio.run_coroutine_threadsafe(read(person, run_id), loop).result(timeout=60)
    # As it was said, not as it is rebuilt from what Postgres keeps.
    assert 'event: done\ndata: {"answer"' in said, said
    return re.findall(r"of \w+", said)


async def read(person: Person, run_id: uuid.UUID) -> str:
    """What the ASGI application sends until the stream ends."""
    asked, parts = asyncio.Event(), list[bytes]()

    async def receive() -> dict[str, Any]:
        if not asked.is_set():
            asked.set()
            return {"type": "http.request", "body": b"", "more_body": False}
        await asyncio.Event().wait()
        raise AssertionError("the client stays until the end")

    async def send(message: Any) -> None:
        parts.append(message.get("body", b""))

    path = f"/agent/runs/{run_id}/events"
    headers = [(b"host", b"testserver"), (b"authorization", person.api._credentials["HTTP_AUTHORIZATION"].encode())]
    scope = {"type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": "GET", "scheme": "http"}
    place = {"path": path, "raw_path": path.encode(), "root_path": "", "query_string": b""}
    # Imported before: it asks the database whether its walls stand.
    await import_module("config.asgi").application(
        {**scope, **place, "headers": headers, "client": ("127.0.0.1", 1), "server": ("testserver", 80)}, receive, send
    )
    return b"".join(parts).decode()


def say(person: Person, conversation: Conversation) -> None:
    """A run that is over, as its worker left it."""
    words = f"of {person.user.name}"
    run = Run.objects.create(
        conversation=conversation, owner_id=person.user.pk, prompt=words, answer=words, status=Run.Status.SUCCEEDED
    )
    events = Events(person.workspace.pk, run.pk)
    events.say("delta", {"text": words, "offset": 0})
    events.say("done", {"answer": words})


@contextmanager
def at_work() -> Iterator[None]:
    """Workers and a server's loop beside the threads that ask."""
    with pytest.MonkeyPatch.context() as patch:
        # What it sets for a web process is nothing for the workers that later tests start from here.
        patch.setenv("DATABASE_LOCK_SECONDS", "")
        import_module("config.asgi")
    serving = threading.Thread(target=loop.run_forever)
    workers = [threading.Thread(target=work) for _ in range(WORKERS)]
    for thread in (serving, *workers):
        thread.start()
    try:
        yield
    finally:
        for _ in workers:
            heard.put(None)
        for thread in workers:
            thread.join()
        asyncio.run_coroutine_threadsafe(waiting.close(), loop).result()
        loop.call_soon_threadsafe(loop.stop)
        serving.join()


CHEAP: list[Callable[[Person], list[str]]] = [
    plain_read,
    error_in_transaction,
    savepoint_rolled_back,
    half_read_cursor,
    connection_given_back_in_the_middle,
    shared_then_workspace,
    killed_backend,
]
OPERATIONS_TO_MIX = [*CHEAP, *CHEAP, *[plain_read] * 5, request, stream, job]


def test_ten_thousand_operations_on_two_workspaces_never_cross(alice: Person, charlie: Person) -> None:
    for person in (alice, charlie):
        with tenancy.within(person.workspace):
            title = f"of {person.user.name}"
            rows = [Conversation.objects.create(owner_id=person.user.pk, title=title) for _ in range(3)]
            say(person, rows[0])
    crossings: Counter[str] = Counter()
    done: Counter[str] = Counter()

    def hammer(seed: int) -> None:
        chance = random.Random(seed + ROUND * THREADS)
        for _ in range(OPERATIONS // THREADS):
            person = chance.choice((alice, charlie))
            operation = chance.choice(OPERATIONS_TO_MIX)
            try:
                if set(operation(person)) != {f"of {person.user.name}"}:
                    crossings[operation.__name__] += 1
            except Exception as error:
                crossings[f"{operation.__name__}: {error!r}"] += 1
            done[operation.__name__] += 1
        connections.close_all()

    _ = (alice.api, charlie.api)
    threads = [threading.Thread(target=hammer, args=(seed,)) for seed in range(THREADS)]
    with at_work():
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    assert not crossings
    assert min(done["stream"], done["job"], done["request"]) > OPERATIONS // 40
    assert sum(done.values()) == OPERATIONS
    assert all(set(seen) == {f"of {owner}"} for owner, seen in seen_by_jobs)
    assert len(seen_by_jobs) == done["job"]
