"""Why pages are not answered from, or only as they were read before: one reason for each page, in all places."""

import uuid
from collections.abc import Collection
from typing import Any

from django.db.models import BooleanField, Case, ExpressionWrapper, F, Q, QuerySet, Value, When

from accounts.models import Connection
from agent.models import Page

NO_ACCESS = "Notion no longer lets us in"
# Of a page that is answered from and has no reason of its own, the first that holds.
OF_OLDER = (
    (Q(observed_edited_at__gt=F("edited_at")), "Changed in Notion since, and not read anew yet"),
    (Q(doubted_at__isnull=False), "May be gone or back: Notion has not said so yet"),
    (
        Q(outdated_at__isnull=False) | Q(blocks_outdated_at__isnull=False),
        "Shows something else that has changed, and was not read anew yet",
    ),
    (Q(state=Page.State.PENDING), "Waits to be read anew"),
)


def older(connections: Collection[uuid.UUID]) -> Q:
    """Pages that are answered from as before: also all of a connection that Notion no longer accepts."""
    return Page.OLDER | (Page.SEARCHABLE & Q(connection_id__in=without_access(connections)))


def without_access(connections: Collection[uuid.UUID]) -> set[uuid.UUID]:
    lost = Connection.objects.filter(pk__in=connections, status=Connection.Status.REAUTHORIZE)
    return set(lost.values_list("pk", flat=True))


def lacking(pages: QuerySet[Page], connections: Collection[uuid.UUID]) -> Any:
    """Of these pages those that are not answered from as they are now, with `why`, and whether each `is_older`. Those
    that wait for their first reading have no reason yet, and are left out."""
    as_before = older(connections)
    why = Case(
        When(~Q(reason=""), then=F("reason")),
        When(connection_id__in=without_access(connections), then=Value(NO_ACCESS)),
        *(When(holds, then=Value(words)) for holds, words in OF_OLDER),
        default=Value(""),
    )
    bad = pages.filter(as_before | ~Q(state__in=[Page.State.INDEXED, Page.State.PENDING]))
    return bad.annotate(why=why, is_older=ExpressionWrapper(as_before, output_field=BooleanField()))
