import uuid

import pytest
from django.conf import settings
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts import tenancy
from accounts.models import Connection, Job
from agent import jobs, retrieval, wording
from agent.models import Page
from integrations import vectors
from tests.agent.asking import ask
from tests.index import connect, handbook, write
from tests.people import Person, join
from tests.threads import elsewhere

pytestmark = pytest.mark.usefixtures("chroma")
QUESTION = "How many days of paid holiday do we have?"


def titles(person: Person, question: str) -> list[str]:
    with tenancy.within(person.workspace):
        found = retrieval.search(retrieval.scope(person.membership), question)
    return [each.title for each in found.result.candidates]


def test_the_passage_that_means_the_same_comes_first(alice: Person) -> None:
    handbook(alice)

    assert titles(alice, "How much vacation do we get?")[0] == "Time off"


@pytest.mark.parametrize("question", ["AH-77120-G", "what is policy ah-77120-g", "acident insurence"])
def test_identifiers_and_misspellings_are_found_by_their_letters(alice: Person, question: str) -> None:
    handbook(alice)

    assert titles(alice, question)[0] == "Insurance"


def test_a_page_is_found_by_another_word_for_the_same(alice: Person) -> None:
    connection = connect(alice)
    write(alice, connection, "Harbour lights", "They go live on 3 May.")
    with tenancy.within(alice.workspace):
        readable = retrieval.scope(alice.membership)

        assert retrieval.by_words(readable, f"launch {wording.said_otherwise('Which launch?')}")
        assert not retrieval.by_words(readable, f"lunch {wording.said_otherwise('Which lunch?')}")


@pytest.mark.parametrize("question", ["Who is Ada?", "Where does Ada work?"])
def test_a_table_with_the_name_is_found_among_many_that_say_it(alice: Person, question: str) -> None:
    connection = connect(alice)
    write(alice, connection, "The crew", "| Name | City |\n| --- | --- |\n| Ada Wong | Graz |\n| Bruno | Oslo |")
    for number in range(settings.RETRIEVAL_LIMIT):
        write(alice, connection, f"Diary {number}", f"Who is Ada? Ada does work where Ada is, day {number}.")

    assert "The crew" in titles(alice, question)
    assert "The crew" not in titles(alice, "When is Ada at work?")


def test_a_candidate_says_where_it_stands(alice: Person) -> None:
    page = write(alice, connect(alice), "Tea", "We drink tea at four.", "The kettle is blue.")

    with tenancy.within(alice.workspace):
        found = retrieval.search(retrieval.scope(alice.membership), "When do we drink tea?").result.candidates[0]

    assert (found.page_id, found.title, found.url) == (page.page.notion_id, "Tea", page.page.url)
    block, start, end = found.spans[1]
    assert (block, found.text[start:end]) == (page.block_ids[1], "The kettle is blue.")
    assert found.dense > 0.4


def test_a_private_connection_is_searched_by_its_owner_alone(team_owner: Person, bob: Person) -> None:
    handbook(team_owner)

    assert titles(bob, "How much vacation do we get?") == []
    assert titles(team_owner, "How much vacation do we get?") != []


def test_a_shared_connection_is_searched_by_all_members(team_owner: Person, bob: Person, charlie: Person) -> None:
    handbook(team_owner, is_shared=True)

    assert titles(bob, "How much vacation do we get?")[0] == "Time off"
    assert titles(charlie, "How much vacation do we get?") == []


def test_pages_that_are_not_indexed_any_more_are_not_found(alice: Person) -> None:
    written = write(alice, connect(alice), "Tea", "We drink tea at four.")
    with tenancy.within(alice.workspace):
        Page.objects.filter(pk=written.page.pk).update(state=Page.State.TRASHED, gone_at=timezone.now())

    assert titles(alice, "When do we drink tea?") == []


def test_a_connection_that_must_be_renewed_is_still_searched(alice: Person) -> None:
    found = handbook(alice)
    Connection.objects.filter(pk=found.pk).update(status=Connection.Status.REAUTHORIZE)

    assert titles(alice, "How much vacation do we get?")[0] == "Time off"


def test_without_chroma_words_find_and_the_search_says_so(alice: Person, monkeypatch: pytest.MonkeyPatch) -> None:
    handbook(alice)
    monkeypatch.setattr(settings, "CHROMA_URL", "http://127.0.0.1:9")

    with tenancy.within(alice.workspace):
        found = retrieval.search(retrieval.scope(alice.membership), "How many days of paid holiday?")

    assert not found.is_by_meaning
    assert found.result.candidates[0].title == "Time off"


def test_a_lost_index_is_said_and_comes_back(alice: Person) -> None:
    found = handbook(alice)
    vectors.workspace(alice.workspace.pk).collection(found.pk).drop()

    steps = [ask(alice, QUESTION)["steps"][0]["summary"] for _ in range(2)]
    waiting = Job.objects.filter(workspace=alice.workspace, name="agent.jobs.restore_index")
    key = str(waiting.get().pk)
    elsewhere(lambda: jobs.restore_index(key))
    answered = ask(alice, QUESTION)

    assert all(step.endswith("by words alone: the index is being restored") for step in steps)
    assert "alone" not in answered["steps"][0]["summary"]
    assert "28 days" in answered["answer"]
    assert not waiting.exists()


def test_one_lost_index_leaves_the_others_searched_by_meaning(alice: Person) -> None:
    handbook(alice)
    lost = connect(alice)
    write(alice, lost, "Tea", "We drink tea at four.")
    vectors.workspace(alice.workspace.pk).collection(lost.pk).drop()

    with tenancy.within(alice.workspace):
        found = retrieval.search(retrieval.scope(alice.membership), QUESTION)

    assert (found.is_by_meaning, found.is_index_lost) == (True, True)
    assert found.result.candidates[0].title == "Time off"


def test_a_connection_without_pages_has_lost_nothing(alice: Person) -> None:
    handbook(alice)
    connect(alice)

    with tenancy.within(alice.workspace):
        found = retrieval.search(retrieval.scope(alice.membership), QUESTION)

    assert not found.is_index_lost
    assert not Job.objects.filter(workspace=alice.workspace).exists()


def test_odd_questions_are_only_questions(alice: Person) -> None:
    handbook(alice)

    for question in (
        "'; DROP TABLE agent_chunk; --",
        "\\ ' \" & | ! ( ) : * <->",
        "?",
        "the of and",
        "x" * 4000,
        "休暇",
    ):
        assert isinstance(titles(alice, question), list)


def test_the_number_of_statements_does_not_grow(alice: Person) -> None:
    counts = []
    for size in (1, 12):
        for _ in range(size):
            write(alice, connect(alice, name=str(uuid.uuid4())), f"Tea {size}", "We drink tea at four.", "Blue kettle.")
        with tenancy.within(alice.workspace), CaptureQueriesContext(connection) as statements:
            retrieval.search(retrieval.scope(alice.membership), "When do we drink tea?")
        counts.append(len(statements))

    assert counts[0] == counts[1]


def test_nobody_finds_what_a_neighbour_keeps(alice: Person) -> None:
    bob = join(alice, "Bob")
    handbook(alice)
    write(bob, connect(bob), "Bob's diary", "My vacation was long.")

    assert "Bob's diary" not in titles(alice, "vacation")
    assert titles(bob, "vacation") == ["Bob's diary"]
