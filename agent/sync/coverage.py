"""What is known of a connection against what is searchable."""

import uuid
from collections.abc import Collection, Mapping
from dataclasses import asdict
from datetime import datetime
from typing import Any

from django.db.models import Count, Min, Q, QuerySet

from accounts.models import Connection, Membership
from agent.models import Page, Source, SyncRun
from agent.sync import freshness, lag, losses, services, showing, vanishing
from billing import reading

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
    reasons, oldest = _reasons(ids), _oldest(ids)
    lags, how = lag.of(ids, now=now), freshness.kept_fresh(membership.workspace, connections, now=now)
    rows = []
    for connection, counted in zip(connections, known["connections"], strict=True):
        synced = connection.last_synced_at
        rows.append(
            {
                "id": connection.id,
                "status": connection.status,
                "synced": connection.id not in resting,
                "last_synced_at": synced,
                "lag_seconds": int((now - synced).total_seconds()) if synced else None,
                "kept_fresh": "by_hand" if connection.id in resting else how[connection.id],
                "last_event_at": connection.last_event_at,
                "lag_ms": asdict(lags[connection.id]) if connection.id in lags else None,
                "pages": counted["pages"],
                "reasons": reasons.get(connection.id, []),
                "oldest": oldest.get(connection.id),
                "worked_out_at": worked_out_at(Source.objects.filter(connection_id=connection.id)),
            }
        )
    return {"complete": known["complete"], "connections": rows}


def searchable(ids: Collection[uuid.UUID]) -> dict[str, Any]:
    """Of each connection the pages that are known, and those that can be answered from."""
    figures = {key: dict.fromkeys(Page.State.values, 0) for key in ids}
    counted = Page.objects.filter(connection_id__in=ids).values("connection_id", "state").annotate(number=Count("id"))
    for row in counted:
        figures[row["connection_id"]][row["state"]] = row["number"]
    ended = SyncRun.objects.filter(connection_id__in=ids).exclude(status__in=services.OPEN)
    newest = ended.order_by("connection_id", "-created_at").distinct("connection_id")
    complete = {run.connection_id for run in newest if run.status == SyncRun.Status.COMPLETE}
    pages = {
        key: {"known": sum(states.values()), **{k: v for k, v in states.items() if k != "pending"}}
        for key, states in figures.items()
    }
    # Hidden by what lies above it, and not yet asked for by itself.
    hidden = Page.objects.filter(connection_id__in=ids, state=vanishing.NOT_ASKED[0], reason=vanishing.NOT_ASKED[1])
    complete -= set(hidden.values_list("connection_id", flat=True))
    is_complete = bool(figures) and all(key in complete and _is_accounted(figures[key]) for key in figures)
    return {"complete": is_complete, "connections": [{"id": key, "pages": pages[key]} for key in ids]}


def _is_accounted(states: Mapping[str, int]) -> bool:
    # What waits for its first reading is known, and neither read nor given up: nothing is complete before that.
    accounted = states[Page.State.INDEXED] + states[Page.State.SKIPPED] + sum(states[key] for key in Page.LOST)
    return accounted == sum(states.values()) > 0


def _reasons(ids: list[uuid.UUID]) -> dict[uuid.UUID, list[dict[str, Any]]]:
    """Why pages are not answered from, the most frequent first."""
    missing = Page.objects.filter(connection_id__in=ids).exclude(state__in=[Page.State.INDEXED, Page.State.PENDING])
    counted = missing.values("connection_id", "state", "reason").annotate(pages=Count("id"))
    found: dict[uuid.UUID, list[dict[str, Any]]] = {}
    for row in counted.order_by("-pages", "state", "reason"):
        said = found.setdefault(row["connection_id"], [])
        if len(said) < MOST_REASONS:
            said.append({key: row[key] for key in ("state", "reason", "pages")})
    return found


def _oldest(ids: list[uuid.UUID]) -> dict[uuid.UUID, dict[str, Any]]:
    """The page that was read longest ago: it has not changed since, as far as the last sync saw."""
    read = Page.objects.filter(connection_id__in=ids, state=Page.State.INDEXED)
    first = read.order_by("connection_id", "indexed_at", "id").distinct("connection_id")
    return {
        page.connection_id: {"page_id": page.notion_id, "title": page.title, "indexed_at": page.indexed_at}
        for page in first
    }


def worked_out_at(sources: QuerySet[Source]) -> datetime | None:
    """How old formulas and rollups of these sources' rows may be: when Notion gave the oldest of those rows.

    They change with the day, or with pages that we cannot see, and Notion calls their row unchanged.
    """
    columns = sources.filter(is_chosen=True).values_list("pk", "schema")
    computed = [
        key
        for key, schema in columns
        if any(isinstance(each, dict) and each.get("type") in showing.WORKED_OUT for each in schema.values())
    ]
    rows = Page.objects.filter(source__in=computed, state__in=[Page.State.INDEXED, Page.State.FAILED])
    oldest: datetime | None = rows.exclude(indexed_at=None).aggregate(at=Min("observed_at"))["at"]
    return oldest


def in_short(found: dict[str, Any]) -> dict[str, Any]:
    """`coverage` or `searchable` in one line, for all connections together."""
    pages = [row["pages"] for row in found["connections"]]
    return {
        "known": sum(each["known"] for each in pages),
        "indexed": sum(each["indexed"] for each in pages),
        "missing": sum(each["skipped"] + each["failed"] + each["unreachable"] for each in pages),
        "complete": found["complete"],
    }
