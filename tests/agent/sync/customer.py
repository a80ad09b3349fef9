"""The process of `test_kills` that knows the product: a customer on servers of their own, who syncs and looks."""

import json
import sys
import time
from contextlib import redirect_stdout
from datetime import timedelta
from typing import Any

from django.core.management import call_command
from django.db import Error, connections
from django.utils import timezone

from accounts import tenancy
from accounts.models import Connection, Job
from agent.models import Chunk, Page, SyncRun
from agent.sync import coverage, services
from billing import reading
from integrations import embedder, vectors
from tests.people import Person, put_on_plan, sign_up

PATIENCE_SECONDS = 60.0


class Customer:
    def __init__(self, token: str) -> None:
        call_command("prepare_database", warm=1, verbosity=0)
        self.person: Person = sign_up("Alice")
        put_on_plan(self.person, "plus")
        self.connection: Connection = reading.connect_with_token(
            membership=self.person.membership, token=token, is_shared=False, now=timezone.now()
        )

    def sync(self) -> str:
        """The open one, or a new one as if days had passed since the one before."""
        for past in SyncRun.objects.exclude(watermark=None):
            assert past.watermark is not None
            SyncRun.objects.filter(pk=past.pk).update(watermark=past.watermark - timedelta(days=2))
        return str(services.start_connection(self.connection, requested_by=self.person.user.pk).pk)

    def state(self, run_id: str) -> dict[str, Any]:
        """How far that sync is. What waits for another attempt need not wait for its time."""
        run = SyncRun.objects.get(pk=run_id)
        with tenancy.shared():
            now = timezone.now()
            Job.objects.filter(failed_at=None, leased_until=None, due_at__gt=now).update(due_at=now)
            errors = list(Job.objects.exclude(error="").values_list("error", flat=True))
        accounted = run.indexed + run.unchanged + run.skipped + run.failed + run.trashed
        return {"status": run.status, "reason": run.reason, "accounted": accounted, "errors": errors}

    def held(self) -> dict[str, Any]:
        """Everything that is answered from, and whatever does not fit together."""
        live = Page.objects.exclude(state__in=Page.LOST)
        texts: dict[str, list[str]] = {key: [] for key in live.values_list("notion_id", flat=True)}
        wrong: list[str] = []
        index = vectors.workspace(self.person.workspace.pk).collection(self.connection.pk)
        named = set(index.ids())
        for chunk in Chunk.objects.order_by("ordinal").select_related("page"):
            nearest = index.query(embedding=embedder.from_bytes(chunk.embedding), limit=1)
            if str(chunk.pk) not in named or nearest[0].similarity < 0.9999:
                wrong.append(f"the vector of {chunk}")
            if chunk.page.notion_id in texts:
                texts[chunk.page.notion_id].append(chunk.text)
            named.discard(str(chunk.pk))
        return {
            "pages": {
                page.notion_id: [page.title, page.markdown, texts[page.notion_id]]
                for page in live.filter(state=Page.State.INDEXED)
            },
            "not indexed": sorted(str(page) for page in live.exclude(state=Page.State.INDEXED)),
            "wrong": [*wrong, *(f"{key} is of no chunk" for key in named)],
            "complete": coverage.searchable([self.connection.pk])["complete"],
            "failed jobs": self._failed_jobs(),
        }

    def _failed_jobs(self) -> list[str]:
        with tenancy.shared():
            return [f"{job}: {job.error}" for job in Job.objects.exclude(failed_at=None)]


def answer(customer: Customer, name: str, arguments: list[str]) -> Any:
    """Its connections may be of a server that was killed."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while True:
        try:
            with tenancy.within(customer.person.workspace):
                return getattr(customer, name)(*arguments)
        except Error:
            if time.monotonic() > deadline:
                raise
            for alias in connections:
                connections[alias].close()
            time.sleep(0.05)


def main(token: str) -> None:
    # What is said there are answers.
    with redirect_stdout(sys.stderr):
        customer = Customer(token)
    print("null", flush=True)
    for line in sys.stdin:
        name, *arguments = json.loads(line)
        print(json.dumps(answer(customer, name, arguments)), flush=True)
