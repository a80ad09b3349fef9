"""What one sync works with: the connection, its run, Notion within the connection's rate, and what it must report."""

import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import F
from django.utils import timezone

from accounts import background, connections
from accounts.models import Connection
from agent.models import Page, Source, SyncRun
from billing import reading
from config import valkey
from integrations.notion import Limiter, Notion, Patience
from integrations.notion.budget import Wait
from integrations.notion.setup import budget_from_settings

Json = dict[str, Any]


class Stopped(Exception):
    """The run is no longer wanted."""


@dataclass
class Session:
    connection: Connection
    run: SyncRun
    notion: Notion
    # Titles by Notion's id, for links, mentions and relations between pages.
    titles: dict[str, str] = field(default_factory=dict)
    sources: dict[str, Source] = field(default_factory=dict)
    # The page that each database met so far lies in, by Notion's ids; empty for one that lies in none.
    holders: dict[str, str] = field(default_factory=dict)
    # Finding what could be chosen, with a run that is not kept.
    is_only_looking: bool = False

    @property
    def workspace_id(self) -> uuid.UUID:
        return self.connection.workspace_id

    @property
    def pages(self) -> Any:
        return Page.objects.filter(connection_id=self.connection.id)

    def count(self, **by: int) -> None:
        """Move the run's figures; in the same transaction as what they count."""
        SyncRun.objects.filter(pk=self.run.pk).update(**{name: F(name) + number for name, number in by.items()})

    def note(self, problem: str) -> None:
        """Something that keeps this run from being complete."""
        with self.writing():
            run = SyncRun.objects.get(pk=self.run.pk)
            if problem not in run.problems:
                SyncRun.objects.filter(pk=run.pk).update(problems=[*run.problems, problem])

    @contextmanager
    def writing(self) -> Iterator[None]:
        """One transaction of this run. Raises Stopped when the run was cancelled or its connection ended: whoever does
        that takes the same lock, so nothing is written afterwards."""
        wanted: Any = SyncRun.objects.filter(pk=self.run.pk, status=SyncRun.Status.RUNNING)
        if self.is_only_looking:
            wanted = Connection.objects.filter(pk=self.connection.pk, status=Connection.Status.ACTIVE)
        with transaction.atomic():
            if not wanted.select_for_update().exists():
                raise Stopped(str(self.run.pk))
            yield


class _Counted:
    """The connection's shared rate, counting this run's requests. Each is asked of the plan first: a sync may take
    longer than what is left of a trial."""

    def __init__(self, limiter: Limiter, connection: Connection) -> None:
        self._limiter = limiter
        self._connection = connection
        self.requests = 0

    def acquire(self, wait: Wait = time.sleep, *, at_most: float = 300.0) -> float:
        reading.check_can_read(self._connection, now=timezone.now())
        waited = self._limiter.acquire(wait, at_most=at_most)
        self.requests += 1
        return waited

    def block(self, seconds: float, *, whole_workspace: bool = False) -> None:
        self._limiter.block(seconds, whole_workspace=whole_workspace)


@contextmanager
def opened(connection: Connection, run: SyncRun, *, patience: Patience | None = None) -> Iterator[Session]:
    """Notion for this run. Waiting keeps the job's lease and shows on the progress page.

    Any request of it may raise one of billing.reading.NOT_COVERED instead of being made.
    """

    def wait(seconds: float) -> None:
        background.renew_lease()
        if seconds >= 1:
            until = timezone.now() + timedelta(seconds=seconds)
            SyncRun.objects.filter(pk=run.pk).update(slowed_until=until)
        time.sleep(seconds)

    counted = _Counted(budget_from_settings(valkey.client(), str(connection.id), background=True), connection)
    with Notion(
        connections.access_token(connection),
        settings.NOTION_API_URL,
        budget=counted,
        version=settings.NOTION_VERSION,
        wait=wait,
        patience=patience or Patience(first_pause=settings.NOTION_FIRST_PAUSE_SECONDS),
        renew=lambda rejected: connections.renewed_token(connection, rejected=rejected),
    ) as notion:
        session = Session(connection=connection, run=run, notion=notion)
        session.titles = dict(session.pages.values_list("notion_id", "title"))
        session.sources = {source.notion_id: source for source in Source.objects.filter(connection_id=connection.id)}
        try:
            yield session
        finally:
            session.count(notion_requests=counted.requests)
