"""Which source a page belongs to: its database, or the tree whose top it hangs from."""

from typing import Any

from agent.models import Page, Source
from agent.sync import showing
from agent.sync.session import Session
from integrations.notion import NotFound

DEEPEST = 200


def place(session: Session, page: Page) -> Source:
    """The page's source. A page whose parents we do not know is the top of a tree of its own."""
    current, seen = page, set[str]()
    while len(seen) < DEEPEST:
        _lift(session, current)
        source = session.sources.get(current.parent_id)
        if source is not None and source.kind == Source.Kind.DATABASE:
            return source
        above = session.pages.filter(notion_id=current.parent_id).first() if current.parent_id else None
        if above is None or above.notion_id in seen:
            break
        if above.source_id is not None and above.sync_run == session.run.pk:
            return session.sources.get(_notion_id(session, above)) or _top(session, current)
        seen.add(current.notion_id)
        current = above
    return _top(session, current)


def _lift(session: Session, page: Page) -> None:
    """A page inside a column or toggle names a block as its parent: find the page around it, and keep that."""
    parent = page.observed.get("parent")
    block_id = parent.get("block_id") if isinstance(parent, dict) else None
    # One that is in doubt may have moved along with its block.
    if not isinstance(block_id, str) or (page.parent_id != block_id and page.doubted_at is None):
        return
    around = page_around(session, block_id)
    if around is not None:
        page.parent_id = around
        with session.writing():
            session.pages.filter(pk=page.pk).update(parent_id=page.parent_id)
            showing.outdate_holders(session, {page.notion_id: page.parent_id})


def page_around(session: Session, block_id: str) -> str | None:
    """The page that a block lies in, empty when it lies in none; nothing when that is not shown to us."""
    for _ in range(DEEPEST):
        try:
            above = session.notion.block(block_id).get("parent")
        except NotFound:
            return None
        if not isinstance(above, dict) or not isinstance(above.get("block_id"), str):
            return str((above or {}).get("page_id") or "")
        block_id = above["block_id"]
    return None


def _notion_id(session: Session, page: Page) -> str:
    return next((key for key, source in session.sources.items() if source.id == page.source_id), "")


def _top(session: Session, page: Page) -> Source:
    source = session.sources.get(page.notion_id)
    if source is None or source.title != page.title:
        with session.writing():
            source = kept(session, page.notion_id, kind=Source.Kind.PAGE, title=page.title, url=page.url)
        session.sources[page.notion_id] = source
    return source


def kept(session: Session, notion_id: str, **facts: Any) -> Source:
    """The source with this id, and these facts written. In the session's transaction, whose locks leave it to us."""
    where = {"connection_id": session.connection.id, "notion_id": notion_id}
    source = Source.objects.select_for_update().filter(**where).first() or Source(**where)
    for name, value in facts.items():
        setattr(source, name, value)
    source.save(update_fields=None if source._state.adding else facts)
    return source
