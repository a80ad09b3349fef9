"""Who owns a workspace: several may, owners alone decide it, and there is always one."""

from datetime import datetime
from html import unescape

import pytest

from accounts.models import Mail, Membership, Role, User
from billing.team import members, owners
from tests.people import Person, join, put_on_plan


@pytest.fixture
def olga(team_owner: Person) -> Person:
    """A second owner."""
    return join(team_owner, "Olga", Role.OWNER)


def role_of(person: Person) -> str:
    return Membership.objects.get(pk=person.membership.pk).role


def told(person: Person) -> list[str]:
    mails = Mail.objects.filter(workspace=person.workspace, to=person.email, key__startswith="owners:")
    return [f"{mail.subject}\n{mail.text}" for mail in mails.order_by("created_at")]


def test_an_owner_makes_another_and_hands_the_workspace_over(team_owner: Person, bob: Person) -> None:
    made = team_owner.api.patch(f"/admin/users/{bob.user.pk}", {"role": "owner"})
    stepped_down = team_owner.api.patch(f"/admin/users/{team_owner.user.pk}", {"role": "admin"})

    assert (made.status_code, made.json()["role"]) == (200, "owner")
    assert (stepped_down.status_code, stepped_down.json()["role"]) == (200, "admin")
    assert (role_of(bob), role_of(team_owner)) == ("owner", "admin")
    assert bob.api.post("/subscription/portal").status_code != 403
    assert team_owner.api.post("/subscription/portal").status_code == 403


def test_all_owners_and_who_is_one_no_longer_are_told(team_owner: Person, bob: Person, vera: Person) -> None:
    name = team_owner.workspace.name
    team_owner.api.patch(f"/admin/users/{bob.user.pk}", {"role": "owner"})
    team_owner.api.patch(f"/admin/users/{team_owner.user.pk}", {"role": "admin"})

    [to_bob, later_to_bob], [to_alice, later_to_alice] = told(bob), told(team_owner)
    assert to_bob.startswith(f"You are an owner of {name} now\n")
    assert f"Alice made you an owner of {name}." in to_bob
    assert f"You made Bob an owner of {name}." in to_alice
    assert "Owners alone may: decide who owns the workspace, change and pay the plan, delete the workspace." in to_bob
    assert f"/app/members?workspace={team_owner.workspace.pk}" in to_bob
    assert later_to_bob.startswith(
        f"Alice is an admin of {name} now\nAlice stepped down and is an admin of {name} now."
    )
    assert f"You stepped down and are an admin of {name} now." in later_to_alice
    assert told(vera) == []


def test_a_role_that_stays_and_other_roles_tell_nobody(team_owner: Person, bob: Person) -> None:
    for address, role in ((team_owner.user.pk, "owner"), (bob.user.pk, "viewer")):
        assert team_owner.api.patch(f"/admin/users/{address}", {"role": role}).status_code == 200

    assert told(team_owner) == told(bob) == []


def test_the_last_owner_stays(team_owner: Person, bob: Person) -> None:
    for role in ("admin", "viewer"):
        answer = team_owner.api.patch(f"/admin/users/{team_owner.user.pk}", {"role": role})
        assert (answer.status_code, answer.json()["type"]) == (409, "/problems/last-owner")

    assert answer.json()["detail"] == "A workspace needs an owner. Make somebody else an owner first."
    assert role_of(team_owner) == "owner"


def test_an_owner_whose_account_is_closed_is_none_to_rely_on(team_owner: Person, olga: Person, now: datetime) -> None:
    User.objects.filter(pk=olga.user.pk).update(is_active=False)

    for work in (
        lambda: members.change(by=team_owner.membership, user_id=team_owner.user.pk, role=Role.ADMIN, now=now),
        lambda: members.remove(by=team_owner.membership, user_id=team_owner.user.pk, now=now),
    ):
        with pytest.raises(owners.LastOwner):
            work()
    assert "The last owner stays." in team_owner.web.get("/app/members").content.decode()


@pytest.mark.parametrize("role", [Role.ADMIN, Role.MEMBER, Role.VIEWER])
def test_nobody_else_decides_who_owns_the_workspace(team_owner: Person, olga: Person, role: Role) -> None:
    other = join(team_owner, "Ada", role)

    for user, wanted in ((other.user, "owner"), (olga.user, "member")):
        answer = other.api.patch(f"/admin/users/{user.pk}", {"role": wanted})
        form = {"action": "role", "member": str(user.pk), "role": wanted}
        pages = [other.web.post("/app/members", form | sure) for sure in ({}, {"sure": "yes"})]

        assert (answer.status_code, answer.json()["type"]) == (403, "/problems/forbidden")
        assert [page.status_code for page in pages] == [403, 403]
    assert (role_of(other), role_of(olga)) == (role, "owner")


def test_an_owner_ends_that_another_is_one(team_owner: Person, olga: Person) -> None:
    assert team_owner.api.patch(f"/admin/users/{olga.user.pk}", {"role": "member"}).status_code == 200

    assert role_of(olga) == "member"
    assert f"Alice made you a member of {team_owner.workspace.name}." in told(olga)[0]


def test_when_an_owner_is_removed_the_others_and_that_one_are_told(
    team_owner: Person, olga: Person, vera: Person
) -> None:
    name = team_owner.workspace.name
    asked = [team_owner.web.get(f"/app/members?remove={each.user.pk}").content.decode() for each in (olga, vera)]
    assert team_owner.api.delete(f"/admin/users/{olga.user.pk}").status_code == 204

    [to_olga], [to_alice] = told(olga), told(team_owner)
    assert to_olga.startswith(f"You are no longer in {name}\nAlice removed you, an owner, from {name}.")
    assert to_alice.startswith(f"Olga is no longer in {name}\nYou removed Olga, an owner, from {name}.")
    assert "/app/members" not in to_olga
    assert f"/app/members?workspace={team_owner.workspace.pk}" in to_alice
    assert told(vera) == []
    assert ["All owners are told by e-mail." in page for page in asked] == [True, False]


def test_when_an_owner_leaves_all_owners_are_told_and_of_others_nobody(
    team_owner: Person, olga: Person, bob: Person
) -> None:
    name = team_owner.workspace.name
    for each in (olga, bob):
        assert each.api.delete(f"/admin/users/{each.user.pk}").status_code == 204

    [to_olga], [to_alice] = told(olga), told(team_owner)
    assert f"You left {name} and own it no longer." in to_olga
    assert f"Olga left {name} and owns it no longer." in to_alice
    assert told(bob) == []


def test_a_plan_for_one_has_no_owners_to_make(team_owner: Person, bob: Person) -> None:
    put_on_plan(team_owner, "pro")

    answer = team_owner.api.patch(f"/admin/users/{bob.user.pk}", {"role": "owner"})

    assert (answer.status_code, answer.json()["type"]) == (403, "/problems/plan-required")


def test_charlie_gets_404(team_owner: Person, charlie: Person) -> None:
    put_on_plan(charlie, "teams")

    assert charlie.api.patch(f"/admin/users/{team_owner.user.pk}", {"role": "admin"}).status_code == 404
    assert role_of(team_owner) == "owner"


# On the page


def test_the_page_asks_once_more_before_somebody_becomes_an_owner(team_owner: Person, bob: Person) -> None:
    form = {"action": "role", "member": str(bob.user.pk), "role": "owner"}
    first = team_owner.web.post("/app/members", form)
    before, asked = role_of(bob), unescape(team_owner.web.get(first["Location"]).content.decode())
    team_owner.web.post("/app/members", form | {"sure": "yes"})

    assert (first.status_code, before, role_of(bob)) == (302, "member", "owner")
    assert "Make Bob an owner?" in asked
    assert "Owners alone may: decide who owns the workspace, change and pay the plan, delete the workspace." in asked


def test_an_owner_steps_down_on_the_page(team_owner: Person, olga: Person) -> None:
    form = {"action": "role", "member": str(team_owner.user.pk), "role": "admin"}
    first = team_owner.web.post("/app/members", form)
    asked = unescape(team_owner.web.get(first["Location"]).content.decode())
    team_owner.web.post("/app/members", form | {"sure": "yes"})

    assert f"Step down as an owner of {team_owner.workspace.name}?" in asked
    assert "From now on you may not; your role is admin. Only another owner can take that back." in asked
    assert (role_of(team_owner), role_of(olga)) == ("admin", "owner")


def test_the_page_offers_no_more_than_it_would_do(team_owner: Person, bob: Person) -> None:
    ada = join(team_owner, "Ada", Role.ADMIN)
    last, admins = team_owner.web.get("/app/members").content.decode(), ada.web.get("/app/members").content.decode()
    asked = [
        team_owner.web.get(f"/app/members?of={team_owner.user.pk}&role=admin"),
        ada.web.get(f"/app/members?of={bob.user.pk}&role=owner"),
        team_owner.web.get(f"/app/members?of={bob.user.pk}&role=viewer"),
        team_owner.web.get("/app/members?of=nobody&role=owner"),
    ]

    assert ("The last owner stays." in last, '<option value="owner"' in last) == (True, True)
    assert '<option value="owner"' not in admins
    assert not any("role-title" in page.content.decode() for page in asked)
