"""What became of every known page, counted from the pages themselves, so that a run's sums cannot drift from them."""

from collections import Counter

from django.db.models import Count, Q

from agent.models import Page
from agent.sync.session import Session

State = Page.State


def figures(session: Session) -> dict[str, int]:
    """The figures of a run that ends. In the transaction that ends it; a page nobody looked at counts as failed."""
    run = session.run
    session.pages.filter(state=State.PENDING).update(state=State.FAILED, reason="This page was not reached.")
    states = Counter[str](dict(session.pages.values_list("state").annotate(Count("id"))))
    run.refresh_from_db(fields=["indexed", "trashed"])
    # Nothing is left of those that were erased.
    erased = max(0, run.trashed - session.pages.filter(Q(state__in=Page.LOST), sync_run=run.pk).count())
    indexed = min(run.indexed, states[State.INDEXED])
    by = {
        "indexed": indexed,
        "unchanged": states[State.INDEXED] - indexed,
        "skipped": states[State.SKIPPED],
        "failed": states[State.FAILED],
        "trashed": states[State.TRASHED] + states[State.UNREACHABLE] + erased,
    }
    return by | {"known": sum(by.values())}
