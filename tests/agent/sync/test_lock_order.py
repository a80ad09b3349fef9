"""Who writes what of one connection at the same time waits for the other, and never each for the other."""

import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from functools import partial
from typing import Any

import pytest
from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from accounts import tenancy
from accounts.models import Connection, Membership
from agent.live import removing
from agent.models import Page, Source, SyncRun
from agent.sync import choosing, ending, finding, meeting, performing
from agent.sync import services as syncs
from agent.sync.session import Session, opened
from config.errors import InvalidField
from devkit.notion.process import EmulatorProcess
from tasks import answers, services, sources
from tasks.models import Outgoing, Task
from tests import threads
from tests.agent.sync.working import sync
from tests.outside import HANDBOOK, TASKS, NotionWorkspace, connect, seeded
from tests.people import Person


@pytest.fixture
def travel(emulator: EmulatorProcess, chroma: str) -> NotionWorkspace:
    """The database lies in the page Travel, which the handbook shows."""
    return seeded(emulator, {"pages": [HANDBOOK], "databases": [TASKS | {"parent": "travel"}]}, ["handbook"])


@pytest.fixture
def read(alice: Person, travel: NotionWorkspace) -> Connection:
    connection = connect(alice, travel)
    with tenancy.within(alice.workspace):
        sync(alice)
    return connection


@contextmanager
def beside_syncs(connection: Connection) -> Iterator[Session]:
    with opened(connection, SyncRun(connection_id=connection.pk)) as session:
        session.is_only_looking = True
        yield session


def in_turn(person: Person, held: QuerySet[Any], *works: Callable[[], object]) -> None:
    def work(each: Callable[[], object]) -> None:
        with tenancy.within(person.workspace):
            each()

    with tenancy.within(person.workspace):
        threads.in_turn(held, *(partial(work, each) for each in works))


def rename_travel(connection: Connection, travel: NotionWorkspace, *others: str) -> None:
    travel.edit(op="set_title", id=travel.page("travel"), title="Journeys")
    with beside_syncs(connection) as session:
        meeting.meet(session, [session.notion.page(key) for key in (travel.page("travel"), *others)])


def leave_out(connection: Connection) -> None:
    source = Source.objects.get(kind="database")
    with tenancy.shared():
        by = Membership.objects.select_related("user").get(user_id=connection.owner_id)
    finding.leave_out_source(source, by=by)


def is_left_out() -> bool:
    return not Task.objects.exists() and not Page.objects.searchable().filter(source__kind="database").exists()


def test_leaving_out_a_database_while_its_rows_are_met(
    alice: Person, travel: NotionWorkspace, read: Connection
) -> None:
    with tenancy.within(alice.workspace):
        row = Page.objects.filter(source__kind="database").order_by("id").first()
        assert row is not None
        rename = partial(rename_travel, read, travel, row.notion_id)

    in_turn(alice, Page.objects.filter(title="Handbook"), rename, partial(leave_out, read))

    with tenancy.within(alice.workspace):
        assert is_left_out()
        assert Source.objects.get(kind="database").place == "Journeys"


def remove_rows(connection: Connection) -> None:
    with beside_syncs(connection) as session:
        removing.remove_rows(session, Source.objects.get(kind="database"))


def test_leaving_out_a_database_while_its_rows_are_found_gone(alice: Person, read: Connection) -> None:
    with tenancy.within(alice.workspace):
        last = Page.objects.filter(source__kind="database").order_by("id").last()
        assert last is not None

    in_turn(alice, Page.objects.filter(pk=last.pk), partial(remove_rows, read), partial(leave_out, read))

    with tenancy.within(alice.workspace):
        assert is_left_out()


def end_sync(connection: Connection) -> None:
    run = SyncRun.objects.create(connection_id=connection.pk, status="running", started_at=timezone.now())
    with opened(connection, run) as session:
        performing._finish(session)


def test_a_sync_ends_while_an_event_is_read(alice: Person, travel: NotionWorkspace, read: Connection) -> None:
    held = Page.objects.filter(title="Handbook")

    in_turn(alice, held, partial(rename_travel, read, travel), partial(end_sync, read))

    with tenancy.within(alice.workspace):
        assert not SyncRun.objects.filter(status="running").exists()
        assert Source.objects.get(kind="database").place == "Journeys"


def test_everything_is_forgotten_while_rows_are_found_gone(alice: Person, read: Connection) -> None:
    with tenancy.within(alice.workspace):
        last = Page.objects.filter(source__kind="database").order_by("id").last()
        assert last is not None

    in_turn(alice, Page.objects.filter(pk=last.pk), partial(remove_rows, read), partial(ending._forget, read.pk))

    with tenancy.within(alice.workspace):
        assert not Page.objects.exists()


def edit(person: Person, task_id: uuid.UUID, title: str) -> None:
    services.change(by=person.membership, task_id=task_id, now=timezone.now(), title=title)


def edit_if_there(person: Person, task_id: uuid.UUID) -> None:
    with suppress(services.NoTask):
        edit(person, task_id, "Again")


def test_everything_is_forgotten_while_a_task_is_edited(alice: Person, read: Connection) -> None:
    with tenancy.within(alice.workspace):
        first, second, *_ = Task.objects.order_by("pk")
        edit(alice, first.pk, "First")
        edit(alice, second.pk, "Second")

    in_turn(
        alice,
        Outgoing.objects.filter(task=second),
        partial(ending._forget, read.pk),
        partial(edit_if_there, alice, first.pk),
    )

    with tenancy.within(alice.workspace):
        assert not Task.objects.exists()


def unmap(connection: Connection) -> None:
    with pytest.raises(InvalidField):
        sources.map_nothing(connection_id=connection.pk)


def test_taking_a_database_away_while_a_new_page_is_found_to_be_a_tasks(alice: Person, read: Connection) -> None:
    with tenancy.within(alice.workspace):
        twin, between, *_ = Task.objects.order_by("pk")
        new = services.create(by=alice.membership, now=timezone.now(), title=twin.title, source="notion")
        # After the others, in the order of keys.
        moved = Task.objects.filter(pk=new.pk).values().get() | {"id": uuid.UUID(int=2**128 - 1)}
        Task.objects.create(**{name: value for name, value in moved.items() if name != "words"})
        Outgoing.objects.filter(task=new).update(task=moved["id"])
        Task.objects.filter(pk=new.pk).delete()

    def adopt() -> None:
        outgoing = Outgoing.objects.get(task=moved["id"])
        with beside_syncs(read) as session:
            answers.adopt(outgoing, session.notion.page(twin.notion_page_id))

    in_turn(alice, Task.objects.filter(pk=between.pk), partial(unmap, read), adopt)

    with tenancy.within(alice.workspace):
        assert Task.objects.filter(notion_page_id=twin.notion_page_id).get().pk == moved["id"]


def choose(person: Person, connection: Connection, *, database: bool = False) -> None:
    """The pages, and if so the database."""
    every = set(Source.objects.values_list("id", flat=True))
    wanted = every if database else set(Source.objects.filter(kind="page").values_list("id", flat=True))
    choosing.choose(membership=person.membership, connection=connection, source_ids=wanted, shown_ids=every)


def start_by_itself(connection: Connection) -> None:
    syncs.start_connection(connection, requested_by=None)


def test_a_sync_begins_by_itself_while_a_member_chooses(alice: Person, read: Connection) -> None:
    held = Source.objects.filter(kind="database")

    in_turn(alice, held, partial(choose, alice, read), partial(start_by_itself, read))

    with tenancy.within(alice.workspace):
        assert SyncRun.objects.filter(status="queued").count() == 1


def test_a_sync_is_broken_off_while_a_member_chooses(alice: Person, read: Connection) -> None:
    with tenancy.within(alice.workspace):
        run = syncs.start_connection(read, requested_by=None)

    def break_off() -> None:
        syncs.cancel(run, now=timezone.now())

    in_turn(alice, Source.objects.filter(kind="database"), partial(choose, alice, read), break_off)

    with tenancy.within(alice.workspace):
        assert SyncRun.objects.get(pk=run.pk).status == "cancelled"


@pytest.mark.parametrize("is_chosen", [True, False], ids=["chosen again", "left out"])
def test_a_sync_that_began_while_a_member_waited_to_choose_is_at_work(
    alice: Person, read: Connection, is_chosen: bool
) -> None:
    with tenancy.within(alice.workspace):
        database = Source.objects.get(kind="database")
        if is_chosen:
            finding.leave_out_source(database, by=alice.membership)

    def choose_now() -> None:
        with tenancy.within(alice.workspace):
            choose(alice, read, database=is_chosen)

    def choose_as_one_begins() -> None:
        with ThreadPoolExecutor(1) as member:
            with transaction.atomic():
                start_by_itself(read)
                chosen = member.submit(threads.elsewhere, choose_now)
                threads.until_waiting(1, [chosen])
            chosen.result()

    def work() -> None:
        performing.perform(sync_run_id=str(SyncRun.objects.get(status="queued").pk))

    in_turn(alice, Source.objects.filter(pk=database.pk), choose_as_one_begins, work)

    with tenancy.within(alice.workspace):
        assert list(SyncRun.objects.order_by("created_at").values_list("status", flat=True)) == ["complete"] * 2
        assert Page.objects.searchable().filter(source=database).exists() == is_chosen
