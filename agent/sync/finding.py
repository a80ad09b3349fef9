"""The databases and page trees that a connection can see: looking for them, and leaving one out."""

import uuid
from collections.abc import Collection
from contextlib import suppress
from typing import Any

from django.db import transaction
from django.db.models import F
from django.db.models.functions import JSONObject
from django.utils import timezone

from accounts import background, connections, tenancy
from accounts.models import Connection, Job, Membership
from agent import indexing
from agent.exports import services as exports
from agent.models import Page, Source, SyncRun
from agent.runs import forgetting
from agent.sync import discovery, holding, live, placing, settling, telling
from agent.sync.session import Stopped, opened
from billing.reading import NOT_COVERED
from config.errors import AppError
from integrations import notion
from tasks import parting
from tasks import sources as task_sources

LOOK_AGAIN_SECONDS = 5


class StillLooking(AppError):
    code = "still-looking"
    status = 409


class ListCutShort(AppError):
    code = "list-cut-short"
    status = 409


def leave_out_source(source: Source, *, by: Membership) -> None:
    """Read it no more, and forget what was read, with its tasks. Nothing changes in Notion.

    Refused while its tasks have changes that Notion does not have.
    """
    with transaction.atomic():
        holding.hold(source.connection_id)
        with telling.told(source.connection_id, by=by):
            task_sources.leave_out(connection_id=source.connection_id, data_source_ids=[source.notion_id])
            stale = forget([source], connection_id=source.connection_id, workspace_id=by.workspace_id)
        # Its tasks may stand in one.
        exports.forget(made_before=timezone.now())
    indexing.forget_vectors(stale, workspace_id=by.workspace_id, connection_id=source.connection_id)


def forget(sources: Collection[Source], *, connection_id: uuid.UUID, workspace_id: uuid.UUID) -> list[uuid.UUID]:
    """Under the connection's lock: these are read no more, and nothing that was read is kept, also of hidden pages.
    Answers the ids whose vectors are to be forgotten after the commit."""
    if not sources:
        return []
    Source.objects.filter(pk__in=[source.pk for source in sources]).update(is_chosen=False)
    # One at work says its newest state again, without these.
    live.forget(workspace_id, SyncRun.objects.filter(connection_id=connection_id).values_list("pk", flat=True))
    held = Page.objects.filter(source__in=sources)
    pages = list(held.only("notion_id"))
    if not pages:
        return []
    parting.forget(connection_id=connection_id, notion_page_ids=[page.notion_id for page in pages])
    stale = indexing.remove(pages)
    held.exclude(state__in=Page.LOST).update(state=Page.State.SKIPPED, reason="Not among the chosen sources")
    held.update(
        observed=JSONObject(**{name: F(f"observed__{name}") for name in settling.PLACED_BY}),
        markdown="",
        content_hash="",
        indexed_at=None,
        properties={},
        outline=[],
        shows=[],
        outdated_at=None,
        blocks_outdated_at=None,
        doubted_at=None,
    )
    where: Any = {"connection_id": connection_id, "workspace_id": workspace_id}
    forgetting.forget_pages({page.pk: page.notion_id for page in pages}, **where, words=forgetting.LEFT_OUT)
    return stale


def look_for_sources(connection: Connection) -> None:
    """Have a worker ask Notion what the connection can see; `is_looking` until it has."""
    from agent.sync.jobs import find_sources

    with tenancy.shared():
        Job.objects.filter(name=find_sources.name, key=str(connection.id), failed_at__isnull=False).delete()
    background.enqueue(
        find_sources, workspace_id=connection.workspace_id, key=str(connection.id), connection_id=str(connection.id)
    )


def is_looking(connection: Connection) -> bool:
    from agent.sync.jobs import find_sources

    return Job.objects.filter(
        workspace_id=connection.workspace_id, name=find_sources.name, key=str(connection.id), failed_at=None
    ).exists()


def gave_up_looking(connection: Connection) -> bool:
    """And no sync has listed what there is since."""
    from agent.sync.jobs import find_sources

    gave_up = Job.objects.filter(
        workspace_id=connection.workspace_id, name=find_sources.name, key=str(connection.id), failed_at__isnull=False
    )
    if connection.last_synced_at is not None:
        gave_up = gave_up.filter(failed_at__gt=connection.last_synced_at)
    return gave_up.exists()


def check_all_found(connection: Connection) -> None:
    """What is found later would be read as well, though nobody chose it."""
    if is_looking(connection):
        raise StillLooking(
            "Notion is still being searched for what this connection sees, and nothing was saved. Choose once all of it"
            " is listed.",
            retry_after=LOOK_AGAIN_SECONDS,
        )
    if gave_up_looking(connection):
        raise ListCutShort(
            "The search in Notion could not be finished, so something may be missing here, and nothing was saved."
            " Refresh the list, or send the token again, and choose then."
        )


def find_sources(*, connection_id: str) -> None:
    """The job: which databases and page trees the connection can see."""
    connection = Connection.objects.filter(pk=connection_id, status=Connection.Status.ACTIVE).first()
    if connection is None:
        return
    run = SyncRun(connection_id=connection.id)
    # Long waits are the queue's: a connection that Notion holds up keeps no worker from the others.
    with opened(connection, run, patience=notion.HASTY) as session, suppress(Stopped, *NOT_COVERED):
        session.is_only_looking = True
        try:
            discovery.by_search(session)
            for page in session.pages.exclude(parent_id__in=session.titles):
                placing.place(session, page)
        except notion.Unauthorized:
            # The connection says so, and what to do.
            connections.refused(connection)
