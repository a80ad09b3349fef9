"""Whose doing an event of a plan is, and from where: also where one sends a request and the clock, the provider or our
staff does it."""

import pytest
from django.test import override_settings

from accounts.models import ActorKind, AuditAction, AuditEvent
from tests.billing.test_wished_seats import let_go
from tests.people import Person


def told(person: Person, action: AuditAction) -> list[AuditEvent]:
    return list(AuditEvent.objects.filter(workspace=person.workspace, action=action).order_by("at"))


@pytest.mark.parametrize("deed", ["downgrade", "cancel"])
def test_what_the_clock_withdraws_is_not_the_doing_of_who_looks(alice: Person, deed: str) -> None:
    with override_settings(IS_PRODUCTION=True):
        let_go(alice, deed)

        alice.api.post("/subscription/resume")

    [decided] = told(alice, AuditAction.PLAN_REQUEST_DECIDED)
    assert (decided.actor_kind, decided.actor_email, decided.address) == (ActorKind.SYSTEM, "", None)
