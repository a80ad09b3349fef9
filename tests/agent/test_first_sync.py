import uuid

import pytest

from accounts import tenancy
from accounts.models import Connection
from agent.models import Page, Source, SyncRun
from agent.runs import services
from tests.agent.asking import ask
from tests.index import connect, handbook
from tests.people import Person

pytestmark = pytest.mark.usefixtures("chroma")
QUESTION = "How many days of paid holiday do we have?"


def test_an_answer_says_how_much_of_a_first_sync_is_read(alice: Person) -> None:
    connection = handbook(alice)
    with tenancy.within(alice.workspace):
        SyncRun.objects.create(connection_id=connection.pk, status=SyncRun.Status.RUNNING)
        Page.objects.create(connection_id=connection.pk, notion_id=str(uuid.uuid4()))

    unknown, known = ask(alice, "Which colour has the moon of the planet Saturn?"), ask(alice, QUESTION)

    assert unknown["answer"].endswith("4 of 5 pages are read so far.")
    assert known["answer"].endswith("[1]\n\n4 of 5 pages are read so far.")


def test_an_answer_names_a_workspace_that_was_never_read(alice: Person) -> None:
    handbook(alice)
    Connection.objects.filter(pk=connect(alice, name="Harbour Co").pk).update(last_synced_at=None)

    unknown, known = ask(alice, "Which colour has the moon of the planet Saturn?"), ask(alice, QUESTION)

    assert unknown["answer"].endswith("“Harbour Co” is not read yet.")
    assert known["answer"].endswith("[1]\n\n“Harbour Co” is not read yet.")


def test_an_abstention_counts_what_a_sync_that_was_stopped_has_read(alice: Person) -> None:
    connection = handbook(alice)
    Connection.objects.filter(pk=connection.pk).update(last_synced_at=None)
    with tenancy.within(alice.workspace):
        Page.objects.create(connection_id=connection.pk, notion_id=str(uuid.uuid4()))

    unknown = ask(alice, "Which colour has the moon of the planet Saturn?")

    assert unknown["answer"].endswith("4 of 5 pages are read so far.")


def test_the_search_counts_the_chosen_sources(alice: Person) -> None:
    connection = handbook(alice)
    with tenancy.within(alice.workspace):
        for number, is_chosen in enumerate((True, False)):
            Source.objects.create(connection_id=connection.pk, notion_id=str(number), is_chosen=is_chosen)

    assert ask(alice, QUESTION)["steps"][0]["summary"].startswith("Searched 2 sources")


def test_a_line_break_is_one_character_of_a_question(alice: Person) -> None:
    prompt = "x\r\n" * (services.LONGEST_PROMPT // 2)

    assert services.checked_prompt(prompt) == prompt.replace("\r\n", "\n").strip()
    assert f'maxlength="{services.LONGEST_PROMPT}"' in alice.web.get("/app/ask").content.decode()
