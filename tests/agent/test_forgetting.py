"""Of a connection that was ended no answer says anything any more, whether it cites it or not."""

import json
from typing import Any

import pytest
from django.core import serializers
from django.utils import timezone

from accounts import tenancy
from accounts.models import Connection
from agent.composing import NOT_FOUND
from agent.exports import services as exports
from agent.models import Conversation, Export, Run, Step
from agent.runs import services
from agent.runs.forgetting import ERASED
from agent.runs.reading import UNREADABLE
from agent.sync import ending
from tests.agent.asking import ask
from tests.agent.erasing_pages import erase_page
from tests.index import connect, handbook, write
from tests.people import Person

pytestmark = pytest.mark.usefixtures("chroma")
QUESTION = "How many days of paid holiday do we have?"
UNKNOWN = "How many craters do holidays on the moon of Jupiter have?"


@pytest.fixture
def moon(alice: Person) -> Connection:
    connection = connect(alice)
    write(alice, connection, "Lunar holidays", "Holidays on the moon begin in the crater.")
    return connection


def end(person: Person, connection: Connection) -> None:
    with tenancy.within(person.workspace):
        ending.disconnect(membership=person.membership, connection_id=connection.pk)
        ending.erase(connection_id=str(connection.pk))


def kept(person: Person) -> str:
    """All that is kept of runs, as it stands in the database."""
    with tenancy.within(person.workspace):
        rows = [*Conversation.objects.all(), *Run.objects.all(), *Step.objects.all()]
        return str(serializers.serialize("json", rows))


def of_run(person: Person, answered: dict[str, Any]) -> Run:
    with tenancy.within(person.workspace):
        return Run.objects.get(pk=answered["id"])


def test_a_cited_page_leaves_no_title_and_no_address(alice: Person) -> None:
    connection = handbook(alice)
    answered = ask(alice, QUESTION)
    [cited] = answered["citations"]
    said = [str(value) for name, value in cited.items() if isinstance(value, str) and value and name != "n"]
    assert {"title", "url", "page_id", "quote"} <= {name for name, value in cited.items() if value}
    assert all(json.dumps(each)[1:-1] in kept(alice) for each in said)

    end(alice, connection)

    left = kept(alice)
    assert [each for each in said if json.dumps(each)[1:-1] in left] == []
    run = of_run(alice, answered)
    assert (run.answer, run.prompt, [each["n"] for each in run.citations]) == (UNREADABLE, QUESTION, [cited["n"]])
    assert alice.api.get(f"/agent/runs/{answered['id']}").json()["citations"] == []
    assert alice.web.get(f"/app/ask/{answered['conversation_id']}").status_code == 200


def test_an_answer_that_found_nothing_names_no_page_any_more(alice: Person, moon: Connection) -> None:
    answered = ask(alice, UNKNOWN)
    assert "Lunar" in answered["answer"]
    assert answered["citations"] == []

    end(alice, moon)

    assert of_run(alice, answered).answer == NOT_FOUND
    assert "Lunar" not in kept(alice)


@pytest.mark.parametrize("is_noted", [True, False], ids=["noted", "of before"])
def test_an_answer_cut_short_goes(alice: Person, is_noted: bool) -> None:
    connection = handbook(alice)
    answered = ask(alice, QUESTION)
    with tenancy.within(alice.workspace):
        Run.objects.update(status=Run.Status.STOPPED, citations=[], grounded=None)
        if not is_noted:
            Run.objects.update(found_in=None)
    assert "28 days" in kept(alice)

    end(alice, connection)

    assert of_run(alice, answered).answer == UNREADABLE
    assert "28 days" not in kept(alice)


def test_an_answer_that_found_nothing_names_no_erased_page(alice: Person, moon: Connection) -> None:
    write(alice, moon, "Chairs", "Chairs are blue.")
    answered = ask(alice, UNKNOWN)
    assert "Lunar" in answered["answer"]
    with tenancy.within(alice.workspace):
        export = exports.ask(membership=alice.membership, now=timezone.now())

    erase_page(alice, moon, "Lunar holidays")

    assert of_run(alice, answered).answer == NOT_FOUND
    assert "Lunar" not in kept(alice)
    assert "Lunar" not in alice.api.get(f"/agent/runs/{answered['id']}/events").content.decode()
    with tenancy.within(alice.workspace):
        assert not Export.objects.filter(pk=export.pk).exists()


@pytest.mark.parametrize("is_noted", [True, False], ids=["noted", "of before"])
def test_an_answer_cut_short_goes_with_its_page(alice: Person, is_noted: bool) -> None:
    connection = handbook(alice)
    answered = ask(alice, QUESTION)
    with tenancy.within(alice.workspace):
        Run.objects.update(status=Run.Status.STOPPED, citations=[], grounded=None)
        if not is_noted:
            Run.objects.update(found_on=None)

    erase_page(alice, connection, "Time off")

    assert of_run(alice, answered).answer == ERASED
    assert "28 days" not in kept(alice)


def test_an_answer_that_quotes_another_page_stays(alice: Person) -> None:
    connection = handbook(alice)
    answered = ask(alice, QUESTION)

    erase_page(alice, connection, "Expenses")

    assert of_run(alice, answered).answer == answered["answer"]
    thanked = ask(alice, "Thanks!", conversation_id=answered["conversation_id"])
    assert thanked["answer"] == ask(alice, "Thanks!")["answer"]


def test_what_rests_on_another_connection_stays(alice: Person, moon: Connection) -> None:
    found_nothing = ask(alice, UNKNOWN)
    other = connect(alice)

    with tenancy.within(alice.workspace):
        services.forget_quotes(other.pk, workspace_id=alice.workspace.pk)

    assert "Lunar" in of_run(alice, found_nothing).answer
    assert of_run(alice, found_nothing).found_in == [moon.pk]


def test_a_follow_up_rests_on_what_the_answer_before_rested_on(alice: Person) -> None:
    connection = handbook(alice)
    first = ask(alice, QUESTION)
    second = ask(alice, "Thanks!", conversation_id=first["conversation_id"])

    assert of_run(alice, second).found_in == [connection.pk]


def test_a_run_at_work_is_waited_for(alice: Person) -> None:
    connection = handbook(alice)
    answered = ask(alice, QUESTION)
    with tenancy.within(alice.workspace):
        Run.objects.update(status=Run.Status.RUNNING)

    with pytest.raises(ending.SomethingLeft, match="answers"):
        end(alice, connection)

    with tenancy.within(alice.workspace):
        Run.objects.update(status=Run.Status.SUCCEEDED)
        ending.erase(connection_id=str(connection.pk))
    assert of_run(alice, answered).answer == UNREADABLE
