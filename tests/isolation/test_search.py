"""What a colleague's private connection has read is found by nobody else, whatever ids they come to know."""

import uuid

import pytest

from accounts import tenancy
from agent import retrieval
from agent.models import Chunk
from integrations import embedder, vectors
from tests.index import connect, handbook, write
from tests.people import Person

SECRET = "The merger is called Nightjar."
QUESTION = "What is the merger called?"


def found(person: Person) -> list[str]:
    with tenancy.within(person.workspace):
        readable = retrieval.scope(person.membership)
        return [each.text for each in retrieval.search(readable, QUESTION).result.candidates]


def nearest(person: Person) -> set[str]:
    with tenancy.within(person.workspace):
        near, _is_lost = retrieval.nearest(retrieval.scope(person.membership), embedder.default().embed_one(QUESTION))
    assert near is not None
    return set(near)


@pytest.fixture
def private(team_owner: Person, chroma: str) -> uuid.UUID:
    """The id of Alice's own connection, which holds the secret."""
    connection = connect(team_owner)
    write(team_owner, connection, "Plans", SECRET)
    return connection.pk


def test_the_owner_finds_it(team_owner: Person, private: uuid.UUID) -> None:
    assert any(SECRET in text for text in found(team_owner))


def test_a_colleague_finds_nothing_of_it(team_owner: Person, bob: Person, private: uuid.UUID) -> None:
    handbook(bob)
    with tenancy.within(bob.workspace):
        hidden = {str(key) for key in Chunk.objects.filter(connection_id=private).values_list("id", flat=True)}

    assert hidden
    assert not any(SECRET in text for text in found(bob))
    assert nearest(bob)
    assert not hidden & nearest(bob)


def test_what_was_shared_and_is_no_longer_is_found_no_longer(
    team_owner: Person, bob: Person, private: uuid.UUID
) -> None:
    mine = team_owner.workspace.connections.filter(pk=private)
    before = found(bob)
    mine.update(is_shared=True)
    shared = found(bob)
    mine.update(is_shared=False)

    assert any(SECRET in text for text in shared)
    assert before == found(bob) == []


def test_a_stranger_who_knows_the_connections_id_reaches_no_vector(charlie: Person, private: uuid.UUID) -> None:
    index = vectors.workspace(charlie.workspace.pk)

    hits = index.query(connection_ids=[private], embedding=embedder.default().embed_one(QUESTION), limit=9).hits

    assert hits == []
    assert found(charlie) == []
