"""What no longer fits when a workspace moves to a plan: said before the change, never found out after it."""

from datetime import datetime

from accounts.models import Workspace
from billing import reading
from billing.effective import EffectivePlan, State, effective
from billing.models import Subscription
from billing.moments import day
from billing.permissions import the_one
from billing.plans import COMING, KEPT_AFTER_END, Feature, Plan


def consequences(workspace: Workspace, plan: Plan, *, now: datetime) -> list[str]:
    """Sentences for people, the gravest first; none when everything fits."""
    present = effective(Subscription.objects.get(workspace=workspace), now).plan
    return [*_people(workspace, plan), *_connections(workspace, plan), *_limits(present, plan), *_lost(present, plan)]


def of_the_end(workspace: Workspace, current: EffectivePlan, *, at: datetime) -> list[str]:
    """What stops with a subscription, and what does not."""
    others = workspace.memberships.count() - 1
    what = "Reading stops then too" if current.state == State.READ_ONLY else "Questions, syncs and changes stop then"
    return [
        what + (f", also for the {others} {'other' if others == 1 else 'others'} here." if others > 0 else "."),
        f"What was read from Notion is kept until {day(at + KEPT_AFTER_END)} and erased after that.",
        "Sign-in, settings and this page stay open. A plan bought before then opens everything again.",
    ]


def _people(workspace: Workspace, plan: Plan) -> list[str]:
    members, one = workspace.memberships.count(), the_one(workspace.pk)
    if plan.is_per_seat or members <= 1 or one is None:
        return []
    return [
        f"{plan.name} is for one person and {members} are here. Only {one.user} can ask then; the others can only read."
    ]


def _connections(workspace: Workspace, plan: Plan) -> list[str]:
    count = reading.notion_workspaces(workspace.pk)
    if count <= 1 or Feature.SEVERAL_CONNECTIONS in plan.features:
        return []
    return [
        f"{count} Notion workspaces are connected and {plan.name} syncs one, the one connected first. The others stay"
        " searchable as they are and are no longer synced."
    ]


def _limits(present: Plan, plan: Plan) -> list[str]:
    if plan.requests >= present.requests and plan.tokens >= present.tokens:
        return []
    before = f"{present.requests:,} and {present.tokens:,}"
    return [f"{plan.requests:,} questions and {plan.tokens:,} tokens a month instead of {before}."]


def _lost(present: Plan, plan: Plan) -> list[str]:
    lost = [feature.label for feature in present.features if feature not in plan.features and feature not in COMING]
    return [f"No longer included: {', '.join(lost)}."] if lost else []
