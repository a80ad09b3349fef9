"""A proposal as programs see it. Only to who asked."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from django.utils import timezone

from accounts.models import Membership
from agent.models import Proposal, Run
from agent.proposals import services
from agent.runs import shown
from agent.runs.shown import moment


def proposal_json(proposal: Proposal, *, now: datetime) -> dict[str, Any]:
    task = proposal.task
    is_local = task.is_local if task is not None else proposal.source == "local"
    newer = getattr(proposal, "replaced_by", None)
    return {
        "id": str(proposal.pk),
        "run_id": str(proposal.run_id),
        "kind": proposal.kind,
        "state": Proposal.State.EXPIRED if proposal.is_lapsed(now) else proposal.state,
        "what": {"task_id": str(task.pk) if task else None, "title": proposal.title, "url": task.url if task else ""},
        "where": {"source": "local" if is_local else "notion", "title": proposal.place},
        "changes": proposal.changes,
        "why": proposal.why,
        "source_page": proposal.source_page,
        "replaced_by": str(newer.pk) if newer else None,
        "reason": proposal.reason or None,
        "verified": not proposal.differs if proposal.state in Proposal.DONE else None,
        "differs": proposal.differs,
        "created_at": moment(proposal.created_at),
        "expires_at": moment(proposal.expires_at),
        "decided_at": moment(proposal.decided_at),
        "applied_at": moment(proposal.applied_at),
        "undone_at": moment(proposal.undone_at),
        "undo_until": moment(proposal.undo_until) if proposal.applied_at else None,
    }


def as_json(run: Run, *, by: Membership) -> dict[str, Any]:
    """A run as this member sees it, with what it proposes if they asked."""
    return all_json([run], by=by)[0]


def all_json(runs: Sequence[Run], *, by: Membership) -> list[dict[str, Any]]:
    now, proposed = timezone.now(), services.of_runs(runs, by=by)
    return [
        shown.as_json(run, run.steps.all(), [proposal_json(each, now=now) for each in proposed.get(run.pk, ())])
        for run in runs
    ]
