"""Titles in what syncs say, always quoted, and what becomes of them when nothing is called so any more."""

import re
import uuid
from functools import cache

from django.db.models import Q, TextField
from django.db.models.functions import Cast
from django.utils.translation import gettext as _

from agent.models import Page, Source, SyncRun
from agent.sync.session import Session

LONGEST = 60
# The end of a text may have been cut off in the middle of a title.
_QUOTED = re.compile("“([^”]*)(”|$)")


def quoted(title: str) -> str:
    """With no such marks inside, so that its end is found again."""
    title = title.translate(dict.fromkeys(map(ord, "“”"), '"')) or _("Untitled")
    return f"“{title[:LONGEST]}…”" if len(title) > LONGEST else f"“{title}”"


def forget_gone(session: Session) -> None:
    """What is erased is named nowhere. Each sync sees to it at its end, so that none is left by a worker that died."""
    with session.writing():
        _forget_in_reports(session.connection.pk)


def _forget_in_reports(connection_id: uuid.UUID) -> None:
    """Whatever nothing is called that is known now: who was erased may have had other names before."""

    @cache
    def is_known(words: str, is_cut: bool) -> bool:
        return not words or words == _("Untitled") or _are_called(connection_id, words, is_cut=is_cut)

    def without(found: re.Match[str]) -> str:
        words, end = found.groups()
        is_cut = not end or words.endswith("…")
        return found[0] if is_known(words.removesuffix("…"), is_cut) else f"“…{end}"

    runs = SyncRun.objects.filter(connection_id=connection_id).annotate(said=Cast("problems", TextField()))
    for run in runs.filter(Q(reason__contains="“") | Q(said__contains="“")).only("reason", "problems"):
        reason = _QUOTED.sub(without, run.reason)
        problems = [_QUOTED.sub(without, each) for each in run.problems]
        if (reason, problems) != (run.reason, run.problems):
            SyncRun.objects.filter(pk=run.pk).update(reason=reason, problems=problems)


def _are_called(connection_id: uuid.UUID, words: str, *, is_cut: bool) -> bool:
    how = "startswith" if is_cut else "exact"
    if '"' in words:
        how, words = "regex", "^" + re.escape(words).replace('"', '["“”]') + ("" if is_cut else "$")
    named = {"connection_id": connection_id, f"title__{how}": words}
    return Page.objects.filter(**named).exists() or Source.objects.filter(**named).exists()
