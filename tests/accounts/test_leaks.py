"""Two workspaces hammered from many threads: whatever goes wrong in between, nobody ever sees the other's rows."""

import random
import threading
from collections import Counter
from collections.abc import Callable

import psycopg
from celery import shared_task
from django.db import DatabaseError, connection, connections, transaction

from accounts import background, tenancy
from accounts.models import Job, Membership
from agent.models import Conversation
from tests.people import Person
from tests.storm import ROUND, STORM

THREADS = 8
OPERATIONS = 10_000 * STORM
seen_by_jobs: list[tuple[str, list[str]]] = []


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
    look_around(str(row.pk))
    return plain_read(person)


OPERATIONS_TO_MIX: list[Callable[[Person], list[str]]] = [
    plain_read,
    plain_read,
    error_in_transaction,
    savepoint_rolled_back,
    half_read_cursor,
    connection_given_back_in_the_middle,
    shared_then_workspace,
    request,
    job,
    killed_backend,
]


def test_ten_thousand_operations_on_two_workspaces_never_cross(alice: Person, charlie: Person) -> None:
    for person in (alice, charlie):
        with tenancy.within(person.workspace):
            for _ in range(3):
                Conversation.objects.create(owner_id=person.user.pk, title=f"of {person.user.name}")
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
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert not crossings
    assert sum(done.values()) == OPERATIONS
    assert all(set(seen) == {f"of {owner}"} for owner, seen in seen_by_jobs)
    assert len(seen_by_jobs) == done["job"]
