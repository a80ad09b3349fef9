"""What lies below a page or a database, and what it lies in, as far as we know.

Notion marks only the thing itself as being in the trash: what lies below it looks as if nothing had happened.
"""

import uuid
from collections.abc import Collection, Iterator

from django.db.models import Q, QuerySet

from agent.models import Page, Source

Holder = Page | Source
_LARGE = ("markdown", "observed", "properties", "outline")


def below(connection_id: uuid.UUID, names: Collection[str]) -> list[Page]:
    """All pages in what has these names, however deep. A database is named by its data source."""
    return _below(connection_id, names)[0]


def databases_below(connection_id: uuid.UUID, names: Collection[str]) -> list[Source]:
    return _below(connection_id, names)[1]


def _below(connection_id: uuid.UUID, names: Collection[str]) -> tuple[list[Page], list[Source]]:
    pages: dict[uuid.UUID, Page] = {}
    databases: dict[uuid.UUID, Source] = {}
    left, seen = set(names), set[str]()
    while left:
        seen |= left
        # What lies in a wiki names its database, and its rows name its data source.
        held = set(_databases(connection_id).filter(notion_id__in=left).values_list("database_id", flat=True)) - {""}
        inside = list(_databases(connection_id).filter(holder_id__in=left | held))
        level = list(_pages(connection_id).filter(parent_id__in=left))
        databases |= {source.pk: source for source in inside if source.notion_id not in names}
        pages |= {page.pk: page for page in level if page.notion_id not in names}
        left = ({source.notion_id for source in inside} | {page.notion_id for page in level}) - seen
    return list(pages.values()), list(databases.values())


def above(connection_id: uuid.UUID, pages: Collection[Page]) -> dict[Page, list[Holder]]:
    """What each of them lies in, the nearest first."""
    holders: dict[str, Holder] = {}
    left, seen = {page.parent_id for page in pages}, {""}
    while left := left - seen:
        seen |= left
        databases = list(_databases(connection_id).filter(Q(notion_id__in=left) | Q(database_id__in=left)))
        level: list[Holder] = [*_pages(connection_id).filter(notion_id__in=left), *databases]
        holders |= {each.database_id: each for each in databases}
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
