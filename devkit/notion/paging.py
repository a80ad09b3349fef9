"""Listings whose cursor is the id of the first element of the next page, and dies with it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol, TypeVar

from devkit.notion.errors import dead_cursor


class HasId(Protocol):
    id: str


T = TypeVar("T", bound=HasId)


def cut(items: Sequence[T], size: int, cursor: str | None) -> tuple[Sequence[T], str | None]:
    start = 0
    if cursor is not None:
        found = next((index for index, item in enumerate(items) if item.id == cursor), None)
        if found is None:
            raise dead_cursor(cursor)
        start = found
    end = start + size
    return items[start:end], items[end].id if end < len(items) else None
