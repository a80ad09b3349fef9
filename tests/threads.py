"""Work in a thread of its own, as a worker has it: a test with a browser keeps an event loop in the main one."""

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from functools import partial
from typing import Any, TypeVar

from django.db import connection, connections, transaction
from django.db.models import QuerySet

T = TypeVar("T")
MOST_LOOKS = 2_000


def elsewhere(work: Callable[[], T]) -> T:
    def run() -> T:
        try:
            return work()
        finally:
            connections.close_all()

    with ThreadPoolExecutor(1) as thread:
        return thread.submit(run).result()


def at_once(work: Callable[[], T], *, times: int) -> list[T]:
    """The same work in so many threads that begin together; their answers."""
    together = threading.Barrier(times)

    def run() -> T:
        together.wait()
        try:
            return work()
        finally:
            connections.close_all()

    with ThreadPoolExecutor(times) as threads:
        return [task.result() for task in [threads.submit(run) for _ in range(times)]]


def in_turn(held: QuerySet[Any], *works: Callable[[], object]) -> None:
    """Each begins when those before it wait for a row; they go on when the held rows are free. What one raises is
    raised."""
    with ThreadPoolExecutor(len(works)) as threads:
        with transaction.atomic():
            assert held.select_for_update()
            begun: list[Future[Any]] = []
            for number, work in enumerate(works, start=1):
                begun.append(threads.submit(elsewhere, partial(work)))
                until_waiting(number, begun)
        for one in begun:
            one.result()


def until_waiting(number: int, begun: Sequence[Future[Any]]) -> None:
    """So many of what was begun wait for the transaction that is open here."""
    for _ in range(MOST_LOOKS):
        if wait(begun, timeout=0.02).done or waiting() >= number:
            break
    assert waiting() == number, [one.exception() for one in begun if one.done()]


def waiting() -> int:
    """How many wait for us, or for somebody who does."""
    with connection.cursor() as cursor:
        cursor.execute(
            "WITH RECURSIVE waiting(pid) AS (SELECT pg_backend_pid() UNION SELECT held.pid FROM pg_locks held"
            " JOIN waiting ON waiting.pid = ANY(pg_blocking_pids(held.pid)) WHERE NOT granted)"
            " SELECT count(*) - 1 FROM waiting"
        )
        return int(cursor.fetchone()[0])
