"""Rows that a question picks are found whatever their words, and for those alone who may read them."""

import pytest
from django.utils import timezone

from accounts import tenancy
from accounts.models import Connection
from agent import indexing
from agent.models import Page, Source
from tests.agent.asking import ask
from tests.index import connect
from tests.people import Person

pytestmark = pytest.mark.usefixtures("chroma")
QUESTION = "Which launch tasks are blocked?"


def launch_plan(person: Person, connection: Connection) -> None:
    with tenancy.within(person.workspace):
        plan = Source.objects.create(
            connection_id=connection.id, notion_id="plan", kind="database", title="Launch plan"
        )
        for number in range(24):
            page = Page.objects.create(
                connection_id=connection.id,
                source=plan,
                notion_id=f"row-{number}",
                title=f"Step {number}",
                indexed_at=timezone.now(),
                state=Page.State.INDEXED,
            )
            lines = [("Status", "Blocked" if number % 2 else "Done"), ("Owner", "Priya Shah")]
            indexing.prepare(page, [], workspace_id=person.workspace.pk, lines=lines).replace()


def test_every_row_is_listed_with_its_own_citation(alice: Person) -> None:
    launch_plan(alice, connect(alice))

    answered = ask(alice, QUESTION)

    assert answered["grounded"]
    assert {each["title"] for each in answered["citations"]} == {f"Step {number}" for number in range(1, 24, 2)}
    assert {each["quote"] for each in answered["citations"]} == {"Status: Blocked"}


def test_rows_of_a_private_connection_are_picked_for_its_owner_alone(team_owner: Person, bob: Person) -> None:
    launch_plan(team_owner, connect(team_owner))

    assert not ask(bob, QUESTION)["grounded"]
