"""What lies below a page or a database, and what it lies in, as far as we know.

Notion marks only the thing itself as being in the trash: what lies below it looks as if nothing had happened.
"""

import uuid
from collections.abc import Collection, Iterator

from django.db.models import QuerySet

from agent.models import Page, Source

Holder = Page | Source
_LARGE = ("markdown", "observed", "properties", "outline")


def below(connection_id: uuid.UUID, names: Collection[str]) -> list[Page]:
    """All pages in what has these names, however deep. A database is named by its data source."""
    found: dict[uuid.UUID, Page] = {}
    left, seen = set(names), set[str]()
    while left:
        left |= set(_databases(connection_id).filter(holder_id__in=left).values_list("notion_id", flat=True))
        seen |= left
        level = _pages(connection_id).filter(parent_id__in=left)
        found |= {page.pk: page for page in level if page.notion_id not in names}
        left = {page.notion_id for page in level} - seen
    return list(found.values())


def above(connection_id: uuid.UUID, pages: Collection[Page]) -> dict[Page, list[Holder]]:
    """What each of them lies in, the nearest first."""
    holders: dict[str, Holder] = {}
    left, seen = {page.parent_id for page in pages}, {""}
    while left := left - seen:
        seen |= left
        level: list[Holder] = [
            *_pages(connection_id).filter(notion_id__in=left),
            *_databases(connection_id).filter(notion_id__in=left),
        ]
        holders |= {each.notion_id: each for each in level}
        left = {_lies_in(each) for each in level}
    return {page: list(_climb(page, holders)) for page in pages}


def _climb(page: Page, holders: dict[str, Holder]) -> Iterator[Holder]:
    seen, name = {page.notion_id}, page.parent_id
    while name not in seen and (holder := holders.get(name)):
        yield holder
        seen.add(name)
        name = _lies_in(holder)


def _lies_in(holder: Holder) -> str:
    return holder.parent_id if isinstance(holder, Page) else holder.holder_id


def _pages(connection_id: uuid.UUID) -> QuerySet[Page]:
    return Page.objects.filter(connection_id=connection_id).defer(*_LARGE)


def _databases(connection_id: uuid.UUID) -> QuerySet[Source]:
    return Source.objects.filter(connection_id=connection_id, kind=Source.Kind.DATABASE)
