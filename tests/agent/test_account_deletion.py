"""Deleting an account: who may, what ends at once, how it is kept after all, and what is left when it is erased."""

from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from allauth.account.models import EmailAddress
from django.db import connections
from django.test import Client, override_settings
from django.utils import timezone
from rest_framework.test import APIClient

from accounts import schemas, tenancy, tokens
from accounts.models import (
    AuditAction,
    AuditEvent,
    Connection,
    Invitation,
    Job,
    Mail,
    Membership,
    Role,
    User,
    Workspace,
)
from agent import account_erasing
from agent import deletion as workspaces
from agent.jobs import erase_connection, erase_workspace
from agent.models import Conversation, Export, Page
from billing import account_deletion
from billing.deletion import REGRET
from billing.models import Subscription
from billing.team import invitations
from integrations import vectors
from tasks.models import Task
from tests.agent.test_deletion import rows_about
from tests.agent.test_erasing import fill
from tests.outside import NotionWorkspace
from tests.people import PASSWORD, Browser, Person, join, key_of, program, sign_up, sign_up_as
from tests.second_factor import own_address, with_factor
from tests.threads import at_once, elsewhere, in_turn


@pytest.fixture(autouse=True)
def _schemas_wait(_database: None) -> None:
    """Here no worker keeps the pool full."""
    schemas.fill(4)


def delete(person: Person, **more: str) -> Any:
    return person.api.delete("/user/account", {"password": PASSWORD, **more}, format="json")


def home(person: Person) -> Workspace:
    """The one that is theirs alone."""
    own = Membership.objects.exclude(pk=person.membership.pk).select_related("workspace")
    return own.get(user=person.user).workspace


def browser(person: Person) -> Browser:
    """Where nobody is signed in yet, and none of another test's limits counts."""
    made = Browser(REMOTE_ADDR=own_address())
    made.workspace_id = str(person.workspace.pk)
    return made


def sign_in(person: Person) -> tuple[Browser, Any]:
    web = browser(person)
    return web, web.post("/accounts/login/", {"login": person.email, "password": PASSWORD}, follow=True)


def come(person: Person) -> None:
    """The moment of erasing, and the rounds and workers after it."""
    now = timezone.now()
    User.objects.filter(pk=person.user.pk).update(erases_at=now)
    Workspace.objects.filter(closed_with=person.user.pk).update(erases_at=now)
    for _ in range(3):
        account_erasing.sweep(now=timezone.now())
        for job in Job.objects.filter(name__in=[erase_workspace.name, erase_connection.name], failed_at=None):
            task: Any = erase_workspace if job.name == erase_workspace.name else erase_connection
            elsewhere(lambda task=task, key=str(job.pk): task(key))


def rows_naming(user_id: UUID) -> dict[str, int]:
    """In every shared table but the certificates, by any column that holds an account's id."""
    found = {}
    with connections["owner"].cursor() as cursor:
        cursor.execute(
            "SELECT table_name, column_name FROM information_schema.columns"
            " WHERE table_schema = 'public' AND data_type = 'uuid' AND table_name <> 'accounts_erasurecertificate'"
        )
        for table, column in cursor.fetchall():
            cursor.execute(f'SELECT count(*) FROM public."{table}" WHERE "{column}" = %s', [user_id])
            if count := cursor.fetchone()[0]:
                found[f"{table}.{column}"] = count
    return found


def test_the_person_goes_with_their_own_workspace_and_what_they_shared_stays(
    team_owner: Person, bob: Person, acme: NotionWorkspace
) -> None:
    own = home(bob)
    with tenancy.within(team_owner.workspace):
        task = Task.objects.create(owner_id=bob.user.pk, title="Book the room", is_shared=True)
        Conversation.objects.create(owner_id=bob.user.pk, title="Holidays", is_shared=True)
        Task.objects.create(owner_id=bob.user.pk, title="Ask for a rise")
        Conversation.objects.create(owner_id=bob.user.pk, title="Ask for a rise")
        Export.objects.create(owner_id=bob.user.pk)
    private = fill(bob, acme)
    shared = Connection.objects.create(
        workspace=bob.workspace, owner=bob.user, kind="token", bot_id="s", is_shared=True
    )
    invitations.invite(by=team_owner.membership, email="x@example.com", role=Role.MEMBER, now=timezone.now())
    Invitation.objects.update(invited_by=bob.user)

    answer = delete(bob)
    come(bob)

    assert answer.status_code == 202, answer.json()
    assert [each["id"] for each in answer.json()["workspaces"]] == [str(own.pk)]
    # The audit log of the team says who did what.
    assert set(rows_naming(bob.user.pk)) == {"accounts_auditevent.actor_id"}
    assert not Mail.objects.filter(to=bob.email).exclude(key__startswith="certificate:").exists()
    assert not EmailAddress.objects.filter(email=bob.email).exists()
    assert rows_about(own.pk) == {}
    assert not Invitation.objects.exists()
    with tenancy.within(team_owner.workspace):
        assert [each.title for each in Task.objects.filter(owner_id=bob.user.pk)] == ["Book the room"]
        assert [each.title for each in Conversation.objects.all()] == ["Holidays"]
        assert not Export.objects.exists()
        assert not Page.objects.filter(connection_id=private.pk).exists()
    assert vectors.workspace(team_owner.workspace.pk).collection(private.pk).count() == 0
    shared.refresh_from_db()
    assert (shared.owner_id, shared.status) == (team_owner.user.pk, "active")
    assert team_owner.api.get(f"/tasks/{task.pk}").status_code == 200
    for address in ("/admin/users", "/usage/logs", "/agent/conversations", "/workspace/audit", "/tasks"):
        assert team_owner.api.get(address).status_code == 200
    for page in ("/app", "/app/members", "/app/usage", "/app/settings/audit", "/app/conversations", "/app/tasks"):
        assert team_owner.web.get(page).status_code == 200


def test_sessions_tokens_and_keys_end_at_once(team_owner: Person) -> None:
    bob = join(team_owner, "Bob")
    pair, key = tokens.issue(bob.membership), program(key_of(bob))
    bob.web.get("/app")

    assert (delete(bob).status_code, bob.api.get("/tasks").status_code) == (202, 403)

    assert APIClient().post("/auth/refresh", {"refresh": pair.refresh}).status_code == 401
    assert key.get("/tasks").status_code == 401
    assert bob.web.get("/app")["Location"].startswith("/accounts/login/")
    signed_in = APIClient().post("/auth/login", {"email": bob.email, "password": PASSWORD})
    assert (signed_in.status_code, signed_in.json()["type"]) == (403, "/problems/account-closing")
    assert signed_in.json()["erases_at"]


def test_signing_in_leads_to_the_page_that_keeps_it(team_owner: Person, bob: Person) -> None:
    own, before = home(bob), Subscription.objects.values().get(workspace=home(bob))
    delete(bob)
    at = User.objects.get(pk=bob.user.pk).erases_at
    assert at is not None

    web, page = sign_in(bob)
    elsewhere_ = [web.get(path).status_code for path in ("/app/tasks", "/app/settings")]
    joins = web.post("/app/theme", {"theme": "dark"})
    kept = web.post("/app/account/closing", follow=True)

    assert page.redirect_chain[-1][0] == "/app/account/closing"
    assert f"{at:%-d %b %Y at %H:%M} UTC" in page.content.decode()
    assert (elsewhere_, joins.status_code) == ([302, 302], 403)
    assert "Your account stays" in kept.content.decode()
    assert web.get("/app").status_code == 200
    own.refresh_from_db()
    assert (own.state, own.erases_at, own.closed_with) == ("active", None, None)
    after = Subscription.objects.values().get(workspace=own)
    assert after == before | {"remind_at": after["remind_at"]}
    come(bob)
    assert User.objects.filter(pk=bob.user.pk).exists()


def test_the_mail_says_when_and_how_to_keep_it_and_another_comes_a_day_before(alice: Person) -> None:
    delete(alice)
    at = User.objects.get(pk=alice.user.pk).erases_at
    assert at is not None
    too_soon = at - timedelta(days=1, minutes=1)

    account_deletion.remind(now=too_soon)
    early = Mail.objects.filter(key__startswith="account-closes-soon:", user=alice.user).count()
    at_once(lambda: account_deletion.remind(now=at - timedelta(hours=23)), times=3)

    [mail] = Mail.objects.filter(key__startswith="account-closed:", user=alice.user)
    assert f"{at:%-d %b %Y at %H:%M} UTC" in mail.subject
    assert "Alice's company will be erased" in mail.text
    assert "/app/account/closing" in mail.text
    assert early == 0
    assert Mail.objects.filter(key__startswith="account-closes-soon:", user=alice.user).count() == 1


@pytest.mark.parametrize("given", ["", "wrong"])
def test_without_the_password_nothing_happens(alice: Person, given: str) -> None:
    answer = delete(alice, password=given)

    assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (400, "/password")
    assert User.objects.get(pk=alice.user.pk).erases_at is None


def test_who_has_a_second_factor_confirms_with_it(alice: Person) -> None:
    app = with_factor(alice.user).app

    without = delete(alice)
    wrong = delete(alice, totp="000000")
    right = delete(alice, totp=app.code())

    assert [answer.status_code for answer in (without, wrong, right)] == [401, 401, 202]


def test_a_key_deletes_no_account(team_owner: Person) -> None:
    answer = program(key_of(team_owner)).delete("/user/account", {"password": PASSWORD}, format="json")

    assert (answer.status_code, answer.json()["type"]) == (403, "/problems/not-by-key")


def test_the_last_owner_of_a_team_hands_it_over_first(team_owner: Person, bob: Person) -> None:
    refused = delete(team_owner)
    page = team_owner.web.get("/app/account/delete").content.decode().replace("&#x27;", "'")
    Membership.objects.filter(pk=bob.membership.pk).update(role=Role.OWNER)

    assert (refused.status_code, refused.json()["type"]) == (409, "/problems/last-owner")
    assert refused.json()["workspaces"] == [{"id": str(team_owner.workspace.pk), "name": "Alice's company"}]
    assert "Alice's company" in page
    assert "Delete my account" not in page
    assert delete(team_owner).status_code == 202


def test_an_owner_who_is_going_is_no_other_owner(team_owner: Person) -> None:
    olga = join(team_owner, "Olga", Role.OWNER)
    delete(olga)

    left = team_owner.api.delete(f"/admin/users/{team_owner.user.pk}")

    assert (left.status_code, left.json()["type"]) == (409, "/problems/last-owner")
    assert delete(team_owner).status_code == 409


def test_of_two_owners_who_go_at_once_one_stays(team_owner: Person) -> None:
    olga = join(team_owner, "Olga", Role.OWNER)
    people = iter([team_owner, olga])
    assert team_owner.api
    assert olga.api

    answers = at_once(lambda: delete(next(people)).status_code, times=2)

    assert sorted(answers) == [202, 409]


def test_asked_for_at_once_it_is_deleted_once(alice: Person) -> None:
    user = alice.user

    moments = at_once(lambda: account_deletion.close(user=user, now=timezone.now()), times=4)

    assert len(set(moments)) == 1
    assert Mail.objects.filter(key__startswith="account-closed:", user=user).count() == 1
    assert AuditEvent.objects.filter(workspace=alice.workspace, action=AuditAction.ACCOUNT_DELETED).count() == 1


def closed(person: Person) -> Any:
    delete(person)
    now = timezone.now()
    Workspace.objects.filter(closed_with=person.user.pk).update(erases_at=now)
    users = User.objects.filter(pk=person.user.pk)
    users.update(erases_at=now)
    return users


def test_kept_before_the_erasing_begins_all_of_it_stays(alice: Person) -> None:
    users = closed(alice)

    in_turn(
        users,
        lambda: account_deletion.keep(user=alice.user, now=timezone.now()),
        lambda: account_erasing.sweep(now=timezone.now()),
    )

    assert users.get().is_active
    assert Workspace.objects.get(pk=alice.workspace.pk).state == "active"
    assert not Job.objects.filter(workspace=alice.workspace, name=erase_workspace.name).exists()


def test_kept_after_the_erasing_began_all_of_it_goes(alice: Person) -> None:
    users, refused = closed(alice), list[str]()

    def too_late() -> None:
        try:
            account_deletion.keep(user=alice.user, now=timezone.now())
        except tenancy.NotAMember as error:
            refused.append(error.code)

    in_turn(users, lambda: account_erasing.sweep(now=timezone.now()), too_late)

    assert refused == ["no-workspace"]
    assert not users.get().is_active
    assert Workspace.objects.get(pk=alice.workspace.pk).state == "erasing"
    come(alice)
    assert rows_naming(alice.user.pk) == {}


def test_erased_at_once_by_several_rounds_it_is_erased_once(team_owner: Person, bob: Person) -> None:
    closed(bob)

    at_once(lambda: account_erasing.sweep(now=timezone.now()), times=3)
    come(bob)

    assert set(rows_naming(bob.user.pk)) == {"accounts_auditevent.actor_id"}
    left = AuditEvent.objects.filter(workspace=team_owner.workspace, action=AuditAction.LEFT)
    assert left.count() == 1


def test_its_workspace_is_not_erased_without_it(alice: Person) -> None:
    delete(alice)
    Workspace.objects.filter(pk=alice.workspace.pk).update(erases_at=timezone.now())

    workspaces.sweep(now=timezone.now())

    assert Workspace.objects.get(pk=alice.workspace.pk).state == "closing"


def test_a_workspace_that_was_deleted_before_stays_deleted(alice: Person) -> None:
    alice.api.delete("/workspace", {"confirm": alice.workspace.name}, format="json")
    at = Workspace.objects.get(pk=alice.workspace.pk).erases_at
    answer = delete(alice)
    account_deletion.keep(user=alice.user, now=timezone.now())

    assert (answer.status_code, answer.json()["workspaces"]) == (202, [])
    kept = Workspace.objects.get(pk=alice.workspace.pk)
    assert (kept.state, kept.erases_at) == ("closing", at)


def test_the_address_registers_again_without_a_second_trial(alice: Person) -> None:
    delete(alice)
    come(alice)

    again = sign_up_as(alice.email)

    assert again.user.pk != alice.user.pk
    assert again.subscription.trial_ends_at <= timezone.now()
    assert again.api.post("/agent/run", {"prompt": "x"}).status_code == 402
    plus = sign_up_as(alice.email.replace("@", "+new@"))
    assert plus.subscription.trial_ends_at <= timezone.now()


@override_settings(EMAIL_VERIFICATION_REQUIRED=True)
def test_where_addresses_are_verified_the_second_trial_ends_with_the_confirmation(alice: Person) -> None:
    delete(alice)
    come(alice)
    again = sign_up_as(alice.email)
    before = again.subscription.trial_ends_at

    address = EmailAddress.objects.get(user=again.user)
    address.verified = True
    address.save()

    assert before > timezone.now()
    assert again.subscription.trial_ends_at <= timezone.now()


def test_until_then_nobody_else_takes_the_address(alice: Person) -> None:
    delete(alice)
    body = {"email": alice.email, "password": PASSWORD}

    answer = Client(REMOTE_ADDR=own_address()).post("/auth/register", body, content_type="application/json")

    assert answer.status_code == 409


def test_whose_account_goes_joins_nothing(team_owner: Person) -> None:
    gus = sign_up("Gus")
    link = invitations.invite(by=team_owner.membership, email=gus.email, role=Role.MEMBER, now=timezone.now())
    delete(gus)
    web, _ = sign_in(gus)

    answer = web.post(f"/app/invitations/{link.token}")

    assert answer.status_code == 403
    assert not Membership.objects.filter(user=gus.user, workspace=team_owner.workspace).exists()


def test_staff_are_no_staff_first(alice: Person) -> None:
    User.objects.filter(pk=alice.user.pk).update(is_staff=True)

    answer = delete(alice)

    assert (answer.status_code, answer.json()["type"]) == (409, "/problems/account-of-staff")


def test_a_suspended_workspace_is_not_opened_by_deleting_and_keeping(team_owner: Person, bob: Person) -> None:
    own = home(bob)
    Workspace.objects.filter(pk=own.pk).update(state="suspended")

    answer = delete(bob)
    closing = Workspace.objects.get(pk=own.pk).state
    account_deletion.keep(user=bob.user, now=timezone.now())

    assert (answer.status_code, closing) == (202, "closing")
    assert Workspace.objects.get(pk=own.pk).state == "suspended"


def test_the_page_asks_for_the_password_and_signs_out(alice: Person) -> None:
    wrong = alice.web.post("/app/account/delete", {"password": "x"})
    right = alice.web.post("/app/account/delete", {"password": PASSWORD}, follow=True)

    assert (wrong.status_code, "The password is not right" in wrong.content.decode()) == (400, True)
    assert right.redirect_chain == [("/app/account/deleted", 302)]
    assert "_auth_user_id" not in alice.web.session
    at = User.objects.get(pk=alice.user.pk).erases_at
    assert at is not None
    assert at > timezone.now() + REGRET - timedelta(minutes=5)


def test_a_member_of_a_deleted_workspace_can_delete_their_account_too(alice: Person) -> None:
    alice.api.delete("/workspace", {"confirm": alice.workspace.name}, format="json")

    assert alice.web.get("/app/account/delete").status_code == 200
    assert delete(alice).status_code == 202


def test_a_program_hears_the_moment_again(alice: Person) -> None:
    first = account_deletion.close(user=alice.user, now=timezone.now())

    assert account_deletion.close(user=alice.user, now=timezone.now()) == first
