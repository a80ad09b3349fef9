from datetime import datetime, timedelta

import pytest

from accounts import tenancy
from accounts.models import Role, User
from agent.models import Page
from billing import services
from billing.models import Subscription
from config.errors import InvalidField
from tests.people import PASSWORD, Person


def test_registration_makes_a_workspace_with_its_schema_and_a_trial(alice: Person) -> None:
    subscription = Subscription.objects.get(workspace=alice.workspace)

    with tenancy.within(alice.workspace):
        assert Page.objects.count() == 0
    assert alice.membership.role == Role.OWNER
    assert (subscription.tier, subscription.status) == ("trial", "trialing")
    assert subscription.trial_ends_at - subscription.started_at == timedelta(days=7)


def test_a_known_address_is_refused_and_leaves_nothing_behind(alice: Person, now: datetime) -> None:
    with pytest.raises(services.EmailTaken):
        services.register(email=alice.email.upper(), password=PASSWORD, now=now)

    assert User.objects.filter(email=alice.email).count() == 1


def test_a_weak_password_is_refused(now: datetime) -> None:
    with pytest.raises(InvalidField, match="too short"):
        services.register(email="someone@example.com", password="short", now=now)
