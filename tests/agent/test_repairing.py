"""Vectors that a repair finds while a reader, who has written them, has not yet said whose they are."""

import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial

import pytest
from django.db import OperationalError, transaction
from django.db import connection as database

from accounts import tenancy
from accounts.models import Connection
from agent import indexing
from agent.models import Page
from agent.passages import Passage
from agent.sync import holding
from integrations import vectors
from tests.devkit.machine import eventually
from tests.index import connect, write
from tests.people import Person
from tests.threads import elsewhere, waiting

pytestmark = pytest.mark.usefixtures("chroma")
WAGES = Passage("block", "paragraph", "The gardener earns 4200 euros a month.", ())


@contextmanager
def holds(connection: Connection) -> Iterator[None]:
    with transaction.atomic():
        assert holding.hold_beside_syncs(connection.pk)
        yield


def repair(person: Person, connection: Connection) -> indexing.Repaired:
    where = {"workspace_id": person.workspace.pk, "connection_id": connection.pk}
    with tenancy.within(person.workspace):
        return indexing.repair(**where)


def prepared(person: Person, connection: Connection) -> indexing.Pieces:
    page = write(person, connection, "Wages").page
    return indexing.prepare(page, [WAGES], workspace_id=person.workspace.pk, lines=())


def forget(person: Person, connection: Connection, stale: list[uuid.UUID]) -> None:
    indexing.forget_vectors(stale, workspace_id=person.workspace.pk, connection_id=connection.pk)


def dies_when_it_asks_which_are_named(person: Person, work: Callable[[], object]) -> None:
    """Its connection to Postgres ends as it reads the rows of chunks."""

    def until_it_dies() -> None:
        with tenancy.within(person.workspace), database.cursor() as cursor:
            cursor.execute("SET lock_timeout = '100ms'")
            try:
                work()
            finally:
                # Others are given this connection next.
                cursor.execute("RESET lock_timeout")

    with transaction.atomic():
        with database.cursor() as cursor:
            cursor.execute("LOCK TABLE agent_chunk IN ACCESS EXCLUSIVE MODE")
        with pytest.raises(OperationalError):
            elsewhere(until_it_dies)


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


@pytest.mark.parametrize("is_read_first", [True, False])
def test_what_another_has_read_again_is_not_forgotten_with_what_was_removed(alice: Person, is_read_first: bool) -> None:
    """The same words have the same vectors."""
    connection = connect(alice)
    with tenancy.within(alice.workspace):
        prepared(alice, connection).replace()
        page = Page.objects.get()
        again = partial(indexing.prepare, page, [WAGES], workspace_id=alice.workspace.pk, lines=())
        # Who read first took over what was there, and embeds nothing.
        pieces = again() if is_read_first else None
        stale = indexing.remove([page])
        pieces = pieces or again()
        pieces.replace()
        pieces.forget_stale()
        forget(alice, connection, stale)

        assert are_searched(alice, pieces)


def test_who_forgets_and_dies_takes_nothing_that_is_named_again(alice: Person) -> None:
    made = connect(alice)
    with tenancy.within(alice.workspace):
        prepared(alice, made).replace()
        page = Page.objects.get()
        pieces = indexing.prepare(page, [WAGES], workspace_id=alice.workspace.pk, lines=())
        stale = indexing.remove([page])
        pieces.replace()

        dies_when_it_asks_which_are_named(alice, lambda: forget(alice, made, stale))

        assert are_searched(alice, pieces)


def test_what_was_removed_is_brought_back_by_who_names_it_after_that(alice: Person) -> None:
    connection = connect(alice)
    with tenancy.within(alice.workspace):
        prepared(alice, connection).replace()
        page = Page.objects.get()
        pieces = indexing.prepare(page, [WAGES], workspace_id=alice.workspace.pk, lines=())
        forget(alice, connection, indexing.remove([page]))
        pieces.replace()

        assert are_searched(alice, pieces)


def test_what_one_reader_replaced_and_the_next_names_again_stays(alice: Person) -> None:
    connection = connect(alice)
    with tenancy.within(alice.workspace):
        before = prepared(alice, connection)
        before.replace()
        other = Passage("block", "paragraph", "The gardener is paid by the hour.", ())
        edited = indexing.prepare(before.page, [other], workspace_id=alice.workspace.pk, lines=())
        edited.replace()
        reverted = indexing.prepare(before.page, [WAGES], workspace_id=alice.workspace.pk, lines=())
        reverted.replace()
        reverted.forget_stale()
        edited.forget_stale()

        assert are_searched(alice, reverted)
