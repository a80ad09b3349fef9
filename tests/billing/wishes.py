"""Staff, and what they answer to wishes for a plan."""

import secrets
from collections.abc import Callable

from django.core.management import call_command
from django.utils import timezone

from accounts.models import Mail, User
from billing import giving
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


def ask(person: Person, tier: str = "pro", **more: object) -> PlanRequest:
    assert person.api.post("/user/upgrade-subscription", {"tier": tier, **more}).status_code == 200
    return waiting(person)


def answer(person: Person, wish: PlanRequest, *, by: User, **why: str) -> None:
    act = giving.refuse if why else giving.approve
    act(request_id=wish.pk, by=by, now=timezone.now(), **why)


def letters(person: Person) -> list[tuple[str, str, str]]:
    of_answers = Mail.objects.filter(workspace=person.workspace, key__startswith="plan-answer:")
    return list(of_answers.order_by("created_at").values_list("to", "subject", "text"))


def ask_for_seats(person: Person, seats: int) -> PlanRequest:
    assert person.api.post("/subscription/seats", {"seats": seats}).status_code == 202
    return waiting(person)
