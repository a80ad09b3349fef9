"""What is known of a connection against what is searchable."""

import uuid
from dataclasses import asdict
from datetime import datetime
from typing import Any

from django.db.models import Count, Q

from accounts.models import Connection, Membership
from agent.models import Page, SyncRun
from agent.sync import freshness, lag, losses, services
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
    figures: dict[uuid.UUID, dict[str, int]] = {key: dict.fromkeys(Page.State.values, 0) for key in ids}
    counted = Page.objects.filter(connection_id__in=ids).values("connection_id", "state").annotate(number=Count("id"))
    for row in counted:
        figures[row["connection_id"]][row["state"]] = row["number"]
    newest = {
        run.connection_id: run
        for run in SyncRun.objects.filter(connection_id__in=ids)
        .exclude(status__in=services.OPEN)
        .order_by("connection_id", "-created_at")
        .distinct("connection_id")
    }
    resting = reading.uncovered(membership.workspace_id, now=now)
    reasons, oldest = _reasons(ids), _oldest(ids)
    lags, how = lag.of(ids, now=now), freshness.kept_fresh(membership.workspace, now=now)
    rows = []
    for connection in connections:
        states = figures[connection.id]
        # What waits for its first reading is known, and neither read nor given up: nothing is complete before that.
        accounted = states[Page.State.INDEXED] + states[Page.State.SKIPPED] + sum(states[key] for key in Page.LOST)
        is_whole = accounted == sum(states.values()) > 0
        synced = connection.last_synced_at
        rows.append(
            {
                "id": connection.id,
                "status": connection.status,
                "synced": connection.id not in resting,
                "last_synced_at": synced,
                "lag_seconds": int((now - synced).total_seconds()) if synced else None,
                "kept_fresh": how if connection.id not in resting and not connection.is_paused else "by_hand",
                "last_event_at": connection.last_event_at,
                "lag_ms": asdict(lags[connection.id]) if connection.id in lags else None,
                "pages": {"known": sum(states.values()), **{k: v for k, v in states.items() if k != "pending"}},
                "reasons": reasons.get(connection.id, []),
                "oldest": oldest.get(connection.id),
                "is_complete": connection.id in newest
                and newest[connection.id].status == SyncRun.Status.COMPLETE
                and is_whole,
            }
        )
    is_complete = bool(rows) and all(row.pop("is_complete") for row in rows)
    return {"complete": is_complete, "connections": rows}


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


def in_short(found: dict[str, Any]) -> dict[str, Any]:
    """`coverage` in one line, for all connections together."""
    pages = [row["pages"] for row in found["connections"]]
    return {
        "known": sum(each["known"] for each in pages),
        "indexed": sum(each["indexed"] for each in pages),
        "missing": sum(each["skipped"] + each["failed"] + each["unreachable"] for each in pages),
        "complete": found["complete"],
    }
