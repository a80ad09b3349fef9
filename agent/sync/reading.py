"""Reading one page: its blocks, its lines, and what becomes of both in the index."""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from django.utils import timezone

from agent import indexing, properties
from agent.fetch import NOT_READABLE, fetch_blocks
from agent.markdown import outline_of, passages_in, passages_of, to_markdown
from agent.models import Page, Source
from agent.passages import Passage
from agent.remarks import Remark
from agent.sync import discovery, doubts, lag, meeting, reach, showing, trash
from agent.sync.session import Json, Session
from agent.sync.settling import CONTENT, fail, is_judged_since, settle, unmark
from integrations.notion import NotFound
from tasks import mirroring

NOT_SHOWN = (Page.State.UNREACHABLE, "Notion no longer shows this page to the connection")


def look_again(session: Session, page: Page) -> Page:
    """The page as Notion shows it now, where it is not listed by itself."""
    try:
        meeting.meet(session, [session.notion.page(page.notion_id)])
    except NotFound:
        # Reading its blocks finds the same, and tells what is gone from what is refused.
        session.pages.filter(pk=page.pk).update(observed_hash="")
    return _as_asked(session, page)


def _as_asked(session: Session, page: Page) -> Page:
    """The page as it is held now. Who judged it since Notion was asked has done so after this look."""
    again: Page = session.pages.get(pk=page.pk)
    again.checked_at = page.checked_at
    return again


def ask_again(session: Session, page: Page) -> Page:
    marked_at = page.doubted_at
    try:
        meeting.meet(session, [session.notion.page(page.notion_id)])
    except NotFound:
        session.lose(page, NOT_SHOWN)
    again = _as_asked(session, page)
    again.doubted_at = marked_at
    return again


@dataclass(frozen=True)
class Content:
    """What a page says. `read_at` is when its blocks began to be read; empty when they are those of before. `inside`
    are the pages and databases that lie among them."""

    row: Json
    passages: list[Passage]
    shows: list[str]
    titles: dict[str, str]
    read_at: datetime | None
    inside: frozenset[str] = frozenset()


def read(session: Session, page: Page, source: Source) -> None:
    """Fetch the page's blocks and make its chunks equal them."""
    if not isinstance(page.observed.get("properties"), dict):
        page = look_again(session, page)
        page.source = source
        if page.observed.get("in_trash"):
            session.lose(page, trash.IN_TRASH)
            return
    row = _complete(session, page.observed)
    read_at = timezone.now()
    try:
        blocks, remarks = fetch_blocks(session.notion, page.notion_id)
    except NotFound:
        # A block may be refused while its page lives: only the page itself proves that it is gone.
        gone_or_refused(session, page)
        return
    every = list(_all(blocks))
    shown_before, page.shows = page.shows, showing.shown_by(every, row)
    if page.shows != shown_before:
        copied_no_more = showing.named(shown_before, showing.ORIGINALS) - showing.named(page.shows, showing.ORIGINALS)
        with session.writing():
            # Before what lies in it is met: who meets that marks those who do not show it.
            session.pages.filter(pk=page.pk).update(shows=page.shows)
            showing.outdate(session, copied_no_more, showing.COPIES)
    remarks = [*remarks, *(Remark(NOT_READABLE, block_id) for block_id in discovery.meet_inside(session, page, every))]
    titles, inside = showing.titles_in(session, page.shows), frozenset(showing.inside(every))
    rendered = passages_of(blocks, title_of=titles.get)
    page.warnings = [list(remark) for remark in (*remarks, *rendered.remarks)]
    _write(session, page, source, Content(row, rendered.passages, page.shows, titles, read_at, inside))


def renew_lines(session: Session, page: Page, source: Source) -> None:
    """The page's blocks are as they were. What its properties say is put together again, and they are not asked for."""
    row = _complete(session, page.observed)
    shows = showing.lines_shown_by(page, row)
    passages = passages_in(page.markdown, page.outline)
    _write(session, page, source, Content(row, passages, shows, showing.titles_in(session, shows), None))


def _write(session: Session, page: Page, source: Source, content: Content) -> None:
    hash_before, typed_before = page.observed_hash, page.properties.get("typed") or {}
    values = _fill(page, source, content)
    says_other = page.observed_hash != hash_before
    sides = showing.other_sides(source.schema, typed_before, values) if says_other else {}
    content_hash = hashlib.sha256(repr((page.title, page.properties["lines"], content.passages)).encode()).hexdigest()
    # What was hidden or failed kept its chunks, and what was left out kept no hash.
    is_same = content_hash == page.content_hash
    happened_at = None if is_same else lag.edited_at(session, page)
    if not is_same or session.run.is_full:
        pieces = indexing.prepare(page, content.passages, workspace_id=session.workspace_id, lines=values.lines)
    else:
        pieces = None
    page.content_hash, page.edited_at = content_hash, page.observed_edited_at
    page.indexed_at = content.read_at or page.indexed_at
    with session.writing():
        if not _may_write(session, page, source, content):
            return
        page.checked_at = content.read_at or session.asked_at or page.checked_at
        if pieces is not None:
            pieces.replace()
            session.count(chunks_embedded=len(pieces.fresh))
        settle(session, page, Page.State.INDEXED, "unchanged" if is_same else "indexed", writing=CONTENT)
        unmark(session, page, "outdated_at", *(["blocks_outdated_at"] if content.read_at else []))
        if content.read_at:
            showing.outdate_copies(session, page, content.read_at)
            doubts.doubt_missing(session, page, content.inside)
        showing.outdate_other_sides(session, page, sides)
        if says_other and (session.is_only_looking or session.run.reach == reach.Reach.CHANGES):
            # Who lists everything is shown by Notion what follows from it.
            showing.outdate(session, [page.notion_id], showing.VALUES)
        lag.note(session.connection, happened_at, now=timezone.now())
        # Of a row that was not looked at again, the task may know more.
        if content.read_at or says_other:
            mirroring.mirror(
                connection_id=session.connection.id,
                owner_id=session.connection.owner_id,
                data_source_id=source.notion_id,
                row=content.row,
            )
    if pieces is not None:
        pieces.forget_stale()


def _fill(page: Page, source: Source, content: Content) -> properties.Properties:
    values = properties.properties_of(content.row, {"properties": source.schema}, title_of_page=content.titles.get)
    page.title, page.shows = values.title[: meeting.LONGEST_TITLE], content.shows
    page.markdown, page.outline = to_markdown(content.passages), outline_of(content.passages)
    page.observed_hash = showing.digest(page.observed, source.schema)
    page.properties = {
        "lines": [list(line) for line in values.lines],
        "typed": {key: value.value for key, value in values.typed.items()},
    }
    return values


def _may_write(session: Session, page: Page, source: Source, content: Content) -> bool:
    """Whether the page is still wanted, and nobody has judged or read it later. Holds the source and the page."""
    if not Source.objects.select_for_update().filter(pk=source.pk, is_chosen=True).exists():
        return False
    held = session.pages.select_for_update().filter(pk=page.pk).values_list("state", "checked_at", named=True).first()
    if held is None or (held.state in Page.LOST and is_judged_since(session, page)):
        return False
    if _is_overtaken(page, held.checked_at, content):
        # The vectors that this reader wrote go with the next repair.
        session.pages.filter(pk=page.pk).update(sync_run=session.run.pk, attempts=0)
        session.count(unchanged=1)
        return False
    return True


def _is_overtaken(page: Page, checked_at: datetime | None, content: Content) -> bool:
    """Whether another reader began later and has ended before, or wrote other blocks than these lines belong to."""
    if content.read_at is None:
        return checked_at != page.checked_at
    return checked_at is not None and checked_at > content.read_at


def gone_or_refused(session: Session, page: Page) -> None:
    try:
        session.notion.page(page.notion_id)
    except NotFound:
        session.lose(page, NOT_SHOWN)
    else:
        fail(session, page, "Notion shows the page, but not what is in it.")


def _complete(session: Session, row: Json) -> Json:
    """The page with its long lists of relations and people read to their end."""
    cut = properties.properties_of(row).truncated
    return properties.filled(row, {key: session.notion.page_property(row["id"], key) for key in cut}) if cut else row


def _all(blocks: list[Json]) -> Iterator[Json]:
    waiting = list(blocks)
    while waiting:
        block = waiting.pop()
        yield block
        waiting.extend(block.get("children") or [])
