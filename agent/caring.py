"""What staff do for a customer that needs knowledge of syncs, the index and what a workspace consists of."""

import uuid
from datetime import datetime

from django.db import transaction

from accounts import audit, background, staffing, tenancy
from accounts.models import AuditAction, Connection, User, Workspace
from accounts.staffing import DoesNotApply
from agent.sync import services as syncing
from billing import deletion, reading


def sync_again(*, workspace_id: uuid.UUID, by: User, why: str, now: datetime) -> int:
    """A sync of each connection that has none open. Answers how many; its members' pauses are theirs to end.

    Raises Forbidden, InvalidField, DoesNotApply, or what the plan refuses with.
    """
    with transaction.atomic(), staffing.doing(by, why=why):
        workspace = staffing.served(workspace_id)
        active = _connections(workspace, Connection.Status.ACTIVE)
        free = [each for each in active if each.open_sync is None]
        if not free:
            raise DoesNotApply("A sync is open already." if active else "No connection has access to Notion.")
        for connection in free:
            reading.check_can_read(connection, now=now)
        with tenancy.within(workspace):
            for connection in free:
                syncing.start_connection(connection, requested_by=None)
        for connection in free:
            audit.record(AuditAction.SYNC_STARTED, workspace_id=workspace.pk, about=connection.pk)
    return len(free)


def rebuild_index(*, workspace_id: uuid.UUID, by: User, why: str, now: datetime) -> int:
    """Of each connection, from what Postgres has. Answers how many. Raises Forbidden, InvalidField or DoesNotApply."""
    from agent.jobs import rebuild_index as job

    with transaction.atomic(), staffing.doing(by, why=why):
        workspace = staffing.served(workspace_id)
        kept = _connections(workspace, Connection.Status.ACTIVE, Connection.Status.REAUTHORIZE)
        asked = [
            each
            for each in kept
            if background.enqueue(job, workspace_id=workspace.pk, key=str(each.pk), connection_id=str(each.pk))
        ]
        if not asked:
            raise DoesNotApply("The index is being rebuilt already." if kept else "Nothing is connected.")
        for connection in asked:
            audit.record(AuditAction.INDEX_REBUILT, workspace_id=workspace.pk, about=connection.pk)
    return len(asked)


def _connections(workspace: Workspace, *states: str) -> list[Connection]:
    found = Connection.objects.filter(workspace=workspace, status__in=states)
    return list(found.order_by("connected_at", "pk"))


def close(*, workspace_id: uuid.UUID, confirm: str, by: User, why: str, now: datetime) -> None:
    """As an owner deletes it, in the name of one, who hear of it. `confirm`: the workspace's name.

    Raises Forbidden, DoesNotApply, or what a deletion raises.
    """
    staffing.check_is_staff(by)
    reason = staffing.said(why)
    workspace, owners = staffing.existing(workspace_id), staffing.owners(workspace_id)
    if workspace.state == Workspace.State.CLOSING:
        raise DoesNotApply("It is closed already.")
    if not owners:
        raise DoesNotApply("No owner can sign in, so nobody can be told. Make an account an owner first.")
    acting = audit.acting(audit.member(owners[0].user), really=audit.staff(by), reason=reason)
    with acting:
        deletion.close(by=owners[0], confirm=confirm, now=now)
    staffing.tell_owners(
        workspace,
        key=f"closed:{workspace_id}",
        title=f"{workspace} was closed by us",
        paragraphs=[f"Our reason: {reason}", "Your account stays. Answer this mail if you think that we are wrong."],
        now=now,
        to=owners,
        stays=True,
    )
