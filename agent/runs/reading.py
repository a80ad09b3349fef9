"""What one member sees of a run: nothing that rests on a connection they may not read."""

import uuid
from collections.abc import Collection, Iterable

from accounts.models import Connection, Membership
from agent.composing import NOT_FOUND
from agent.models import Run

UNREADABLE = "This answer rests on a source you cannot read."
NOT_NOTED = "This answer has no sources that could be checked, so only who asked can read it."


def as_seen(runs: Iterable[Run], *, by: Membership) -> list[Run]:
    """The same runs, changed in memory alone: they are to be shown, not to be saved."""
    runs = list(runs)
    if any(run.answer for run in runs):
        readable = {str(key) for key in readable_connections(by)}
        for run in runs:
            _hide(run, readable, is_asker=run.owner_id == by.user_id)
    return runs


def hears_all(run: Run, *, by: Membership) -> bool:
    """Whether what the run says while it works may be heard: it can quote whatever its asker may read."""
    if run.owner_id == by.user_id:
        return True
    asker = Membership.objects.filter(user_id=run.owner_id, workspace_id=by.workspace_id).first()
    return asker is not None and readable_connections(asker) <= readable_connections(by)


def readable_connections(membership: Membership) -> set[uuid.UUID]:
    return set(Connection.objects.readable_by(membership).values_list("id", flat=True))


def _hide(run: Run, readable: Collection[str], *, is_asker: bool) -> None:
    kept = [citation for citation in run.citations if citation.get("connection_id") in readable]
    if len(kept) < len(run.citations):
        # The answer consists of what it quotes.
        run.answer, run.citations = UNREADABLE, kept
    elif run.answer and not kept and not is_asker:
        # An answer cut short quotes without saying what, and one that found nothing names the nearest page.
        run.answer = NOT_FOUND if _is_abstention(run) else NOT_NOTED


def without_quotes(run: Run, *, otherwise: str = UNREADABLE) -> str:
    """What is left of its answer when all that it says of a connection or a page goes."""
    return NOT_FOUND if not run.citations and _is_abstention(run) else otherwise


def _is_abstention(run: Run) -> bool:
    return run.status == Run.Status.SUCCEEDED and run.answer.startswith(NOT_FOUND)
