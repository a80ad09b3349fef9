"""What staff do to a customer's workspace: who may, why it was done, and telling its owners."""

import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime

from django.conf import settings
from django.db import transaction

from accounts import audit, background, mails
from accounts.models import AuditAction, Membership, Role, User, Workspace
from accounts.names import cleaned
from accounts.permissions import Forbidden
from config.errors import AppError, InvalidField

LONGEST_REASON = 500
AS_WHAT = {True: "an owner", False: "a member"}
STAYS_OPEN = "You can still sign in, export and download what is here, and delete the workspace."


class DoesNotApply(AppError):
    """To what is there now."""

    code = "does-not-apply"
    status = 409


def check_is_staff(by: User) -> None:
    """Customers read in their audit log who it was."""
    if not (by.is_staff and by.is_active):
        raise Forbidden("Only staff may do this.")
    if not by.name:
        raise Forbidden("Say your name in your own settings first: customers read it in their audit log.")


@contextmanager
def doing(by: User, *, why: str) -> Iterator[str]:
    """A deed of one of our staff, in the audit log under their own name. Raises Forbidden or InvalidField."""
    check_is_staff(by)
    reason = said(why)
    with audit.acting(audit.staff(by), reason=reason):
        yield reason


def said(why: str) -> str:
    reason = cleaned(why)
    if not reason or len(reason) > LONGEST_REASON:
        raise InvalidField(f"Say why, in at most {LONGEST_REASON} characters: the customer reads it.", pointer="/why")
    return reason


def served(workspace_id: uuid.UUID) -> Workspace:
    """For what is of no use in a workspace that is closed. Raises DoesNotApply."""
    workspace = existing(workspace_id)
    if not workspace.is_active:
        raise DoesNotApply("This workspace is suspended. Open it again first.")
    return workspace


def existing(workspace_id: uuid.UUID, *, locks: bool = False) -> Workspace:
    found = Workspace.objects.select_for_update(no_key=True) if locks else Workspace.objects.all()
    workspace = found.filter(pk=workspace_id).exclude(state=Workspace.State.ERASING).first()
    if workspace is None:
        raise DoesNotApply("This workspace was deleted.")
    return workspace


def suspend(*, workspace_id: uuid.UUID, by: User, why: str, now: datetime) -> Workspace:
    """Runs, syncs and writes to Notion stop: each asks for the workspace's state before its next step. Twice is once.

    Raises Forbidden, InvalidField or DoesNotApply.
    """
    with transaction.atomic(), doing(by, why=why) as reason:
        workspace = existing(workspace_id, locks=True)
        if workspace.state == Workspace.State.ACTIVE:
            _turn(workspace, Workspace.State.SUSPENDED, AuditAction.SUSPENDED)
            stopped = "Questions, syncs and changes in Notion are stopped until it is opened again."
            words = [f"Our reason: {reason}", stopped, STAYS_OPEN, "Answer this mail if you think that we are wrong."]
            key = f"suspended:{workspace.pk}:{now.isoformat()}"
            tell_owners(workspace, key=key, title=f"{workspace} is suspended", paragraphs=words, now=now)
    return workspace


def unsuspend(*, workspace_id: uuid.UUID, by: User, why: str, now: datetime) -> Workspace:
    """What waited goes on. Raises as `suspend`."""
    with transaction.atomic(), doing(by, why=why):
        workspace = existing(workspace_id, locks=True)
        if workspace.state == Workspace.State.SUSPENDED:
            _turn(workspace, Workspace.State.ACTIVE, AuditAction.UNSUSPENDED)
            background.take_up_again(workspace.pk, now=now)
            words = ["Questions can be asked again. Syncs and changes in Notion that were stopped go on by themselves."]
            key = f"unsuspended:{workspace.pk}:{now.isoformat()}"
            tell_owners(workspace, key=key, title=f"{workspace} is open again", paragraphs=words, now=now)
    return workspace


def _turn(workspace: Workspace, state: Workspace.State, action: AuditAction) -> None:
    before, workspace.state = workspace.state, state
    workspace.save(update_fields=["state"])
    audit.record(action, workspace_id=workspace.pk, before={"state": before}, after={"state": state})


def send_again(*, mail_id: uuid.UUID, by: User, why: str, now: datetime) -> None:
    """A message that was given up, or waits for its next try. Raises Forbidden, InvalidField or DoesNotApply."""
    with transaction.atomic(), doing(by, why=why):
        mail = mails.try_now(mail_id, now=now)
        if mail is None:
            raise DoesNotApply("There is no such mail.")
        if mail.workspace_id is not None:
            audit.record(AuditAction.MAIL_SENT_AGAIN, workspace_id=mail.workspace_id, about=mail.to)
        elif mail.user is not None:
            audit.record_everywhere(AuditAction.MAIL_SENT_AGAIN, mail.user)


def owners(workspace_id: uuid.UUID) -> Sequence[Membership]:
    """Who of them can sign in, those first who came first."""
    found = Membership.objects.select_related("user", "workspace").filter(workspace_id=workspace_id, role=Role.OWNER)
    return list(found.filter(user__is_active=True).order_by("joined_at", "pk"))


def tell_owners(
    workspace: Workspace,
    *,
    key: str,
    title: str,
    paragraphs: Sequence[str],
    now: datetime,
    url: str = "/app/settings",
    to: Sequence[Membership] | None = None,
    stays: bool = False,
) -> None:
    """`stays`: told also when the workspace goes, which takes along what was not sent yet."""
    for owner in owners(workspace.pk) if to is None else to:
        mails.put(
            key=f"{key}:{owner.user_id}",
            to=owner.user.email,
            template="letter",
            context={
                "title": title,
                "paragraphs": paragraphs,
                "url": settings.PUBLIC_URL + url,
                "action": "Open the settings",
                "footnote": f"You get this as {AS_WHAT[owner.role == Role.OWNER]} of the workspace.",
            },
            user_id=owner.user_id,
            workspace_id=None if stays else workspace.pk,
            now=now,
        )
