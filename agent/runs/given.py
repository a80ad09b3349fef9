"""What a run may speak of: the pages that were given to it, noted before it can say anything of them.

Noting holds the connections. An erasure that began before has ended, and what it took is not given; a later one finds
the run, and what the run says of it is not kept.
"""

import uuid
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field

from django.db import transaction
from django.db.models import Q

from agent.candidates import Candidate, PageKey
from agent.models import Page, Run
from agent.sync import holding

LEFT_OUT = {"state": Page.State.SKIPPED}


@dataclass
class Given:
    run_id: uuid.UUID
    # Connections and pages, by their ids here.
    found_in: set[uuid.UUID] = field(default_factory=set)
    found_on: set[uuid.UUID] = field(default_factory=set)
    # Of an answer before it the pages were not noted: it may be any that was there then, and none is noted of this one.
    is_guessed: bool = False

    def recall(self, earlier: Sequence[Run], *, readable: Collection[uuid.UUID]) -> list[tuple[str, str]]:
        """The turns before this one, as they are once they are noted."""
        unknown = set[uuid.UUID]()
        for each in earlier:
            where = set(readable if each.found_in is None else each.found_in)
            self.found_in |= where
            self.found_on |= set(each.found_on or ())
            if each.found_on is None:
                self.is_guessed = True
                unknown |= where
        with transaction.atomic():
            holding.hold_to_quote(self.found_in)
            may_be = Page.objects.filter(Q(pk__in=self.found_on) | Q(connection_id__in=unknown))
            # What went is not in these answers any more.
            self.found_on = set(may_be.exclude(**LEFT_OUT).values_list("pk", flat=True))
            self._note()
            answers = dict(Run.objects.filter(pk__in=[each.pk for each in earlier]).values_list("pk", "answer"))
        return [(each.prompt, answers[each.pk]) for each in earlier if each.pk in answers]

    def search_in(self, connection_ids: Iterable[uuid.UUID]) -> None:
        """Whoever ends one of these meanwhile waits for this run."""
        Run.objects.filter(pk=self.run_id).update(found_in=sorted(self.found_in.union(connection_ids)))

    def take(self, candidates: Sequence[Candidate]) -> list[Candidate]:
        """Those whose pages are still there."""
        keys = {each.page_key for each in candidates}
        connection_ids = {uuid.UUID(key) for key, _ in keys}
        with transaction.atomic():
            holding.hold_to_quote(connection_ids)
            there = pages_there(keys)
            self.found_in |= connection_ids
            self.found_on |= set(there.values())
            self._note()
        return [each for each in candidates if each.page_key in there]

    def _note(self) -> None:
        pages = None if self.is_guessed else sorted(self.found_on)
        Run.objects.filter(pk=self.run_id).update(found_in=sorted(self.found_in), found_on=pages)


def pages_there(keys: Collection[PageKey]) -> dict[PageKey, uuid.UUID]:
    """Those of these pages that are neither erased nor left out, with their ids here."""
    held = Page.objects.filter(connection_id__in={key for key, _ in keys}, notion_id__in={page for _, page in keys})
    rows = held.exclude(**LEFT_OUT).values_list("connection_id", "notion_id", "pk")
    found = {(str(connection), notion_id): key for connection, notion_id, key in rows}
    return {key: found[key] for key in keys if key in found}
