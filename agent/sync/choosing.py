"""What of a connection is read, and which of its databases holds tasks.

Rows become tasks when they are read, and a sync passes unchanged rows by. So whatever changes which rows are tasks, or
how, asks for a full sync in the same transaction.
"""

import uuid
from collections.abc import Mapping
from typing import Any

from django.db import transaction
from django.utils import timezone

from accounts import connections as authorizations
from accounts.models import Connection, Membership
from agent import indexing
from agent.exports import services as exports
from agent.models import Page, Source, SyncRun
from agent.sync import finding, holding, services, telling
from config.errors import AppError, InvalidField
from tasks import columns as task_columns
from tasks import sources as task_sources
from tasks.models import TaskSource

PREVIEW = 3


class NoSource(AppError):
    code = "not-found"
    status = 404


def choose_only(*, membership: Membership, source_ids: set[uuid.UUID]) -> SyncRun:
    """As `choose`, from all that is known of the connection whose sources these are."""
    authorizations.check_can_connect(membership)
    readable = Connection.objects.readable_by(membership).values_list("id", flat=True)
    found = Source.objects.filter(pk__in=source_ids, connection_id__in=list(readable))
    of = list(found.values_list("connection_id", flat=True))
    if len(of) < len(source_ids) or len(set(of)) != 1:
        raise NoSource("Name sources of one connection, by the `id` that they have there.")
    connection = authorizations.owned(membership, of[0])
    known = set(Source.objects.filter(connection_id=connection.pk).values_list("pk", flat=True))
    return choose(membership=membership, connection=connection, source_ids=source_ids, shown_ids=known)


def choose(
    *,
    membership: Membership,
    connection: Connection,
    source_ids: set[uuid.UUID],
    shown_ids: set[uuid.UUID],
    tasks_source: str | None = None,
    columns: Mapping[str, str] | None = None,
) -> SyncRun:
    """Of the sources that the member was shown, these are read from now on and no others; what was read of others is
    forgotten at once. A sync begins.

    Refused before all of them are found. What a sync finds later is read too. `tasks_source` is the id of the one that
    holds tasks, empty for none of them; None leaves that as it is. `columns` are those that its tasks are made from;
    None: as they are, or for another database the best guess.
    """
    authorizations.owned(membership, connection.id)
    with transaction.atomic():
        holding.hold(connection.pk)
        finding.check_all_found(connection)
        sources = Source.objects.filter(connection_id=connection.id)
        holder = _holder(sources.in_bulk(), source_ids, tasks_source) if tasks_source else None
        with telling.told(connection.pk, by=membership):
            again = list(sources.filter(pk__in=source_ids, is_chosen=False).values_list("pk", flat=True))
            sources.filter(pk__in=again).update(is_chosen=True, is_recast=True)
            waiting = Page.objects.filter(source__in=again, state=Page.State.SKIPPED)
            waiting.update(state=Page.State.PENDING, reason="", sync_run=None)
            if again:
                services.list_again(connection)
            left_out = sources.filter(pk__in=shown_ids - source_ids)
            newly = list(left_out.filter(is_chosen=True))
            is_other = tasks_source is not None and _map(connection, holder, columns)
            names = list(left_out.values_list("notion_id", flat=True))
            task_sources.leave_out(connection_id=connection.id, data_source_ids=names)
            stale = finding.forget(newly, connection_id=connection.pk, workspace_id=connection.workspace_id)
            if names:
                # Their tasks may stand in one.
                exports.forget(made_before=timezone.now())
        run = services.start_connection(connection, requested_by=membership.user_id, is_full=is_other)
    indexing.forget_vectors(stale, workspace_id=connection.workspace_id, connection_id=connection.pk)
    return run


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


def _map(connection: Connection, holder: Source | None, columns: Mapping[str, str] | None) -> bool:
    """Whether from now on other rows than before are tasks, or are read otherwise."""
    if holder is None:
        task_sources.map_nothing(connection_id=connection.id)
        return False
    which: dict[str, Any] = {"connection_id": connection.id, "data_source_id": holder.notion_id}
    is_other = not TaskSource.objects.filter(**which).exists()
    if is_other:
        task_sources.map_source(**which, title=holder.title, schema=holder.schema)
    if columns is not None:
        is_other |= task_columns.remap(**which, columns=columns, schema=holder.schema)
    return is_other


def offered(source: Source, columns: Mapping[str, str] | None = None) -> dict[str, Any]:
    """For a page: the columns that tasks could be made from, and what three rows would be with them.

    Rows as Notion showed them last, so nobody waits for it.
    """
    mapped = TaskSource.objects.filter(connection_id=source.connection_id, data_source_id=source.notion_id).first()
    seen = Page.objects.filter(
        connection_id=source.connection_id, parent_id=source.notion_id, observed__has_key="properties"
    )
    rows = seen.exclude(state__in=Page.GONE).order_by("-observed_edited_at", "id")[:PREVIEW]
    found = task_columns.offered_columns(
        mapped, columns=columns, schema=source.schema, rows=list(rows.values_list("observed", flat=True))
    )
    return {"of": source.pk, **found}


def remap(*, membership: Membership, source: Source, columns: Mapping[str, str]) -> SyncRun:
    """Use these columns for tasks; every row is read anew."""
    connection = authorizations.owned(membership, source.connection_id)
    if not source.is_chosen:
        raise _not_chosen(source, "Choose it first.")
    with transaction.atomic():
        holding.hold(connection.pk)
        with telling.told(connection.pk, by=membership):
            task_columns.remap(
                connection_id=connection.id, data_source_id=source.notion_id, columns=columns, schema=source.schema
            )
        return services.start_connection(connection, requested_by=membership.user_id, is_full=True)
