"""Into a workspace by a link that is good once, for one address and seven days."""

import hashlib
import re
import secrets
import uuid
from dataclasses import dataclass
from datetime import datetime, timedelta

from allauth.account.models import EmailAddress
from django.conf import settings
from django.db import transaction
from django.utils import timezone

from accounts import audit, mails, tenancy
from accounts.models import AuditAction, Invitation, Membership, Role, User, Workspace
from accounts.permissions import check_can_manage_members
from billing import hearing, seats
from billing.changes import locked
from billing.effective import PaymentRequired, TrialExpired
from billing.moments import day
from billing.permissions import PlanRequired, check_can_use
from billing.plans import Feature
from billing.seats import SeatsFull
from billing.services import kept_address
from config.errors import AppError

LIFE = timedelta(days=7)
# Mails that a workspace may send so in a day, and to one address: enough for people, too few to be a nuisance.
DAY = timedelta(days=1)
MOST_A_DAY, MOST_TO_ONE = 200, 10


class AlreadyMember(AppError):
    code = "already-member"
    status = 409


class TooManyInvitations(AppError):
    code = "too-many-invitations"
    status = 429


class NoInvitation(AppError):
    """Also said of those of another workspace."""

    code = "not-found"
    status = 404


class InvitationOver(AppError):
    code = "invitation-over"
    status = 410


class OtherAddress(AppError):
    code = "invitation-for-another"
    status = 403


class WorkspaceClosed(AppError):
    """Why is the workspace's own matter: who is invited is no member yet."""

    code = "workspace-closed"
    status = 409


@dataclass(frozen=True)
class Link:
    """The token is known to who made or brought it, and stands nowhere else."""

    invitation: Invitation
    token: str

    @property
    def path(self) -> str:
        return f"/app/invitations/{self.token}"

    @property
    def url(self) -> str:
        return settings.PUBLIC_URL + self.path


def invite(*, by: Membership, email: str, role: Role, now: datetime) -> Link:
    """Sends a link. Who has an open invitation gets a new one, and the old link is dead.

    Raises Forbidden, PlanRequired, InvalidField, AlreadyMember, TooManyInvitations, or gateways.Refused when it is not
    known whether the plan has members.
    """
    check_can_manage_members(by)
    try:
        return _invite(by, kept_address(email), role, now)
    except PlanRequired:
        if not hearing.is_news(by.workspace_id, now=now):
            raise
        return _invite(by, kept_address(email), role, now)


def _invite(by: Membership, address: str, role: Role, now: datetime) -> Link:
    token = secrets.token_urlsafe(32)
    with locked(by.workspace_id, now) as subscription:
        check_can_use(subscription, Feature.MEMBERS)
        if Membership.objects.filter(workspace_id=by.workspace_id, user__email=address).exists():
            raise AlreadyMember(f"{address} is a member already.")
        waiting = Invitation.objects.filter(workspace_id=by.workspace_id).waiting()
        is_again = waiting.filter(email=address).update(revoked_at=now)
        _check_few(by.workspace_id, address, now)
        invitation = Invitation.objects.create(
            workspace_id=by.workspace_id,
            email=address,
            role=role,
            digest=_digest(token),
            invited_by=by.user,
            created_at=now,
            expires_at=now + LIFE,
        )
        link = Link(invitation, token)
        _send(link, by)
        _note(AuditAction.INVITED_AGAIN if is_again else AuditAction.INVITED, invitation, by=by.user)
    return link


def _note(action: AuditAction, invitation: Invitation, *, by: User) -> None:
    audit.record(
        action,
        workspace_id=invitation.workspace_id,
        by=by,
        about=invitation.email,
        after={"role": invitation.role},
    )


def _check_few(workspace_id: uuid.UUID, address: str, now: datetime) -> None:
    today = Invitation.objects.filter(workspace_id=workspace_id, created_at__gt=now - DAY)
    if today.filter(email=address).count() >= MOST_TO_ONE:
        words = f"{address} was invited {MOST_TO_ONE} times within a day. Try again tomorrow."
    elif today.count() >= MOST_A_DAY:
        words = f"{MOST_A_DAY} invitations were sent within a day. Try again tomorrow."
    else:
        return
    raise TooManyInvitations(words, retry_after=DAY.total_seconds())


def _send(link: Link, by: Membership) -> None:
    workspace, invitation = by.workspace, link.invitation
    mails.put(
        key=f"invitation:{invitation.pk}",
        to=invitation.email,
        template="letter",
        context={
            "title": f"{by.user} invites you to {workspace.name}",
            "paragraphs": [f"You would join {workspace.name} as {Role(invitation.role).label.lower()}."],
            "url": link.url,
            "action": "See the invitation",
            "footnote": f"The link works once, for {invitation.email}, until {invitation.expires_at:%-d %B %Y}. "
            "If you did not expect it, there is nothing to do.",
        },
        workspace_id=workspace.pk,
        now=invitation.created_at,
    )


def revoke(*, by: Membership, invitation_id: uuid.UUID, now: datetime) -> None:
    """Twice is once. Raises NoInvitation, Forbidden, or AlreadyMember when it was accepted before."""
    invitation = Invitation.objects.filter(pk=invitation_id, workspace_id=by.workspace_id).first()
    if invitation is None:
        raise NoInvitation("There is no such invitation.")
    check_can_manage_members(by)
    with transaction.atomic():
        if Invitation.objects.filter(pk=invitation_id).waiting().update(revoked_at=now):
            _note(AuditAction.INVITATION_REVOKED, invitation, by=by.user)
            return
    invitation.refresh_from_db()
    if invitation.accepted_at:
        raise AlreadyMember(f"{invitation.email} has joined. Remove the member instead.")


def find(token: str) -> Invitation:
    """Whatever has become of it. Raises NoInvitation."""
    invitation = (
        Invitation.objects.filter(digest=_digest(token))
        .exclude(workspace__state=Workspace.State.ERASING)
        .select_related("workspace", "invited_by")
        .first()
    )
    if invitation is None:
        raise NoInvitation("This link leads to no invitation. See whether the address was copied as a whole.")
    return invitation


def check_good(invitation: Invitation, *, now: datetime) -> None:
    """Raises InvitationOver."""
    if invitation.accepted_at:
        raise InvitationOver("This invitation has been used. If it was you, sign in and choose the workspace.")
    if invitation.revoked_at:
        raise InvitationOver("This invitation was taken back. Ask for a new one.")
    if invitation.is_expired(now):
        raise InvitationOver(f"This invitation ended on {day(invitation.expires_at)}. Ask for a new one.")


def is_for(invitation: Invitation, user: User) -> bool:
    """The account's address; where addresses are verified, only when this one is."""
    if not settings.EMAIL_VERIFICATION_REQUIRED:
        return user.email == invitation.email
    return bool(EmailAddress.objects.filter(user=user, email=invitation.email, verified=True).exists())


def accept(*, token: str, user: User, now: datetime) -> Membership:
    """Joins, once: the subscription is locked while seats are counted, and the invitation is claimed by one UPDATE.

    Raises NoInvitation, InvitationOver, OtherAddress, AlreadyMember, SeatsFull, WorkspaceClosed, or gateways.Refused
    when it is not known whether there is a seat.
    """
    tenancy.check_stays(user)
    try:
        return _accept(token, user, now)
    except (SeatsFull, WorkspaceClosed):
        if not hearing.is_news(find(token).workspace_id, now=now):
            raise
        return _accept(token, user, now)


def _accept(token: str, user: User, now: datetime) -> Membership:
    invitation = find(token)
    check_good(invitation, now=now)
    if not is_for(invitation, user):
        raise OtherAddress(f"This invitation is for {invitation.email}. Sign in with that address.")
    workspace = invitation.workspace
    with transaction.atomic():
        _take_seat(invitation, now)
        claimed = Invitation.objects.filter(pk=invitation.pk).good(now)
        if not claimed.update(accepted_at=now, accepted_by=user):
            invitation.refresh_from_db()
            check_good(invitation, now=now)
        if Membership.objects.filter(workspace=workspace, user=user).exists():
            raise AlreadyMember(f"You are a member of {workspace.name} already.")
        # Active, so that the next sign-in opens this workspace.
        joined = Membership.objects.create(
            workspace=workspace, user=user, role=invitation.role, joined_at=now, last_active_at=now
        )
        _note(AuditAction.JOINED, invitation, by=user)
        with audit.acting(audit.member(user)):
            seats.follow(workspace=workspace, now=now)
    return joined


def in_address(path: str) -> Link | None:
    """The invitation that a page's address names, while it is good."""
    named = re.fullmatch(r"/app/invitations/([\w-]+)", path)
    if named is None:
        return None
    try:
        invitation = find(named[1])
        check_good(invitation, now=timezone.now())
    except (NoInvitation, InvitationOver):
        return None
    return Link(invitation, named[1])


def accept_as_new(link: Link, *, user: User, now: datetime) -> Membership:
    """As `accept`, for an account made just now for the invited address. Where addresses are verified the token stands
    nowhere but in the mail, so who has it reads the mail of that address. What refuses it is asked about
    on the page that comes next."""
    if settings.EMAIL_VERIFICATION_REQUIRED:
        address = EmailAddress.objects.get(user=user, email=link.invitation.email)
        address.verified = True
        address.save(update_fields=["verified"])
    return _accept(link.token, user, now)


def _take_seat(invitation: Invitation, now: datetime) -> None:
    try:
        seats.take(workspace=invitation.workspace, now=now)
        _check_stays(invitation)
    except (PlanRequired, TrialExpired, PaymentRequired) as error:
        raise WorkspaceClosed(
            f"{invitation.workspace.name} takes no new members at present. Ask {invitation.invited_by}."
        ) from error
    except SeatsFull:
        # The last one may be taken by this same invitation.
        invitation.refresh_from_db()
        check_good(invitation, now=now)
        raise


def _check_stays(invitation: Invitation) -> None:
    """Under the lock of the subscription's row. Raises WorkspaceClosed."""
    if Workspace.objects.filter(pk=invitation.workspace_id, state=Workspace.State.CLOSING).exists():
        raise WorkspaceClosed(f"{invitation.workspace.name} was deleted. Ask {invitation.invited_by}.")


def _digest(token: str) -> str:
    # 256 random bits need no slow hash.
    return hashlib.sha256(token.encode()).hexdigest()
