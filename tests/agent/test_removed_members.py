"""Who is removed is out of this workspace at once, on every way in, and of no other; what they shared stays."""

from datetime import datetime
from uuid import UUID

import pytest
from rest_framework.test import APIClient

from accounts import tenancy, tokens
from accounts.models import Connection, Membership
from agent.models import Conversation
from billing.team import members
from tasks.models import Task
from tests.people import Person


def removed(by: Person, person: Person, now: datetime) -> None:
    members.remove(by=by.membership, user_id=person.user.pk, now=now)


def at_home(person: Person) -> Person:
    """The same person in the workspace that they had before."""
    own = Membership.objects.select_related("workspace", "user").exclude(pk=person.membership.pk)
    return Person(user=person.user, membership=own.get(user=person.user))


def test_access_and_refresh_tokens_are_refused_at_once(team_owner: Person, bob: Person, now: datetime) -> None:
    pair, program = tokens.issue(bob.membership), APIClient()
    before = bob.api.get("/tasks").status_code
    removed(team_owner, bob, now)
    read, written = bob.api.get("/tasks"), bob.api.post("/tasks", {"title": "Mine"})
    renewed = program.post("/auth/refresh", {"refresh": pair.refresh})

    assert (before, read.status_code, written.status_code, renewed.status_code) == (200, 403, 403, 403)
    assert read.json()["type"] == "/problems/no-workspace"


def test_a_page_that_is_open_does_nothing_more(team_owner: Person, bob: Person, now: datetime) -> None:
    before = bob.web.get("/app/tasks").status_code
    removed(team_owner, bob, now)

    posted = bob.web.post("/app/tasks", {"action": "create", "title": "Mine"})
    part = bob.web.get("/app/tasks", headers={"X-Workspace": str(bob.workspace.pk), "HX-Request": "true"})
    with tenancy.within(team_owner.workspace):
        tasks = Task.objects.count()

    assert (before, posted.status_code, part.status_code, tasks) == (200, 409, 409, 0)


def test_a_page_calls_nothing_by_its_session(team_owner: Person, bob: Person, now: datetime) -> None:
    before = bob.web.get("/tasks").status_code
    removed(team_owner, bob, now)

    assert (before, bob.web.get("/tasks").status_code) == (200, 403)


def test_the_next_page_is_of_the_workspace_that_is_left(team_owner: Person, bob: Person, now: datetime) -> None:
    bob.web.get("/app")
    removed(team_owner, bob, now)

    page = bob.web.get("/app")

    assert (page.status_code, "Bob&#x27;s company" in page.content.decode()) == (200, True)
    assert bob.web.session["workspace"] == str(at_home(bob).workspace.pk)


def test_what_is_open_in_another_workspace_goes_on(team_owner: Person, bob: Person, now: datetime) -> None:
    home = at_home(bob)
    pair = tokens.issue(home.membership)
    before = [home.web.get("/app/tasks").status_code, home.api.get("/tasks").status_code]
    removed(team_owner, bob, now)

    posted = home.web.post("/app/tasks", {"action": "create", "title": "Mine"})
    renewed = APIClient().post("/auth/refresh", {"refresh": pair.refresh})

    assert before == [200, 200]
    assert (posted.status_code, home.api.get("/tasks").json()["results"][0]["title"]) == (302, "Mine")
    assert renewed.status_code == 200


def test_who_has_no_other_workspace_is_signed_out(team_owner: Person, bob: Person, now: datetime) -> None:
    at_home(bob).membership.delete()
    bob.web.get("/app")
    removed(team_owner, bob, now)

    answer = bob.web.get("/app")

    assert (answer.status_code, answer["Location"]) == (302, "/accounts/login/?next=/app")
    assert "_auth_user_id" not in bob.web.session


@pytest.fixture
def made(bob: Person) -> dict[str, UUID]:
    """What Bob shared, and a task and a conversation of his alone."""
    connection = Connection.objects.create(
        workspace=bob.workspace, owner=bob.user, kind="token", bot_id="b", is_shared=True
    )
    with tenancy.within(bob.workspace):
        task = Task.objects.create(owner_id=bob.user.pk, title="Book the room", is_shared=True)
        conversation = Conversation.objects.create(owner_id=bob.user.pk, title="Holidays", is_shared=True)
        own = Task.objects.create(owner_id=bob.user.pk, title="Ask for a rise")
    return {"connection": connection.pk, "task": task.pk, "conversation": conversation.pk, "own": own.pk}


def test_what_they_shared_stays_and_nothing_else_is_seen(
    team_owner: Person, bob: Person, now: datetime, made: dict[str, UUID]
) -> None:
    removed(team_owner, bob, now)
    addresses = [f"/tasks/{made['task']}", f"/agent/conversations/{made['conversation']}", f"/tasks/{made['own']}"]

    assert [team_owner.api.get(address).status_code for address in addresses] == [200, 200, 404]
    assert team_owner.api.patch(addresses[0], {"title": "Book the big room"}).status_code == 200
    [kept] = Connection.objects.readable_by(team_owner.membership)
    assert (kept.pk, kept.status) == (made["connection"], Connection.Status.ACTIVE)
