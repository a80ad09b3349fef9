"""What is promised to customers who share one installation, tried over the API from end to end."""

import jwt
import pytest
from django.db import ProgrammingError, connection
from rest_framework.test import APIClient

from accounts import tenancy, tokens
from accounts.models import Connection, Membership
from agent.models import Chunk
from integrations import vectors
from tests.agent.asking import ask
from tests.index import handbook
from tests.people import PASSWORD, Person, join, put_on_plan

pytestmark = pytest.mark.usefixtures("chroma")
QUESTION = "How many days of paid holiday do we have?"


def test_tasks_of_one_customer_are_nowhere_for_another(alice: Person, charlie: Person) -> None:
    task = alice.api.post("/tasks", {"title": "Sign the merger"}).json()["id"]

    assert charlie.api.get("/tasks").json()["results"] == []
    assert charlie.api.get("/tasks/search?q=merger").json()["results"] == []
    assert charlie.api.get(f"/tasks/{task}").status_code == 404
    assert charlie.api.delete(f"/tasks/{task}").status_code == 404


def test_pages_of_one_customer_answer_nobody_else(alice: Person, charlie: Person) -> None:
    handbook(alice)

    hers, his = ask(alice, QUESTION), ask(charlie, QUESTION)

    assert (hers["grounded"], his["grounded"], his["citations"]) == (True, False, [])
    assert charlie.api.get(f"/agent/runs/{hers['id']}").status_code == 404


def test_each_customer_has_vector_collections_of_their_own(alice: Person, charlie: Person) -> None:
    hers, his = handbook(alice), handbook(charlie)

    with tenancy.within(alice.workspace):
        own = {str(pk) for pk in Chunk.objects.values_list("pk", flat=True)}
        index = vectors.workspace(alice.workspace.pk)
        assert set(index.collection(hers.pk).ids()) == own
        assert index.collection(his.pk).count() == 0


def test_a_members_private_pages_answer_only_them_inside_one_workspace(team_owner: Person, bob: Person) -> None:
    handbook(team_owner)

    assert ask(team_owner, QUESTION)["grounded"] is True
    assert ask(bob, QUESTION)["grounded"] is False


def test_pages_are_shared_by_their_owners_act_alone(team_owner: Person, bob: Person) -> None:
    form = {"section": "sharing", "connection": str(handbook(team_owner).pk), "shared": "yes"}

    by_bob = bob.web.post("/app/settings", form).status_code
    before = ask(bob, QUESTION)["grounded"]
    team_owner.web.post("/app/settings", form)

    assert (by_bob, before) == (404, False)
    assert ask(bob, QUESTION)["grounded"] is True


def test_the_database_itself_shows_a_workspace_only_its_own_rows(alice: Person, charlie: Person) -> None:
    handbook(alice)
    handbook(charlie)

    with tenancy.within(charlie.workspace):
        assert set(Connection.objects.values_list("workspace_id", flat=True)) == {charlie.workspace.pk}
        assert set(Membership.objects.values_list("workspace_id", flat=True)) == {charlie.workspace.pk}


def test_the_database_itself_refuses_another_workspaces_schema(alice: Person, charlie: Person) -> None:
    with tenancy.within(charlie.workspace), connection.cursor() as cursor, pytest.raises(ProgrammingError) as refusal:
        cursor.execute(f'SELECT * FROM "{alice.workspace.schema_name}".tasks_task')

    assert "permission denied" in str(refusal.value)


def test_an_access_token_is_bound_to_one_workspace(team_owner: Person, bob: Person) -> None:
    team_owner.api.post("/tasks", {"title": "Of the team", "shared": True})
    own = bob.user.memberships.exclude(pk=bob.membership.pk).get()

    elsewhere = APIClient(headers={"Authorization": f"Bearer {tokens.issue(own).access}"})

    assert [row["title"] for row in bob.api.get("/tasks").json()["results"]] == ["Of the team"]
    assert elsewhere.get("/tasks").json()["results"] == []


def test_a_token_that_names_another_workspace_is_not_believed(alice: Person, charlie: Person) -> None:
    claims = jwt.decode(tokens.issue(charlie.membership).access, options={"verify_signature": False})
    forged = jwt.encode(claims | {"ws": str(alice.workspace.pk)}, "a key of their own, long enough to sign", "HS256")

    answer = APIClient(headers={"Authorization": f"Bearer {forged}"}).get("/tasks")

    assert answer.status_code == 401


def test_configurations_are_independent(team_owner: Person, bob: Person) -> None:
    bob.api.patch("/user/config", {"timezone": "Europe/Berlin", "default_sharing": "workspace"})

    hers = team_owner.api.get("/user/config").json()

    assert (hers["timezone"], hers["default_sharing"]) == ("UTC", "private")
    assert bob.api.get("/user/config").json()["timezone"] == "Europe/Berlin"


def test_conversations_are_independent_and_shared_by_their_owner(team_owner: Person, bob: Person) -> None:
    address = f"/agent/conversations/{ask(team_owner, QUESTION)['conversation_id']}"

    before = bob.api.get(address).status_code, bob.api.patch(address, {"shared": True}).status_code
    team_owner.api.patch(address, {"shared": True})

    assert before == (404, 404)
    assert bob.api.get(address).status_code == 200
    assert bob.api.get("/agent/conversations").json()["results"] != []


def test_what_one_member_uses_is_not_taken_from_another(team_owner: Person, bob: Person) -> None:
    ask(bob, QUESTION)

    used = [person.api.get("/usage/quota").json()["requests"]["used"] for person in (team_owner, bob)]

    assert used == [0, 1]


def test_a_new_customer_starts_with_nothing_of_anybody(alice: Person) -> None:
    handbook(alice)
    put_on_plan(alice, "teams", seats=3)
    nora = join(alice, "Nora")

    signed_in = APIClient().post("/auth/login", {"email": nora.email, "password": PASSWORD}).json()

    claims = jwt.decode(signed_in["access"], options={"verify_signature": False})
    assert claims["ws"] == signed_in["workspace"]["id"]
    assert nora.api.get("/agent/conversations").json()["results"] == []
