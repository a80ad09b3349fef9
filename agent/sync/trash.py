"""What lies in something that is in Notion's trash. Its own object says nothing of that, so what is above is asked."""

from collections.abc import Callable

from agent.models import Page
from agent.sync import doubts
from agent.sync.placing import DEEPEST
from agent.sync.session import Json, Session
from agent.sync.settling import fail, leave_out
from agent.sync.titles import quoted
from integrations.notion import NotFound, Notion, Refused, Unauthorized, Unreachable

IN_TRASH = (Page.State.TRASHED, "In Notion's trash")
BELOW = (Page.State.TRASHED, "Lies in something that is in Notion's trash")

# In this order: the parent of a row names its database too.
HOLDERS: tuple[tuple[str, Callable[[Notion, str], Json]], ...] = (
    ("data_source_id", Notion.data_source),
    ("database_id", Notion.database),
    ("page_id", Notion.page),
    ("block_id", Notion.block),
)


def is_above(session: Session, parent: object, known: dict[str, bool] | None = None) -> bool:
    """Whether what this names as a parent, or anything above it, is in the trash. `known` keeps the answers for others
    that are asked about at the same time."""
    known, passed = {} if known is None else known, []
    answer = False
    for _ in range(DEEPEST):
        ask = _holder(parent)
        if ask is None:
            break
        key, shown = ask
        passed.append(key)
        if key in known:
            answer = known[key]
            break
        try:
            found = shown(session.notion, key)
        except NotFound:
            # The connection may well see a thing and not what it lies in.
            break
        if found.get("in_trash"):
            answer = True
            break
        parent = found.get("database_parent") or found.get("parent")
    known |= dict.fromkeys(passed, answer)
    return answer


def _holder(parent: object) -> tuple[str, Callable[[Notion, str], Json]] | None:
    names = parent if isinstance(parent, dict) else {}
    return next(((key, shown) for name, shown in HOLDERS if isinstance(key := names.get(name), str)), None)


def are_blocks_above(notion: Notion, found: Json) -> bool:
    """Whether one of the toggles and columns around this, on the page that it lies on, is in the trash."""
    parent = found.get("database_parent") or found.get("parent")
    for _ in range(DEEPEST):
        block_id = parent.get("block_id") if isinstance(parent, dict) else None
        if not isinstance(block_id, str):
            return False
        try:
            block = notion.block(block_id)
        except NotFound:
            return False
        if block.get("in_trash"):
            return True
        parent = block.get("parent")
    return False


def hides(session: Session, page: Page) -> bool:
    """Whether a page that Notion shows is to be hidden. Asked for one that was hidden before, is kept or in doubt, and
    for one that an event brings: it may be older than what became of the page above."""
    is_brought = session.is_only_looking and page.indexed_at is None
    if not (page.state in Page.LOST or page.is_kept or is_brought or page.doubted_at is not None):
        return False
    try:
        if not is_above(session, page.observed.get("parent")):
            return False
        session.lose(page, BELOW)
    except Unauthorized:
        raise
    except (Refused, Unreachable) as error:
        if session.is_only_looking:
            raise
        session.note(f"What {quoted(page.title)} lies in was not shown: {error}")
        if page.state in Page.LOST:
            stay(session, page)
        else:
            fail(session, page, str(error))
    return True


def stay(session: Session, page: Page) -> None:
    """A page that was lost, and of which Notion does not say whether it is back."""
    leave_out(session, page, Page.State(page.state), page.reason)
    doubts.may_be_back(session, page)
