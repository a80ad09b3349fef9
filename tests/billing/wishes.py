"""Staff, and what they answer to wishes for a plan."""

import secrets
from collections.abc import Callable

from django.core.management import call_command

from accounts.models import User
from billing.models import PlanRequest
from billing.wishes import AlreadyDecided
from tests.people import Person


def staff(name: str = "Sam") -> User:
    email = f"{name.lower()}-{secrets.token_hex(4)}@example.com"
    return User.objects.create_user(email=email, name=name, is_staff=True)


def waiting(person: Person) -> PlanRequest:
    return PlanRequest.objects.get(workspace=person.workspace, decided_at=None)


def approve(person: Person) -> None:
    call_command("approve_plan", str(waiting(person).pk), "--by", staff().email)


def answered(work: Callable[[], object]) -> bool:
    """Whether it was the first answer."""
    try:
        work()
    except AlreadyDecided:
        return False
    return True
