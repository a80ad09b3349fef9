"""Work in a thread of its own, as a worker has it: a test with a browser keeps an event loop in the main one."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from django.db import connections

T = TypeVar("T")


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
