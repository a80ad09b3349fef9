"""The databases and page trees that a connection can see: looking for them, and leaving one out."""

import uuid
from contextlib import suppress

from django.db import transaction

from accounts import background, tenancy
from accounts.models import Connection, Job
from agent import indexing
from agent.models import Page, Source, SyncRun
from agent.sync import discovery, placing
from agent.sync.session import Stopped, opened
from billing.reading import NOT_COVERED
from integrations import notion
from tasks import parting


def leave_out_source(source: Source, *, workspace_id: uuid.UUID) -> None:
    """Read it no more, and forget what was read. Nothing changes in Notion."""
    with transaction.atomic():
        Source.objects.filter(pk=source.pk).update(is_chosen=False)
        pages = list(Page.objects.filter(source=source))
        parting.forget(connection_id=source.connection_id, notion_page_ids=[page.notion_id for page in pages])
        stale = indexing.remove(pages)
        Page.objects.filter(source=source).update(
            state=Page.State.SKIPPED,
            reason="Not among the chosen sources",
            markdown="",
            content_hash="",
            indexed_at=None,
            gone_at=None,
            properties={},
            outline=[],
            shows=[],
            outdated_at=None,
            blocks_outdated_at=None,
        )
    indexing.forget_vectors(stale, workspace_id=workspace_id, connection_id=source.connection_id)


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
    from agent.sync.jobs import find_sources

    return Job.objects.filter(
        workspace_id=connection.workspace_id, name=find_sources.name, key=str(connection.id), failed_at__isnull=False
    ).exists()


def find_sources(*, connection_id: str) -> None:
    """The job: which databases and page trees the connection can see."""
    connection = Connection.objects.filter(pk=connection_id, status=Connection.Status.ACTIVE).first()
    if connection is None:
        return
    run = SyncRun(connection_id=connection.id)
    # Long waits are the queue's: a connection that Notion holds up keeps no worker from the others.
    with opened(connection, run, patience=notion.HASTY) as session, suppress(Stopped, *NOT_COVERED):
        session.is_only_looking = True
        discovery.by_search(session)
        for page in session.pages.exclude(parent_id__in=session.titles):
            placing.place(session, page)
