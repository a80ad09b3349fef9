"""A member's word about pages that seem gone: it answers the question that they saw, whichever sync asked it last."""

import pytest

from accounts import tenancy
from accounts.models import Connection
from agent.models import Page, Source, SyncRun
from agent.sync import finding, performing, services, vanishing
from devkit.notion.process import EmulatorProcess
from tests.agent.sync.test_statements import statements
from tests.agent.sync.test_vanishing import lose, pages_of_facts
from tests.agent.sync.working import REFUSAL, sync
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
        assert vanishing.kept(connection) == vanishing.Question(again.pk, gone, 10)

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

        assert vanishing.kept(connection) == vanishing.Question(shown.pk, 8, 10)
    assert confirm(alice, shown) == (202, "")


def test_what_could_not_be_asked_for_is_part_of_the_question(
    alice: Person, notion: NotionWorkspace, connection: Connection
) -> None:
    lose(notion, *range(8))
    with tenancy.within(alice.workspace):
        shown = sync(alice)
        # Of the others alone Notion says that they are gone; few enough to go unasked.
        fault = notion.fault(REFUSAL, path_regex="|".join(f"/v1/pages/{notion.page(f'p{n}')}" for n in range(7)))
        again = sync(alice)
        notion.calm(fault)

        assert not Page.objects.filter(state__in=Page.GONE).exists()
        assert vanishing.kept(connection) == vanishing.Question(again.pk, 8, 10)
    found = alice.api.get(f"/agent/sync/{again.pk}").json()
    assert (found["status"], found["pages"]["failed"], found["pages"]["kept"]) == ("partial", 0, 8)
    assert confirm(alice, shown) == (202, "")


def test_a_question_about_what_nobody_could_be_asked_for_stays(
    alice: Person, notion: NotionWorkspace, connection: Connection
) -> None:
    lose(notion, *range(8))
    with tenancy.within(alice.workspace):
        shown = sync(alice)
        notion.fault(REFUSAL, path_regex="/v1/pages/")

        again = sync(alice)

        assert (again.vanished, vanishing.kept(connection)) == (8, vanishing.Question(again.pk, 8, 10))
    assert confirm(alice, shown) == (202, "")


def test_a_confirmed_loss_takes_what_can_be_asked_for_and_asks_nothing_about_the_rest(
    alice: Person, notion: NotionWorkspace, connection: Connection
) -> None:
    lose(notion, *range(8))
    with tenancy.within(alice.workspace):
        shown = sync(alice)
    notion.fault(REFUSAL, path_regex=f"/v1/pages/{notion.page('p0')}")
    confirm(alice, shown)

    with tenancy.within(alice.workspace):
        run = SyncRun.objects.get(status="queued")
        performing.perform(sync_run_id=str(run.pk))
        run.refresh_from_db()

        assert (Page.objects.count(), Page.objects.filter(Page.IS_KEPT).count()) == (3, 1)
        assert (run.vanished, run.is_loss_confirmed, vanishing.kept(connection)) == (0, True, None)


@pytest.mark.parametrize("left_out", [range(8), range(6)])
def test_what_is_left_out_is_asked_about_no_more(
    alice: Person, notion: NotionWorkspace, connection: Connection, left_out: range
) -> None:
    lose(notion, *range(8))
    with tenancy.within(alice.workspace):
        shown = sync(alice)
        for n in left_out:
            finding.leave_out_source(Source.objects.get(title=f"Page {n}"), by=alice.membership)
        left = 8 - len(left_out)

        question = vanishing.kept(connection)

        assert question == (vanishing.Question(shown.pk, left, left + 2) if left else None)
    pages = [alice.web.get(path).content.decode() for path in ("/app", "/app/sources")]
    assert [f"{left} of {left + 2} pages seem gone" in page for page in pages] == [bool(left)] * 2
    assert ["seem gone from Notion" in page for page in pages] == [bool(left)] * 2
    assert confirm(alice, shown) == ((202, "") if left else (409, "nothing-to-confirm"))


def test_whether_a_question_still_stands_is_answered_without_reading_the_syncs(
    alice: Person, notion: NotionWorkspace, connection: Connection
) -> None:
    lose(notion, *range(8))
    with tenancy.within(alice.workspace):
        runs = [sync(alice) for _ in range(3)]

    asked = statements(alice, lambda: vanishing.is_still_asked(connection, runs[0].pk))

    of_syncs = [sql for sql in asked if "agent_syncrun" in sql]
    assert not [sql for sql in of_syncs if "problems" in sql or "vanished_of" in sql]
