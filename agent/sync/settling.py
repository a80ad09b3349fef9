"""What becomes of a page: each ends in a state, is counted once in a run, and those who show it learn of it."""

import logging
import uuid
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from django.utils import timezone

from agent import indexing
from agent.models import Page, SyncRun
from agent.sync import showing
from agent.sync.session import Session
from tasks import parting

log = logging.getLogger(__name__)
TRY_AGAIN = timedelta(minutes=15)
MOST_TRIES = 4
MARKS = ("outdated_at", "blocks_outdated_at")
# Another reader may have written the rest meanwhile.
_ALWAYS = ("state", "reason", "next_try_at", "gone_at", "sync_run", "attempts", "source_id", "parent_id")
CONTENT = (
    *("title", "markdown", "outline", "properties", "shows", "warnings", "observed_hash", "content_hash"),
    *("edited_at", "indexed_at", "checked_at"),
)


def settle(
    session: Session,
    page: Page,
    state: Page.State,
    counted_as: str,
    *,
    reason: str = "",
    next_try_at: datetime | None = None,
    writing: Sequence[str] = (),
) -> None:
    was_lost, is_lost = page.state in Page.LOST, state in Page.LOST
    is_first = page.sync_run != session.run.pk
    page.state, page.reason, page.next_try_at = state, reason[:500], next_try_at
    page.gone_at = (page.gone_at or timezone.now()) if is_lost else None
    page.sync_run, page.attempts = session.run.pk, 0
    with session.writing():
        session.pages.filter(pk=page.pk).update(**{name: getattr(page, name) for name in (*_ALWAYS, *writing)})
        if is_first or counted_as == "trashed":
            session.count(**{counted_as: 1})
        if was_lost != is_lost:
            showing.outdate(session, [page.notion_id], showing.BLOCKS, showing.LINES)
            showing.outdate(session, showing.named(page.shows, showing.ORIGINALS), showing.COPIES)
        if was_lost and not is_lost:
            parting.show_again(connection_id=session.connection.id, notion_page_ids=[page.notion_id])
            showing.outdate_holders(session, {page.notion_id: page.parent_id})


def unmark(session: Session, page: Page, *marks: str) -> None:
    """Only what was marked before the page was looked at."""
    for mark in marks:
        if (marked_at := getattr(page, mark)) is not None:
            session.pages.filter(pk=page.pk, **{mark: marked_at}).update(**{mark: None})


def leave_out(session: Session, page: Page, state: Page.State, reason: str) -> None:
    """The page is not answered from. One that was lost may come back soon, and keeps its chunks until a second look."""
    stale: list[uuid.UUID] = []
    if state == Page.State.SKIPPED:
        page.markdown, page.content_hash, page.indexed_at = "", "", None
        page.outline, page.shows = [], []
    page.checked_at = timezone.now()
    with session.writing():
        if state == Page.State.SKIPPED:
            stale = indexing.remove([page])
            unmark(session, page, *MARKS)
        rows: Any = {"connection_id": session.connection.id, "notion_page_ids": [page.notion_id]}
        if state == Page.State.SKIPPED:
            parting.forget(**rows)
            settle(session, page, state, "skipped", reason=reason, writing=CONTENT)
        else:
            parting.hide(**rows)
            settle(session, page, state, "trashed", reason=reason, writing=["checked_at"])
    indexing.forget_vectors(stale, workspace_id=session.workspace_id, connection_id=session.connection.id)


def erase(session: Session, page: Page) -> None:
    """Nothing of the page is left, in Postgres or among the vectors."""
    with session.writing():
        stale = indexing.remove([page])
        parting.forget(connection_id=session.connection.id, notion_page_ids=[page.notion_id])
        page.delete()
        showing.outdate(session, [page.notion_id], showing.BLOCKS, showing.LINES)
        session.count(trashed=1)
    indexing.forget_vectors(stale, workspace_id=session.workspace_id, connection_id=session.connection.id)


def fail(session: Session, page: Page, reason: str) -> None:
    """What was indexed before stays; the next sync tries again."""
    log.warning("page %s could not be read: %s", page.notion_id, reason)
    settle(session, page, Page.State.FAILED, "failed", reason=reason, next_try_at=next_try(session.run))


def next_try(run: SyncRun) -> datetime | None:
    """When this connection is tried again by itself, unless it was tried too often."""
    return timezone.now() + TRY_AGAIN * 2**run.tries if run.tries < MOST_TRIES else None
