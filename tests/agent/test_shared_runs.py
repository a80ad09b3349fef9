"""A shared conversation shows each reader only what they may read in Notion through Docent."""

import pytest

from accounts import tenancy
from accounts.models import Connection
from agent.models import Run
from agent.runs import services
from tests.agent.asking import ask
from tests.index import connect, handbook, write
from tests.people import Person

pytestmark = pytest.mark.usefixtures("chroma")
QUESTION = "How many days of paid holiday do we have?"
HIDDEN = "a source you cannot read"


def shared_run(person: Person, prompt: str = QUESTION) -> dict[str, str]:
    answered = ask(person, prompt)
    person.api.patch(f"/agent/conversations/{answered['conversation_id']}", {"shared": True})
    return {
        "run": f"/agent/runs/{answered['id']}",
        "events": f"/agent/runs/{answered['id']}/events",
        "conversation": f"/agent/conversations/{answered['conversation_id']}",
        "page": f"/app/ask/{answered['conversation_id']}",
    }


def test_who_may_not_read_the_connection_sees_no_passage(team_owner: Person, bob: Person) -> None:
    handbook(team_owner)
    at = shared_run(team_owner)

    seen = [bob.api.get(at[name]).content.decode() for name in ("run", "conversation", "events")]
    seen.append(bob.web.get(at["page"]).content.decode())

    for text in seen:
        assert HIDDEN in text
        assert "28 days" not in text
        assert "Time off" not in text
        assert "notion.so" not in text


def test_who_may_read_the_connection_sees_the_passage(team_owner: Person, bob: Person) -> None:
    handbook(team_owner, is_shared=True)
    at = shared_run(team_owner)

    run = bob.api.get(at["run"]).json()

    assert "28 days" in run["answer"]
    assert [each["title"] for each in run["citations"]] == ["Time off"]
    assert "28 days" in bob.api.get(at["events"]).content.decode()


def test_a_connection_that_is_shared_no_more_is_seen_no_more(team_owner: Person, bob: Person) -> None:
    connection = handbook(team_owner, is_shared=True)
    at = shared_run(bob)
    Connection.objects.filter(pk=connection.pk).update(is_shared=False)

    assert HIDDEN in bob.api.get(at["run"]).json()["answer"]
    assert "28 days" in team_owner.api.get(at["run"]).json()["answer"]


def test_what_was_not_found_names_no_page_to_others(team_owner: Person, bob: Person) -> None:
    write(team_owner, connect(team_owner), "Lunar holidays", "Holidays on the moon begin in the crater.")
    at = shared_run(team_owner, "How many craters do holidays on the moon of Jupiter have?")

    assert not team_owner.api.get(at["run"]).json()["grounded"]
    assert "Lunar" not in bob.api.get(at["run"]).content.decode()


def test_an_answer_cut_short_is_for_who_asked_alone(team_owner: Person, bob: Person) -> None:
    handbook(team_owner)
    at = shared_run(team_owner)
    with tenancy.within(team_owner.workspace):
        Run.objects.update(status=Run.Status.STOPPED, citations=[], grounded=None)

    assert "28 days" in team_owner.api.get(at["run"]).json()["answer"]
    assert "28 days" not in bob.api.get(at["run"]).content.decode()


def test_no_one_is_told_the_connection(team_owner: Person) -> None:
    connection = handbook(team_owner)
    at = shared_run(team_owner)

    for name in ("run", "conversation", "events"):
        assert str(connection.pk) not in team_owner.api.get(at[name]).content.decode()


def test_quotes_of_an_ended_connection_are_forgotten(team_owner: Person) -> None:
    connection = handbook(team_owner)
    at = shared_run(team_owner)
    with tenancy.within(team_owner.workspace):
        services.forget_quotes(connection.pk, workspace_id=team_owner.workspace.pk)
        run = Run.objects.get()

    assert {(each["quote"], each["before"], each["after"]) for each in run.citations} == {("", "", "")}
    assert "28 days" not in run.answer
    assert run.prompt == QUESTION
    assert team_owner.api.get(at["run"]).status_code == 200


def test_other_connections_keep_their_quotes(team_owner: Person) -> None:
    handbook(team_owner)
    shared_run(team_owner)
    other = connect(team_owner)
    with tenancy.within(team_owner.workspace):
        services.forget_quotes(other.pk, workspace_id=team_owner.workspace.pk)

        assert "28 days" in Run.objects.get().citations[0]["quote"]
