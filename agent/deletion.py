"""Deleting a workspace: closed at once, and after two weeks erased everywhere by a worker. It may be killed at any
moment.

Its people's accounts stay. What goes: everything in its schema, the schema with its role, its vectors, what Redis holds
of it, and the shared rows about it (members, connections with their tokens, invitations, mails, jobs, subscription).
"""

import logging
import uuid
from datetime import datetime, timedelta

from django.db import OperationalError, transaction
from django.utils import timezone

from accounts import background, schemas, tenancy
from accounts import connections as authorizations
from accounts.models import Connection, ErasureCertificate, Job, Workspace, WorkspaceSchema
from accounts.schemas import NoSchemaReady
from agent import certifying
from billing import deletion
from billing.gateways import Refused
from billing.models import Subscription

log = logging.getLogger(__name__)
PAUSE = timedelta(seconds=5)
# Said before and after, on the page and by the API.
ERASES = (
    "conversations, answers and exports",
    "what was read from Notion, and the search index",
    "tasks, sources and usage",
    "connections and their access to Notion",
    "members, their API keys, invitations and settings",
)
KEEPS = (
    "your account, and every other workspace",
    "everything in Notion itself",
    "invoices that were written already",
    "backups of the database, until they run out",
)


def sweep(*, now: datetime) -> None:
    """Says when a day is left, and has workers erase where the time has come."""
    deletion.remind(now=now)
    for workspace_id in deletion.due(now=now):
        begin(workspace_id, now=now)


def begin(workspace_id: uuid.UUID, *, now: datetime) -> None:
    """One that cannot be begun must not keep the others waiting; it is tried again."""
    try:
        deletion.begin(workspace_id=workspace_id, now=now, then=lambda: enqueue(workspace_id))
    except (Refused, NoSchemaReady, OperationalError) as error:
        log.warning("the erasing of workspace %s waits: %s", workspace_id, error)


def resume() -> None:
    """Ask again for what could not be finished, whatever kept it from that."""
    for workspace in Workspace.objects.filter(state=Workspace.State.ERASING):
        enqueue(workspace.pk)


def enqueue(workspace_id: uuid.UUID) -> None:
    from agent.jobs import erase_workspace

    background.enqueue(erase_workspace, workspace_id=workspace_id, key="workspace")


def erase() -> None:
    """The job, inside the workspace that nobody can enter any more."""
    workspace_id = tenancy.active_workspace_id()
    assert workspace_id is not None
    with tenancy.shared():
        traces = certifying.begin(Workspace.objects.get(pk=workspace_id))
        for connection in Connection.objects.filter(workspace_id=workspace_id):
            authorizations.revoke(connection)
            authorizations.end(connection)
        _wait_for_work(workspace_id)
        # The vectors before the rows: while the rows are there, this begins again after a crash.
        certifying.clear(traces)
        _delete_rows(workspace_id)
        finish_schemas()
        certifying.finish_for(ErasureCertificate.Kind.WORKSPACE, workspace_id)
    log.info("workspace %s is erased", workspace_id)


def _delete_rows(workspace_id: uuid.UUID) -> None:
    """As the owner: the audit log goes along, so no role that serves may do it."""
    with transaction.atomic(using=schemas.OWNER):
        # Before the rows about it, as everybody does who writes one of them.
        Subscription.objects.using(schemas.OWNER).select_for_update().filter(workspace_id=workspace_id).first()
        mine = Workspace.objects.using(schemas.OWNER).filter(pk=workspace_id)
        schema = WorkspaceSchema.objects.using(schemas.OWNER).filter(name=mine.get().schema_name)
        schema.update(state=WorkspaceSchema.State.ERASING)
        mine.delete()


def _wait_for_work(workspace_id: uuid.UUID) -> None:
    """A worker that began before would write vectors anew; none begins any more."""
    from agent.jobs import erase_workspace

    now = timezone.now()
    at_work = Job.objects.filter(workspace_id=workspace_id, leased_until__gt=now).exclude(name=erase_workspace.name)
    if at_work.exists():
        raise background.Later(now + PAUSE)


def finish_schemas() -> None:
    """Those whose workspace is gone. Dropping one twice does nothing."""
    left = WorkspaceSchema.objects.filter(state=WorkspaceSchema.State.ERASING)
    for name in left.values_list("name", flat=True):
        schemas.drop(name)
