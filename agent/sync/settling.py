"""What becomes of a page: each ends in a state, is counted once in a run, and those who show it learn of it."""

import logging
import uuid
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Q
from django.utils import timezone

from accounts import background
from agent import indexing
from agent.exports import services as exports
from agent.models import Loss, Page, Source, SyncRun
from agent.runs import forgetting
from agent.sync import showing
from agent.sync.session import Session
from tasks import parting
from tasks import sources as task_sources

log = logging.getLogger(__name__)
TRY_AGAIN = timedelta(minutes=15)
MOST_TRIES = 4
COUNTED_AS = {
    Page.State.SKIPPED: "skipped",
    Page.State.FAILED: "failed",
    Page.State.UNREACHABLE: "trashed",
    Page.State.TRASHED: "trashed",
}
MARKS = ("outdated_at", "blocks_outdated_at", "doubted_at")
# Another reader may have written the rest meanwhile.
_ALWAYS = ("state", "reason", "next_try_at", "gone_at", "sync_run", "attempts", "source_id", "parent_id")
# Of a page as Notion gives it, what says where it lies and not what it says.
PLACED_BY = ("object", "id", "parent", "in_trash", "last_edited_time")
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
        if state != Page.State.FAILED:
            # Whoever comes here asked for it, or for what it lies in.
            unmark(session, page, "doubted_at")
        if was_lost != is_lost:
            showing.outdate(session, [page.notion_id], showing.BLOCKS, showing.LINES)
            showing.outdate(session, showing.named(page.shows, showing.ORIGINALS), showing.COPIES)
        if was_lost and not is_lost:
            parting.show_again(connection_id=session.connection.id, notion_page_ids=[page.notion_id])
            showing.outdate_holders(session, {page.notion_id: page.parent_id})


def is_judged_since(session: Session, page: Page) -> bool:
    """Whether another reader has judged the page since it was fetched as it is here; then that stays, and counts.

    First in the transaction that would write otherwise: Notion may have said the opposite before, and lists what lies
    in something deleted as if it lived.
    """
    facts = ("checked_at", "sync_run", "state")
    held = session.pages.select_for_update().filter(pk=page.pk).values_list(*facts, named=True).first()
    if held is None:
        return True
    if held.checked_at == page.checked_at:
        return False
    session.pages.filter(pk=page.pk).update(sync_run=session.run.pk, attempts=0)
    if held.sync_run != session.run.pk:
        session.count(**{COUNTED_AS.get(Page.State(held.state), "unchanged"): 1})
    return True


def unmark(session: Session, page: Page, *marks: str) -> None:
    """Only what was marked before the page was looked at."""
    for mark in marks:
        if (marked_at := getattr(page, mark)) is not None:
            session.pages.filter(pk=page.pk, **{mark: marked_at}).update(**{mark: None})


def leave_out(session: Session, page: Page, state: Page.State, reason: str) -> None:
    """The page is not answered from. One that was lost may come back soon, and keeps its chunks until a second look."""
    stale: list[uuid.UUID] = []
    if state == Page.State.SKIPPED:
        was_read = page.indexed_at is not None
        page.markdown, page.content_hash, page.indexed_at = "", "", None
        page.outline, page.shows, page.properties = [], [], {}
        page.observed = {name: value for name, value in page.observed.items() if name in PLACED_BY}
    with session.writing():
        if state != Page.State.SKIPPED and is_judged_since(session, page):
            return
        page.checked_at = timezone.now()
        if state == Page.State.SKIPPED:
            stale = indexing.remove([page])
            unmark(session, page, *MARKS)
        rows: Any = {"connection_id": session.connection.id, "notion_page_ids": [page.notion_id]}
        if state == Page.State.SKIPPED:
            was_task = parting.forget(**rows)
            settle(session, page, state, "skipped", reason=reason, writing=(*CONTENT, "observed"))
            if was_read:
                _forget_answers(session, {page.pk: page.notion_id}, words=forgetting.LEFT_OUT, is_exported=was_task)
        else:
            parting.hide(**rows)
            settle(session, page, state, "trashed", reason=reason, writing=["checked_at"])
    indexing.forget_vectors(stale, workspace_id=session.workspace_id, connection_id=session.connection.id)


def _forget_answers(session: Session, pages: Mapping[uuid.UUID, str], *, words: str, is_exported: bool) -> None:
    where: Any = {"connection_id": session.connection.id, "workspace_id": session.workspace_id}
    if forgetting.forget_pages(pages, **where, words=words) or is_exported:
        exports.forget(made_before=timezone.now())


def erase(session: Session, page: Page, *, remembered_for: timedelta | None = None) -> None:
    """Nothing of the page is left, in Postgres, among the vectors or in answers; so long, that there was one."""
    background.renew_lease()
    with session.writing():
        if is_judged_since(session, page):
            return
        stale = indexing.remove([page])
        was_task = parting.forget(connection_id=session.connection.id, notion_page_ids=[page.notion_id])
        gone = {page.pk: page.notion_id}
        if remembered_for is not None:
            _remember(page, remembered_for)
        page.delete()
        _forget_tree(session, page)
        _forget_answers(session, gone, words=forgetting.ERASED, is_exported=was_task)
        showing.outdate(session, [page.notion_id], showing.BLOCKS, showing.LINES)
        session.count(trashed=1)
    indexing.forget_vectors(stale, workspace_id=session.workspace_id, connection_id=session.connection.id)


def _forget_tree(session: Session, page: Page) -> None:
    """A tree whose top is gone has no name any more; without any page it is none."""
    trees = Source.objects.filter(connection_id=session.connection.id, kind=Source.Kind.PAGE)
    for tree in trees.filter(Q(notion_id=page.notion_id) | Q(pk=page.source_id)):
        if session.pages.filter(notion_id=tree.notion_id).exists():
            continue
        # One that was left out stays so, should it come back.
        if tree.is_chosen and not session.pages.filter(Q(source=tree) | Q(parent_id=tree.notion_id)).exists():
            tree.delete()
            session.sources.pop(tree.notion_id, None)
        else:
            tree.title = tree.url = ""
            tree.save(update_fields=["title", "url"])
            session.sources[tree.notion_id] = tree
    databases = Source.objects.filter(connection_id=session.connection.id, holder_id=page.notion_id)
    databases.exclude(place="").update(place="")


def erase_database(session: Session, source: Source) -> None:
    """Nothing is left of what it was called and of its columns, unless another reader has found it since. One
    that comes back is read anew, and is chosen or left out as before."""
    with session.writing():
        gone = Source.objects.filter(pk=source.pk, gone_at=source.gone_at, doubted_at=None, pages=None)
        if gone.update(title="", database_title="", place="", url="", schema={}):
            task_sources.forget_gone(connection_id=source.connection_id, data_source_id=source.notion_id)
    session.sources[source.notion_id] = Source.objects.get(pk=source.pk)


def _remember(page: Page, how_long: timedelta) -> None:
    of_this = Loss.objects.filter(connection_id=page.connection_id)
    of_this.filter(gone_at__lt=timezone.now() - how_long).delete()
    Loss.objects.update_or_create(
        connection_id=page.connection_id, notion_id=page.notion_id, defaults={"gone_at": page.gone_at or timezone.now()}
    )


def fail(session: Session, page: Page, reason: str) -> None:
    """What was indexed before stays; the next sync tries again."""
    log.warning("page %s could not be read: %s", page.notion_id, reason)
    with session.writing():
        if not is_judged_since(session, page):
            # It seems gone all the same.
            reason = page.reason if page.is_kept else reason
            settle(session, page, Page.State.FAILED, "failed", reason=reason, next_try_at=next_try(session.run))


def keep(session: Session, page: Page, state: Page.State, *, next_try_at: datetime | None = None) -> None:
    """Proven gone in this way, together with so many that a member is asked first."""
    with session.writing():
        if not is_judged_since(session, page):
            settle(session, page, Page.State.FAILED, "failed", reason=Page.KEPT[state], next_try_at=next_try_at)
            unmark(session, page, "doubted_at")


def next_try(run: SyncRun) -> datetime | None:
    """When this connection is tried again by itself, unless it was tried too often."""
    return timezone.now() + TRY_AGAIN * 2**run.tries if run.tries < MOST_TRIES else None
