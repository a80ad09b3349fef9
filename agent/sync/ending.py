"""Ending a connection: the token revoked, what was read through it erased everywhere."""

import uuid
from datetime import timedelta

from django.db import transaction
from django.db.models import Model
from django.utils import timezone

from accounts import background, tenancy
from accounts import connections as authorizations
from accounts.models import Connection, Job, Membership
from agent.exports import services as exports
from agent.models import Change, Chunk, Disconnection, Loss, Page, Source, SyncRun
from agent.runs import services as runs
from agent.sync import holding, live
from integrations import vectors
from tasks import parting
from tasks.models import Outgoing, Task, TaskSource

SHOWN = 5
# Until it is seen again whether a worker has stopped.
PAUSE = timedelta(seconds=5)


def disconnect(*, membership: Membership, connection_id: uuid.UUID | None = None) -> None:
    """Revoke the token and remove what was read. Without an id: all connections that are the member's own."""
    from agent.sync.jobs import erase_connection

    if connection_id is not None:
        ending = [authorizations.endable(membership, connection_id)]
    else:
        # Those that were disconnected already too: repeating it finishes what was left.
        own = Connection.objects.filter(workspace_id=membership.workspace_id, owner_id=membership.user_id)
        ending = list(own)
    for connection in ending:
        with tenancy.shared():
            is_revoked = authorizations.revoke(connection)
        with transaction.atomic():
            _note(connection, is_revoked=is_revoked)
            with tenancy.shared():
                authorizations.end(connection, by=membership)
                background.enqueue(
                    erase_connection,
                    workspace_id=membership.workspace_id,
                    key=f"erase {connection.id}",
                    connection_id=str(connection.id),
                )
        _forget(connection.id)


def _note(connection: Connection, *, is_revoked: bool) -> None:
    """What goes with it, counted before a worker can erase it. Repeating it counts nothing anew."""
    held = {
        "owner_id": connection.owner_id,
        "notion_workspace_name": connection.notion_workspace_name,
        "is_revoked": is_revoked,
        "pages": Page.objects.filter(connection_id=connection.pk).count(),
        "passages": Chunk.objects.filter(connection_id=connection.pk).count(),
        "tasks": Task.objects.filter(connection_id=connection.pk).count(),
    }
    Disconnection.objects.get_or_create(connection_id=connection.pk, defaults=held)


def _forget(connection_id: uuid.UUID) -> None:
    """Everything read through the connection. A sync at work writes under a lock on its run, which goes first."""
    with transaction.atomic():
        runs = SyncRun.objects.filter(connection_id=connection_id)
        list(runs.select_for_update().values_list("pk", flat=True))
        holding.hold(connection_id)
        runs.delete()
        parting.forget(connection_id=connection_id)
        for model in (Page, Loss, Source, Change):
            model._default_manager.filter(connection_id=connection_id).delete()


class SomethingLeft(Exception):
    """Of a connection that was ended; the job comes back."""


def _wait_for_syncs(workspace_id: uuid.UUID) -> None:
    """No worker may hold a sync whose run is gone: its vectors would come back after they were dropped."""
    from agent.sync.jobs import sync

    now = timezone.now()
    held = Job.objects.filter(workspace_id=workspace_id, name=sync.name, failed_at=None, leased_until__gt=now)
    wanted = [uuid.UUID(job.arguments["sync_run_id"]) for job in held]
    if len(wanted) > SyncRun.objects.filter(pk__in=wanted).count():
        raise background.Later(now + PAUSE)


def _wait_for_restoring(workspace_id: uuid.UUID, connection_id: uuid.UUID) -> None:
    """A worker that began before the chunks went may still write a vector; one that begins now finds none to write."""
    from agent.jobs import restore_index

    now = timezone.now()
    held = Job.objects.filter(workspace_id=workspace_id, name=restore_index.name, key=str(connection_id))
    if held.filter(failed_at=None, leased_until__gt=now).exists():
        raise background.Later(now + PAUSE)


def erase(*, connection_id: str) -> None:
    """The job behind `disconnect`: what a sync wrote meanwhile, the vectors, and at last the connection itself."""
    key = uuid.UUID(connection_id)
    workspace_id = tenancy.active_workspace_id()
    assert workspace_id is not None
    if not Connection.objects.filter(pk=key, status=Connection.Status.DISCONNECTED).exists():
        return
    _forget(key)
    runs.forget_quotes(key, workspace_id=workspace_id)
    # They may quote it too.
    exports.forget(made_before=timezone.now())
    _wait_for_syncs(workspace_id)
    _wait_for_restoring(workspace_id, key)
    vectors.workspace(workspace_id).collection(key).drop()
    live.forget_left(workspace_id)
    if left := _left(workspace_id, key):
        raise SomethingLeft(", ".join(left))
    Disconnection.objects.filter(connection_id=key, erased_at=None).update(erased_at=timezone.now())
    with tenancy.shared():
        Connection.objects.filter(pk=key, workspace_id=workspace_id, status=Connection.Status.DISCONNECTED).delete()


OF_A_CONNECTION: tuple[type[Model], ...] = (SyncRun, Page, Loss, Chunk, Source, Change, Task, TaskSource, Outgoing)


def _left(workspace_id: uuid.UUID, connection_id: uuid.UUID) -> list[str]:
    """The kinds of things that are still there, asked for one by one where each is kept."""
    found = [
        model.__name__
        for model in OF_A_CONNECTION
        if model._default_manager.filter(connection_id=connection_id).exists()
    ]
    if vectors.workspace(workspace_id).collection(connection_id).count():
        found.append("vectors")
    if runs.are_left(connection_id, workspace_id=workspace_id):
        found.append("answers")
    if live.left(workspace_id):
        found.append("events")
    held = Connection.objects.filter(pk=connection_id)
    if held.exclude(sealed_access_token="", sealed_refresh_token="").exists():
        found.append("tokens")
    return found


def ended(by: Membership) -> list[Disconnection]:
    """Of the member's own connections, the newest first."""
    return list(Disconnection.objects.filter(owner_id=by.user_id).order_by("-ended_at")[:SHOWN])
