"""Questions to begin with, made of what this member's own sources are called."""

from django.utils.translation import gettext as _

from accounts.models import Connection, Membership
from agent.models import Source

MOST = 4


def suggestions(membership: Membership) -> list[str]:
    readable = Connection.objects.readable_by(membership).values_list("id", flat=True)
    chosen = Source.objects.filter(connection_id__in=list(readable), is_chosen=True).exclude(title="")
    titles = list(chosen.order_by("found_at", "title").values_list("title", flat=True)[:MOST])
    patterns = [_("What is new in {}?"), _("What does {} say about deadlines?"), _("Who is responsible in {}?")]
    patterns.append(_("What is {} about?"))
    return [pattern.format(title[:60]) for pattern, title in zip(patterns, titles, strict=False)]
