"""Our staff see what a member sees: for a reason, for half an hour, told to the owners, reading alone unless an owner
or admin allowed more. They stay signed in as themselves all the while; only what a request acts as is another.
"""

import logging
import uuid
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.http import HttpRequest
from django.utils import timezone

from accounts import audit, staffing
from accounts.models import AuditAction, Impersonation, Membership, User, Workspace
from accounts.permissions import check_can_change_settings
from accounts.staffing import DoesNotApply

log = logging.getLogger(__name__)
LASTS = timedelta(minutes=30)
ALLOWED_FOR = timedelta(hours=24)
KEY = "impersonation"


def begin(*, membership_id: int, by: User, why: str, now: datetime) -> Impersonation:
    """The owners are told, and the member. Asked for once more: the one that is open, which lasts no longer for it.
    One of another member ends.

    Raises Forbidden, InvalidField or DoesNotApply.
    """
    with transaction.atomic(), staffing.doing(by, why=why) as reason:
        # Two clicks follow each other.
        User.objects.select_for_update(no_key=True).get(pk=by.pk)
        member = _member(membership_id, by)
        mine = Impersonation.objects.select_related("staff", "member").filter(staff=by, ended_at=None).first()
        if mine is not None and _is_good(mine, now) and _is_of(mine, member):
            return mine
        if mine is not None:
            end(mine, now=now)
        begun = Impersonation.objects.create(
            workspace=member.workspace,
            member=member.user,
            staff=by,
            reason=reason,
            began_at=now,
            ends_at=now + LASTS,
        )
        facts = {"ends_at": begun.ends_at.isoformat()}
        where = member.workspace_id
        audit.record(AuditAction.STAFF_VIEW_BEGAN, workspace_id=where, about=member.user.email, after=facts)
        _tell(begun, member, now)
    log.info("impersonation %s: %s", begun.pk, begun)
    return begun


def _member(membership_id: int, by: User) -> Membership:
    members = Membership.objects.select_related("user", "workspace")
    member = members.filter(pk=membership_id).exclude(workspace__state=Workspace.State.ERASING).first()
    if member is None:
        raise DoesNotApply("There is no such member any more.")
    if not member.user.is_active:
        raise DoesNotApply("This account is closed, and sees nothing.")
    if member.user.is_staff or member.user.is_superuser or member.user_id == by.pk:
        raise DoesNotApply("This is one of our staff. Nobody looks through their eyes.")
    return member


def _is_of(one: Impersonation, member: Membership) -> bool:
    return (one.member_id, one.workspace_id) == (member.user_id, member.workspace_id)


def _is_good(one: Impersonation, now: datetime) -> bool:
    return one.ended_at is None and now < one.ends_at


def _tell(begun: Impersonation, member: Membership, now: datetime) -> None:
    may = "They can also act there, as you allowed." if may_act(member.workspace, now) else "They can change nothing."
    owners = staffing.owners(member.workspace_id)
    staffing.tell_owners(
        member.workspace,
        key=f"impersonation:{begun.pk}",
        title=f"Our staff looks at {member.workspace}",
        paragraphs=[
            f"{begun.staff.name} of our staff sees {member.workspace} as {member.user.email} sees it, from"
            f" {begun.began_at:%Y-%m-%d %H:%M} to {begun.ends_at:%H:%M} UTC at the latest. {may}",
            f"The reason: {begun.reason}",
            "You did not ask us for this? Answer this mail.",
        ],
        now=now,
        to=owners if member in owners else [*owners, member],
    )


def current(by: User, key: object, *, now: datetime) -> tuple[Impersonation, Membership] | None:
    """What this one of our staff, signed in with this in their session, acts as now; asked anew for each request."""
    found = Impersonation.objects.select_related("staff", "member", "workspace")
    one = found.filter(pk=_uuid(key), staff_id=by.pk, ended_at=None).first()
    if one is None:
        return None
    if now >= one.ends_at:
        end(one, now=one.ends_at)
        return None
    members = Membership.objects.select_related("user", "workspace").filter(
        workspace_id=one.workspace_id, user_id=one.member_id, user__is_active=True
    )
    member = members.filter(user__is_staff=False, user__is_superuser=False).first()
    if member is None or member.workspace.state == Workspace.State.ERASING:
        end(one, now=now)
        return None
    return one, member


def _uuid(key: object) -> uuid.UUID:
    try:
        return uuid.UUID(str(key))
    except ValueError:
        return uuid.UUID(int=0)


def end(one: Impersonation, *, now: datetime) -> None:
    """Once, whoever comes first: the button, signing out or the clock."""
    with transaction.atomic(), audit.acting(audit.staff(one.staff)):
        if Impersonation.objects.filter(pk=one.pk, ended_at=None).update(ended_at=now):
            facts = {"ended_at": now.isoformat()}
            where, about = one.workspace_id, one.member.email
            audit.record(AuditAction.STAFF_VIEW_ENDED, workspace_id=where, about=about, after=facts)


def end_all(*, by: User, now: datetime) -> None:
    for one in _open().filter(staff_id=by.pk):
        end(one, now=min(now, one.ends_at))


def end_overdue(*, now: datetime) -> None:
    for one in _open().filter(ends_at__lte=now):
        end(one, now=one.ends_at)


def _open() -> Any:
    return Impersonation.objects.select_related("staff", "member").filter(ended_at=None)


def signed_out(request: HttpRequest, user: Any = None, **_: Any) -> None:
    if isinstance(user, User) and user.is_staff:
        end_all(by=user, now=timezone.now())


def may_act(workspace: Workspace, now: datetime) -> bool:
    """Whether an owner or admin lets our staff do more than look."""
    return workspace.staff_may_act_until is not None and now < workspace.staff_may_act_until


def allow(*, by: Membership, is_allowed: bool, now: datetime) -> None:
    """For a day from now on, or no longer. Raises Forbidden."""
    check_can_change_settings(by)
    until = now + ALLOWED_FOR if is_allowed else None
    with transaction.atomic():
        workspace = Workspace.objects.select_for_update(no_key=True).get(pk=by.workspace_id)
        was_allowed = may_act(workspace, now)
        if was_allowed == is_allowed:
            return
        workspace.staff_may_act_until = until
        workspace.save(update_fields=["staff_may_act_until"])
        action = AuditAction.STAFF_ALLOWED if is_allowed else AuditAction.STAFF_DISALLOWED
        facts = {"until_at": until.isoformat()} if until else None
        audit.record(action, workspace_id=workspace.pk, by=by.user, after=facts)
