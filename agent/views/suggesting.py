"""Questions to begin with that the index can answer, made of what this member's own sources are called."""

from django.db.models import Exists, OuterRef
from django.utils.translation import gettext as _

from accounts.models import Connection, Membership
from agent import wording
from agent.models import Page, Source

MOST, LONGEST = 4, 60


def suggestions(membership: Membership) -> list[str]:
    """Of databases that have rows: what the text of a page answers is known only when it is asked."""
    readable = Connection.objects.readable_by(membership).values_list("id", flat=True)
    rows = Page.objects.filter(source=OuterRef("pk"), state=Page.State.INDEXED)
    kind = Source.Kind.DATABASE
    chosen = Source.objects.filter(Exists(rows), connection_id__in=list(readable), is_chosen=True, kind=kind)
    titles = chosen.order_by("found_at", "title").values_list("title", flat=True)[:MOST]
    return [
        _("How many rows are in {}?").format(title)
        for title in titles
        if wording.words_of(title) and len(title) <= LONGEST
    ]
