"""What a workspace lets the agent write: ask always, some kinds by itself, or nothing."""

from collections.abc import Sequence

from django.db import transaction

from accounts.models import Membership, Workspace
from accounts.permissions import check_can_change_settings
from accounts.services import note_settings
from agent.models import Proposal
from billing.permissions import check_can_change
from config.errors import AppError, InvalidField
from tasks import services

Policy = Workspace.WritePolicy


class NeverWrites(AppError):
    code = "writing-is-off"
    status = 403


def check_may_propose(by: Membership) -> None:
    """Raises NeverWrites, NotAllowed and what closes the plan."""
    if not services.can_create(by):
        raise services.NotAllowed("Viewers read tasks and do not change them. Ask an owner for another role.")
    check_can_change(by)
    if by.workspace.write_policy == Policy.NEVER:
        raise NeverWrites("In this workspace the agent changes nothing: an owner or an admin turned that off.")


def is_let_by_itself(by: Membership, kind: str, *, is_tainted: bool) -> bool:
    """Whoever read what others wrote asks, whatever the workspace lets be done."""
    allowed = by.workspace.write_policy == Policy.ALLOW and kind in by.workspace.write_kinds
    return allowed and not is_tainted


def choose(*, by: Membership, policy: str | None = None, kinds: Sequence[str] | None = None) -> None:
    check_can_change_settings(by)
    unknown = set(kinds or ()) - set(Proposal.Kind.values)
    if unknown:
        raise InvalidField(f"Known kinds: {', '.join(Proposal.Kind.values)}.", pointer="/write_kinds")
    names = ("write_policy", "write_kinds")
    with transaction.atomic():
        mine = Workspace.objects.filter(pk=by.workspace_id)
        before = mine.select_for_update(no_key=True).values(*names).get()
        after = before | {name: value for name, value in zip(names, (policy, kinds), strict=True) if value is not None}
        after["write_kinds"] = [each for each in Proposal.Kind.values if each in after["write_kinds"]]
        mine.update(**after)
        note_settings(by, before, after)
    by.workspace.write_policy, by.workspace.write_kinds = after["write_policy"], after["write_kinds"]
