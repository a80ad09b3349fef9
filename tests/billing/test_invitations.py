"""Into a team and out of it: who may, what it costs, and that a link is good once."""

import re
import secrets
from datetime import datetime, timedelta

import pytest
from django.db import IntegrityError, transaction
from django.test import Client, override_settings

from accounts import schemas
from accounts.models import Invitation, Mail, Membership, Role
from billing import seats
from billing.changes import downgrade
from billing.plans import COMING, Feature, Tier
from billing.team import invitations, members
from tests.billing import team
from tests.billing.states import put
from tests.people import PASSWORD, Person, join, put_on_plan, sign_up

WEEK = timedelta(days=7)


def somebody() -> str:
    return f"nora-{secrets.token_hex(5)}@example.com"


@pytest.fixture
def owner() -> Person:
    """Alice alone on Teams: one seat is paid for."""
    person = sign_up("Alice")
    put_on_plan(person, "teams", seats=1)
    return person


def test_an_invited_person_joins_and_a_seat_more_is_paid_for(owner: Person, now: datetime) -> None:
    nora, token = team.invited(owner, "Nora", now)

    answer = nora.api.post("/invitations/accept", {"token": token})

    assert answer.json()["workspace"] == {
        "id": str(owner.workspace.pk), "name": owner.workspace.name, "role": "member"
    }  # fmt: skip
    assert (team.members(owner), owner.subscription.seats) == (2, 2)


def test_inviting_alone_costs_nothing(owner: Person) -> None:
    answer = owner.api.post("/workspace/invitations", {"email": somebody(), "role": "viewer"})

    assert (answer.status_code, answer.json()["role"]) == (201, "viewer")
    assert (team.members(owner), owner.subscription.seats) == (1, 1)


@pytest.mark.parametrize(("state", "status"), [("grace", 201), ("read_only", 402)])
def test_who_is_late_with_a_payment_invites_until_the_grace_is_over(
    owner: Person, now: datetime, state: str, status: int
) -> None:
    put(owner, "teams", state, now)

    assert owner.api.post("/workspace/invitations", {"email": somebody()}).status_code == status


def test_the_mail_has_the_link_and_the_database_only_its_digest(owner: Person) -> None:
    address = somebody()

    link = owner.api.post("/workspace/invitations", {"email": f" {address.upper()}"}).json()["link"]

    assert link in Mail.objects.get(to=address).text
    token = link.rpartition("/")[2]
    assert len(token) >= 43
    assert token not in str(Invitation.objects.filter(email=address).values())


def test_the_link_is_shown_once(owner: Person) -> None:
    link = owner.api.post("/workspace/invitations", {"email": somebody()}).json()["link"]

    rows = owner.api.get("/workspace/invitations").json()["results"]

    assert len(rows) == 1
    assert link.rpartition("/")[2] not in str(rows)


@override_settings(EMAIL_VERIFICATION_REQUIRED=True)
def test_where_addresses_are_verified_only_the_mail_has_the_link(owner: Person) -> None:
    address = somebody()

    answer = owner.api.post("/workspace/invitations", {"email": address}).json()

    assert answer["link"] is None
    assert "/app/invitations/" in Mail.objects.get(to=address).text


def test_an_answer_with_a_link_is_not_kept_for_a_repeated_request(owner: Person) -> None:
    first, second = (
        owner.api.post("/workspace/invitations", {"email": "n@example.com"}, headers={"Idempotency-Key": "k"}).json()
        for _ in range(2)
    )

    assert first["link"] != second["link"]


def test_inviting_again_ends_the_first_link(owner: Person, now: datetime) -> None:
    nora, first = team.invited(owner, "Nora", now)
    second = team.link_for(owner, nora.email, now)

    with pytest.raises(invitations.InvitationOver):
        invitations.accept(token=first, user=nora.user, now=now)
    assert invitations.accept(token=second, user=nora.user, now=now).workspace_id == owner.workspace.pk


def test_nobody_is_flooded_with_invitations(owner: Person, now: datetime) -> None:
    for _ in range(invitations.MOST_TO_ONE):
        team.link_for(owner, "n@example.com", now)

    answer = owner.api.post("/workspace/invitations", {"email": "N@example.com"})

    assert (answer.status_code, answer.json()["type"]) == (429, "/problems/too-many-invitations")
    assert int(answer["Retry-After"]) > 0
    assert team.link_for(owner, "n@example.com", now + invitations.DAY)


def test_no_two_open_invitations_for_one_address(owner: Person, now: datetime) -> None:
    team.link_for(owner, "n@example.com", now)

    with pytest.raises(IntegrityError), transaction.atomic():
        Invitation.objects.create(
            workspace=owner.workspace, email="n@example.com", digest="d", invited_by=owner.user, expires_at=now
        )


@pytest.mark.parametrize("role", ["member", "viewer"])
def test_only_owners_and_admins_invite(owner: Person, role: str) -> None:
    bob = join(owner, "Bob", Role(role))

    for answer in (
        bob.api.post("/workspace/invitations", {"email": somebody()}),
        bob.api.get("/workspace/invitations"),
    ):
        assert answer.status_code == 403
        assert answer.json()["type"] == "/problems/forbidden"


def test_an_admin_invites(owner: Person) -> None:
    admin = join(owner, "Ada", Role.ADMIN)

    assert admin.api.post("/workspace/invitations", {"email": somebody()}).status_code == 201


def test_nobody_is_invited_as_owner(owner: Person) -> None:
    answer = owner.api.post("/workspace/invitations", {"email": somebody(), "role": "owner"})

    assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (400, "/role")


def test_another_plan_has_no_members(alice: Person) -> None:
    put_on_plan(alice, "plus")

    answer = alice.api.post("/workspace/invitations", {"email": somebody()})

    assert (answer.status_code, answer.json()["plan"]) == (403, "teams")
    assert answer.json()["type"] == "/problems/plan-required"


def test_a_member_is_not_invited_again(owner: Person) -> None:
    bob = join(owner, "Bob")

    answer = owner.api.post("/workspace/invitations", {"email": bob.email.upper()})

    assert (answer.status_code, answer.json()["type"]) == (409, "/problems/already-member")


def test_a_link_is_good_once(owner: Person, now: datetime) -> None:
    nora, token = team.invited(owner, "Nora", now)
    nora.api.post("/invitations/accept", {"token": token})

    answer = nora.api.post("/invitations/accept", {"token": token})

    assert (answer.status_code, answer.json()["type"]) == (410, "/problems/invitation-over")
    assert "used" in answer.json()["detail"]


def test_a_link_ends_after_seven_days(owner: Person, now: datetime) -> None:
    nora, token = team.invited(owner, "Nora", now)

    with pytest.raises(invitations.InvitationOver, match="ended on"):
        invitations.accept(token=token, user=nora.user, now=now + WEEK)
    assert invitations.accept(token=token, user=nora.user, now=now + WEEK - timedelta(seconds=1)).pk


def test_a_revoked_link_is_dead_and_revoking_twice_is_once(owner: Person, now: datetime) -> None:
    nora, token = team.invited(owner, "Nora", now)
    address = f"/workspace/invitations/{Invitation.objects.get(email=nora.email).pk}"

    assert [owner.api.delete(address).status_code for _ in range(2)] == [204, 204]

    answer = nora.api.post("/invitations/accept", {"token": token})
    assert (answer.status_code, "taken back" in answer.json()["detail"]) == (410, True)


def test_what_was_accepted_is_not_revoked(owner: Person, now: datetime) -> None:
    nora = team.joined(owner, "Nora", now)

    answer = owner.api.delete(f"/workspace/invitations/{Invitation.objects.get(email=nora.email).pk}")

    assert (answer.status_code, answer.json()["type"]) == (409, "/problems/already-member")


def test_an_unknown_token_is_404(alice: Person) -> None:
    assert alice.api.post("/invitations/accept", {"token": "x" * 43}).status_code == 404


def test_a_link_is_for_its_address_alone(owner: Person, charlie: Person, now: datetime) -> None:
    _, token = team.invited(owner, "Nora", now)

    answer = charlie.api.post("/invitations/accept", {"token": token})

    assert (answer.status_code, answer.json()["type"]) == (403, "/problems/invitation-for-another")
    assert team.members(owner) == 1


@override_settings(EMAIL_VERIFICATION_REQUIRED=True)
def test_an_address_that_is_not_verified_accepts_nothing(owner: Person, now: datetime) -> None:
    nora, token = team.invited(owner, "Nora", now)

    assert nora.api.post("/invitations/accept", {"token": token}).status_code == 403


def test_fixed_seats_refuse_one_more(owner: Person, now: datetime) -> None:
    team.fix_seats(owner, 1)
    nora, token = team.invited(owner, "Nora", now)

    answer = nora.api.post("/invitations/accept", {"token": token})

    assert (answer.status_code, answer.json()["type"]) == (409, "/problems/seats-full")
    team.fix_seats(owner, 2)
    assert nora.api.post("/invitations/accept", {"token": token}).status_code == 200


def test_nobody_joins_after_the_team_has_gone_down_to_one_person(owner: Person, now: datetime) -> None:
    nora, token = team.invited(owner, "Nora", now)
    pending = downgrade(membership=owner.membership, tier=Tier.PLUS, now=now).subscription
    assert pending.pending_at is not None

    Invitation.objects.update(expires_at=pending.pending_at + WEEK)
    with pytest.raises(invitations.WorkspaceClosed):
        invitations.accept(token=token, user=nora.user, now=pending.pending_at)


def test_a_workspace_whose_payment_is_long_late_takes_nobody(owner: Person, now: datetime) -> None:
    nora, token = team.invited(owner, "Nora", now)
    type(owner.subscription).objects.filter(workspace=owner.workspace).update(
        status="past_due", past_due_since=now - timedelta(days=8)
    )

    answer = nora.api.post("/invitations/accept", {"token": token})

    assert (answer.status_code, answer.json()["type"]) == (409, "/problems/workspace-closed")


def test_what_one_more_costs_is_known_before(owner: Person, now: datetime) -> None:
    assert seats.one_more(subscription=owner.subscription, now=now) == seats.OneMore(0, 6_100, 7_300)

    team.fix_seats(owner, 3)
    assert seats.one_more(subscription=owner.subscription, now=now) == seats.OneMore(0, 8_500, 8_500)


def test_removing_frees_the_seat_and_ends_what_was_issued_here(owner: Person, now: datetime) -> None:
    nora = team.joined(owner, "Nora", now)
    assert nora.api.get("/user/profile").status_code == 200

    answer = owner.api.delete(f"/admin/users/{nora.user.pk}")

    assert (answer.status_code, team.members(owner), owner.subscription.seats) == (204, 1, 1)
    assert nora.api.get("/user/profile").status_code == 403


def test_who_comes_back_signs_in_anew(owner: Person, now: datetime) -> None:
    nora = team.joined(owner, "Nora", now)
    form = {"email": nora.email, "password": PASSWORD}
    refresh = nora.api.post("/auth/login", form).json()["refresh"]
    nora.api.get("/user/profile")
    members.remove(by=owner.membership, user_id=nora.user.pk, now=now)

    token = team.link_for(owner, nora.email, now)
    invitations.accept(token=token, user=nora.user, now=now)

    assert nora.api.get("/user/profile").status_code == 401
    assert Client().post("/auth/refresh", {"refresh": refresh}, content_type="application/json").status_code == 401


def test_the_next_sign_in_opens_the_joined_workspace(owner: Person, now: datetime) -> None:
    nora = team.joined(owner, "Nora", now)

    answer = Client().post("/auth/login", {"email": nora.email, "password": PASSWORD}, content_type="application/json")

    assert answer.json()["workspace"]["id"] == str(owner.workspace.pk)


def test_a_member_may_leave_but_remove_nobody(owner: Person, now: datetime) -> None:
    nora, otto = team.joined(owner, "Nora", now), team.joined(owner, "Otto", now)

    assert nora.api.delete(f"/admin/users/{otto.user.pk}").status_code == 403
    assert nora.api.delete(f"/admin/users/{nora.user.pk}").status_code == 204
    assert (team.members(owner), owner.subscription.seats) == (2, 2)


def test_the_last_owner_stays_and_no_admin_removes_an_owner(owner: Person) -> None:
    admin = join(owner, "Ada", Role.ADMIN)

    assert admin.api.delete(f"/admin/users/{owner.user.pk}").status_code == 403
    answer = owner.api.delete(f"/admin/users/{owner.user.pk}")

    assert (answer.status_code, answer.json()["type"]) == (409, "/problems/last-owner")


def test_an_admin_changes_roles_but_makes_no_owner(owner: Person) -> None:
    admin, bob = join(owner, "Ada", Role.ADMIN), join(owner, "Bob")

    assert admin.api.patch(f"/admin/users/{bob.user.pk}", {"role": "viewer"}).json()["role"] == "viewer"
    assert admin.api.patch(f"/admin/users/{bob.user.pk}", {"role": "owner"}).status_code == 403
    assert admin.api.patch(f"/admin/users/{owner.user.pk}", {"role": "viewer"}).status_code == 403
    assert bob.api.patch(f"/admin/users/{bob.user.pk}", {"role": "admin"}).status_code == 403


def test_charlie_gets_404(owner: Person, charlie: Person, now: datetime) -> None:
    put_on_plan(charlie, "teams")
    nora, _ = team.invited(owner, "Nora", now)
    invitation = Invitation.objects.get(email=nora.email)

    assert charlie.api.delete(f"/workspace/invitations/{invitation.pk}").status_code == 404
    assert charlie.api.delete(f"/admin/users/{owner.user.pk}").status_code == 404
    assert charlie.api.patch(f"/admin/users/{owner.user.pk}", {"caps": {"requests": 0}}).status_code == 404
    assert charlie.api.get("/workspace/invitations").json()["results"] == []


def test_looking_at_an_invitation_changes_nothing(owner: Person, now: datetime) -> None:
    nora, token = team.invited(owner, "Nora", now)

    for web in (Client(), nora.web):
        answer = web.get(f"/app/invitations/{token}")
        assert (answer.status_code, "Alice invites you" in answer.content.decode()) == (200, True)
        assert "no-store" in answer["Cache-Control"]
    assert team.members(owner) == 1


def test_joining_on_the_page_opens_the_workspace(owner: Person, now: datetime) -> None:
    nora, token = team.invited(owner, "Nora", now)

    answer = nora.web.post(f"/app/invitations/{token}")

    assert (answer.status_code, answer["Location"]) == (302, "/app")
    assert nora.web.session["workspace"] == str(owner.workspace.pk)
    assert nora.web.get(f"/app/invitations/{token}")["Location"] == "/app"


def test_the_page_says_for_whom_it_is(owner: Person, charlie: Person, now: datetime) -> None:
    _, token = team.invited(owner, "Nora", now)

    assert f"You are signed in as {charlie.email}" in charlie.web.get(f"/app/invitations/{token}").content.decode()
    assert charlie.web.post(f"/app/invitations/{token}").status_code == 403


def test_signed_out_people_are_led_to_sign_in_and_back(owner: Person, now: datetime) -> None:
    token = team.link_for(owner, somebody(), now)

    answer = Client().post(f"/app/invitations/{token}")

    assert answer["Location"] == f"/accounts/login/?next=%2Fapp%2Finvitations%2F{token}"


@pytest.mark.parametrize("is_verified", [False, True])
def test_signing_up_through_the_link_joins(owner: Person, now: datetime, is_verified: bool) -> None:
    address, web = somebody(), Client(REMOTE_ADDR=f"10.9.{secrets.randbelow(256)}.{secrets.randbelow(256)}")
    path = f"/app/invitations/{team.link_for(owner, address, now)}"
    schemas.fill(4)
    form = {"email": address, "password1": PASSWORD, "name": "Nora", "next": path}
    verification = "mandatory" if is_verified else "none"

    with override_settings(EMAIL_VERIFICATION_REQUIRED=is_verified, ACCOUNT_EMAIL_VERIFICATION=verification):
        assert f'value="{address}"' in web.get(f"/accounts/signup/?next={path}").content.decode()
        answer = web.post("/accounts/signup/", form)

    assert answer["Location"] == path
    assert web.get(path)["Location"] == "/app"
    assert Membership.objects.get(workspace=owner.workspace, user__email=address).role == Role.MEMBER


def test_signing_up_through_the_link_is_for_the_invited_address(owner: Person, now: datetime) -> None:
    path = f"/app/invitations/{team.link_for(owner, somebody(), now)}"
    form = {"email": somebody(), "password1": PASSWORD, "next": path}

    answer = Client(REMOTE_ADDR="10.8.1.1").post("/accounts/signup/", form)

    assert "The invitation is for" in answer.content.decode()
    assert team.members(owner) == 1


def test_the_members_page_invites_revokes_and_removes(owner: Person, now: datetime) -> None:
    nora, address = team.joined(owner, "Nora", now), somebody()

    offer = owner.web.get("/app/members?invite=1").content.decode()
    asked = owner.web.get(f"/app/members?remove={nora.user.pk}").content.decode()
    sent = owner.web.post("/app/members", {"action": "invite", "emails": f"{address}, {nora.email}", "role": "viewer"})

    assert "Price: $73 → $85 a month with one more member. Nothing is charged on this installation" in offer
    assert "ext invoice" not in offer + asked
    assert re.search(r"/app/invitations/[\w-]{43}", sent.content.decode())
    assert f"{nora.email} is a member already" in sent.content.decode()
    invitation = Invitation.objects.get(email=address)
    owner.web.post("/app/members", {"action": "revoke", "invitation": str(invitation.pk)})
    owner.web.post("/app/members", {"action": "remove", "member": str(nora.user.pk)})
    invitation.refresh_from_db()
    assert (invitation.revoked_at is not None, team.members(owner)) == (True, 1)


def test_the_members_page_of_another_plan_shows_the_way_out(alice: Person) -> None:
    page = alice.web.get("/app/members?invite=1").content.decode()

    assert "Teams is for everybody who works together" in page
    assert "Send invitations" not in page
    assert alice.web.post("/app/members", {"action": "invite", "emails": "a@b.co", "role": "member"}).status_code == 403


def test_members_are_no_longer_announced_as_coming() -> None:
    assert not {Feature.MEMBERS, Feature.MEMBER_CAPS} & COMING
