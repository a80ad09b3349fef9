"""Sending and accepting invitations, as the tests of teams do."""

from datetime import datetime

from accounts.models import Membership, Role
from billing.models import Subscription
from billing.team import invitations
from tests.people import Person, sign_up


def link_for(owner: Person, email: str, now: datetime, role: Role = Role.MEMBER) -> str:
    """The token in the link."""
    return invitations.invite(by=owner.membership, email=email, role=role, now=now).token


def invited(owner: Person, name: str, now: datetime, role: Role = Role.MEMBER) -> tuple[Person, str]:
    """Somebody with a workspace of their own, and the token sent to them."""
    person = sign_up(name)
    return person, link_for(owner, person.email, now, role)


def joined(owner: Person, name: str, now: datetime) -> Person:
    person, token = invited(owner, name, now)
    return Person(user=person.user, membership=invitations.accept(token=token, user=person.user, now=now))


def members(owner: Person) -> int:
    return Membership.objects.filter(workspace=owner.workspace).count()


def fix_seats(owner: Person, seats: int) -> None:
    Subscription.objects.filter(workspace=owner.workspace).update(seats=seats, fixed_seats=seats)
