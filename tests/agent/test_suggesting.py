"""What is suggested to ask first gets an answer."""

import pytest
from django.utils import timezone

from accounts import tenancy
from agent import indexing
from agent.models import Page, Source
from agent.views.suggesting import suggestions
from tests.agent.asking import ask
from tests.index import connect, write
from tests.people import Person

pytestmark = pytest.mark.usefixtures("chroma")


def test_every_suggestion_is_answered(alice: Person) -> None:
    connection = connect(alice)
    write(alice, connection, "Values", "We write things down.")
    with tenancy.within(alice.workspace):
        for title in ("Launch plan", "Empty", "To do"):
            source = Source.objects.create(
                connection_id=connection.pk, notion_id=title, kind="database", title=title, is_chosen=True
            )
            if title == "Empty":
                continue
            page = Page.objects.create(
                connection_id=connection.pk,
                source=source,
                notion_id=f"row of {title}",
                title="Step",
                indexed_at=timezone.now(),
                state=Page.State.INDEXED,
            )
            indexing.prepare(page, [], workspace_id=alice.workspace.pk, lines=[("Status", "Done")]).replace()
        suggested = suggestions(alice.membership)

    assert suggested == ["How many rows are in Launch plan?"]
    assert all(ask(alice, each)["grounded"] for each in suggested)
