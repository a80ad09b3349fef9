"""Reading a listing to its end, whatever its cursors do."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from integrations.notion.errors import BrokenAnswer, Incomplete, LoopedListing, StaleCursor

Json = dict[str, Any]

PAGE_SIZE = 100
# An empty page that has more is legal; a listing of nothing but those is not.
_EMPTY_PAGES = 50


@dataclass(frozen=True)
class Slice:
    """One page of a listing. `complete` is False when Notion says that it cut the listing at its own limit."""

    results: list[Json]
    next_cursor: str | None
    complete: bool = True


Fetch = Callable[[str | None], Slice]


def slice_of(answer: Json) -> Slice:
    results = answer.get("results")
    if not isinstance(results, list) or not all(isinstance(result, dict) for result in results):
        raise BrokenAnswer("Notion's listing has no results")
    cursor = answer.get("next_cursor") if answer.get("has_more") else None
    if answer.get("has_more") and not (isinstance(cursor, str) and cursor):
        raise BrokenAnswer("Notion's listing has more, but no cursor")
    status = answer.get("request_status")
    cut = isinstance(status, dict) and status.get("type") == "incomplete"
    return Slice(results=results, next_cursor=cursor, complete=not cut)


def whole(fetch: Fetch) -> list[Json]:
    """Everything, in the listing's order; a dead cursor throws away what was read and starts once more."""
    try:
        return [item for page in _pages(fetch) for item in page]
    except StaleCursor:
        return [item for page in _pages(fetch) for item in page]


def streamed(fetch: Fetch) -> Iterator[Json]:
    """Item by item, each id once. After a dead cursor the listing starts once more and what was seen is passed over."""
    seen: set[str] = set()
    try:
        yield from _unseen(fetch, seen)
    except StaleCursor:
        yield from _unseen(fetch, seen)


def _unseen(fetch: Fetch, seen: set[str]) -> Iterator[Json]:
    for page in _pages(fetch):
        for item in page:
            key = item.get("id")
            if isinstance(key, str):
                if key in seen:
                    continue
                seen.add(key)
            yield item


def _pages(fetch: Fetch) -> Iterator[list[Json]]:
    cursors: set[str] = set()
    cursor: str | None = None
    empty = 0
    while True:
        page = fetch(cursor)
        yield page.results
        if not page.complete:
            raise Incomplete("Notion ended the listing at its own limit", code="query_result_limit_reached")
        if page.next_cursor is None:
            return
        empty = 0 if page.results else empty + 1
        if page.next_cursor in cursors or empty > _EMPTY_PAGES:
            raise LoopedListing("Notion's listing does not come to an end")
        cursor = page.next_cursor
        cursors.add(cursor)
