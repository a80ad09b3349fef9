"""Who stays, as what, and with how much. Every change holds the lock on the subscription's row: two owners who leave
at once do it one after the other."""

import uuid
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.dispatch import Signal

from accounts import audit
from accounts.models import AuditAction, Membership, Role
from accounts.permissions import (
    Forbidden,
    can_change_owners,
    can_manage_members,
    check_can_change_owners,
    check_can_manage_members,
)
from billing import seats
from billing.changes import locked
from billing.effective import effective
from billing.models import Subscription
from billing.permissions import check_can_use, check_included, is_included
from billing.plans import Feature
from billing.team import owners
from config.errors import AppError, InvalidField

# Of a member's caps: the column and the plan's own limit.
CAPS = {"requests": ("request_cap", "requests"), "tokens": ("token_cap", "tokens")}

# Sent with the ended `membership`, in the transaction that ends it: what stands above hears of it here.
left = Signal()


class NoMember(AppError):
    """Also said of members of another workspace."""

    code = "not-found"
    status = 404


def can_remove(by: Membership, member: Membership, *, by_is_included: bool) -> bool:
    """Anybody may leave; an owner is removed by owners alone, and whom a team left over removes nobody."""
    if by.user_id == member.user_id:
        return True
    may = can_change_owners(by) if member.role == Role.OWNER else can_manage_members(by)
    return may and by_is_included


def remove(*, by: Membership, user_id: uuid.UUID, now: datetime) -> None:
    """Somebody else, or oneself: to leave. Their seat is free, and what was issued to them here is dead.

    What they used stays counted, so coming back in the same period gives no second quota. Raises NoMember, Forbidden,
    LastOwner, or PlanRequired for whom a team left over.
    """
    with locked(by.workspace_id, now) as subscription:
        by, member = _present(by, by.user_id), _present(by, user_id)
        current = effective(subscription, now)
        if not can_remove(by, member, by_is_included=is_included(current, by)):
            if can_manage_members(by):
                check_included(current, by)
                raise Forbidden("Only an owner can remove an owner.")
            raise Forbidden("Only an owner or admin can.")
        if member.role == Role.OWNER:
            owners.check_another(member, "The last one cannot leave.")
            owners.tell(member, by=by, now=now, leaves=True)
        member.delete()
        is_own = by.user_id == member.user_id
        _note(AuditAction.LEFT if is_own else AuditAction.REMOVED, member, by=by, before={"role": member.role})
        with audit.acting(audit.member(by.user)):
            seats.follow(workspace=by.workspace, now=now)
            left.send(sender=Membership, membership=member)


def change(
    *,
    by: Membership,
    user_id: uuid.UUID,
    now: datetime,
    role: Role | None = None,
    caps: Mapping[str, int | None] | None = None,
) -> Membership:
    """Another role, or caps below the plan's limits: `requests` and `tokens`, None for the plan's own.

    Raises NoMember, Forbidden, LastOwner, PlanRequired or InvalidField.
    """
    with locked(by.workspace_id, now) as subscription:
        by, member = _present(by, by.user_id), _present(by, user_id)
        check_can_manage_members(by)
        if role is not None and role != member.role:
            check_can_use(subscription, Feature.MEMBERS)
            _change_role(member, role, by=by, now=now)
        if caps:
            check_can_use(subscription, Feature.MEMBER_CAPS)
            before = _caps(member)
            _cap(member, caps, subscription, now)
            if _caps(member) != before:
                _note(AuditAction.CAPS_SET, member, by=by, before=before, after=_caps(member))
        member.save(update_fields=["request_cap", "token_cap"])
    return member


def _change_role(member: Membership, role: Role, *, by: Membership, now: datetime) -> None:
    """Several may own a workspace: who hands it over makes another owner, then steps down."""
    changes_owners = Role.OWNER in {role, member.role}
    if changes_owners:
        check_can_change_owners(by)
    if member.role == Role.OWNER:
        owners.check_another(member, "Make somebody else an owner first.")
    before, member.role = member.role, role
    member.save(update_fields=["role"])
    action = AuditAction.OWNERS_CHANGED if changes_owners else AuditAction.ROLE_CHANGED
    _note(action, member, by=by, before={"role": before}, after={"role": role})
    if changes_owners:
        owners.tell(member, by=by, now=now)


def _cap(member: Membership, caps: Mapping[str, int | None], subscription: Subscription, now: datetime) -> None:
    plan = effective(subscription, now).plan
    for name, cap in caps.items():
        column, limit = CAPS[name][0], getattr(plan, CAPS[name][1])
        if cap is not None and not 0 <= cap <= limit:
            raise InvalidField(f"From 0 to {limit:,}, the {plan.name} plan's own limit.", pointer=f"/caps/{name}")
        setattr(member, column, cap)


def _caps(member: Membership) -> dict[str, int | None]:
    return {name: getattr(member, column) for name, (column, _) in CAPS.items()}


def _note(action: AuditAction, member: Membership, *, by: Membership, **said: Any) -> None:
    audit.record(action, workspace_id=member.workspace_id, by=by.user, about=member.user.email, **said)


def _present(by: Membership, user_id: uuid.UUID) -> Membership:
    """As it stands under the lock."""
    members = Membership.objects.select_related("workspace", "user")
    member = members.filter(workspace_id=by.workspace_id, user_id=user_id).first()
    if member is None:
        raise NoMember("There is no such member.")
    return member
