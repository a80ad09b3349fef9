import pytest

from tests.people import Person, join


def test_a_member_changes_their_name(alice: Person) -> None:
    answer = alice.web.post("/app/settings", {"section": "profile", "name": "Alice B."})

    alice.user.refresh_from_db()
    assert (answer.status_code, alice.user.name) == (302, "Alice B.")
    assert "Alice B." in alice.web.get("/app/settings").content.decode()


def test_an_owner_renames_the_workspace(alice: Person) -> None:
    alice.web.post("/app/settings", {"section": "workspace", "name": "Better Ltd"})

    alice.workspace.refresh_from_db()
    assert alice.workspace.name == "Better Ltd"


def test_a_workspace_keeps_its_name_when_none_is_given(alice: Person) -> None:
    answer = alice.web.post("/app/settings", {"section": "workspace", "name": " "})

    alice.workspace.refresh_from_db()
    assert (answer.status_code, alice.workspace.name) == (400, "Alice's company")


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
