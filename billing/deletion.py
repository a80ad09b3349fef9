"""An owner's word that the workspace goes: from then on nobody enters it or pays for it. Erasing is the part above."""

from collections.abc import Callable
from datetime import datetime

from accounts import audit
from accounts.models import AuditAction, Mail, Membership, User, Workspace
from accounts.permissions import check_can_delete_workspace
from accounts.pool import with_schema
from billing import services
from billing.changes import locked
from billing.gateways import gateway
from config.errors import InvalidField


def close(*, by: Membership, confirm: str, now: datetime, then: Callable[[], object]) -> None:
    """`confirm`: the workspace's name; `then` belongs to the same transaction.

    Who would have no workspace any more gets an empty one, so that their account is of use. Raises Forbidden,
    InvalidField, NotAMember when it was deleted already, NoSchemaReady, or what the gateway refuses with.
    """
    with_schema(lambda: _close(by, confirm, now, then))


def _close(by: Membership, confirm: str, now: datetime, then: Callable[[], object]) -> None:
    with locked(by.workspace_id, now) as subscription:
        by = Membership.objects.select_related("workspace", "user").get(pk=by.pk)
        check_can_delete_workspace(by)
        if confirm.strip() != by.workspace.name.strip():
            raise InvalidField(f"Type the name of the workspace, {by.workspace.name}.", pointer="/confirm")
        Workspace.objects.filter(pk=by.workspace_id).update(state=Workspace.State.ERASING)
        for user in _without_another(by.workspace):
            services.begin_anew(user=user, now=now)
        Mail.objects.filter(workspace_id=by.workspace_id, sent_at=None).delete()
        audit.record(AuditAction.WORKSPACE_DELETED, workspace_id=by.workspace_id, by=by.user)
        # Last: what cannot be taken back when something else fails.
        with audit.acting(audit.member(by.user)):
            gateway().end(subscription, by=by.user_id, now=now)
        then()


def _without_another(workspace: Workspace) -> list[User]:
    members = User.objects.filter(memberships__workspace=workspace)
    others = Membership.objects.exclude(workspace__state=Workspace.State.ERASING)
    return list(members.exclude(pk__in=others.values("user_id")))
