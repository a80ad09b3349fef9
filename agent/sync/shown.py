"""How syncs and sources look on a page: counts, states and words, read in a constant number of queries."""

import uuid
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Count
from django.urls import reverse
from django.utils import timezone
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from accounts import background
from accounts.models import Connection, User
from agent.models import Page, Source, SyncRun
from agent.sync import coverage, services
from agent.sync.jobs import sync
from agent.sync.vanishing import Question
from billing import reading

# Nothing is said about the time left before this share is read.
EARLIEST_FORECAST = 0.1
LONG = timedelta(minutes=10)


def progress(run: SyncRun, *, connection: Connection, now: datetime) -> dict[str, Any]:
    done = run.indexed + run.unchanged + run.skipped + run.failed + run.trashed
    is_open = run.status in services.OPEN
    seconds = _reading(run, now).total_seconds()
    is_slowed = bool(run.status == SyncRun.Status.RUNNING and run.slowed_until and run.slowed_until > now)
    held_up = run.slowed_until - now if is_slowed and run.slowed_until else timedelta()
    rows = sources([connection], run=run)
    return {
        "id": run.id,
        "status": run.status,
        "is_open": is_open,
        "is_discovered": run.is_discovered,
        "reason": run.reason,
        "known": run.known,
        "done": done,
        "paused_at": run.paused_at,
        "paused_by": _name(run.paused_by) if run.paused_at else "",
        "percent": int(100 * done / run.known) if run.known else 0,
        "indexed": run.indexed,
        "skipped": run.skipped,
        "failed": run.unread,
        "chunks_embedded": run.chunks_embedded,
        "speed": round(done / seconds, 1) if run.status in services.AT_WORK and seconds >= 2 else None,
        "left": _left(run, done, seconds, held_up=held_up) if run.status in services.AT_WORK else "",
        "waiting": _waiting(run, connection, now) if run.status in services.AT_WORK else "",
        "slowed_until": run.slowed_until if is_slowed else None,
        "duration": length(seconds) if run.finished_at else "",
        "sources": rows,
        "ready": next((row for row in rows if is_open and row["state"] == "ok"), None),
        "problems": [] if is_open else coverage.problems(run),
        "usable": 0 if is_open else Page.objects.searchable().filter(connection_id=connection.id).count(),
    }


def _name(user_id: uuid.UUID | None) -> str:
    """Nobody's, for whom the workspace no longer knows."""
    user = User.objects.filter(pk=user_id).only("id", "name", "email").first() if user_id else None
    return str(user) if user else ""


def loss(connection: Connection, *, kept: Question | None, can_confirm: bool) -> dict[str, Any] | None:
    """Pages of the connection that seem gone and are `kept`, for whoever is to say whether they are."""
    # While Notion does not let us in, nobody can look whether they are.
    if kept is None or connection.status == Connection.Status.REAUTHORIZE:
        return None
    return {
        "connection_id": connection.id,
        "sync_id": kept.sync_id,
        "vanished": kept.pages,
        "of": kept.of,
        "can_confirm": can_confirm,
    }


def _reading(run: SyncRun, now: datetime) -> timedelta:
    """How long it has been read: without the pauses."""
    if run.started_at is None:
        return timedelta()
    return max(timedelta(), (run.finished_at or run.paused_at or now) - run.started_at - run.rested)


def _waiting(run: SyncRun, connection: Connection, now: datetime) -> str:
    """For a worker: since when, and behind how many."""
    place = background.place(sync, workspace_id=connection.workspace_id, now=now, sync_run_id=str(run.pk))
    if place is None:
        return ""
    minutes = int((now - place.since).total_seconds() // 60)
    waits = (
        ngettext("Waiting for %(n)d minute", "Waiting for %(n)d minutes", minutes) % {"n": minutes}
        if minutes
        else _("Waiting for less than a minute")
    )
    if not place.before:
        return _("%(waits)s, next in line.") % {"waits": waits}
    return _("%(waits)s, %(n)d before it.") % {"waits": waits, "n": place.before}


def _left(run: SyncRun, done: int, seconds: float, *, held_up: timedelta) -> str:
    """At the pace so far, once Notion lets it go on."""
    if not run.is_discovered or not run.known or done < run.known * EARLIEST_FORECAST:
        return ""
    rest = held_up + (timedelta(seconds=seconds / done * (run.known - done)) if done else LONG)
    if rest < timedelta(minutes=1):
        return _("less than a minute left")
    minutes = int(rest.total_seconds() // 60) + 1
    return ngettext("about %(n)d min left", "about %(n)d min left", minutes) % {"n": minutes}


def length(seconds: float) -> str:
    minutes, rest = divmod(int(seconds), 60)
    return _("%(m)d min %(s)d s") % {"m": minutes, "s": rest} if minutes else _("%(s)d s") % {"s": rest}


def sources(connections: Iterable[Connection], *, run: SyncRun | None = None) -> list[dict[str, Any]]:
    """The chosen sources of these connections, each with its pages and state; `run` is the sync to show as busy."""
    by_id = {connection.id: connection for connection in connections}
    counted = coverage.by_source(by_id)
    pages = Page.objects.filter(connection_id__in=by_id)
    open_runs = {each.connection_id: each for each in SyncRun.objects.filter(status__in=services.OPEN)}
    if run is not None and run.status in services.OPEN:
        open_runs[run.connection_id] = run
    accounted: dict[uuid.UUID | None, int] = {
        row["source_id"]: row["number"]
        for row in pages.filter(sync_run__in=[each.pk for each in open_runs.values()])
        .values("source_id")
        .annotate(number=Count("id"))
    }
    now = timezone.now()
    resting = {key for each in {c.workspace_id for c in by_id.values()} for key in reading.uncovered(each, now=now)}
    every = list(Source.objects.filter(connection_id__in=by_id).order_by("-kind", "title", "id"))
    which = told_apart(every)

    def figures(source: Source) -> coverage.Figures:
        return counted.get(source.id, coverage.Figures())

    return [
        _row(each, by_id[each.connection_id], figures(each), open_runs.get(each.connection_id), accounted)
        | (_RESTING if each.connection_id in resting else {})
        | {"which": which.get(each.pk, "")}
        for each in every
        if each.is_chosen
    ]


def _note(figures: coverage.Figures) -> str:
    said = []
    if figures.kept:
        said.append(ngettext("%(n)d seems gone", "%(n)d seem gone", figures.kept) % {"n": figures.kept})
    if figures.failed:
        said.append(ngettext("%(n)d failed", "%(n)d failed", figures.failed) % {"n": figures.failed})
    if at := figures.next_try_at:
        said.append(_("next try %(time)s") % {"time": f"{timezone.localtime(at):%H:%M}"})
    return ", ".join(said)


def told_apart(sources: Iterable[Source]) -> dict[uuid.UUID, str]:
    """Of sources that share a database: which of them it is. They are often called the same. What is gone is none."""
    shared: dict[tuple[uuid.UUID, str], list[Source]] = {}
    for source in sources:
        if source.database_id and not source.is_gone:
            shared.setdefault((source.connection_id, source.database_id), []).append(source)
    return {
        source.pk: _("Source %(n)d of %(all)d in “%(database)s”")
        % {"n": number, "all": len(several), "database": source.database_title or source.title}
        for several in shared.values()
        if len(several) > 1
        for number, source in enumerate(sorted(several, key=lambda each: each.notion_id), start=1)
    }


# By the plan; a sync that is queued for it ends at once.
_RESTING = {"state": "paused", "label": gettext_lazy("No longer synced")}


_AT: dict[str, tuple[str, Promise]] = {
    SyncRun.Status.QUEUED: ("waiting", gettext_lazy("Waiting")),
    SyncRun.Status.RUNNING: ("busy", gettext_lazy("Syncing")),
    SyncRun.Status.PAUSED: ("paused", gettext_lazy("Paused")),
}


def _is_ready(source: Source, run: SyncRun, done: int, total: int) -> bool:
    """All rows of a database are known before the first is read; a tree of pages may grow until the sync ends."""
    return source.kind == Source.Kind.DATABASE and run.is_discovered and 0 < total <= done


def _row(
    source: Source,
    connection: Connection,
    figures: coverage.Figures,
    run: SyncRun | None,
    accounted: dict[uuid.UUID | None, int],
) -> dict[str, Any]:
    # A page that was just found has no source yet; it counts once it is read. So how many there will be is known of a
    # database's rows and of a tree that was read before.
    total = figures.known
    done = accounted.get(source.id, 0)
    is_first = source.kind == Source.Kind.PAGE and connection.last_synced_at is None
    row: dict[str, Any] = {
        "id": source.id,
        "connection_id": source.connection_id,
        "kind": source.kind,
        "title": source.title,
        "place": source.place,
        "notion_url": source.url,
        "url": reverse("source", args=[source.id]),
        "total": None if run is not None and (is_first or not total) else total,
        "done": done,
        "synced_at": connection.last_synced_at,
        "note": _note(figures),
        "badge": "",
    }
    state: str
    label: str | Promise
    if connection.status == Connection.Status.REAUTHORIZE:
        state, label = "warn", _("No access")
        row["badge"] = label
    elif run is not None and not _is_ready(source, run, done, total):
        state, label = _AT[run.status]
    elif figures.kept:
        state, label = "warn", _("Pages seem gone")
    elif figures.failed:
        state, label = "warn", _("Some pages could not be read")
    elif run is None and (figures.older or figures.waiting):
        state, label = "warn", _("Not all read anew yet")
    elif total or connection.last_synced_at:
        state, label = "ok", _("Up to date")
    else:
        state, label = "waiting", _("Waiting")
    return row | {"state": state, "label": label}
