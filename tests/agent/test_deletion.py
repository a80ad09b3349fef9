"""Deleting a workspace: who may, what ends at once, and that nothing is left anywhere when its time has come."""

from datetime import timedelta
from typing import Any

import pytest
from django.db import connections
from django.utils import timezone
from rest_framework.test import APIClient

from accounts import schemas, tenancy
from accounts.models import (
    AuditAction,
    AuditEvent,
    Connection,
    Job,
    Mail,
    Membership,
    User,
    Workspace,
    WorkspaceSchema,
)
from agent import deletion as workspaces
from agent import erasing
from agent.jobs import erase_workspace, sync
from billing import changes
from billing.models import Subscription
from billing.plans import Tier
from config import valkey
from integrations import vectors
from tests.agent.test_erasing import fill
from tests.outside import NotionWorkspace
from tests.people import PASSWORD, Person
from tests.threads import at_once, elsewhere

NAME = "Alice's company"


@pytest.fixture(autouse=True)
def _schemas_wait(_database: None) -> None:
    """Here no worker keeps the pool full."""
    schemas.fill(4)


def delete(person: Person, confirm: str = NAME) -> Any:
    return person.api.delete("/workspace", {"confirm": confirm}, format="json")


def come(person: Person) -> None:
    """The moment of erasing."""
    Workspace.objects.filter(pk=person.workspace.pk).update(erases_at=timezone.now())
    workspaces.sweep(now=timezone.now())


def erase(person: Person) -> None:
    come(person)
    perform(person)


def perform(person: Person) -> None:
    """As a worker does."""
    job = Job.objects.get(workspace=person.workspace, name=erase_workspace.name)
    elsewhere(lambda: erase_workspace(str(job.pk)))


def expire(person: Person) -> None:
    Subscription.objects.filter(workspace=person.workspace).update(trial_ends_at=timezone.now() - timedelta(days=1))


def rows_about(workspace_id: object) -> dict[str, int]:
    """In every shared table that names workspaces."""
    with connections["owner"].cursor() as cursor:
        cursor.execute(
            "SELECT table_name FROM information_schema.columns"
            " WHERE table_schema = 'public' AND column_name = 'workspace_id'"
        )
        tables = [name for (name,) in cursor.fetchall()]
        found = {}
        for table in tables:
            cursor.execute(f'SELECT count(*) FROM public."{table}" WHERE workspace_id = %s', [workspace_id])
            found[table] = cursor.fetchone()[0]
    assert len(found) > 8
    return {table: count for table, count in found.items() if count}


def is_there(schema: str) -> tuple[bool, bool]:
    """The schema, and its role."""
    with connections["owner"].cursor() as cursor:
        cursor.execute("SELECT EXISTS (SELECT FROM pg_namespace WHERE nspname = %s)", [schema])
        schema_is = cursor.fetchone()[0]
        cursor.execute("SELECT EXISTS (SELECT FROM pg_roles WHERE rolname = %s)", [schema])
        return schema_is, cursor.fetchone()[0]


def test_after_a_trial_an_owner_deletes_everything(alice: Person, acme: NotionWorkspace) -> None:
    connection = fill(alice, acme)
    valkey.client().set(f"run:{alice.workspace.pk}:x", "y")
    expire(alice)
    assert vectors.workspace(alice.workspace.pk).collection(connection.pk).count() > 0

    answer = delete(alice)
    erase(alice)

    assert answer.status_code == 202, answer.json()
    said = answer.json()
    assert (said["name"], "your account, and every other workspace" in said["keeps"]) == (NAME, True)
    assert rows_about(alice.workspace.pk) == {}
    assert not Workspace.objects.filter(pk=alice.workspace.pk).exists()
    assert not WorkspaceSchema.objects.filter(name=alice.workspace.schema_name).exists()
    assert is_there(alice.workspace.schema_name) == (False, False)
    assert vectors.workspace(alice.workspace.pk).collection(connection.pk).count() == 0
    assert valkey.client().keys(f"*{alice.workspace.pk}*") == []


def test_from_that_moment_nobody_enters(alice: Person) -> None:
    delete(alice)

    for address in ("/user/profile", "/usage/quota", "/tasks", "/workspace/audit"):
        answer = alice.api.get(address)
        assert (answer.status_code, answer.json()["type"]) == (403, "/problems/workspace-closing")
    assert alice.api.post("/agent/run", {"prompt": "x"}).status_code == 403


def test_the_account_stays_and_begins_anew_without_a_second_trial(alice: Person) -> None:
    delete(alice)
    erase(alice)

    answer = alice.web.post(
        "/auth/login", {"email": alice.email, "password": PASSWORD}, content_type="application/json"
    )

    assert answer.status_code == 200, answer.json()
    assert answer.json()["workspace"]["id"] != str(alice.workspace.pk)
    program = APIClient()
    program.credentials(HTTP_AUTHORIZATION=f"Bearer {answer.json()['access']}")
    status = program.get("/user/trial-status").json()
    assert (status["is_trial"], status["active"]) == (True, False)
    assert program.post("/agent/run", {"prompt": "x"}).status_code == 402
    assert alice.web.get("/app/plan").status_code == 200


def test_other_workspaces_keep_everything(
    team_owner: Person, bob: Person, charlie: Person, acme: NotionWorkspace
) -> None:
    fill(charlie, acme)
    own = Membership.objects.exclude(workspace=team_owner.workspace).get(user=bob.user)
    Membership.objects.create(workspace=charlie.workspace, user=team_owner.user)
    before = {each: rows_about(each) for each in (own.workspace_id, charlie.workspace.pk)}
    kept = Connection.objects.get(workspace=charlie.workspace)

    assert delete(team_owner).status_code == 202
    erase(team_owner)

    assert {each: rows_about(each) for each in before} == before
    assert Connection.objects.get(pk=kept.pk).sealed_access_token == kept.sealed_access_token
    assert vectors.workspace(charlie.workspace.pk).collection(kept.pk).count() > 0
    assert User.objects.filter(pk__in=[team_owner.user.pk, bob.user.pk]).count() == 2
    # Both have another one already, so none was made for them.
    assert Membership.objects.filter(user__in=[team_owner.user, bob.user]).count() == 2


@pytest.mark.parametrize("confirm", ["", "alice's company", "x", "Alice's company."])
def test_without_its_name_nothing_happens(alice: Person, confirm: str) -> None:
    answer = delete(alice, confirm)

    assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (400, "/confirm")
    assert Workspace.objects.get(pk=alice.workspace.pk).is_active


@pytest.mark.parametrize("role", ["admin", "member", "viewer"])
def test_only_an_owner_may(team_owner: Person, bob: Person, role: str) -> None:
    Membership.objects.filter(pk=bob.membership.pk).update(role=role)

    assert delete(bob).status_code == 403
    page = bob.web.post("/app/settings", {"section": "deletion", "confirm": NAME})

    assert page.status_code == 403
    assert Workspace.objects.get(pk=team_owner.workspace.pk).is_active
    assert "Delete the workspace" not in bob.web.get("/app/settings").content.decode()


def test_asked_for_at_once_it_is_deleted_once_and_all_hear_of_one_moment(alice: Person) -> None:
    answers = at_once(lambda: delete(alice), times=4)

    assert [answer.status_code for answer in answers] == [202] * 4
    assert len({answer.json()["erases_at"] for answer in answers}) == 1
    assert AuditEvent.objects.filter(workspace=alice.workspace, action=AuditAction.WORKSPACE_DELETED).count() == 1
    assert Mail.objects.filter(workspace=alice.workspace, key__startswith="closed:").count() == 1


def test_when_its_time_has_come_at_once_it_is_begun_once(alice: Person) -> None:
    delete(alice)
    Workspace.objects.filter(pk=alice.workspace.pk).update(erases_at=timezone.now())

    at_once(lambda: workspaces.sweep(now=timezone.now()), times=4)

    assert Job.objects.filter(workspace=alice.workspace, name=erase_workspace.name).count() == 1
    assert Membership.objects.filter(user=alice.user).count() == 2


def test_nothing_can_be_bought_for_it_any_more(alice: Person) -> None:
    delete(alice)
    come(alice)

    with pytest.raises(tenancy.NotAMember):
        changes.upgrade(membership=alice.membership, tier=Tier.PRO, now=timezone.now())


def test_no_mail_goes_out_for_it(alice: Person) -> None:
    Mail.objects.create(key=f"trial-ended:{alice.workspace.pk}", to=alice.email, subject="x", workspace=alice.workspace)

    delete(alice)

    assert not Mail.objects.filter(workspace=alice.workspace, key__startswith="trial-ended").exists()
    come(alice)
    assert not Mail.objects.filter(workspace=alice.workspace).exists()


def test_it_waits_for_who_is_at_work_in_it(alice: Person) -> None:
    delete(alice)
    at_work = Job.objects.create(
        workspace=alice.workspace, name=sync.name, queue="sync", leased_until=timezone.now() + timedelta(minutes=1)
    )

    erase(alice)

    assert Workspace.objects.filter(pk=alice.workspace.pk).exists()
    at_work.delete()
    Job.objects.filter(workspace=alice.workspace).update(due_at=timezone.now())
    perform(alice)
    assert not Workspace.objects.filter(pk=alice.workspace.pk).exists()


def test_what_gave_up_is_asked_for_again(alice: Person) -> None:
    delete(alice)
    come(alice)
    Job.objects.filter(workspace=alice.workspace).update(failed_at=timezone.now())

    erasing.sweep(now=timezone.now())

    assert Job.objects.filter(workspace=alice.workspace, name=erase_workspace.name, failed_at=None).count() == 1


def test_a_schema_left_behind_by_a_crash_is_dropped(alice: Person) -> None:
    """Killed between the last row and the schema."""
    name = alice.workspace.schema_name
    WorkspaceSchema.objects.filter(name=name).update(state="erasing")
    Workspace.objects.using("owner").filter(pk=alice.workspace.pk).delete()

    erasing.sweep(now=timezone.now())

    assert is_there(name) == (False, False)


def test_the_settings_page_asks_for_the_name(alice: Person) -> None:
    wrong = alice.web.post("/app/settings", {"section": "deletion", "confirm": "x"})
    right = alice.web.post("/app/settings", {"section": "deletion", "confirm": NAME}, follow=True)

    assert (wrong.status_code, "Type the name of the workspace" in wrong.content.decode()) == (400, True)
    assert right.redirect_chain[0] == ("/app/closing", 302)
    assert right.status_code == 200
    assert "Keep the workspace" in right.content.decode()
