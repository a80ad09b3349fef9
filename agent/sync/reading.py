"""Reading one page after another until every page of the run is accounted for."""

import hashlib
import logging
import uuid
from collections.abc import Iterator
from datetime import datetime, timedelta

from django.utils import timezone

from accounts import background
from agent import indexing, properties
from agent.fetch import fetch_blocks
from agent.markdown import passages_of, to_markdown
from agent.models import Page, Source, SyncRun
from agent.sync import discovery, lag, losses
from agent.sync.placing import place
from agent.sync.session import Json, Session
from integrations import vectors
from integrations.notion import NotFound, Refused, Unauthorized, Unreachable
from tasks import services as tasks

log = logging.getLogger(__name__)
# A page that failed in a worker's hands this often is passed over, so that it cannot stop the others.
MOST_ATTEMPTS = 3
TRY_AGAIN = timedelta(minutes=15)
MOST_TRIES = 4
# So many failures in a row are no longer the pages' fault.
MOST_FAILURES_IN_A_ROW = 5


def read_all(session: Session) -> None:
    """Account for every page that this run has met; reading finds more of them."""
    failures = 0
    while page := _next(session):
        background.renew_lease()
        session.let_others()
        attempts = page.attempts
        session.pace.can_stop_here = page.attempts == 0
        try:
            account(session, page)
            failures = 0
            background.note_progress()
        except background.Later:
            # Waiting is no failed attempt, but the page is not given up a second time.
            Page.objects.filter(pk=page.pk).update(attempts=max(1, attempts))
            raise
        except Unauthorized:
            raise
        except (Refused, Unreachable, vectors.Unreachable) as error:
            failures += 1
            if failures >= MOST_FAILURES_IN_A_ROW and not isinstance(error, Refused):
                raise
            fail(session, page, str(error))


def _next(session: Session) -> Page | None:
    page: Page | None = (
        session.pages.filter(seen_run=session.run.pk)
        .exclude(sync_run=session.run.pk)
        .exclude(pk__in=session.gone)
        .order_by("attempts", "-observed_edited_at", "id")
        .first()
    )
    return page


def account(session: Session, page: Page) -> None:
    """Bring one page to the state it deserves, and count it."""
    if page.attempts >= MOST_ATTEMPTS:
        fail(session, page, "Reading this page stopped the reader several times.")
        return
    Page.objects.filter(pk=page.pk).update(attempts=page.attempts + 1)
    if page.observed.get("in_trash"):
        session.gone[page.pk] = (Page.State.TRASHED, "In Notion's trash")
        return
    source = place(session, page)
    page.source = source
    # Asked anew for each page: a member may leave a source out while it is read.
    if not Source.objects.filter(pk=source.pk, is_chosen=True).exists():
        leave_out(session, page, Page.State.SKIPPED, "Not among the chosen sources")
    elif is_unchanged(session, page):
        _settle(session, page, Page.State.INDEXED, "unchanged")
    else:
        read(session, page, source)


def is_unchanged(session: Session, page: Page) -> bool:
    if session.run.is_full or page.state != Page.State.INDEXED or page.indexed_at is None or page.edited_at is None:
        return False
    if losses.may_be_mended(page.warnings):
        return False
    return (
        page.edited_at == page.observed_edited_at
        and page.indexed_at - page.edited_at >= discovery.MINUTE_MAY_GO_ON
        and page.properties.get("lines") == [list(line) for line in _properties(session, page).lines]
    )


def read(session: Session, page: Page, source: Source) -> None:
    """Fetch the page's blocks and make its chunks equal them."""
    if not isinstance(page.observed.get("properties"), dict):
        page.observed = session.notion.page(page.notion_id)
        if page.observed.get("in_trash"):
            session.gone[page.pk] = (Page.State.TRASHED, "In Notion's trash")
            return
    row = _complete(session, page.observed)
    seen_at = timezone.now()
    try:
        blocks, remarks = fetch_blocks(session.notion, page.notion_id)
    except NotFound:
        # A block may be refused while its page lives: only the page itself proves that it is gone.
        gone_or_refused(session, page)
        return
    for block in _all(blocks):
        if block.get("type") == "child_page":
            discovery.meet_child_page(session, block["id"])
        elif block.get("type") == "child_database":
            discovery.meet_child_database(session, block["id"])
    rendered = passages_of(blocks, title_of=session.titles.get)
    values = properties.properties_of(row, {"properties": source.schema}, title_of_page=session.titles.get)
    page.title = values.title[: discovery.LONGEST_TITLE]
    page.markdown = to_markdown(rendered.passages)
    page.properties = {
        "lines": [list(line) for line in values.lines],
        "typed": {key: value.value for key, value in values.typed.items()},
    }
    page.warnings = [list(remark) for remark in (*remarks, *rendered.remarks)]
    digest = hashlib.sha256(repr((page.title, page.properties["lines"], rendered.passages)).encode()).hexdigest()
    # What was hidden or failed kept its chunks, and what was left out kept no hash.
    is_same = digest == page.content_hash
    happened_at = None if is_same else lag.edited_at(session, page)
    if not is_same or session.run.is_full:
        pieces = indexing.prepare(page, rendered.passages, workspace_id=session.workspace_id, lines=values.lines)
    else:
        pieces = None
    page.content_hash = digest
    page.edited_at = page.observed_edited_at
    page.indexed_at = seen_at
    with session.writing():
        if not Source.objects.select_for_update().filter(pk=source.pk, is_chosen=True).exists():
            return
        if session.pages.select_for_update().filter(pk=page.pk, checked_at__gt=seen_at).exists():
            # Another reader began later and has ended before; the vectors that this one wrote go with the next repair.
            session.pages.filter(pk=page.pk).update(sync_run=session.run.pk, attempts=0)
            session.count(unchanged=1)
            return
        page.checked_at = seen_at
        if pieces is not None:
            pieces.replace()
            session.count(chunks_embedded=pieces.embedded)
        _settle(session, page, Page.State.INDEXED, "unchanged" if is_same else "indexed")
        lag.note(session.connection, happened_at, now=timezone.now())
        if source.kind == Source.Kind.DATABASE:
            tasks.mirror(
                connection_id=session.connection.id,
                owner_id=session.connection.owner_id,
                data_source_id=source.notion_id,
                row=row,
            )
    if pieces is not None:
        pieces.forget_stale_vectors()


def gone_or_refused(session: Session, page: Page) -> None:
    try:
        session.notion.page(page.notion_id)
    except NotFound:
        session.gone[page.pk] = (Page.State.UNREACHABLE, "Notion no longer shows this page to the connection")
    else:
        fail(session, page, "Notion shows the page, but not what is in it.")


def leave_out(session: Session, page: Page, state: Page.State, reason: str) -> None:
    """The page is not answered from. One that was lost may come back soon, and keeps its chunks until a second look."""
    stale: list[uuid.UUID] = []
    if state == Page.State.SKIPPED:
        page.markdown, page.content_hash, page.indexed_at = "", "", None
    page.checked_at = timezone.now()
    with session.writing():
        if state == Page.State.SKIPPED:
            stale = indexing.remove([page])
        tasks.forget(connection_id=session.connection.id, notion_page_ids=[page.notion_id])
        _settle(session, page, state, "trashed" if state != Page.State.SKIPPED else "skipped", reason=reason)
    indexing.forget_vectors(stale, workspace_id=session.workspace_id, connection_id=session.connection.id)


def erase(session: Session, page: Page) -> None:
    """Nothing of the page is left, in Postgres or among the vectors."""
    with session.writing():
        stale = indexing.remove([page])
        tasks.forget(connection_id=session.connection.id, notion_page_ids=[page.notion_id])
        page.delete()
        session.count(trashed=1)
    indexing.forget_vectors(stale, workspace_id=session.workspace_id, connection_id=session.connection.id)


def fail(session: Session, page: Page, reason: str) -> None:
    """What was indexed before stays; the next sync tries again."""
    log.warning("page %s could not be read: %s", page.notion_id, reason)
    _settle(session, page, Page.State.FAILED, "failed", reason=reason, next_try_at=next_try(session.run))


def next_try(run: SyncRun) -> datetime | None:
    """When this connection is tried again by itself, unless it was tried too often."""
    return timezone.now() + TRY_AGAIN * 2**run.tries if run.tries < MOST_TRIES else None


def _settle(
    session: Session,
    page: Page,
    state: Page.State,
    counted_as: str,
    *,
    reason: str = "",
    next_try_at: datetime | None = None,
) -> None:
    page.state, page.reason, page.next_try_at = state, reason[:500], next_try_at
    page.gone_at = (page.gone_at or timezone.now()) if state in Page.LOST else None
    page.sync_run, page.attempts = session.run.pk, 0
    with session.writing():
        page.save()
        session.count(**{counted_as: 1})


def _complete(session: Session, row: Json) -> Json:
    """The page with its long lists of relations and people read to their end."""
    cut = properties.properties_of(row).truncated
    return properties.filled(row, {key: session.notion.page_property(row["id"], key) for key in cut}) if cut else row


def _properties(session: Session, page: Page) -> properties.Properties:
    schema = {"properties": page.source.schema} if page.source else None
    return properties.properties_of(page.observed, schema, title_of_page=session.titles.get)


def _all(blocks: list[Json]) -> Iterator[Json]:
    waiting = list(blocks)
    while waiting:
        block = waiting.pop()
        yield block
        waiting.extend(block.get("children") or [])
