"""A person's word that their account goes. It closes at once, with the workspaces that are theirs alone; for two weeks
signing in takes that back, and then the person is erased, of which the part above does its own.

Each step holds the lock of the user's row, then those of subscriptions in the order of their workspaces.
"""

from collections.abc import Callable
from contextlib import suppress
from datetime import datetime
from functools import partial
from uuid import UUID

from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from allauth.usersessions.models import UserSession
from django.db import transaction
from django.db.models import Q, QuerySet
from rest_framework_simplejwt.token_blacklist.models import OutstandingToken

from accounts import audit, mails, sessions, tenancy
from accounts.models import (
    PRESENT,
    ApiKey,
    AuditAction,
    Connection,
    Invitation,
    Mail,
    Membership,
    Role,
    User,
    Workspace,
)
from billing import account_letters as letters
from billing import deletion, one_trial
from billing.changes import locked
from billing.deletion import NOTICE, REGRET
from billing.deletion_letters import Letter
from billing.keys import services as keys
from billing.team import members
from config.errors import AppError

State = Workspace.State


class LastOwner(AppError):
    code = "last-owner"
    status = 409


class OfStaff(AppError):
    code = "account-of-staff"
    status = 409


class Later(Exception):
    """Something has to go before this person: the next round goes on."""


def alone(user: User) -> list[Workspace]:
    """What goes with the account: nobody else is in it."""
    mine = Workspace.objects.filter(memberships__user=user).exclude(memberships__in=_others(user))
    return list(mine.exclude(state__in=[State.CLOSING, State.ERASING]).order_by("pk"))


def to_hand_over(user: User) -> list[Workspace]:
    """Where others would be left without an owner."""
    owned = Workspace.objects.filter(memberships__user=user, memberships__role=Role.OWNER)
    open_ones = owned.filter(memberships__in=_others(user)).exclude(state__in=[State.CLOSING, State.ERASING])
    owners = _others(user).filter(PRESENT, role=Role.OWNER)
    return list(open_ones.exclude(memberships__in=owners).distinct().order_by("name"))


def close(*, user: User, now: datetime) -> datetime:
    """When it will be erased; sent again, what was said then. Sessions, tokens and keys end at once.

    Raises LastOwner, OfStaff, or what the gateway refuses with.
    """
    with transaction.atomic():
        user = User.objects.select_for_update().get(pk=user.pk)
        if user.erases_at is not None:
            return user.erases_at
        if user.is_staff:
            raise OfStaff("This is an account of staff. Whoever looks after this installation ends that first.")
        _hold(user, now)
        if blocking := to_hand_over(user):
            names = ", ".join(each.name for each in blocking)
            raise LastOwner(
                f"You are the last owner of {names}. Make somebody else an owner there, or remove the others, first.",
                workspaces=[{"id": each.pk, "name": each.name} for each in blocking],
            )
        user.erases_at, gone = now + REGRET, alone(user)
        user.save(update_fields=["erases_at"])
        audit.record_everywhere(AuditAction.ACCOUNT_DELETED, user, by=user)
        for key in ApiKey.objects.filter(membership__user=user, revoked_at=None).select_related("membership"):
            keys.revoke(by=key.membership, key_id=key.pk, now=now)
        sessions.end_all(user)
        _tell(user, letters.closed(user, gone), kind="account-closed", moment=now)
        for workspace in gone:
            _close_with(user, workspace.pk, now)
        return user.erases_at


def keep(*, user: User, now: datetime) -> None:
    """With the workspaces that went along. Raises NotAMember when the erasing has begun."""
    with transaction.atomic():
        found = User.objects.select_for_update().filter(pk=user.pk, is_active=True).first()
        if found is None:
            raise tenancy.NotAMember("This account is being erased.")
        if found.erases_at is None:
            return
        found.erases_at = None
        found.save(update_fields=["erases_at"])
        for workspace in Workspace.objects.filter(closed_with=found.pk, state=State.CLOSING).order_by("pk"):
            with locked(workspace.pk, now) as subscription:
                deletion.restore_locked(workspace, subscription, by=found, now=now)
        audit.record_everywhere(AuditAction.ACCOUNT_KEPT, found, by=found)
        told = Q(key__startswith="account-closed:") | Q(key__startswith="account-closes-soon:")
        Mail.objects.filter(told, user=found, sent_at=None, gave_up_at=None).delete()
        _tell(found, letters.kept(found), kind="account-kept", moment=now)


def remind(*, now: datetime) -> None:
    """A day before, once."""
    for user in User.objects.filter(is_active=True, erases_at__range=(now, now + NOTICE)):
        with transaction.atomic():
            same = User.objects.select_for_update().filter(pk=user.pk, erases_at=user.erases_at).first()
            if same is not None and same.erases_at is not None:
                _tell(same, letters.soon(same), kind="account-closes-soon", moment=same.erases_at)


def due(*, now: datetime) -> list[UUID]:
    return list(User.objects.filter(erases_at__lte=now).order_by("erases_at").values_list("pk", flat=True)[:200])


def begin(*, user_id: UUID, now: datetime, then: Callable[[UUID], object]) -> User | None:
    """From now on nobody takes it back: the account is inactive, and its own workspaces are being erased. `then` is
    done with the id of each, in the same transaction. None when it was kept before."""
    with transaction.atomic():
        user = User.objects.select_for_update().filter(pk=user_id, erases_at__lte=now).first()
        if user is None:
            return None
        if user.is_active:
            for workspace in Workspace.objects.filter(closed_with=user.pk, state=State.CLOSING).order_by("pk"):
                deletion.begin_now(workspace_id=workspace.pk, now=now, then=partial(then, workspace.pk))
            user.is_active = False
            user.save(update_fields=["is_active"])
        return user


def leave(*, user: User, now: datetime, before: Callable[[Membership], object]) -> None:
    """Out of every team. `before`: what else of theirs goes from it first; what they shared stays, another's from then
    on. Raises Later while a workspace of theirs, or what they alone had connected, is still being erased."""
    waits = False
    for member in Membership.objects.filter(user=user).select_related("workspace", "user"):
        others = _others(user).filter(PRESENT, workspace=member.workspace)
        heir = others.filter(role=Role.OWNER).order_by("joined_at").first()
        if heir is None or member.workspace.state == State.ERASING:
            waits = True
            continue
        before(member)
        shared = Connection.objects.filter(workspace=member.workspace, owner=user, is_shared=True)
        shared.exclude(status=Connection.Status.DISCONNECTED).update(owner_id=heir.user_id)
        # Another round may have been here at the same moment.
        with suppress(members.NoMember):
            members.remove(by=member, user_id=user.pk, now=now)
    if waits or Connection.objects.filter(owner=user).exists():
        raise Later


def erase(*, user: User, now: datetime) -> None:
    """The account itself, and what names it. Its address is free then, without a second trial."""
    with transaction.atomic():
        same = User.objects.select_for_update().filter(pk=user.pk).first()
        if same is None:
            return
        emails = addresses(user)
        one_trial.remember(user_id=user.pk, emails=emails, now=now)
        _mails(user.pk, emails).delete()
        Invitation.objects.filter(accepted_by=user).delete()
        sessions.end_all(user)
        user.delete()


def addresses(user: User) -> set[str]:
    return {user.email, *EmailAddress.objects.filter(user=user).values_list("email", flat=True)}


def _mails(user_id: UUID, emails: set[str]) -> QuerySet[Mail]:
    """But those that say that something was erased, which are the last. Who registers the address anew has others."""
    theirs = Q(user_id=user_id) | Q(to__in=emails, user=None)
    return Mail.objects.filter(theirs).exclude(key__startswith="certificate:")


KINDS = (
    "account",
    "e-mail addresses",
    "second factors",
    "sessions",
    "sign-in tokens",
    "memberships",
    "connections to Notion",
    "invitations",
    "mails",
)


def traces(user_id: UUID, emails: set[str]) -> dict[str, int]:
    """What there is of a person, by kind."""
    return {
        "account": User.objects.filter(pk=user_id).count(),
        "e-mail addresses": EmailAddress.objects.filter(user_id=user_id).count(),
        "sessions": UserSession.objects.filter(user_id=user_id).count(),
        "second factors": Authenticator.objects.filter(user_id=user_id).count(),
        "sign-in tokens": OutstandingToken.objects.filter(user_id=user_id).count(),
        "memberships": Membership.objects.filter(user_id=user_id).count(),
        "connections to Notion": Connection.objects.filter(owner_id=user_id).count(),
        "invitations": Invitation.objects.filter(Q(invited_by_id=user_id) | Q(accepted_by_id=user_id)).count(),
        "mails": _mails(user_id, emails).count(),
    }


def _others(user: User) -> QuerySet[Membership]:
    """In the workspaces that the user is in."""
    mine = Membership.objects.filter(user=user).values("workspace")
    return Membership.objects.filter(workspace__in=mine).exclude(user=user)


def _hold(user: User, now: datetime) -> None:
    """Until the transaction's end nobody joins, leaves or changes a role where this user is an owner."""
    owned = Membership.objects.filter(user=user, role=Role.OWNER).order_by("workspace_id")
    for workspace_id in owned.values_list("workspace_id", flat=True):
        with suppress(tenancy.NotAMember), locked(workspace_id, now):
            pass  # The row stays locked.


def _close_with(user: User, workspace_id: UUID, now: datetime) -> None:
    with locked(workspace_id, now) as subscription:
        workspace = Workspace.objects.get(pk=workspace_id)
        workspace.erases_at, workspace.closed_with = user.erases_at, user.pk
        deletion.close_locked(workspace, subscription, by=user, now=now)


def _tell(user: User, letter: Letter, *, kind: str, moment: datetime) -> None:
    mails.put(
        key=f"{kind}:{user.pk}:{moment:%Y%m%dT%H%M%S%f}",
        to=user.email,
        template="letter",
        context=letter.to(user),
        user_id=user.pk,
    )
