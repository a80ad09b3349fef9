"""What concerns everybody in a workspace: its name, and how often Notion is read by itself."""

from datetime import datetime, timedelta

import pytest
from django.db import IntegrityError, transaction

from accounts.models import Connection, Role, Workspace
from agent.sync import intervals, scheduling
from tests.outside import NotionWorkspace, connect
from tests.people import Person, join, put_on_plan

HOUR = timedelta(hours=1)


def minutes_of(person: Person) -> int | None:
    return Workspace.objects.values_list("sync_interval_minutes", flat=True).get(pk=person.workspace.pk)


def test_an_owner_reads_and_changes_it(alice: Person) -> None:
    put_on_plan(alice, "plus")

    before = alice.api.get("/workspace").json()
    answer = alice.api.patch("/workspace", {"name": "Acme", "sync_interval_minutes": 45}, format="json")

    assert (before["sync_interval_minutes"], before["shortest_sync_interval_minutes"]) == (15, 15)
    assert (answer.status_code, answer.json()["name"], answer.json()["sync_interval_minutes"]) == (200, "Acme", 45)
    assert minutes_of(alice) == 45


def test_null_is_as_often_as_the_plan_allows(alice: Person) -> None:
    put_on_plan(alice, "pro")
    alice.api.patch("/workspace", {"sync_interval_minutes": 90}, format="json")

    answer = alice.api.patch("/workspace", {"sync_interval_minutes": None}, format="json")

    assert (answer.json()["sync_interval_minutes"], minutes_of(alice)) == (60, None)


@pytest.mark.parametrize("minutes", [59, 0, -1, 1441, 10**9, "often", 1.5, True])
def test_an_interval_that_the_plan_does_not_allow_is_refused(alice: Person, minutes: object) -> None:
    put_on_plan(alice, "pro")

    answer = alice.api.patch("/workspace", {"name": "Acme", "sync_interval_minutes": minutes}, format="json")

    assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (400, "/sync_interval_minutes")
    assert minutes_of(alice) is None
    assert Workspace.objects.get(pk=alice.workspace.pk).name != "Acme"


def test_a_plan_without_a_schedule_names_the_one_that_has_it(alice: Person) -> None:
    answer = alice.api.patch("/workspace", {"sync_interval_minutes": 60}, format="json")

    assert (answer.status_code, answer.json()["type"]) == (403, "/problems/plan-required")
    assert answer.json()["plan"] == "pro"
    assert alice.api.get("/workspace").json()["sync_interval_minutes"] is None


def test_a_smaller_plan_is_read_as_seldom_as_it_says(alice: Person) -> None:
    put_on_plan(alice, "plus")
    alice.api.patch("/workspace", {"sync_interval_minutes": 15}, format="json")

    put_on_plan(alice, "pro")

    assert alice.api.get("/workspace").json()["sync_interval_minutes"] == 60


def test_the_schedule_follows_it(alice: Person, acme: NotionWorkspace, now: datetime) -> None:
    put_on_plan(alice, "plus")
    connection = connect(alice, acme)
    Connection.objects.filter(pk=connection.pk).update(sync_due_at=now + 20 * HOUR)

    intervals.choose(by=alice.membership, minutes=120, now=now)
    Connection.objects.filter(pk=connection.pk).update(last_synced_at=now)
    due = Connection.objects.get(pk=connection.pk).sync_due_at
    scheduling.fan_out(now=now + 2 * HOUR)

    assert due == now + 2 * HOUR
    # A tenth of the interval early at most.
    assert now + 3.8 * HOUR <= Connection.objects.get(pk=connection.pk).sync_due_at <= now + 4 * HOUR


def test_the_database_keeps_it_within_a_day(alice: Person) -> None:
    with pytest.raises(IntegrityError, match="sync_interval_is_within_a_day"), transaction.atomic():
        Workspace.objects.filter(pk=alice.workspace.pk).update(sync_interval_minutes=1441)


def test_the_settings_page_offers_what_the_plan_allows(alice: Person) -> None:
    put_on_plan(alice, "pro")

    page = alice.web.get("/app/settings").content.decode()
    saved = alice.web.post("/app/settings", {"section": "workspace", "name": "Acme", "sync_interval_minutes": "240"})
    refused = alice.web.post("/app/settings", {"section": "workspace", "name": "Acme", "sync_interval_minutes": "15"})

    assert ("every 4 hours" in page, "every 15 minutes" in page) == (True, False)
    assert (saved.status_code, refused.status_code, minutes_of(alice)) == (302, 400, 240)
    assert "every 4 hours" in alice.web.get("/app/settings").content.decode()


def test_the_settings_page_has_none_without_a_schedule(alice: Person) -> None:
    page = alice.web.get("/app/settings").content.decode()
    saved = alice.web.post("/app/settings", {"section": "workspace", "name": "Acme", "sync_interval_minutes": "240"})

    assert ("sync_interval_minutes" in page, saved.status_code, minutes_of(alice)) == (False, 302, None)


@pytest.mark.parametrize("role", [Role.MEMBER, Role.VIEWER])
def test_only_owners_and_admins_may(team_owner: Person, role: Role) -> None:
    bob = join(team_owner, "Bob", role)

    answers = [bob.api.get("/workspace"), bob.api.patch("/workspace", {"sync_interval_minutes": 60}, format="json")]

    assert [answer.status_code for answer in answers] == [403, 403]
    assert minutes_of(team_owner) is None


def test_charlies_workspace_is_his_own(alice: Person, charlie: Person) -> None:
    charlie.api.patch("/workspace", {"name": "Charlie's"}, format="json")

    assert Workspace.objects.get(pk=alice.workspace.pk).name != "Charlie's"


# -- what the agent may write


def policy_of(person: Person) -> tuple[str, list[str]]:
    return Workspace.objects.values_list("write_policy", "write_kinds").get(pk=person.workspace.pk)


def test_the_agent_asks_unless_it_is_said_otherwise(alice: Person) -> None:
    before = alice.api.get("/workspace").json()
    answer = alice.api.patch(
        "/workspace", {"write_policy": "allow", "write_kinds": ["redate", "create"]}, format="json"
    )

    assert (before["write_policy"], before["write_kinds"]) == ("ask", [])
    assert (answer.status_code, policy_of(alice)) == (200, ("allow", ["create", "redate"]))
    newest = alice.api.get("/workspace").json()
    assert (newest["write_policy"], newest["write_kinds"]) == ("allow", ["create", "redate"])


@pytest.mark.parametrize(
    ("values", "pointer"),
    [({"write_policy": "always"}, "/write_policy"), ({"write_kinds": ["delete"]}, "/write_kinds/0")],
)
def test_a_policy_that_is_none_is_refused(alice: Person, values: dict[str, object], pointer: str) -> None:
    answer = alice.api.patch("/workspace", {"name": "Acme", **values}, format="json")

    assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (400, pointer)
    assert policy_of(alice) == ("ask", [])


def test_the_settings_page_chooses_the_policy(alice: Person) -> None:
    form = {"section": "workspace", "name": "Acme", "write_policy": "allow", "write_kinds": ["complete"]}
    saved = alice.web.post("/app/settings", form)
    chosen = policy_of(alice)
    alice.web.post("/app/settings", {"section": "workspace", "name": "Acme"})

    assert (saved.status_code, chosen, policy_of(alice)) == (302, ("allow", ["complete"]), chosen)


def test_a_member_does_not_decide_what_the_agent_may_write(team_owner: Person, bob: Person) -> None:
    answer = bob.api.patch("/workspace", {"write_policy": "allow", "write_kinds": ["create"]}, format="json")

    assert (answer.status_code, policy_of(team_owner)) == (403, ("ask", []))
