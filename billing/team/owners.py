"""Who owns a workspace. There is always somebody who can sign in and decide."""

from datetime import datetime

from django.conf import settings
from django.db.models import Q

from accounts import mails
from accounts.models import Membership, Role
from billing.team import roles
from config.errors import AppError


class LastOwner(AppError):
    code = "last-owner"
    status = 409


def check_another(member: Membership, words: str) -> None:
    """Raises LastOwner. Under the lock, so that of two who go at once the second finds nobody else."""
    owners = Membership.objects.filter(workspace_id=member.workspace_id, role=Role.OWNER, user__is_active=True)
    if not owners.exclude(pk=member.pk).exists():
        raise LastOwner(f"A workspace needs an owner. {words}")


def tell(member: Membership, *, by: Membership, now: datetime) -> None:
    """All who own it, and who does no longer, in the transaction that changed it."""
    people = Membership.objects.filter(workspace_id=member.workspace_id, user__is_active=True).select_related("user")
    for each in people.filter(Q(role=Role.OWNER) | Q(pk=member.pk)):
        mails.put(
            key=f"owners:{member.pk}:{now:%Y%m%d%H%M%S%f}:{each.user_id}",
            to=each.user.email,
            template="letter",
            context=_letter(each, member, by),
            user_id=each.user_id,
            workspace_id=member.workspace_id,
            now=now,
        )


def _letter(to: Membership, member: Membership, by: Membership) -> dict[str, object]:
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
        "url": f"{settings.PUBLIC_URL}/app/members?workspace={member.workspace_id}",
        "action": "See the members",
    }


def _article(word: str) -> str:
    return f"{'an' if word[0] in 'aeiou' else 'a'} {word}"
