"""A member's word about pages that seem gone: it answers the question that they saw, whichever sync asked it last."""

import pytest

from accounts import tenancy
from accounts.models import Connection
from agent.models import Page, SyncRun
from agent.sync import performing, services, vanishing
from devkit.notion.process import EmulatorProcess
from tests.agent.sync.test_vanishing import lose, pages_of_facts
from tests.agent.sync.working import sync
from tests.outside import NotionWorkspace, connect
from tests.people import Person


@pytest.fixture
def notion(emulator: EmulatorProcess, chroma: str) -> NotionWorkspace:
    return pages_of_facts(emulator, 10)


@pytest.fixture
def connection(alice: Person, notion: NotionWorkspace) -> Connection:
    connection = connect(alice, notion)
    with tenancy.within(alice.workspace):
        sync(alice)
    return connection


def confirm(person: Person, run: SyncRun) -> tuple[int, str]:
    answer = person.api.post(f"/agent/sync/{run.pk}/confirm")
    return answer.status_code, answer.json().get("type", "").rpartition("/")[2]


@pytest.mark.parametrize("gone", [8, 10])
@pytest.mark.parametrize("by", ["program", "page"])
def test_a_later_sync_that_asks_the_same_changes_nothing(
    alice: Person, notion: NotionWorkspace, connection: Connection, gone: int, by: str
) -> None:
    lose(notion, *range(gone))
    with tenancy.within(alice.workspace):
        shown, again = sync(alice), sync(alice)
        assert (again.vanished, vanishing.kept(connection)) == (gone, again)

    if by == "program":
        assert confirm(alice, shown) == (202, "")
    else:
        form = {"action": "confirm", "sync": str(shown.pk), "workspace": str(alice.workspace.pk)}
        alice.web.post(f"/app/connect/{connection.pk}/sync", form)

    with tenancy.within(alice.workspace):
        performing.perform(sync_run_id=str(SyncRun.objects.get(status="queued").pk))
        assert Page.objects.count() == 10 - gone


def test_a_later_sync_that_asks_about_other_pages_is_to_be_confirmed_itself(
    alice: Person, notion: NotionWorkspace, connection: Connection
) -> None:
    lose(notion, *range(8))
    with tenancy.within(alice.workspace):
        shown = sync(alice)
        notion.edit(op="share", id=notion.page("p0"), token=notion.token)
        lose(notion, 8)
        assert sync(alice).vanished == shown.vanished == 8

    assert confirm(alice, shown) == (409, "nothing-to-confirm")


def test_a_sync_that_lists_only_changes_leaves_the_question_as_it_is(
    alice: Person, notion: NotionWorkspace, connection: Connection
) -> None:
    lose(notion, *range(8))
    with tenancy.within(alice.workspace):
        shown = sync(alice)
        run = services.start_connection(connection, requested_by=None)
        SyncRun.objects.filter(pk=run.pk).update(is_discovered=True, reach=SyncRun.Reach.CHANGES)
        performing.perform(sync_run_id=str(run.pk))

        assert vanishing.kept(connection) == shown
    assert confirm(alice, shown) == (202, "")
