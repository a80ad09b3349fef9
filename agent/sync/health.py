"""Writing down, when a sync has ended, what staff may know of its connection."""

import uuid
from datetime import timedelta
from functools import partial

from django.db import transaction
from django.db.models import Count, Sum
from django.utils import timezone

from accounts import tenancy
from accounts.models import Connection, ConnectionHealth
from agent.models import Page, SyncRun
from agent.sync import lag

DAY = timedelta(days=1)
UNREACHABLE = "Notion could not be reached, after several tries."
NO_ACCESS = "Notion no longer accepts this connection. Connect again; what was read stays searchable."
NOTHING_SHOWN = (
    "Notion shows nothing more to this connection. What was read is kept, and still searched unless Notion says that it"
    " is in the trash."
)
ALL_IN_TRASH = (
    "All that was read of this connection is in Notion's trash. It is kept, and not searched unless it is restored"
    " there."
)
# A reason may name pages; these do not.
OUR_WORDS = frozenset({UNREACHABLE, NO_ACCESS, NOTHING_SHOWN, ALL_IN_TRASH})


def note(run_id: uuid.UUID | str) -> None:
    """When the transaction that ends the sync is through, which no failure here undoes."""
    transaction.on_commit(partial(_note, run_id), robust=True)


def _note(run_id: uuid.UUID | str) -> None:
    run = SyncRun.objects.filter(pk=run_id).exclude(status__in=SyncRun.OPEN).first()
    # Of one that was disconnected nothing is kept.
    if run is None or not Connection.objects.filter(pk=run.connection_id).exclude(status="disconnected").exists():
        return
    now = timezone.now()
    pages = Page.objects.filter(connection_id=run.connection_id).aggregate(
        known=Count("id"), indexed=Count("id", filter=Page.SEARCHABLE)
    )
    lately = SyncRun.objects.filter(connection_id=run.connection_id, created_at__gt=now - DAY)
    asked = lately.aggregate(requests=Sum("notion_requests"), limited=Sum("notion_limited"))
    lags = lag.of([run.connection_id], now=now).get(run.connection_id)
    figures = {
        "outcome": run.status,
        "error": _error(run),
        "ended_at": run.finished_at or now,
        "lag_p50_ms": lags.p50 if lags else None,
        "lag_p95_ms": lags.p95 if lags else None,
        **{name: number or 0 for name, number in {**pages, **asked}.items()},
    }
    with tenancy.shared():
        ConnectionHealth.objects.bulk_create(
            [ConnectionHealth(connection_id=run.connection_id, **figures)],
            update_conflicts=True,
            unique_fields=["connection"],
            update_fields=figures,
        )


def _error(run: SyncRun) -> str:
    if run.status == SyncRun.Status.FAILED:
        return run.reason if run.reason in OUR_WORDS else "The sync failed."
    return f"{run.unread} pages could not be read." if run.unread else ""
