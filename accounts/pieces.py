"""A workspace's rows for a file that is sent while it is read."""

from collections.abc import Iterator
from typing import Any, TypeVar

from django.db.models import Model, Q, QuerySet

from accounts import tenancy
from accounts.models import Workspace

Row = TypeVar("Row", bound=Model)
# Rows that are read at once, and sent before more are read.
PIECE = 2_000


def newest_first(rows: QuerySet[Row], *, workspace: Workspace) -> Iterator[list[Row]]:
    """All of them, however many, by their field `at`. The request has left the workspace while they are sent."""
    rows = rows.order_by("-at", "pk")
    last: Any = None
    while True:
        rest = rows if last is None else rows.filter(Q(at__lt=last.at) | Q(pk__gt=last.pk), at__lte=last.at)
        with tenancy.within(workspace):
            piece = list(rest[:PIECE])
        yield piece
        if len(piece) < PIECE:
            return
        last = piece[-1]
