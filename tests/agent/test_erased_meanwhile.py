"""An answer that is being written while its page is erased: nothing keeps what it says of that page."""

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial

import pytest
from django.db import transaction
from django.http import HttpResponse

from accounts import tenancy
from accounts.models import Connection
from agent.models import Run, Source, Step
from agent.runs.ending import events_of
from agent.runs.forgetting import ERASED, LEFT_OUT
from agent.sync import ending, finding
from tests.agent.asking import ask, work
from tests.agent.erasing_pages import erase_page
from tests.agent.test_forgetting import QUESTION, UNKNOWN, kept
from tests.devkit.machine import eventually
from tests.index import connect, handbook, write
from tests.people import Person
from tests.threads import elsewhere, waiting

pytestmark = pytest.mark.usefixtures("chroma")
QUOTED = "28 days"
# The first word of it is told at once.
SAID = "Everyone"


def end(person: Person, connection: Connection) -> None:
    with tenancy.within(person.workspace):
        ending.disconnect(membership=person.membership, connection_id=connection.pk)
        with pytest.raises(ending.SomethingLeft, match="answers"):
            ending.erase(connection_id=str(connection.pk))


def leave_out(person: Person, connection: Connection) -> None:
    with tenancy.within(person.workspace):
        source = Source.objects.get(connection_id=connection.pk)
        finding.leave_out_source(source, by=person.membership)


Act = Callable[[Person, Connection], None]
ACTS: dict[str, tuple[Act, str]] = {
    "erased": (partial(erase_page, title="Time off"), ERASED),
    "ended": (end, ERASED),
    "left out": (leave_out, LEFT_OUT),
}


@contextmanager
def written_and_not_kept(person: Person, question: str = QUESTION, **more: str) -> Iterator[Run]:
    """A worker has written the answer, and waits to note that it has."""
    queued = person.api.post("/agent/run", {"prompt": question, **more})
    assert queued.status_code == 202, queued.content
    with ThreadPoolExecutor(1) as thread:
        with tenancy.within(person.workspace), transaction.atomic():
            run = Run.objects.get(pk=queued.json()["id"])
            in_the_way = Step.objects.create(run=run, ordinal=1, kind="write", name="Writing")
            begun = thread.submit(elsewhere, partial(work, person))
            eventually(waiting)
            yield run
            in_the_way.delete()
        begun.result()


def erase_slowly(person: Person, connection: Connection, is_erased: threading.Event) -> None:
    """Not committed before somebody waits for it."""
    with transaction.atomic():
        erase_page(person, connection, "Time off")
        is_erased.set()
        eventually(waiting)


def told(person: Person, run: Run) -> str:
    """What whoever listens is told."""
    answer: HttpResponse = person.api.get(f"/agent/runs/{run.pk}/events")
    return stream(person, run) + answer.content.decode()


def stream(person: Person, run: Run) -> str:
    with tenancy.within(person.workspace):
        return " ".join(str(each.fields) for each in events_of(run).said())


@pytest.mark.parametrize("how", ACTS)
def test_what_is_erased_while_an_answer_is_written_is_not_kept(alice: Person, how: str) -> None:
    connection = handbook(alice)
    act, words = ACTS[how]

    with written_and_not_kept(alice) as run:
        assert SAID in stream(alice, run)
        elsewhere(partial(act, alice, connection))
        assert stream(alice, run) == ""

    assert QUOTED not in kept(alice) + told(alice, run)
    with tenancy.within(alice.workspace):
        run.refresh_from_db()
    assert (run.answer, run.status, [each["quote"] for each in run.citations]) == (words, "succeeded", [""])


def test_an_answer_that_is_finished_while_its_page_is_erased_is_not_kept(alice: Person) -> None:
    connection, is_erased = handbook(alice), threading.Event()

    with ThreadPoolExecutor(1) as thread:
        with written_and_not_kept(alice) as run:
            erasing = thread.submit(elsewhere, partial(erase_slowly, alice, connection, is_erased))
            is_erased.wait()
        # The run has come to its end, and cannot know yet.
        erasing.result()

    assert QUOTED not in kept(alice) + told(alice, run)


def test_what_is_erased_while_it_is_searched_is_not_given(alice: Person) -> None:
    connection, is_erased = handbook(alice), threading.Event()
    alice.api.post("/agent/run", {"prompt": QUESTION})

    with ThreadPoolExecutor(1) as thread:
        erasing = thread.submit(elsewhere, partial(erase_slowly, alice, connection, is_erased))
        is_erased.wait()
        # It finds the page still.
        work(alice)
        erasing.result()

    assert QUOTED not in kept(alice)


@pytest.mark.parametrize("is_noted", [True, False], ids=["noted", "of before it was noted"])
def test_what_is_erased_while_a_follow_up_is_written_is_not_kept(alice: Person, is_noted: bool) -> None:
    connection = connect(alice)
    write(alice, connection, "Lunar holidays", "Holidays on the moon begin in the crater.")
    first = ask(alice, "What colour are chairs?")
    if not is_noted:
        with tenancy.within(alice.workspace):
            Run.objects.update(found_on=None, found_in=None)

    with written_and_not_kept(alice, UNKNOWN, conversation_id=first["conversation_id"]) as run:
        elsewhere(partial(erase_page, alice, connection, "Lunar holidays"))

    with tenancy.within(alice.workspace):
        run.refresh_from_db()
    assert run.status == "succeeded"
    assert run.answer
    assert "Lunar" not in kept(alice) + told(alice, run)
