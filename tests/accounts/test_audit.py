"""The audit log is written with what it tells of, and nobody changes it: asked of Postgres, as every role there is."""

import os
import signal
import subprocess
import sys
from contextlib import nullcontext, suppress
from functools import partial
from typing import Any

import pytest
from django.core.management import call_command
from django.db import DatabaseError, ProgrammingError, connection, connections, transaction
from django.test import override_settings
from rest_framework.test import APIClient

from accounts import access, audit, services, tenancy
from accounts import connections as authorizations
from accounts.models import ActorKind, AuditAction, AuditEvent, Connection, Workspace
from billing import deletion
from tests.people import PASSWORD, Person, join
from tests.second_factor import own_address, with_factor
from tests.threads import in_turn

STATEMENTS = {
    "update": "UPDATE accounts_auditevent SET about = 'somebody else'",
    "delete": "DELETE FROM accounts_auditevent",
    # Everything else that leads to it is looked at when the transaction ends.
    "with its workspace, put back": "DO $$ DECLARE kept accounts_workspace; BEGIN"
    " SELECT * INTO kept FROM accounts_workspace ORDER BY created_at DESC LIMIT 1;"
    " DELETE FROM accounts_workspace WHERE id = kept.id; INSERT INTO accounts_workspace SELECT kept.*; END $$",
    "truncate": "TRUNCATE accounts_auditevent",
    "merge": "MERGE INTO accounts_auditevent USING (SELECT 1) AS one ON true WHEN MATCHED THEN DELETE",
    "upsert": "INSERT INTO accounts_auditevent SELECT * FROM accounts_auditevent"
    " ON CONFLICT (id) DO UPDATE SET about = 'somebody else'",
    "no trigger": "ALTER TABLE accounts_auditevent DISABLE TRIGGER ALL",
    "no table": "DROP TABLE accounts_auditevent",
    "no triggers fire": "SET session_replication_role = replica",
}


def events(person: Person) -> list[AuditEvent]:
    return list(AuditEvent.objects.filter(workspace=person.workspace).order_by("at"))


def told(person: Person) -> list[str]:
    return [event.action for event in events(person)]


@pytest.fixture
def event(alice: Person) -> AuditEvent:
    services.rename_workspace(workspace=alice.workspace, name="Renamed", by=alice.membership)
    return AuditEvent.objects.get(workspace=alice.workspace)


@pytest.mark.parametrize("statement", STATEMENTS.values(), ids=STATEMENTS)
@pytest.mark.parametrize("role", ["docent_public", "the workspace's"])
def test_no_role_of_the_application_changes_an_event(
    alice: Person, event: AuditEvent, role: str, statement: str
) -> None:
    place = nullcontext() if role == "docent_public" else tenancy.within(alice.workspace)

    with place, pytest.raises(ProgrammingError, match=r"permission denied|must be owner"), transaction.atomic():
        connection.cursor().execute(statement)

    [kept] = events(alice)
    assert (kept.about, kept.before, kept.after) == ("", {"name": "Alice's company"}, {"name": "Renamed"})


@pytest.mark.parametrize("name", ["update", "delete", "truncate", "merge", "upsert"])
def test_not_even_the_tables_owner_changes_an_event(alice: Person, event: AuditEvent, name: str) -> None:
    with (
        pytest.raises(DatabaseError, match="append-only"),
        transaction.atomic(using="owner"),
        connections["owner"].cursor() as cursor,
    ):
        cursor.execute(STATEMENTS[name])

    assert len(events(alice)) == 1


def test_a_workspaces_role_reads_and_writes_its_own_events_alone(alice: Person, charlie: Person) -> None:
    services.rename_workspace(workspace=charlie.workspace, name="Nightjar", by=charlie.membership)

    with tenancy.within(alice.workspace):
        with transaction.atomic():
            audit.record(AuditAction.EXPORT_ASKED, workspace_id=alice.workspace.pk, by=alice.user)
        seen = list(AuditEvent.objects.values_list("action", flat=True))
        with pytest.raises(ProgrammingError, match="row-level security"), transaction.atomic():
            audit.record(AuditAction.EXPORT_ASKED, workspace_id=charlie.workspace.pk, by=alice.user)

    assert seen == [AuditAction.EXPORT_ASKED]


def test_events_go_with_their_workspace_and_only_with_it(alice: Person, charlie: Person, event: AuditEvent) -> None:
    services.rename_workspace(workspace=charlie.workspace, name="Charlie's", by=charlie.membership)

    Workspace.objects.using("owner").filter(pk=alice.workspace.pk).delete()

    assert (len(events(alice)), len(events(charlie))) == (0, 1)


@pytest.mark.parametrize(
    ("open_it", "close_it"),
    [
        (
            "GRANT UPDATE ON accounts_auditevent TO docent_public",
            "REVOKE UPDATE ON accounts_auditevent FROM docent_public",
        ),
        (
            "GRANT DELETE ON accounts_auditevent TO docent_workspace",
            "REVOKE DELETE ON accounts_auditevent FROM docent_workspace",
        ),
        (
            "ALTER TABLE accounts_auditevent DISABLE TRIGGER audit_is_kept",
            "ALTER TABLE accounts_auditevent ENABLE TRIGGER audit_is_kept",
        ),
        (
            "GRANT UPDATE (about) ON accounts_auditevent TO docent_public",
            "REVOKE UPDATE (about) ON accounts_auditevent FROM docent_public",
        ),
        (
            "ALTER TRIGGER audit_is_kept ON accounts_auditevent RENAME TO other",
            "ALTER TRIGGER other ON accounts_auditevent RENAME TO audit_is_kept",
        ),
        (
            "CREATE OR REPLACE TRIGGER audit_is_kept BEFORE UPDATE OF at ON accounts_auditevent"
            " FOR EACH ROW EXECUTE FUNCTION accounts_audit_is_kept()",
            "CREATE OR REPLACE TRIGGER audit_is_kept BEFORE UPDATE OR DELETE ON accounts_auditevent"
            " FOR EACH ROW EXECUTE FUNCTION accounts_audit_is_kept()",
        ),
        (
            "GRANT DELETE ON accounts_workspace TO docent_public",
            "REVOKE DELETE ON accounts_workspace FROM docent_public",
        ),
    ],
    ids=["right of docent_public", "right of workspaces", "no trigger", "column", "other trigger", "lesser", "cascade"],
)
def test_a_log_that_could_be_changed_is_named(open_it: str, close_it: str) -> None:
    with connections["owner"].cursor() as cursor:
        cursor.execute(open_it)
        try:
            holes = access.open_walls()
        finally:
            cursor.execute(close_it)

    assert holes == ["the audit log can be changed"]
    assert access.open_walls() == []


def test_what_is_rolled_back_is_not_told(alice: Person) -> None:
    with suppress(InterruptedError), transaction.atomic():
        services.rename_workspace(workspace=alice.workspace, name="Renamed", by=alice.membership)
        raise InterruptedError

    assert told(alice) == []


def test_what_cannot_be_told_is_not_done(alice: Person) -> None:
    """The event is refused by Postgres; the change goes with it."""
    with connections["owner"].cursor() as cursor:
        cursor.execute("ALTER TABLE accounts_auditevent ADD CONSTRAINT nothing_more CHECK (false) NOT VALID")
        try:
            with pytest.raises(DatabaseError, match="nothing_more"):
                services.rename_workspace(workspace=alice.workspace, name="Renamed", by=alice.membership)
        finally:
            cursor.execute("ALTER TABLE accounts_auditevent DROP CONSTRAINT nothing_more")

    assert Workspace.objects.get(pk=alice.workspace.pk).name == "Alice's company"


KILLED = """
import django, os, signal, sys
django.setup()
from accounts import audit, services
from accounts.models import Membership
record = audit.record
def killed(*args, **kwargs):
    if sys.argv[2] == "after":
        record(*args, **kwargs)
    os.kill(os.getpid(), signal.SIGKILL)
audit.record = killed
by = Membership.objects.select_related("workspace", "user").get(pk=sys.argv[1])
services.rename_workspace(workspace=by.workspace, name="Renamed", by=by)
"""


@pytest.mark.parametrize("when", ["before", "after"])
def test_a_process_killed_between_the_change_and_the_event_has_done_neither(alice: Person, when: str) -> None:
    environment = {**os.environ, "DJANGO_SETTINGS_MODULE": "config.settings", **database_of_this_test()}
    command = [sys.executable, "-c", KILLED, str(alice.membership.pk), when]

    ended = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120, check=False)

    assert ended.returncode == -signal.SIGKILL, ended.stderr
    assert told(alice) == []
    assert Workspace.objects.get(pk=alice.workspace.pk).name == "Alice's company"


def database_of_this_test() -> dict[str, str]:
    return {name: os.environ[name] for name in ("DATABASE_URL", "DATABASE_WEB_URL", "REDIS_URL") if name in os.environ}


def test_outside_a_transaction_nothing_is_recorded(alice: Person) -> None:
    with pytest.raises(audit.NotInTransaction):
        audit.record(AuditAction.EXPORT_ASKED, workspace_id=alice.workspace.pk)

    assert told(alice) == []


def test_an_account_is_told_of_in_every_workspace_that_it_opens(team_owner: Person, bob: Person) -> None:
    own = bob.user.memberships.exclude(workspace=team_owner.workspace).get().workspace

    answer = APIClient(REMOTE_ADDR="203.0.113.9").post("/auth/login", {"email": bob.email, "password": PASSWORD})

    assert answer.status_code == 200
    found = AuditEvent.objects.filter(action=AuditAction.SIGNED_IN)
    assert {event.workspace_id for event in found} == {own.pk, team_owner.workspace.pk}
    assert {(event.actor_id, event.actor_email, event.address) for event in found} == {
        (bob.user.pk, bob.email, "203.0.113.9")
    }


def test_refused_sign_ins_are_told_once_a_minute_however_many(alice: Person, charlie: Person) -> None:
    for person in (alice, alice, alice, charlie):
        client = APIClient(REMOTE_ADDR=own_address())
        assert client.post("/auth/login", {"email": person.email, "password": "not this"}).status_code == 401
    assert client.post("/auth/login", {"email": "nobody@example.com", "password": "x"}).status_code == 401

    assert told(alice) == told(charlie) == [AuditAction.SIGN_IN_REFUSED]
    assert AuditEvent.objects.filter(action=AuditAction.SIGN_IN_REFUSED).count() == 2


def test_a_wrong_code_is_a_refused_sign_in(alice: Person) -> None:
    with_factor(alice.user)

    client = APIClient(REMOTE_ADDR=own_address())
    answer = client.post("/auth/login", {"email": alice.email, "password": PASSWORD, "totp": "000000"})

    assert answer.status_code == 401
    assert told(alice) == [AuditAction.SIGN_IN_REFUSED]


def test_a_refused_request_is_told_once_a_minute_with_its_address(team_owner: Person, bob: Person) -> None:
    for _ in range(3):
        assert bob.api.patch("/workspace", {"name": "Mine now"}).status_code == 403
    assert bob.web.post("/app/settings", {"section": "workspace", "name": "Mine now"}).status_code == 403

    [event] = events(team_owner)
    assert (event.action, event.about, event.actor_email) == ("access.refused", "PATCH /workspace", bob.email)


def test_a_refusal_is_said_while_what_was_told_before_is_not_known(team_owner: Person, bob: Person) -> None:
    away = {"BACKEND": "django.core.cache.backends.redis.RedisCache", "LOCATION": "redis://127.0.0.1:9"}
    with override_settings(CACHES={"default": away}):
        assert bob.api.patch("/workspace", {"name": "Mine now"}).status_code == 403

    assert told(team_owner) == [AuditAction.ACCESS_REFUSED]


@override_settings(ALLAUTH_TRUSTED_PROXY_COUNT=2)
def test_a_proxy_fewer_than_expected_leaves_the_address_out(alice: Person) -> None:
    answer = alice.api.patch("/workspace", {"name": "Renamed"}, headers={"X-Forwarded-For": "203.0.113.9"})

    assert answer.status_code == 200
    assert [event.address for event in events(alice)] == [None]


def test_two_tabs_that_share_a_connection_are_told_of_once(alice: Person) -> None:
    made = Connection.objects.create(workspace=alice.workspace, owner=alice.user, kind="token", bot_id="b")
    share = partial(authorizations.share, made, by=alice.membership, is_shared=True)

    in_turn(Connection.objects.filter(pk=made.pk), share, share)

    assert told(alice) == [AuditAction.CONNECTION_SHARED]


def test_a_password_set_by_command_is_the_operators_doing(alice: Person, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("getpass.getpass", lambda prompt: "another long pass phrase")

    call_command("changepassword", alice.email)

    [event] = events(alice)
    assert (event.action, event.about) == (AuditAction.PASSWORD_CHANGED, alice.email)
    assert (event.actor_kind, event.actor_email) == (ActorKind.STAFF, "")


@pytest.mark.parametrize("path", ["/app/usage/export", "/app/settings/audit/export", "/workspace/audit"])
def test_downloads_are_told_once_a_minute_and_a_head_is_none(team_owner: Person, path: str) -> None:
    client: Any = team_owner.web if path.startswith("/app") else team_owner.api

    assert client.head(path, headers={"Accept": "text/csv"}).status_code == 200
    before = told(team_owner)
    for _ in range(3):
        assert client.get(path, headers={"Accept": "text/csv"}).status_code == 200

    assert (before, len(told(team_owner))) == ([], 1)


def test_where_a_private_connection_leads_is_not_told(team_owner: Person, bob: Person) -> None:
    for is_shared, name in ((False, "Nightjar"), (True, "Acme")):
        made = Connection.objects.create(
            workspace=bob.workspace,
            owner=bob.user,
            kind="token",
            bot_id=name,
            notion_workspace_name=name,
            sealed_access_token="sealed-of-bob",
            is_shared=is_shared,
        )
        authorizations.end(made, by=bob.membership)
        authorizations.end(made, by=bob.membership)

    private, shared = events(team_owner)
    assert private.after == {"kind": "token", "shared": False}
    assert shared.after == {"kind": "token", "shared": True, "notion_workspace": "Acme"}
    assert not any("sealed" in str(vars(event)) or PASSWORD in str(vars(event)) for event in (private, shared))


def test_a_deleted_workspace_takes_its_log_along(alice: Person) -> None:
    deletion.close(by=alice.membership, confirm="Alice's company", now=alice.workspace.created_at)
    before = told(alice)

    Workspace.objects.using("owner").filter(pk=alice.workspace.pk).delete()

    assert AuditAction.WORKSPACE_DELETED in before
    assert told(alice) == []


def test_an_event_stays_when_the_account_is_gone(team_owner: Person) -> None:
    bob = join(team_owner, "Bob")
    with transaction.atomic():
        audit.record(AuditAction.EXPORT_ASKED, workspace_id=team_owner.workspace.pk, by=bob.user)

    gone = bob.user.pk

    bob.user.delete()

    [event] = events(team_owner)
    assert (event.actor_id, event.actor_email) == (gone, bob.email)
