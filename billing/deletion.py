"""An owner's word that the workspace goes. It closes at once; for two weeks an owner may take that back, and then it is
erased, which is the part above.

Each step holds the lock on the subscription's row: of what is asked at the same moment one comes first, wholly.
"""

from collections.abc import Callable
from contextlib import suppress
from datetime import datetime, timedelta
from uuid import UUID

from django.db.models import QuerySet

from accounts import audit, background, mails, tenancy
from accounts.models import AuditAction, Mail, Membership, User, Workspace
from accounts.permissions import check_can_delete_workspace
from accounts.pool import with_schema
from billing import deletion_letters as letters
from billing import services
from billing.changes import locked
from billing.gateways import gateway
from billing.models import Subscription
from billing.permissions import owners_of
from billing.reminders import KINDS
from config.errors import InvalidField

REGRET = timedelta(days=14)
NOTICE = timedelta(days=1)
AT_ONCE = 200


def close(*, by: Membership, confirm: str, now: datetime) -> datetime:
    """When it will be erased. `confirm`: the workspace's name. Of one that is closed already: what was said then.

    Raises Forbidden, InvalidField, NotAMember when it is being erased, or what the gateway refuses with.
    """
    with locked(by.workspace_id, now) as subscription:
        by = _present(by)
        check_can_delete_workspace(by)
        workspace = by.workspace
        if confirm.strip() != workspace.name.strip():
            raise InvalidField(f"Type the name of the workspace, {workspace.name}.", pointer="/confirm")
        if workspace.erases_at is None:
            workspace.erases_at = now + REGRET
            _tell_owners(workspace, letters.closed(workspace, by=by.user), kind="closed", now=now)
            close_locked(workspace, subscription, by=by.user, now=now)
        return workspace.erases_at


def close_locked(workspace: Workspace, subscription: Subscription, *, by: User, now: datetime) -> None:
    """For `erases_at`, under the lock. Last in its transaction: of the provider's part nothing is taken back."""
    assert workspace.erases_at is not None
    workspace.closed_from, workspace.state = workspace.state, Workspace.State.CLOSING
    workspace.save(update_fields=["state", "erases_at", "closed_from", "closed_with"])
    mails.withdraw(workspace_id=workspace.pk, kinds=KINDS)
    after = {"erases_at": workspace.erases_at.isoformat(timespec="seconds")}
    audit.record(AuditAction.WORKSPACE_DELETED, workspace_id=workspace.pk, by=by, after=after)
    with audit.acting(audit.member(by)):
        gateway().leave(subscription, by=by.pk, now=now)


def restore(*, by: Membership, now: datetime) -> None:
    """Everything goes on as it was; a paid plan until its period's end, since nothing is charged that nobody chose.

    It asks nobody else, so that it can be done in the last minute too. Raises Forbidden, or NotAMember when the erasing
    has begun.
    """
    with locked(by.workspace_id, now) as subscription:
        by = _present(by)
        check_can_delete_workspace(by)
        workspace = by.workspace
        if workspace.state != Workspace.State.CLOSING:
            return
        restore_locked(workspace, subscription, by=by.user, now=now)


def restore_locked(workspace: Workspace, subscription: Subscription, *, by: User, now: datetime) -> None:
    """Under the lock."""
    workspace.state, workspace.closed_from = workspace.closed_from or Workspace.State.ACTIVE, ""
    workspace.erases_at = workspace.closed_with = None
    workspace.save(update_fields=["state", "erases_at", "closed_from", "closed_with"])
    mails.withdraw(workspace_id=workspace.pk, kinds=letters.KINDS)
    audit.record(AuditAction.WORKSPACE_RESTORED, workspace_id=workspace.pk, by=by)
    _tell_owners(workspace, letters.restored(workspace, subscription, by=by, now=now), kind="kept", now=now)
    # Reminders were not said meanwhile.
    Subscription.objects.filter(pk=subscription.pk).update(remind_at=now)
    background.take_up_again(workspace.pk, now=now)


def remind(*, now: datetime) -> None:
    """A day before, once."""
    soon = _closing().filter(erases_at__range=(now, now + NOTICE))
    for workspace_id, erases_at in soon.values_list("pk", "erases_at"):
        assert erases_at is not None
        if Mail.objects.filter(key__startswith=_key("closes-soon", workspace_id, erases_at)).exists():
            continue
        with suppress(tenancy.NotAMember), locked(workspace_id, now):
            workspace = soon.filter(pk=workspace_id, erases_at=erases_at).first()
            if workspace is not None:
                _tell_owners(workspace, letters.soon(workspace), kind="closes-soon", now=erases_at)


def due(*, now: datetime) -> list[UUID]:
    """Workspaces whose two weeks are over."""
    over = _closing().filter(erases_at__lte=now).order_by("erases_at")
    return list(over.values_list("pk", flat=True)[:AT_ONCE])


def _closing() -> QuerySet[Workspace]:
    """By themselves: what was deleted with an account goes with that."""
    return Workspace.objects.filter(state=Workspace.State.CLOSING, closed_with=None)


def begin(*, workspace_id: UUID, now: datetime, then: Callable[[], object]) -> bool:
    """From now on nobody takes it back. `then` belongs to the same transaction. False when somebody did before.

    Who would have no workspace any more gets an empty one, so that their account is of use. Raises NoSchemaReady, or
    what the gateway refuses with; then it is not begun.
    """
    with suppress(tenancy.NotAMember):
        return with_schema(lambda: begin_now(workspace_id=workspace_id, now=now, then=then))
    return False


def begin_now(*, workspace_id: UUID, now: datetime, then: Callable[[], object]) -> bool:
    """As `begin`, which waits for a schema; raises NotAMember too."""
    with locked(workspace_id, now) as subscription:
        workspace = Workspace.objects.filter(pk=workspace_id, state=Workspace.State.CLOSING, erases_at__lte=now).first()
        if workspace is None:
            return False
        Workspace.objects.filter(pk=workspace_id).update(state=Workspace.State.ERASING)
        for user in _without_another(workspace):
            services.begin_anew(user=user, now=now)
        Mail.objects.filter(workspace_id=workspace_id, sent_at=None).delete()
        # Last: what cannot be taken back when something else fails.
        gateway().end(subscription, by=None, now=now)
        then()
    return True


def _present(by: Membership) -> Membership:
    """As it stands under the lock."""
    member = Membership.objects.select_related("workspace", "user").filter(pk=by.pk).first()
    if member is None:
        raise tenancy.NotAMember("You are not a member of this workspace any more.")
    return member


def _tell_owners(workspace: Workspace, letter: letters.Letter, *, kind: str, now: datetime) -> None:
    for owner in owners_of(workspace.pk).select_related("user"):
        mails.put(
            key=_key(kind, workspace.pk, now) + str(owner.user_id),
            to=owner.user.email,
            template="letter",
            context=letter.to(owner.user),
            user_id=owner.user_id,
            workspace_id=workspace.pk,
        )


def _key(kind: str, workspace_id: UUID, moment: datetime) -> str:
    return f"{kind}:{workspace_id}:{moment:%Y%m%dT%H%M%S%f}:"


def _without_another(workspace: Workspace) -> list[User]:
    members = User.objects.filter(memberships__workspace=workspace, is_active=True, erases_at=None)
    others = Membership.objects.exclude(workspace__state=Workspace.State.ERASING)
    return list(members.exclude(pk__in=others.values("user_id")))
