"""Every address, as one of our staff who sees it as its owner: nothing is changed, no copy leaves, no door opens."""

from datetime import timedelta
from functools import partial
from typing import Any

import pytest
from django.utils import timezone

from accounts.models import AuditEvent, Impersonation, Workspace
from devkit.notion.process import EmulatorProcess
from tests.isolation import table
from tests.isolation.test_addresses import CASES, ENTRIES, every_method, send, undone
from tests.isolation.world import World, build, shown
from tests.people import Browser, Person
from tests.staff import at_work, look

SAFE = {"GET"}
# Closed also to staff who may act: the person, doors, copies; and to changes of money and members.
CLOSED = {
    "app/connect/callback",
    "app/connect/notion",
    "app/invitations/<str:token>",
    "app/keys",
    "app/settings/audit/export",
    "app/switch-workspace",
    "app/usage/export",
    "auth/login",
    "auth/logout",
    "auth/refresh",
    "auth/register",
    "invitations/accept",
    "mails",
    "user/api-keys",
    "user/api-keys/<uuid:key_id>",
    "workspace/audit",
    "workspace/export",
    "workspace/export/<uuid:export_id>",
}
CLOSED_TO_CHANGES = {
    "admin/users/<uuid:user_id>",
    "app/account/closing",
    "app/account/delete",
    "app/closing",
    "app/members",
    "app/plan",
    "subscription/cancel",
    "subscription/downgrade",
    "subscription/portal",
    "subscription/preview",
    "subscription/resume",
    "subscription/seats",
    "subscription/withdraw",
    "user/account",
    "user/upgrade-subscription",
    "workspace/invitations",
    "workspace/invitations/<uuid:invitation_id>",
    "workspace/restore",
}


@pytest.fixture(scope="module")
def world(_database: None, emulator: EmulatorProcess) -> World:
    return build()


@pytest.fixture(scope="module")
def looking(world: World) -> "Looking":
    return Looking(world)


class Looking:
    """A browser of one of our staff that sees what Alice sees."""

    def __init__(self, world: World) -> None:
        self.web: Browser = look(at_work("Sam"), world.alice)
        Impersonation.objects.update(ends_at=timezone.now() + timedelta(hours=2))

    def send(self, world: World, route: str, method: str) -> Any:
        """As the pages would, to Alice's things."""
        return send(world, _Alice(world.alice, self.web), route, method)


class _Alice(Person):
    """Alice's ids, and the browser for pages and programs alike."""

    def __init__(self, alice: Person, web: Browser) -> None:
        super().__init__(alice.user, alice.membership)
        self.__dict__["web"] = self.__dict__["api"] = web


@pytest.mark.parametrize(("route", "method"), CASES)
def test_who_only_looks_changes_nothing(world: World, looking: Looking, route: str, method: str) -> None:
    before = world.of_alice()
    events = AuditEvent.objects.filter(workspace=world.alice.workspace).count()

    answer = looking.send(world, route, method)

    if method not in SAFE or route in CLOSED:
        assert answer.status_code == 403, shown(answer)
        assert (
            "only-looking" in shown(answer)
            or "closed-to-staff" in shown(answer)
            or "<h1>You are" in shown(answer)
            or "<h1>This is closed to staff" in shown(answer)
        ), shown(answer)
    else:
        assert answer.status_code in {200, 302, 400, 404}, shown(answer)
    assert "attachment" not in answer.headers.get("Content-Disposition", "")
    assert world.of_alice() == before
    assert AuditEvent.objects.filter(workspace=world.alice.workspace).count() == events


@pytest.mark.parametrize(("route", "method"), CASES)
def test_who_may_act_finds_the_same_doors_closed(world: World, looking: Looking, route: str, method: str) -> None:
    Workspace.objects.filter(pk=world.alice.workspace.pk).update(
        staff_may_act_until=timezone.now() + timedelta(hours=1)
    )

    answer = undone(partial(looking.send, world, route, method))

    Workspace.objects.filter(pk=world.alice.workspace.pk).update(staff_may_act_until=None)
    is_closed = route in CLOSED or (method not in SAFE and route in CLOSED_TO_CHANGES)
    is_closed = is_closed or (route, method) == ("workspace", "DELETE")
    words = shown(answer)
    assert ("closed-to-staff" in words or "<h1>This is closed to staff" in words) == is_closed, words
    assert "<h1>You are only looking" not in words
    assert answer.status_code < 500


@pytest.mark.parametrize(("route", "method"), every_method(table.SIGN_IN_PREFIX))
def test_pages_about_signing_in_are_closed(world: World, looking: Looking, route: str, method: str) -> None:
    before = world.of_alice()
    if route in {"accounts/logout/", "accounts/2fa/reauthenticate/"}:
        # As themselves.
        return

    answer = looking.web.generic(method, table.SIGN_IN[route])

    assert (answer.status_code, "This is closed to staff." in shown(answer)) == (403, True)
    assert world.of_alice() == before


def test_the_closed_addresses_above_are_all_there() -> None:
    assert {*CLOSED, *CLOSED_TO_CHANGES} <= set(ENTRIES)
