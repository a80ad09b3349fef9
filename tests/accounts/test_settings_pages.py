from datetime import timedelta

import pytest
from django.utils import timezone

from accounts.models import Connection
from billing.models import Subscription
from tests.people import Person, join, put_on_plan

LONG_AGO = timezone.now() - timedelta(days=20)
CLOSED = {
    "trial": {"trial_ends_at": LONG_AGO},
    "ended": {"tier": "pro", "status": "canceled", "ended_at": LONG_AGO},
    "late": {"tier": "pro", "status": "past_due", "past_due_since": LONG_AGO},
}


def test_a_member_changes_their_name(alice: Person) -> None:
    answer = alice.web.post("/app/settings", {"section": "profile", "name": "Alice B."})

    alice.user.refresh_from_db()
    assert (answer.status_code, alice.user.name) == (302, "Alice B.")
    assert "Alice B." in alice.web.get("/app/settings").content.decode()


@pytest.mark.parametrize("form", [{"section": "zz"}, {}, {"name": "Mallory"}])
def test_a_form_of_no_section_changes_nothing(alice: Person, form: dict[str, str]) -> None:
    answer = alice.web.post("/app/settings", form)

    alice.user.refresh_from_db()
    assert (answer.status_code, alice.user.name) == (400, "Alice")
    assert "There is no such section" in answer.content.decode()


def test_an_owner_renames_the_workspace(alice: Person) -> None:
    alice.web.post("/app/settings", {"section": "workspace", "name": "Better Ltd"})

    alice.workspace.refresh_from_db()
    assert alice.workspace.name == "Better Ltd"


def test_a_workspace_keeps_its_name_when_none_is_given(alice: Person) -> None:
    answer = alice.web.post("/app/settings", {"section": "workspace", "name": " "})

    alice.workspace.refresh_from_db()
    assert (answer.status_code, alice.workspace.name) == (400, "Alice's company")


@pytest.mark.parametrize("facts", CLOSED.values(), ids=CLOSED)
def test_a_closed_plan_renames_nothing_by_either_door(alice: Person, facts: dict[str, object]) -> None:
    Subscription.objects.filter(workspace=alice.workspace).update(**facts)

    by_api = alice.api.patch("/workspace", {"name": "Better Ltd"}, format="json")
    by_page = alice.web.post("/app/settings", {"section": "workspace", "name": "Better Ltd"})

    alice.workspace.refresh_from_db()
    assert (by_api.status_code, by_page.status_code, alice.workspace.name) == (402, 402, "Alice's company")


@pytest.mark.parametrize("facts", CLOSED.values(), ids=CLOSED)
def test_a_closed_plan_is_offered_nothing_that_it_refuses(alice: Person, facts: dict[str, object]) -> None:
    before = alice.web.get("/app/settings").content.decode()
    Subscription.objects.filter(workspace=alice.workspace).update(**facts)

    after = alice.web.get("/app/settings").content.decode()

    for offered in ("Connect Notion", "Save workspace"):
        assert (offered in before, offered in after) == (True, False)
    for way_out in ("Export", "Delete the workspace", "Save profile"):
        assert way_out in after


def test_a_closed_plan_shares_nothing_more_and_takes_back_what_it_shared(alice: Person) -> None:
    put_on_plan(alice, "teams")
    connection = Connection.objects.create(workspace=alice.workspace, owner=alice.user, kind="token", bot_id="b")
    Subscription.objects.filter(workspace=alice.workspace).update(status="canceled", ended_at=LONG_AGO)
    form = {"section": "sharing", "connection": str(connection.pk)}

    shared = alice.web.post("/app/settings", form | {"shared": "yes"})
    Connection.objects.filter(pk=connection.pk).update(is_shared=True)
    taken_back = alice.web.post("/app/settings", form | {"shared": "no"})

    connection.refresh_from_db()
    assert (shared.status_code, taken_back.status_code, connection.is_shared) == (402, 302, False)


def test_who_a_team_left_over_changes_no_settings(bob: Person, team_owner: Person) -> None:
    type(bob.membership).objects.filter(pk=bob.membership.pk).update(role="admin")
    put_on_plan(team_owner, "plus")

    answer = bob.web.post("/app/settings", {"section": "workspace", "name": "Bob Ltd"})

    assert answer.status_code == 403


def test_a_member_cannot_rename_the_workspace(bob: Person) -> None:
    answer = bob.web.post("/app/settings", {"section": "workspace", "name": "Bob Ltd"})

    assert answer.status_code == 403
    assert "Workspace name" not in bob.web.get("/app/settings").content.decode()


@pytest.mark.parametrize(("sent", "kept"), [("dark", "dark"), ("pink", "system")])
def test_a_theme_is_kept_when_there_is_such_a_one(alice: Person, sent: str, kept: str) -> None:
    alice.web.post("/app/theme", {"theme": sent})

    alice.user.refresh_from_db()
    assert alice.user.theme == kept


def test_a_member_of_two_workspaces_goes_from_one_to_the_other(team_owner: Person, charlie: Person) -> None:
    guest = join(team_owner, "Gus")
    own = guest.user.memberships.exclude(workspace=team_owner.workspace).get().workspace

    answer = guest.web.post("/app/switch-workspace", {"workspace": str(own.pk), "section": "settings"})

    assert (answer.headers["Location"], guest.web.session["workspace"]) == ("/app/settings", str(own.pk))


def test_charlie_cannot_go_into_a_workspace_of_others(alice: Person, charlie: Person) -> None:
    answer = charlie.web.post("/app/switch-workspace", {"workspace": str(alice.workspace.pk)})

    assert answer.status_code == 404
    assert charlie.web.session["workspace"] == str(charlie.workspace.pk)


def test_switching_never_leads_to_another_site(alice: Person) -> None:
    form = {"workspace": str(alice.workspace.pk), "section": "settings", "next": "https://evil.example/"}

    assert alice.web.post("/app/switch-workspace", form).headers["Location"] == "/app/settings"
