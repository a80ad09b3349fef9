"""Listings whose cursor is the id of the first element of the next page, and dies with it."""

from __future__ import annotations

from functools import cached_property
from typing import Protocol, TypeVar

from devkit.notion.errors import dead_cursor


class HasId(Protocol):
    id: str


T = TypeVar("T", bound=HasId)


class Listed(list[T]):
    """Everything there is to be listed, by place and by id."""

    @cached_property
    def places(self) -> dict[str, int]:
        return {item.id: place for place, item in enumerate(self)}


def cut(items: Listed[T], size: int, cursor: str | None) -> tuple[list[T], str | None]:
    start = 0 if cursor is None else items.places.get(cursor)
    if start is None:
        raise dead_cursor(str(cursor))
    end = start + size
    return items[start:end], items[end].id if end < len(items) else None
