"""The worker's part of a sync, at the hand of a test."""

import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import contextmanager
from datetime import timedelta

from django.db import connections
from django.utils import timezone

from accounts import tenancy
from accounts.models import Connection
from agent.models import Page, SyncRun
from agent.sync import performing, services
from tests.outside import NotionWorkspace
from tests.people import Person

REFUSAL = {"error": {"status": 400, "code": "validation_error", "message": "Block type ai_block is not supported."}}


def sync(person: Person, *, is_full: bool = False) -> SyncRun:
    """One sync from beginning to end, as the worker does it."""
    run = services.start(membership=person.membership, is_full=is_full)
    performing.perform(sync_run_id=str(run.id))
    return SyncRun.objects.get(pk=run.pk)


@contextmanager
def syncing(person: Person, notion: NotionWorkspace) -> Iterator[None]:
    """A worker is in the middle of reading, and goes on afterwards until it has ended."""
    slow = notion.fault({"slow": {"ms": 300}}, path_regex="/children")
    run = services.start(membership=person.membership)

    def work() -> None:
        with tenancy.within(person.workspace):
            performing.perform(sync_run_id=str(run.id))
        connections.close_all()

    with ThreadPoolExecutor(1) as worker:
        ended = worker.submit(work)
        while not Page.objects.filter(sync_run=run.pk).exists():
            assert not ended.done()
            wait([ended], timeout=0.01)
        with notion.held(path_regex="/children") as is_held:
            while not is_held():
                assert not ended.done()
                wait([ended], timeout=0.01)
            yield
            notion.calm(slow)
        ended.result()


def keep_a_page(connection: Connection) -> None:
    """One that seems gone."""
    facts = {"state": Page.State.FAILED, "reason": Page.KEPT[Page.State.UNREACHABLE]}
    Page.objects.create(connection_id=connection.pk, notion_id=uuid.uuid4(), **facts)


def long_ago() -> None:
    """As if the last sync had been minutes after the last edits, so that their minute is surely over."""
    Page.objects.update(indexed_at=timezone.now() + timedelta(minutes=5))
