"""What a sync says while it works, for whoever looks at it: its newest state alone, in a stream of `config.waiting`.

An event is the whole state as numbers, for a page as HTML, and its name on a page is the state that the page then has
to be in: `queued`, `progress` (running), `paused`, `done`. Nothing depends on it; the run stands in Postgres.
"""

import time
import uuid
from collections.abc import Iterable
from datetime import datetime, timedelta
from functools import partial
from typing import Any

import redis
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.template.loader import render_to_string
from django.utils import timezone

from accounts import tenancy
from accounts.models import Connection
from agent.events import Events, ends, rebuilt
from agent.models import SyncRun
from config import handover, valkey, waiting
from config.handover import Handover, Mode

EVERY_SECONDS = 1.0
# A stream lasts two minutes; who still looks then comes back and is noted anew.
WATCHED = timedelta(seconds=150)
NAMES = {SyncRun.Status.QUEUED: "queued", SyncRun.Status.RUNNING: "progress", SyncRun.Status.PAUSED: "paused"}


class SyncEvents(Events):
    """Each event replaces the one before."""

    kept = 1

    def __init__(self, workspace_id: uuid.UUID, run_id: uuid.UUID) -> None:
        self.key = f"{self.start(workspace_id)}{run_id}"

    @staticmethod
    def start(workspace_id: uuid.UUID) -> str:
        return f"sync:{workspace_id}:"

    def watch(self) -> None:
        pipe = valkey.client().pipeline()
        pipe.set(f"{self.key}:watched", 1, ex=WATCHED)
        self._execute(pipe)

    def drop(self, entry: waiting.Entry) -> None:
        pipe = valkey.client().pipeline()
        pipe.xdel(self.key, entry.id)
        self._execute(pipe)

    def is_watched(self) -> bool:
        try:
            return bool(valkey.client().exists(f"{self.key}:watched"))
        except redis.RedisError:
            return False


def forget(workspace_id: uuid.UUID, run_ids: Iterable[uuid.UUID]) -> None:
    """What these syncs said; who listens goes on. Raises when Redis is away: what has to go is not given up."""
    if keys := [SyncEvents(workspace_id, each).key for each in run_ids]:
        valkey.client().delete(*keys)


def forget_left(workspace_id: uuid.UUID) -> None:
    if keys := left(workspace_id):
        valkey.client().delete(*keys)


def left(workspace_id: uuid.UUID) -> list[bytes]:
    """What is kept of syncs that are no more."""
    start = SyncEvents.start(workspace_id)
    keys = list(valkey.client().scan_iter(match=f"{start}*", count=1_000))
    of = {key: uuid.UUID(key.decode().removeprefix(start).partition(":")[0]) for key in keys}
    there = set(SyncRun.objects.filter(pk__in=of.values()).values_list("pk", flat=True))
    return [key for key, run_id in of.items() if run_id not in there]


class Telling:
    """Of one worker at one sync, at most once a second, and only while somebody looks."""

    def __init__(self, connection: Connection, run: SyncRun) -> None:
        self._events = SyncEvents(connection.workspace_id, run.pk)
        self._connection, self._run = connection, run
        self._is_kept = not run._state.adding
        self._told_at = 0.0

    def __call__(self, *, at_once: bool = False) -> None:
        now = time.monotonic()
        if not self._is_kept or (now - self._told_at < EVERY_SECONDS and not at_once):
            return
        self._told_at = now
        if self._events.is_watched():
            run = SyncRun.objects.filter(pk=self._run.pk, status=SyncRun.Status.RUNNING).first()
            if run is not None:
                _say(self._events, run, self._connection)


def tell(run_id: uuid.UUID | str) -> None:
    """That it was queued, paused or ended; when the transaction that did it is through."""
    workspace_id = tenancy.active_workspace_id()
    assert workspace_id is not None
    transaction.on_commit(partial(_tell, workspace_id, run_id))


def _tell(workspace_id: uuid.UUID, run_id: uuid.UUID | str) -> None:
    run = SyncRun.objects.filter(pk=run_id).first()
    if run is None:
        return
    events = SyncEvents(workspace_id, run.pk)
    if run.status not in NAMES:
        events.say("done", _ended(run), page=("done", ""))
    elif events.is_watched() and (connection := Connection.objects.filter(pk=run.connection_id).first()):
        _say(events, run, connection)


def _say(events: SyncEvents, run: SyncRun, connection: Connection) -> None:
    from agent.sync import shown

    state = shown.progress(run, connection=connection, now=timezone.now())
    html = render_to_string("connect/_live.html", {"sync": state, "connection": connection})
    data = {key: state[key] for key in ("status", "done", "known", "percent", "is_discovered", "left", "slowed_until")}
    events.say("progress", {"id": run.pk, **data}, page=(NAMES[SyncRun.Status(run.status)], html))


def _ended(run: SyncRun) -> dict[str, Any]:
    from agent.sync.api import shown

    return shown(run)


def answer(request: HttpRequest, run: SyncRun, *, mode: Mode, seen: str = "") -> HttpResponse:
    """The events of a sync, from the newest on. `seen`: the state that the page shows.

    In another one the page hears `done`: it stops listening and fetches itself anew. Any other event would leave the
    browser to complain of a stream that ended.
    """
    workspace_id = tenancy.active_workspace_id()
    assert workspace_id is not None, "syncs are looked at inside their workspace"
    events = SyncEvents(workspace_id, run.pk)
    response, after = handover.event_stream(), waiting.heard_until(request)
    # Read before the state, so an event that does not fit to it is of a state before, said while nobody looked.
    last = events.last()
    run.refresh_from_db(fields=["status", "finished_at"])
    if run.status not in NAMES:
        entries = _rebuilt("done", _ended(run), run.finished_at or timezone.now())
        if waiting.position(entries[0].id) <= after:
            # The browser's own sign to stop coming back.
            return HttpResponse(status=204)
    elif seen not in {"", run.status}:
        entries = _rebuilt("done", {"status": run.status}, timezone.now())
    else:
        events.watch()
        if last is not None and last.fields[b"pe"] != NAMES[SyncRun.Status(run.status)].encode():
            events.drop(last)
        if handover.is_offered(request):
            handover.give(response, Handover(events.key, mode, ends(request)))
            return response
        # Without a layer that waits the stream ends here, and the client comes back.
        entries = [entry for entry in events.said() if waiting.position(entry.id) > after]
    response.content = waiting.RETRY + b"".join(waiting.frame(entry, is_page=mode == Mode.PAGE) for entry in entries)
    return response


def _rebuilt(name: str, data: Any, at: datetime) -> list[waiting.Entry]:
    return list(rebuilt([(name, data)], at_milliseconds=int(at.timestamp() * 1000)))
