"""A program that shows an API key: when it is let in, and what of it is kept and told."""

import logging
import re
from datetime import timedelta
from typing import Any

import pytest
from django.db import connections
from django.test import RequestFactory
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from rest_framework.request import Request
from rest_framework.test import APIClient

from accounts import keys, services, tenancy
from accounts.authentication import ApiKeyAuthentication
from accounts.models import ApiKey, Membership, Role, User, Workspace
from billing.team import members
from config import handover
from tests.people import PASSWORD, Person, key_of, program, put_on_plan
from tests.threads import at_once

CHECKED = re.compile(r"docent_[0-9A-Za-z]{57}")


@pytest.fixture
def alice(alice: Person) -> Person:
    put_on_plan(alice, "pro")
    return alice


def status(key: str, address: str = "/user/profile") -> int:
    return program(key).get(address).status_code


def detail(key: str) -> str:
    answer = program(key).get("/user/profile")
    assert (answer.status_code, answer.json()["type"]) == (401, "/problems/bad-api-key")
    assert answer.headers["WWW-Authenticate"].startswith("Bearer")
    return str(answer.json()["detail"])


def test_a_key_lets_in_as_who_made_it_in_its_workspace_alone(team_owner: Person, bob: Person) -> None:
    profile = program(key_of(bob)).get("/user/profile").json()

    assert (profile["email"], profile["team_id"]) == (bob.email, str(team_owner.workspace.pk))
    assert [each["id"] for each in profile["workspaces"]] == [str(team_owner.workspace.pk)]
    assert len(bob.api.get("/user/profile").json()["workspaces"]) == 2


def test_a_key_can_be_told_from_anything_else_and_checks_itself() -> None:
    made = {keys.new() for _ in range(50)}

    assert len(made) == 50
    assert all(CHECKED.fullmatch(key) for key in made)


@pytest.mark.parametrize("change", ["one letter", "two swapped", "cut", "longer", "another alphabet"])
def test_a_mistyped_key_is_refused_without_the_database(alice: Person, change: str) -> None:
    key = key_of(alice)
    place = next(n for n in range(20, 50) if key[n] != key[n + 1])
    wrong = {
        "one letter": key[:-1] + ("a" if key[-1] != "a" else "b"),
        "two swapped": key[:place] + key[place + 1] + key[place] + key[place + 2 :],
        "cut": key[:-1],
        "longer": key + "a",
        "another alphabet": key[:30] + "é" + key[31:],
    }[change]

    with connections["default"].execute_wrapper(_no_statement), pytest.raises(keys.BadKey, match="mistyped"):
        keys.find(wrong.encode(), now=timezone.now())


def _no_statement(*_: Any) -> None:
    raise AssertionError("the database was asked")


def test_one_that_never_was_and_one_that_was_deleted_are_told_alike(alice: Person) -> None:
    deleted = key_of(alice)
    alice.membership.api_keys.update(revoked_at=timezone.now())
    # It names one that is there, and has another secret.
    body = key_of(alice)[: keys.START] + keys.new()[keys.START : -keys.CHECKING]
    guessed = body + keys._checksum(body)

    assert detail(deleted) == detail(keys.new()) == detail(guessed) == keys.UNKNOWN


def test_a_key_ends_at_its_moment(alice: Person) -> None:
    key = key_of(alice, expires_at=timezone.now() + timedelta(hours=1))
    before = status(key)
    alice.membership.api_keys.update(created_at=timezone.now() - timedelta(days=1), expires_at=timezone.now())

    assert (before, "has expired" in detail(key)) == (200, True)


def test_who_began_to_wait_with_a_good_key_hears_the_answer(alice: Person) -> None:
    key = key_of(alice, expires_at=timezone.now() + timedelta(hours=1))
    alice.membership.api_keys.update(created_at=timezone.now() - timedelta(days=1), expires_at=timezone.now())

    def let_in(waited: int) -> bool:
        asked = RequestFactory().get("/user/profile", headers={"Authorization": f"Bearer {key}"})
        asked.META["asgi.scope"] = {handover.WAITED: waited}
        request = Request(asked, parser_context={"view": type("View", (), {"allowed_methods": []})})
        try:
            return ApiKeyAuthentication().authenticate(request) is not None
        except keys.BadKey:
            return False

    assert (let_in(60), let_in(0)) == (True, False)


def test_of_a_key_only_a_digest_is_kept(alice: Person) -> None:
    key = key_of(alice)

    secret = key[keys.START : -keys.CHECKING]
    with connections["owner"].cursor() as cursor:
        cursor.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
        for (table,) in cursor.fetchall():
            cursor.execute(f"SELECT count(*) FROM public.{table} t WHERE t::text LIKE %s", [f"%{secret}%"])
            assert cursor.fetchone() == (0,), table
    kept = alice.membership.api_keys.get()
    assert (kept.start, kept.ending, kept.digest) == (key[:15], key[-4:], keys.digest(key))


def test_no_line_of_the_log_holds_a_key(alice: Person, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)

    made = alice.api.post("/user/api-keys", {"name": "Robot", "scopes": ["read"]}).json()["key"]
    for address in ("/user/profile", "/tasks", "/agent/run", "/nowhere", "/user/api-keys"):
        program(made).get(address)
        program(made[:-1]).get(address)

    assert made[keys.START : -keys.CHECKING] not in caplog.text


def test_its_use_is_noted_once_a_minute(alice: Person) -> None:
    key, now = key_of(alice), timezone.now()
    program(key).get("/tasks")
    first = alice.membership.api_keys.get().last_used_at
    program(key).get("/tasks")
    second = alice.membership.api_keys.get().last_used_at
    alice.membership.api_keys.update(last_used_at=now - timedelta(seconds=61))
    program(key).get("/tasks")

    assert first is not None
    assert first >= now
    assert second == first
    assert alice.membership.api_keys.get().last_used_at > now - timedelta(seconds=61)


def test_a_second_request_within_the_minute_writes_nothing_and_asks_for_the_plan_once(alice: Person) -> None:
    robot = program(key_of(alice))
    robot.get("/tasks")

    with CaptureQueriesContext(connections["default"]) as statements:
        answer = robot.get("/tasks")

    asked = [each["sql"].split(maxsplit=1)[0] for each in statements]
    assert answer.status_code == 200
    assert sum('FROM "billing_subscription"' in each["sql"] for each in statements) == 1
    assert "SELECT" in asked
    assert not {"INSERT", "UPDATE", "DELETE"} & set(asked)


def test_many_requests_at_once_write_it_once(alice: Person) -> None:
    key, noted = key_of(alice), timezone.now()
    held = alice.membership.api_keys.get()

    at_once(lambda: keys.note_use(held, now=noted), times=4)
    keys.note_use(held, now=noted + timedelta(seconds=30))

    assert alice.membership.api_keys.get().last_used_at == noted
    assert status(key) == 200


def test_a_key_at_work_decides_not_which_workspace_opens_at_the_next_sign_in(bob: Person) -> None:
    key = key_of(bob)
    Membership.objects.filter(user=bob.user).update(last_active_at=None)

    program(key).get("/tasks")

    assert not Membership.objects.filter(user=bob.user).exclude(last_active_at=None)


def test_who_is_removed_has_no_key_here_any_more_also_if_they_come_back(team_owner: Person, bob: Person) -> None:
    here, elsewhere = key_of(bob), bob.user.memberships.exclude(pk=bob.membership.pk).get()
    put_on_plan(Person(bob.user, elsewhere), "pro")
    there = key_of(Person(bob.user, elsewhere))
    members.remove(by=team_owner.membership, user_id=bob.user.pk, now=timezone.now())
    gone = status(here)

    Membership.objects.create(workspace=team_owner.workspace, user=bob.user)

    assert (gone, status(here), status(there)) == (401, 401, 200)


def test_the_database_itself_ends_the_keys_of_who_is_removed(bob: Person) -> None:
    key_of(bob)

    with connections["owner"].cursor() as cursor:
        cursor.execute("DELETE FROM accounts_membership WHERE id = %s", [bob.membership.pk])

    assert not ApiKey.objects.filter(membership_id=bob.membership.pk).exists()


def test_another_role_counts_at_once(bob: Person) -> None:
    robot = program(key_of(bob, "tasks:write"))
    before = robot.post("/tasks", {"title": "New"}).status_code
    Membership.objects.filter(pk=bob.membership.pk).update(role=Role.VIEWER)

    after = robot.post("/tasks", {"title": "New"})

    assert (before, after.status_code, after.json()["type"]) == (201, 403, "/problems/forbidden")


@pytest.mark.parametrize(
    ("state", "code"),
    [(Workspace.State.SUSPENDED, "workspace-suspended"), (Workspace.State.ERASING, "no-workspace")],
)
def test_a_workspace_that_is_closed_is_closed_to_its_keys(alice: Person, state: str, code: str) -> None:
    key = key_of(alice)
    Workspace.objects.filter(pk=alice.workspace.pk).update(state=state)

    answer = program(key).get("/user/profile")

    assert (answer.status_code, answer.json()["type"]) == (403, f"/problems/{code}")


def test_a_closed_account_has_no_good_key(alice: Person) -> None:
    key = key_of(alice)
    User.objects.filter(pk=alice.user.pk).update(is_active=False)

    assert status(key) == 403


def test_a_new_password_ends_tokens_and_no_key(alice: Person) -> None:
    key, token = key_of(alice), alice.api
    before = token.get("/user/profile").status_code

    alice.user.set_password(PASSWORD[::-1])
    alice.user.save()

    assert (before, token.get("/user/profile").status_code, status(key)) == (200, 401, 200)


def test_a_key_is_of_more_weight_than_a_browsers_session(alice: Person, charlie: Person) -> None:
    answer = charlie.web.get("/user/profile", headers={"Authorization": f"bearer {key_of(alice)}"})

    assert answer.json()["email"] == alice.email


@pytest.mark.parametrize("header", ["Bearer", "Bearer docent_ x", "Bearer docent_", "Token docent_x", "Bearer \xff"])
def test_a_header_that_holds_no_key_lets_nobody_in(header: str) -> None:
    answer = APIClient().get("/user/profile", headers={"Authorization": header})

    assert (answer.status_code, answer.headers["Content-Type"]) == (401, "application/problem+json")


def test_a_key_reads_what_a_browser_may_preview_and_no_more(alice: Person) -> None:
    robot = program(key_of(alice, "read"))

    assert robot.head("/tasks").status_code == 200
    assert robot.head("/user/api-keys").status_code == 403


def test_the_workspaces_own_database_role_sees_no_key(alice: Person) -> None:
    key_of(alice)

    with tenancy.within(alice.workspace), pytest.raises(Exception, match="permission denied"):
        ApiKey.objects.exists()


def test_ended_keys_are_forgotten_when_no_usage_names_them_any_more(alice: Person) -> None:
    for _ in range(2):
        key_of(alice)
    now = timezone.now()
    old, young = alice.membership.api_keys.all()
    for key, days in ((old, 367), (young, 365)):
        ApiKey.objects.filter(pk=key.pk).update(revoked_at=now - timedelta(days=days))

    services.forget_expired(now=now)

    assert list(ApiKey.objects.filter(membership=alice.membership)) == [young]
