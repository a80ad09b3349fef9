"""What is known of a connection against what is searchable."""

import uuid
from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any

from django.db.models import Count, Min, Q, QuerySet

from accounts.models import Connection, Membership
from agent.models import Page, Source, SyncRun
from agent.sync import doubts, freshness, lag, losses, reasons, services, showing, vanishing
from billing import reading
from tasks.models import TaskSource

MOST_REASONS = 20


def problems(run: SyncRun) -> list[dict[str, Any]]:
    """Pages of this run that are not as they should be, with the reason."""
    bad = Page.objects.filter(connection_id=run.connection_id, sync_run=run.pk).filter(
        Q(state__in=[Page.State.FAILED, Page.State.UNREACHABLE]) | ~Q(warnings=[])
    )
    rows = []
    for page in bad.order_by("title", "id")[:200]:
        reason = page.reason or " ".join(losses.of_page(page.warnings))
        if reason:
            rows.append(
                {
                    "page_id": page.notion_id,
                    "title": page.title,
                    "reason": reason,
                    "next_try_at": page.next_try_at,
                }
            )
    return rows


def coverage(*, membership: Membership, now: datetime) -> dict[str, Any]:
    """What is known of the member's connections against what is searchable, and how far behind Notion that is."""
    connections = list(Connection.objects.readable_by(membership).order_by("connected_at"))
    ids = [connection.id for connection in connections]
    known = searchable(ids)
    resting = reading.uncovered(membership.workspace_id, now=now)
    kept = vanishing.kept_by(ids)
    why, oldest = _reasons(ids), _oldest(ids, Page.SEARCHABLE)
    outdated = _oldest(ids, reasons.older(ids))
    lags, how = lag.of(ids, now=now), freshness.kept_fresh(membership.workspace, connections, now=now)
    worked_out = worked_out_at(Source.objects.filter(connection_id__in=ids))
    mapped = TaskSource.objects.filter(connection_id__in=ids).exclude(data_source_id=TaskSource.REFUSED)
    holders = dict(mapped.values_list("connection_id", "id"))
    rows = []
    for connection, counted in zip(connections, known["connections"], strict=True):
        synced = connection.last_synced_at
        rows.append(
            {
                "id": connection.id,
                "status": connection.status,
                "synced": connection.id not in resting,
                "last_synced_at": synced,
                "task_source": holders.get(connection.id),
                "lag_seconds": int((now - synced).total_seconds()) if synced else None,
                "kept_fresh": _kept_fresh(connection, how, resting),
                "last_event_at": connection.last_event_at,
                "lag_ms": asdict(lags[connection.id]) if connection.id in lags else None,
                "pages": counted["pages"],
                "older_since": counted["older_since"],
                "reasons": why.get(connection.id, []),
                "oldest": oldest.get(connection.id),
                "oldest_outdated": outdated.get(connection.id),
                "kept": asdict(kept[connection.id]) if connection.id in kept else None,
                "worked_out_at": worked_out.get(connection.id),
            }
        )
    return {"complete": known["complete"], "connections": rows}


def _kept_fresh(connection: Connection, how: Mapping[uuid.UUID, str], resting: Collection[uuid.UUID]) -> str:
    is_resting = connection.id in resting and connection.status == Connection.Status.ACTIVE
    return "by_hand" if is_resting else how[connection.id]


def searchable(ids: Collection[uuid.UUID]) -> dict[str, Any]:
    """Of each connection the pages that are known, and those that are answered from, as they are now or were before."""
    figures = {key: Figures() for key in ids}
    figures |= _counted(Page.objects.filter(connection_id__in=ids), reasons.older(ids), by="connection_id")
    ended = SyncRun.objects.filter(connection_id__in=ids).exclude(status__in=services.OPEN)
    newest = ended.order_by("connection_id", "-created_at").distinct("connection_id")
    # What it could not read may have been read since, and stands in the pages themselves.
    listed = (SyncRun.Status.COMPLETE, SyncRun.Status.PARTIAL)
    complete = {run.connection_id for run in newest if run.status in listed and not run.problems}
    # Hidden by what lies above it, and not yet asked for by itself.
    hidden = Page.objects.filter(connection_id__in=ids, state=vanishing.NOT_ASKED[0], reason=vanishing.NOT_ASKED[1])
    complete -= set(hidden.values_list("connection_id", flat=True))
    complete -= reasons.without_access(ids) | doubts.doubted(ids) | _with_losses(ids).keys()
    is_complete = bool(figures) and all(key in complete and each.are_accounted for key, each in figures.items())
    return {
        "complete": is_complete,
        "connections": [
            {"id": key, "pages": each.shown(), "older_since": each.older_since} for key, each in figures.items()
        ],
    }


@dataclass
class Figures:
    """Of pages: in which state each is, and whether it is answered from."""

    states: Counter[str] = field(default_factory=Counter)
    # Answered from as they are now, as far as we know, and as they were when they were read before.
    indexed: int = 0
    older: int = 0
    # Those wait for their first reading.
    waiting: int = 0
    # They seem gone together with too many others.
    kept: int = 0
    # When the first of those that could not be read is tried again.
    next_try_at: datetime | None = None
    # When the first of the older ones was read.
    older_since: datetime | None = None

    @property
    def known(self) -> int:
        return self.states.total()

    @property
    def failed(self) -> int:
        """Those that could not be read."""
        return self.states[Page.State.FAILED] - self.kept

    @property
    def are_accounted(self) -> bool:
        # What waits to be read, again or at first, is neither read nor given up: nothing is complete before that.
        accounted = self.indexed + sum(self.states[state] for state in Page.GONE)
        return accounted == self.known > 0

    def shown(self) -> dict[str, int]:
        """`indexed`, `older` and `missing` make up `known`; the others say in which state those are."""
        states = {str(state): self.states[state] for state in (Page.State.SKIPPED, Page.State.FAILED, *Page.LOST)}
        states[Page.State.FAILED] = self.failed
        counted = {"known": self.known, "indexed": self.indexed, "older": self.older}
        missing = {"missing": self.known - self.indexed - self.older, "waiting": self.waiting}
        return counted | missing | states | {"kept": self.kept}


def by_source(ids: Collection[uuid.UUID]) -> dict[uuid.UUID, Figures]:
    """Of these connections' sources."""
    return _counted(Page.objects.filter(connection_id__in=ids), reasons.older(ids), by="source_id")


def _counted(pages: QuerySet[Page], older: Q, *, by: str) -> dict[uuid.UUID, Figures]:
    counted = pages.values(by, "state").annotate(
        number=Count("id"),
        searchable=Count("id", filter=Page.SEARCHABLE),
        older=Count("id", filter=older),
        since=Min("indexed_at", filter=older),
        kept=Count("id", filter=Page.IS_KEPT),
        next=Min("next_try_at", filter=Q(state=Page.State.FAILED) & ~Page.IS_KEPT),
    )
    found: dict[uuid.UUID, Figures] = {}
    for row in counted.order_by(by):
        figures = found.setdefault(row[by], Figures())
        figures.states[row["state"]] = row["number"]
        figures.indexed += row["searchable"] - row["older"]
        figures.older += row["older"]
        figures.kept += row["kept"]
        figures.next_try_at = row["next"] or figures.next_try_at
        figures.older_since = min(filter(None, (figures.older_since, row["since"])), default=None)
        if row["state"] == Page.State.PENDING:
            figures.waiting = row["number"] - row["searchable"]
    return found


_REASON = {"state": "state", "reason": "why", "pages": "pages", "older": "older"}


def _reasons(ids: list[uuid.UUID]) -> dict[uuid.UUID, list[dict[str, Any]]]:
    """Why pages are not answered from, or only as they were before, the most frequent first; last what is not known of
    pages that are."""
    lacking = reasons.lacking(Page.objects.filter(connection_id__in=ids), ids)
    counted = lacking.values("connection_id", "state", "why").annotate(
        pages=Count("id"), older=Count("id", filter=Q(is_older=True))
    )
    found: dict[uuid.UUID, list[dict[str, Any]]] = {}
    for row in counted.order_by("-pages", "state", "why"):
        said = found.setdefault(row["connection_id"], [])
        if len(said) < MOST_REASONS:
            said.append({key: row[of] for key, of in _REASON.items()})
    for key, pages in _with_losses(ids).items():
        lost = " ".join(losses.of_pages(pages))
        found.setdefault(key, []).append({"state": Page.State.INDEXED, "reason": lost, "pages": len(pages), "older": 0})
    unread: dict[uuid.UUID, list[Source]] = {}
    for source in doubts.doubted_sources(ids):
        unread.setdefault(source.connection_id, []).append(source)
    for key, sources in unread.items():
        rows = Page.objects.filter(source__in=sources, state=Page.State.INDEXED).count()
        of_rows = {"state": Page.State.INDEXED, "reason": doubts.of_sources(sources), "pages": rows, "older": 0}
        found.setdefault(key, []).append(of_rows)
    return found


def _with_losses(ids: Collection[uuid.UUID]) -> dict[uuid.UUID, list[tuple[str, losses.Warnings]]]:
    """Pages that are searchable but not whole, by connection."""
    read = Page.objects.filter(connection_id__in=ids, state=Page.State.INDEXED).exclude(warnings=[])
    found: dict[uuid.UUID, list[tuple[str, losses.Warnings]]] = {}
    for key, title, warnings in read.order_by("title", "id").values_list("connection_id", "title", "warnings"):
        if losses.of_page(warnings):
            found.setdefault(key, []).append((title, warnings))
    return found


def _oldest(ids: list[uuid.UUID], which: Q) -> dict[uuid.UUID, dict[str, Any]]:
    """Of these pages the one that was read longest ago."""
    read = Page.objects.filter(which, connection_id__in=ids).only("connection_id", "notion_id", "title", "indexed_at")
    first = read.order_by("connection_id", "indexed_at", "id").distinct("connection_id")
    return {
        page.connection_id: {"page_id": page.notion_id, "title": page.title, "indexed_at": page.indexed_at}
        for page in first
    }


def worked_out_at(sources: QuerySet[Source]) -> dict[uuid.UUID, datetime]:
    """By connection, how old formulas and rollups of these sources' rows may be: when Notion gave the oldest of those.

    They change with the day, or with pages that we cannot see, and Notion calls their row unchanged.
    """
    columns = sources.filter(is_chosen=True).values_list("pk", "schema")
    computed = [
        key
        for key, schema in columns
        if any(isinstance(each, dict) and each.get("type") in showing.WORKED_OUT for each in schema.values())
    ]
    rows = Page.objects.filter(source__in=computed, state__in=[Page.State.INDEXED, Page.State.FAILED])
    given = rows.exclude(indexed_at=None).exclude(observed_at=None).values_list("connection_id")
    return dict(given.annotate(at=Min("observed_at")))


def in_short(found: dict[str, Any]) -> dict[str, Any]:
    """`coverage` or `searchable` in one line, for all connections together; fit for JSON."""
    rows = found["connections"]
    return {
        **{name: sum(row["pages"][name] for row in rows) for name in ("known", "indexed", "older", "missing")},
        "older_since": min((at.isoformat() for row in rows if (at := row["older_since"])), default=None),
        "complete": found["complete"],
    }
