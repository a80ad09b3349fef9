"""Answers that speak of pages which are erased or left out: their text goes with them, questions and numbers stay.

Both sides hold the connection first: whoever takes pages away, and a run that ends. So either the pages' end finds the
answer, or the answer's end finds the pages gone.
"""

import uuid
from collections.abc import Collection, Mapping
from typing import Any

from django.db.models import Q

from agent import events
from agent.models import Page, Run
from agent.runs import reading
from agent.runs.given import pages_there

ERASED = "This answer rested on a page that is gone from Notion, and was erased with it."
LEFT_OUT = "This answer rested on a source that is read no more, and was erased with it."


def forget_pages(
    pages: Mapping[uuid.UUID, str], *, connection_id: uuid.UUID, workspace_id: uuid.UUID, words: str
) -> bool:
    """In the transaction that takes them away, after it has: whether any answer spoke of them. Pages: Notion's ids by
    ours.

    A run at work is told to nobody from now on, and sees at its end what it may not keep.
    """
    names = set(pages.values())
    of_pages: dict[str, str] = {"connection_id": str(connection_id)}
    if len(names) == 1:
        of_pages["page_id"] = next(iter(names))
    cites = Q(citations__contains=[of_pages])
    given = Q(citations=[], found_on__overlap=list(pages))
    runs = Run.objects.select_for_update().order_by("pk")
    over: list[uuid.UUID] = []
    for run in runs.filter(cites | given | _unknown(connection_id)).exclude(status__in=Run.OPEN):
        if _forget(run, str(connection_id), names, words=words):
            over.append(run.pk)
    at_work = Run.objects.filter(Q(found_on__overlap=list(pages)) | Q(found_on=None), status__in=Run.OPEN)
    closed = list(at_work.filter(found_in__contains=[connection_id]).values_list("pk", flat=True))
    # Before the commit: if Redis is away, all of it is done again.
    events.erase(workspace_id, over)
    events.close(workspace_id, closed)
    return bool(over)


def _unknown(connection_id: uuid.UUID) -> Q:
    """Of before it was noted what a run was given."""
    where = Q(found_in=None) | Q(found_in__contains=[connection_id])
    return where & Q(found_on=None, citations=[]) & ~Q(answer="")


def forget_gone(run: Run, *, given: Collection[uuid.UUID]) -> None:
    """At a run's end, in its transaction and under its connections' locks: what it says of pages that have gone."""
    cited = {(str(each["connection_id"]), str(each["page_id"])) for each in run.citations}
    missing = cited - pages_there(cited).keys()
    for connection_id in {key for key, _ in missing}:
        names = {page for key, page in missing if key == connection_id}
        is_left_out = Page.objects.filter(connection_id=connection_id, notion_id__in=names).exists()
        _forget(run, connection_id, names, words=LEFT_OUT if is_left_out else ERASED)
    if run.answer and not cited:
        there = Page.objects.filter(pk__in=given).exclude(state=Page.State.SKIPPED).count()
        if there < len(given):
            run.answer, run.found_on = reading.without_quotes(run, otherwise=ERASED), []


def _forget(run: Run, connection_id: str, notion_ids: Collection[str], *, words: str) -> bool:
    before = run.answer
    if not run.citations:
        run.answer = reading.without_quotes(run, otherwise=words) if run.answer else ""
        run.found_on = []
    else:
        kept = [_blanked(each, connection_id, notion_ids) for each in run.citations]
        if kept == run.citations:
            return False
        run.answer, run.citations = words, kept
    run.save(update_fields=["answer", "citations", "found_on"])
    return run.answer != before


def _blanked(citation: dict[str, Any], connection_id: str, notion_ids: Collection[str]) -> dict[str, Any]:
    if citation.get("page_id") not in notion_ids:
        return citation
    return blanked(citation, {"connection_id": connection_id, "page_id": citation["page_id"]})


def blanked(citation: dict[str, Any], which: Mapping[str, str]) -> dict[str, Any]:
    """Of a citation that has these values, nothing but them and its number."""
    if not which.items() <= citation.items():
        return citation
    return {
        key: value if key == "n" or key in which else "" if isinstance(value, str) else None
        for key, value in citation.items()
    }
