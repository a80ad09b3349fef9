"""Syncs that begin by themselves, and those that were lost. Reads the shared tables alone, never the broker."""

import logging
import random
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import Exists, OuterRef, QuerySet, TextField
from django.db.models.fields.json import KeyTextTransform
from django.db.models.functions import Cast, Least
from django.utils import timezone

from accounts import background, tenancy
from accounts.models import Connection, Job, Workspace
from agent.sync import services
from agent.sync.intervals import interval_of
from billing import reading

log = logging.getLogger(__name__)
BATCH = 500
# When a workspace without the feature, or without full access, is looked at again.
LOOK_AGAIN = timedelta(hours=1)
# Of the interval, so that what became due together does not stay together. Never later: see `reach`.
JITTER = 0.1


def fan_out(*, now: datetime) -> int:
    """A job for each connection that is due. Answers how many."""
    number = 0
    while (asked := _batch(now)) is not None:
        number += asked
    return number


def _batch(now: datetime) -> int | None:
    from agent.sync.jobs import scheduled

    with transaction.atomic():
        due = (
            Connection.objects.select_for_update(skip_locked=True, of=("self",))
            .filter(status=Connection.Status.ACTIVE, is_paused=False, sync_due_at__lte=now)
            .select_related("workspace__subscription")
            .order_by("sync_due_at")[:BATCH]
        )
        connections = list(due)
        jobs = []
        for connection in connections:
            interval = interval_of(connection.workspace, now=now)
            pause = interval or LOOK_AGAIN
            connection.sync_due_at = now + pause * (1 - random.uniform(0, JITTER))
            # One that was never read waits for its member to choose.
            if interval is None or connection.last_synced_at is None:
                continue
            arguments = {"connection_id": str(connection.pk)}
            jobs.append(
                Job(
                    workspace_id=connection.workspace_id,
                    name=scheduled.name,
                    queue=scheduled.queue_name,
                    key=str(connection.pk),
                    arguments=arguments,
                )
            )
        Connection.objects.bulk_update(connections, ["sync_due_at"])
        # The sweep wakes workers, so many connections at once do not flood the broker.
        Job.objects.bulk_create(jobs, ignore_conflicts=True)
    return len(jobs) if connections else None


def follow(connection: Connection, *, begun_at: datetime) -> None:
    """The next one begins no later than an interval after this one: a new connection would wait for its first look."""
    with tenancy.shared():
        known = Connection.objects.select_related("workspace__subscription").filter(pk=connection.pk).first()
        interval = interval_of(known.workspace, now=timezone.now()) if known else None
        if interval is not None:
            soon = Least("sync_due_at", begun_at + interval)
            Connection.objects.filter(pk=connection.pk).update(sync_due_at=soon)


def begin(*, connection_id: str) -> None:
    """The job: a sync, unless one is open already."""
    connection = Connection.objects.filter(pk=connection_id, status=Connection.Status.ACTIVE, is_paused=False).first()
    if connection is not None and reading.can_read(connection, now=timezone.now()):
        services.start_connection(connection, requested_by=None)


def lost() -> QuerySet[Connection]:
    """Those with an open sync that has no job any more. One that merely waits has its job."""
    from agent.sync.jobs import sync

    jobs = Job.objects.filter(workspace=OuterRef("workspace"), name=sync.name, failed_at=None).annotate(
        run=KeyTextTransform("sync_run_id", "arguments")
    )
    return (
        Connection.objects.filter(open_sync__isnull=False, is_paused=False, workspace__state=Workspace.State.ACTIVE)
        .exclude(status=Connection.Status.DISCONNECTED)
        .filter(~Exists(jobs.filter(run=Cast(OuterRef("open_sync"), TextField()))))
    )


def restart_lost() -> int:
    from agent.sync.jobs import sync

    number = 0
    for connection in lost()[:BATCH]:
        log.error("the sync %s had lost its job; it begins again", connection.open_sync)
        number += background.enqueue(
            sync,
            workspace_id=connection.workspace_id,
            key=f"restart {connection.open_sync}",
            sync_run_id=str(connection.open_sync),
        )
    return number
