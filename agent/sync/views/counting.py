import uuid
from collections.abc import Iterable

from accounts.models import Connection
from agent.models import Page, Source
from agent.sync.placing import DEEPEST


def known_pages(connection: Connection, sources: Iterable[Source]) -> dict[uuid.UUID, int]:
    """How many pages each source is known to hold: before the first sync as far as search has shown them."""
    roots = {source.notion_id: source.id for source in sources}
    pages = Page.objects.filter(connection_id=connection.id).exclude(state=Page.State.TRASHED)
    parents = dict(pages.values_list("notion_id", "parent_id"))
    counted: dict[uuid.UUID, int] = {}
    for page in parents:
        root = _root(page, parents, roots)
        if root is not None:
            counted[root] = counted.get(root, 0) + 1
    return counted


def _root(page: str, parents: dict[str, str], roots: dict[str, uuid.UUID]) -> uuid.UUID | None:
    # A damaged tree may lead in a circle.
    for _step in range(DEEPEST):
        if page in roots:
            return roots[page]
        if page not in parents:
            return None
        page = parents[page]
    return None
