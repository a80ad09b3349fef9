"""Vectors that a repair finds while a reader, who has written them, has not yet said whose they are."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import pytest
from django.db import transaction

from accounts import tenancy
from accounts.models import Connection
from agent import indexing
from agent.passages import Passage
from agent.sync import holding
from integrations import vectors
from tests.devkit.machine import eventually
from tests.index import connect, write
from tests.people import Person
from tests.threads import elsewhere, waiting

pytestmark = pytest.mark.usefixtures("chroma")


@contextmanager
def holds(connection: Connection) -> Iterator[None]:
    with transaction.atomic():
        assert holding.hold_beside_syncs(connection.pk)
        yield


def repair(person: Person, connection: Connection) -> indexing.Repaired:
    where = {"workspace_id": person.workspace.pk, "connection_id": connection.pk}
    with tenancy.within(person.workspace):
        return indexing.repair(**where, writing=lambda: holds(connection))


def prepared(person: Person, connection: Connection) -> indexing.Pieces:
    page = write(person, connection, "Wages").page
    paid = Passage("block", "paragraph", "The gardener earns 4200 euros a month.", ())
    return indexing.prepare(page, [paid], workspace_id=person.workspace.pk, lines=())


def are_searched(person: Person, pieces: indexing.Pieces) -> bool:
    there = vectors.workspace(person.workspace.pk).collection(pieces.page.connection_id).ids()
    return {str(chunk.pk) for chunk in pieces.chunks} <= set(there)


def test_what_it_took_for_surplus_comes_back_when_it_is_named(alice: Person) -> None:
    connection = connect(alice)
    with tenancy.within(alice.workspace):
        pieces = prepared(alice, connection)
        assert repair(alice, connection).surplus == len(pieces.chunks)

        with holds(connection):
            pieces.replace()
        pieces.settle_vectors()

    assert are_searched(alice, pieces)


def test_what_is_named_meanwhile_is_not_taken(alice: Person) -> None:
    connection = connect(alice)
    with tenancy.within(alice.workspace), ThreadPoolExecutor(1) as thread:
        pieces = prepared(alice, connection)
        with holds(connection):
            pieces.replace()
            repairing = thread.submit(elsewhere, lambda: repair(alice, connection))
            eventually(waiting)
        repairing.result()

    assert are_searched(alice, pieces)
