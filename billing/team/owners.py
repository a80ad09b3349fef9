"""Who owns a workspace. There is always somebody who can sign in and decide."""

from datetime import datetime

from django.conf import settings
from django.db.models import Q

from accounts import mails
from accounts.models import PRESENT, Membership, Role
from billing.team import roles
from config.errors import AppError


class LastOwner(AppError):
    code = "last-owner"
    status = 409


def check_another(member: Membership, words: str) -> None:
    """Raises LastOwner. Under the lock, so that of two who go at once the second finds nobody else."""
    owners = Membership.objects.filter(PRESENT, workspace_id=member.workspace_id, role=Role.OWNER)
    if not owners.exclude(pk=member.pk).exists():
        raise LastOwner(f"A workspace needs an owner. {words}")


def tell(member: Membership, *, by: Membership, now: datetime, leaves: bool = False) -> None:
    """All who own it, and who does no longer, in the transaction that changes it."""
    letter = _of_leaving if leaves else _of_role
    people = Membership.objects.filter(PRESENT, workspace_id=member.workspace_id).select_related("user")
    for each in people.filter(Q(role=Role.OWNER) | Q(pk=member.pk)):
        mails.put(
            key=f"owners:{member.pk}:{now:%Y%m%d%H%M%S%f}:{each.user_id}",
            to=each.user.email,
            template="letter",
            context=letter(each, member, by),
            user_id=each.user_id,
            workspace_id=member.workspace_id,
            now=now,
        )


def _of_role(to: Membership, member: Membership, by: Membership) -> dict[str, object]:
    workspace, role = by.workspace.name, _article(Role(member.role).label.lower())
    who, are = ("You", "are") if to.pk == member.pk else (str(member.user), "is")
    if by.pk == member.pk:
        said = f"{who} stepped down and {are} {role} of {workspace} now."
    else:
        did = "You" if to.pk == by.pk else str(by.user)
        said = f"{did} made {who if who != 'You' else 'you'} {role} of {workspace}."
    return {
        "title": f"{who} {are} {role} of {workspace} now",
        "paragraphs": [said, f"Owners alone may: {', '.join(roles.of_owners_alone())}."],
        **_to_members(member),
    }


def _of_leaving(to: Membership, member: Membership, by: Membership) -> dict[str, object]:
    workspace, is_me = by.workspace.name, to.pk == member.pk
    who, own = ("You", "own") if is_me else (str(member.user), "owns")
    if by.pk == member.pk:
        said = f"{who} left {workspace} and {own} it no longer."
    else:
        did = "You" if to.pk == by.pk else str(by.user)
        said = f"{did} removed {'you' if is_me else who}, an owner, from {workspace}."
    return {
        "title": f"{who} {'are' if is_me else 'is'} no longer in {workspace}",
        "paragraphs": [said],
        **({} if is_me else _to_members(member)),
    }


def _to_members(member: Membership) -> dict[str, object]:
    return {
        "url": f"{settings.PUBLIC_URL}/app/members?workspace={member.workspace_id}",
        "action": "See the members",
    }


def _article(word: str) -> str:
    return f"{'an' if word[0] in 'aeiou' else 'a'} {word}"
