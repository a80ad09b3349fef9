import pytest

from accounts import tenancy
from agent.models import Run
from tests.agent.asking import ask
from tests.people import Person
from usage.models import Hold

pytestmark = pytest.mark.usefixtures("chroma")


def conversation_of(person: Person, prompt: str = "How many days of holiday?") -> str:
    return f"/agent/conversations/{ask(person, prompt)['conversation_id']}"


def test_a_conversation_holds_its_runs_in_order(alice: Person) -> None:
    address = conversation_of(alice)
    ask(alice, "And in the first year?", conversation_id=address.rpartition("/")[2])

    found = alice.api.get(address).json()

    assert found["title"] == "How many days of holiday?"
    assert [run["prompt"] for run in found["runs"]] == ["How many days of holiday?", "And in the first year?"]


def test_the_list_is_paged_newest_first(alice: Person) -> None:
    for number in range(3):
        conversation_of(alice, f"Question {number}?")

    first = alice.api.get("/agent/conversations?limit=2").json()
    second = alice.api.get(f"/agent/conversations?limit=2&cursor={first['next']}").json()

    assert [row["title"] for row in first["results"]] == ["Question 2?", "Question 1?"]
    assert ([row["title"] for row in second["results"]], second["next"]) == (["Question 0?"], None)


def test_renaming_and_deleting(alice: Person) -> None:
    address = conversation_of(alice)

    assert alice.api.patch(address, {"title": "Holidays"}).json()["title"] == "Holidays"
    assert alice.api.patch(address, {"title": ""}).status_code == 400
    assert alice.api.delete(address).status_code == 204
    assert alice.api.get(address).status_code == 404


def test_deleting_gives_back_what_a_run_that_waits_holds(alice: Person) -> None:
    queued = alice.api.post("/agent/run", {"prompt": "Why?"}).json()

    alice.api.delete(f"/agent/conversations/{queued['conversation_id']}")

    with tenancy.within(alice.workspace):
        assert (Run.objects.count(), Hold.objects.get().state) == (0, "released")


def test_sharing_needs_the_teams_plan(alice: Person) -> None:
    address = conversation_of(alice)

    response = alice.api.patch(address, {"shared": True})

    assert (response.status_code, response.json()["type"]) == (403, "/problems/plan-required")
    assert not alice.api.get(address).json()["shared"]


def test_what_is_shared_is_read_and_not_changed(team_owner: Person, bob: Person, charlie: Person) -> None:
    address = conversation_of(team_owner)
    team_owner.api.patch(address, {"shared": True})

    assert [row["is_mine"] for row in bob.api.get("/agent/conversations").json()["results"]] == [False]
    assert bob.api.get(address).status_code == 200
    assert bob.api.patch(address, {"title": "Mine"}).status_code == 403
    assert bob.api.delete(address).status_code == 403
    assert charlie.api.get(address).status_code == 404


@pytest.mark.parametrize("method", ["get", "patch", "delete"])
def test_charlie_and_bob_get_404(team_owner: Person, bob: Person, charlie: Person, method: str) -> None:
    address = conversation_of(team_owner)

    for person in (bob, charlie):
        assert getattr(person.api, method)(address).status_code == 404
