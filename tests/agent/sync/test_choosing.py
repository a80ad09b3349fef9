from accounts import tenancy
from agent.models import Chunk, Page, Source
from agent.sync import services
from devkit.notion.process import EmulatorProcess
from tasks.models import Task
from tests.agent.sync.working import sync, syncing
from tests.outside import HANDBOOK, TASKS, NotionWorkspace, connect, seeded
from tests.people import Person


def test_sources_that_were_not_chosen_are_not_read(alice: Person, acme: NotionWorkspace) -> None:
    connection = connect(alice, acme)

    with tenancy.within(alice.workspace):
        services.find_sources(connection_id=str(connection.id))
        tree = Source.objects.get(kind="page")
        services.choose(membership=alice.membership, connection=connection, source_ids={tree.id})
        run = sync(alice)

        assert not Task.objects.exists()
        assert set(Page.objects.filter(state="indexed").values_list("source__title", flat=True)) == {"Handbook"}
        assert run.status == "complete"


def test_a_source_left_out_in_the_middle_of_a_sync_stays_out(alice: Person, acme: NotionWorkspace) -> None:
    connection = connect(alice, acme)

    with tenancy.within(alice.workspace):
        services.find_sources(connection_id=str(connection.id))
        source = Source.objects.get(kind="database")
        with syncing(alice, acme):
            services.leave_out_source(source, workspace_id=alice.workspace.id)

        assert not Chunk.objects.filter(page__source=source).exists()
        assert not Task.objects.exists()


def test_a_database_that_search_lists_before_its_page_is_shown_with_its_place(
    alice: Person, emulator: EmulatorProcess, chroma: str
) -> None:
    old = HANDBOOK | {"edited": "2020-01-01T09:00:00.000Z"}
    connection = connect(alice, seeded(emulator, {"pages": [old], "databases": [TASKS]}, ["handbook"]))

    with tenancy.within(alice.workspace):
        services.find_sources(connection_id=str(connection.id))

        assert Source.objects.get(kind="database").place == "Handbook"
