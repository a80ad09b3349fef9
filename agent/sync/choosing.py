"""What of a connection is read, and which of its databases holds tasks.

Rows become tasks when they are read, and a sync passes unchanged rows by. So whatever changes which rows are tasks, or
how, asks for a full sync in the same transaction.
"""

import uuid
from collections.abc import Mapping

from django.db import transaction

from accounts import connections as authorizations
from accounts.models import Connection, Membership
from agent.models import Source, SyncRun
from agent.sync import services
from config.errors import InvalidField
from tasks import services as tasks
from tasks.models import TaskSource


def choose(
    *,
    membership: Membership,
    connection: Connection,
    source_ids: set[uuid.UUID],
    shown_ids: set[uuid.UUID],
    tasks_source: str | None = None,
) -> SyncRun:
    """Of the sources that the member was shown, these are read from now on and no others; a sync begins.

    What was found since they looked stays as it is. `tasks_source` is the id of the one that holds tasks, empty for
    none of them; None leaves that as it is.
    """
    authorizations.owned(membership, connection.id)
    with transaction.atomic():
        sources = Source.objects.filter(connection_id=connection.id)
        holder = _holder(sources.in_bulk(), source_ids, tasks_source) if tasks_source else None
        sources.filter(pk__in=source_ids).update(is_chosen=True)
        sources.filter(pk__in=shown_ids - source_ids).update(is_chosen=False)
        is_other = tasks_source is not None and _map(connection, holder)
        return services.start_connection(connection, requested_by=membership.user_id, is_full=is_other)


def _holder(known: Mapping[uuid.UUID, Source], source_ids: set[uuid.UUID], wanted: str) -> Source:
    holder = next((source for source in known.values() if str(source.pk) == wanted), None)
    if holder is None or holder.kind != Source.Kind.DATABASE:
        raise InvalidField(
            "The database for your tasks is not one that this connection can see. Refresh the list and choose again.",
            pointer="/tasks_source",
        )
    if holder.pk not in source_ids:
        raise _not_chosen(holder, "Choose it in the list too, or take another database for your tasks.")
    return holder


def _not_chosen(source: Source, what_to_do: str) -> InvalidField:
    return InvalidField(
        f"“{source.title}” is to hold your tasks but is not chosen, so its rows would never be read. {what_to_do}",
        pointer="/tasks_source",
        field_code="not-chosen",
    )


def _map(connection: Connection, holder: Source | None) -> bool:
    """Whether from now on other rows than before are tasks."""
    if holder is None:
        tasks.map_nothing(connection_id=connection.id)
        return False
    if TaskSource.objects.filter(connection_id=connection.id, data_source_id=holder.notion_id).exists():
        return False
    tasks.map_source(
        connection_id=connection.id, data_source_id=holder.notion_id, title=holder.title, schema=holder.schema
    )
    return True


def remap(*, membership: Membership, source: Source, columns: Mapping[str, str]) -> SyncRun:
    """Use these columns for tasks; every row is read anew."""
    connection = authorizations.owned(membership, source.connection_id)
    if not source.is_chosen:
        raise _not_chosen(source, "Choose it first.")
    with transaction.atomic():
        tasks.remap(connection_id=connection.id, data_source_id=source.notion_id, columns=columns, schema=source.schema)
        return services.start_connection(connection, requested_by=membership.user_id, is_full=True)
