"""What one sync works with: the connection, its run, Notion within the connection's rate, and what it must report."""

import math
import time
import uuid
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from django.conf import settings
from django.db import transaction
from django.db.models import F
from django.utils import timezone

from accounts import background, connections
from accounts.models import Connection
from agent.models import Page, Source, SyncRun
from agent.sync import holding
from agent.sync.live import Telling
from billing import reading
from config import valkey
from integrations.notion import Limiter, Notion, Patience, RateLimited
from integrations.notion.budget import Wait
from integrations.notion.setup import budget_from_settings

Json = dict[str, Any]


SHARE_SECONDS = 10.0
# A longer wait gives the worker back. While it discovers, a sync would begin anew, so it waits for a whole window.
LONGEST_WAIT = 5.0
LONGEST_WAIT_DISCOVERING = 65.0


class Stopped(Exception):
    """The run is no longer wanted."""


class Gone(NamedTuple):
    """In which way a page is proven to be gone, and the words for it; what it was `checked_at` before that."""

    state: str
    reason: str
    checked_at: datetime | None


@dataclass
class Session:
    connection: Connection
    run: SyncRun
    notion: Notion
    pace: "_Counted"
    # Whoever looks at the sync.
    tell: Telling
    # Titles of pages and databases by Notion's id, as far as this run has met them or knew them before.
    titles: dict[str, str] = field(default_factory=dict)
    sources: dict[str, Source] = field(default_factory=dict)
    # Data sources met in this run.
    met: set[str] = field(default_factory=set)
    # Pages that this run has proven to be gone, by their keys.
    gone: dict[uuid.UUID, Gone] = field(default_factory=dict)
    # How often each outdated page was looked after.
    renewed: Counter[uuid.UUID] = field(default_factory=Counter)
    # Finding what could be chosen, with a run that is not kept.
    is_only_looking: bool = False
    begun: float = field(default_factory=time.monotonic)
    # What the transaction that is open has counted so far.
    _counted: Counter[str] | None = None
    # When Notion was asked for the page that is accounted for now by itself, and not for one of a list.
    asked_at: datetime | None = None
    # When the edit that is read now was made, if Notion told of it.
    happened_at: datetime | None = None
    # By Notion's minute, when the edits were made that it told of and that were read: others may follow from them.
    told: dict[datetime, datetime] = field(default_factory=dict)

    @property
    def workspace_id(self) -> uuid.UUID:
        return self.connection.workspace_id

    @property
    def pages(self) -> Any:
        return Page.objects.filter(connection_id=self.connection.id)

    def lose(self, page: Page, how: tuple[str, str]) -> None:
        """Proven after `page` was fetched as it is."""
        self.gone[page.pk] = Gone(*how, page.checked_at)

    def count(self, **by: int) -> None:
        """Move the run's figures; in the same transaction as what they count."""
        if self._counted is not None:
            self._counted.update(by)
        else:
            self._move(by)

    def _move(self, by: Mapping[str, int]) -> None:
        SyncRun.objects.filter(pk=self.run.pk).update(**{name: F(name) + number for name, number in by.items()})
        transaction.on_commit(self.tell)

    def note(self, problem: str) -> None:
        """Something that keeps this run from being complete."""
        if self.is_only_looking:
            return
        with self.writing():
            run = SyncRun.objects.get(pk=self.run.pk)
            if problem not in run.problems:
                SyncRun.objects.filter(pk=run.pk).update(problems=[*run.problems, problem])

    def let_others(self) -> None:
        """Between two pages: after its share of time a sync goes behind those that have no worker."""
        if time.monotonic() - self.begun > SHARE_SECONDS and background.do_others_wait():
            raise background.Later(timezone.now())

    @contextmanager
    def writing(self) -> Iterator[None]:
        """One transaction of this run, also for what is written within. Raises Stopped when the run was ended, paused
        or taken over: whoever does that takes the same lock, so nothing is written afterwards."""
        if self._counted is not None:
            yield
            return
        with transaction.atomic():
            if not self._hold():
                raise Stopped(str(self.run.pk))
            self._counted = Counter()
            try:
                yield
                if self._counted:
                    self._move(self._counted)
            finally:
                self._counted = None

    def _hold(self) -> bool:
        if self.is_only_looking:
            return holding.hold_beside_syncs(self.connection.pk)
        return holding.hold_for(self.run)


class _Counted:
    """The connection's shared rate, counting this run's requests. Each is asked of the plan first: a sync may take
    longer than what is left of a trial. What would take long gives the worker back."""

    def __init__(self, limiter: Limiter, connection: Connection, run: SyncRun, tell: Telling) -> None:
        self._limiter, self._connection, self._run, self._tell = limiter, connection, run, tell
        self.requests = self.limited = 0
        self.is_kept = not run._state.adding
        # Not while discovering, nor in a page begun before: given up again and again, neither might ever end.
        self.can_stop_here = False

    def acquire(self, wait: Wait = time.sleep, *, at_most: float = 300.0) -> float:
        reading.check_can_read(self._connection, now=timezone.now())
        self._tell()
        # An answer may take almost as long as a silent worker has.
        background.renew_lease()
        longest = min(at_most, self._longest())
        try:
            waited = self._limiter.acquire(wait, at_most=longest)
        except RateLimited as error:
            if longest < at_most:
                self._give_back(error.retry_after or longest)
            raise
        self.requests += 1
        return waited

    def taken(self) -> dict[str, int]:
        """What was asked, and refused, since this was called last."""
        said = {"notion_requests": self.requests, "notion_limited": self.limited}
        self.requests = self.limited = 0
        return said

    def _longest(self) -> float:
        if not (self.is_kept and background.is_at_work()):
            return math.inf
        return LONGEST_WAIT if self.can_stop_here else LONGEST_WAIT_DISCOVERING

    def _give_back(self, seconds: float) -> None:
        until = timezone.now() + timedelta(seconds=seconds)
        SyncRun.objects.filter(pk=self._run.pk).update(slowed_until=until)
        self._tell(at_once=True)
        raise background.Later(until)

    def block(self, seconds: float, *, whole_workspace: bool = False) -> None:
        self.limited += 1
        self._limiter.block(seconds, whole_workspace=whole_workspace)
        if seconds > self._longest():
            self._give_back(seconds)


def beside(connection: Connection, notion: Notion, limiter: Limiter) -> Session:
    """For writing down what was found out without a sync."""
    run = SyncRun(connection_id=connection.pk)
    tell = Telling(connection, run)
    return Session(connection, run, notion, _Counted(limiter, connection, run, tell), tell, is_only_looking=True)


@contextmanager
def opened(connection: Connection, run: SyncRun, *, patience: Patience | None = None) -> Iterator[Session]:
    """Notion for this run. Waiting keeps the job's lease and shows on the progress page.

    Any request of it may raise one of billing.reading.NOT_COVERED instead of being made.
    """

    tell = Telling(connection, run)

    def wait(seconds: float) -> None:
        background.renew_lease()
        if seconds >= 1:
            until = timezone.now() + timedelta(seconds=seconds)
            SyncRun.objects.filter(pk=run.pk).update(slowed_until=until)
            tell(at_once=True)
        time.sleep(seconds)

    budget = budget_from_settings(
        valkey.client(),
        str(connection.id),
        workspace=connection.notion_workspace_id,
        # Who chooses what to read waits for it.
        background=not run._state.adding,
    )
    counted = _Counted(budget, connection, run, tell)
    with Notion(
        connections.access_token(connection),
        settings.NOTION_API_URL,
        budget=counted,
        version=settings.NOTION_VERSION,
        wait=wait,
        patience=patience or Patience(first_pause=settings.NOTION_FIRST_PAUSE_SECONDS),
        renew=lambda rejected: connections.renewed_token(connection, rejected=rejected),
    ) as notion:
        session = Session(connection=connection, run=run, notion=notion, pace=counted, tell=tell)
        session.titles = dict(session.pages.values_list("notion_id", "title"))
        session.sources = {source.notion_id: source for source in Source.objects.filter(connection_id=connection.id)}
        try:
            yield session
        finally:
            session.count(**counted.taken())
