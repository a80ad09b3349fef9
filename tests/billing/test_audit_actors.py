"""Whose doing an event of a plan is, and from where: also where one sends a request and the clock, the provider or our
staff does it."""

import pytest
from django.test import override_settings

from accounts.models import ActorKind, AuditAction, AuditEvent
from devkit.stripe.process import StripeProcess
from tests.billing.stripe import buy
from tests.billing.test_wished_seats import let_go
from tests.people import Person, put_on_plan


def told(person: Person, action: AuditAction) -> list[AuditEvent]:
    return list(AuditEvent.objects.filter(workspace=person.workspace, action=action).order_by("at"))


@pytest.mark.parametrize("deed", ["downgrade", "cancel"])
def test_what_the_clock_withdraws_is_not_the_doing_of_who_looks(alice: Person, deed: str) -> None:
    with override_settings(IS_PRODUCTION=True):
        let_go(alice, deed)

        alice.api.post("/subscription/resume")

    [decided] = told(alice, AuditAction.PLAN_REQUEST_DECIDED)
    assert (decided.actor_kind, decided.actor_email, decided.address) == (ActorKind.SYSTEM, "", None)


def test_seats_that_an_owner_chooses_are_theirs_before_the_provider_has_heard(
    vendor: StripeProcess, alice: Person
) -> None:
    buy(alice, vendor, "teams")

    assert alice.api.post("/subscription/seats", {"seats": 3}).status_code == 200

    chosen = told(alice, AuditAction.PLAN_CHANGED)[-1]
    assert (chosen.actor_email, chosen.address) == (alice.email, "127.0.0.1")
    assert (chosen.before, chosen.after) == ({"fixed_seats": None}, {"fixed_seats": 3})


def test_fixing_as_many_seats_as_are_paid_for_is_told(alice: Person) -> None:
    put_on_plan(alice, "teams", seats=10)

    for _ in range(2):
        assert alice.api.post("/subscription/seats", {"seats": 10}).status_code == 200

    [chosen] = told(alice, AuditAction.PLAN_CHANGED)
    assert (chosen.actor_email, chosen.before, chosen.after) == (
        alice.email,
        {"fixed_seats": None},
        {"fixed_seats": 10},
    )
