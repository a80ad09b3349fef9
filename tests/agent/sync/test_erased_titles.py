"""The title of an erased page stands nowhere any more: not as a source, and in no report of a sync."""

from typing import Any

import pytest
from django.core import serializers
from django.utils import timezone

from accounts import tenancy
from agent.models import Page, Source, SyncRun
from agent.sync import performing, settling, titles
from agent.sync.session import beside
from devkit.notion.process import EmulatorProcess
from integrations.notion import Notion, Unmetered
from tasks.models import Task, TaskSource
from tests.agent.erasing_pages import erase_page
from tests.agent.sync.test_reach import UNAVAILABLE
from tests.agent.sync.test_vanishing import confirm, second_look_is_due
from tests.agent.sync.working import REFUSAL, sync
from tests.index import connect as index
from tests.index import write
from tests.outside import HANDBOOK, NotionWorkspace, connect, seeded
from tests.people import Person

TITLE = "Merger with Zorblatt"
TOGGLE = {"toggle": {"text": "More", "key": "more", "blocks": [{"p": "The price is high."}]}}


def connected(alice: Person, emulator: EmulatorProcess) -> NotionWorkspace:
    """To a page of this title, of which a part cannot be read, so that syncs name it."""
    merger = {"key": "merger", "title": TITLE, "blocks": [TOGGLE]}
    notion = seeded(emulator, {"pages": [HANDBOOK, merger]}, ["handbook", "merger"])
    connect(alice, notion)
    notion.fault(REFUSAL, path_regex=f"blocks/{notion.ids['blocks']['more']}/children")
    return notion


@pytest.mark.usefixtures("chroma")
def test_it_is_neither_a_source_nor_in_a_report(alice: Person, emulator: EmulatorProcess) -> None:
    notion = connected(alice, emulator)
    with tenancy.within(alice.workspace):
        assert TITLE in sync(alice).reason
        assert Source.objects.filter(title=TITLE, kind="page").exists()

        notion.edit(op="trash", id=notion.page("merger"))
        sync(alice)
        second_look_is_due()
        sync(alice)

        left = serializers.serialize("json", [*Page.objects.all(), *SyncRun.objects.all(), *Source.objects.all()])
    assert TITLE not in left
    assert TITLE not in alice.web.get("/app/sources").content.decode()
    assert TITLE not in alice.api.get("/user/notion-integration").content.decode()


@pytest.mark.usefixtures("chroma")
def test_what_lay_below_keeps_its_source_until_it_is_erased_too(alice: Person) -> None:
    connection = index(alice)
    write(alice, connection, TITLE, "One.")
    write(alice, connection, "Price", "Two.")
    with tenancy.within(alice.workspace):
        top = Page.objects.get(title=TITLE)
        tree = Source.objects.create(connection_id=connection.pk, kind="page", notion_id=top.notion_id, title=TITLE)
        Page.objects.update(source=tree)

    erase_page(alice, connection, TITLE)
    with tenancy.within(alice.workspace):
        assert list(Source.objects.filter(pk=tree.pk).values_list("title", "pages__title")) == [("", "Price")]
    erase_page(alice, connection, "Price")

    with tenancy.within(alice.workspace):
        assert not Source.objects.filter(pk=tree.pk).exists()


@pytest.mark.usefixtures("chroma")
def test_a_tree_that_was_left_out_stays_left_out(alice: Person) -> None:
    connection = index(alice)
    write(alice, connection, TITLE, "One.")
    with tenancy.within(alice.workspace):
        about = {"notion_id": Page.objects.get().notion_id, "title": TITLE, "is_chosen": False}
        tree = Source.objects.create(connection_id=connection.pk, kind="page", **about)

    erase_page(alice, connection, TITLE)

    with tenancy.within(alice.workspace):
        assert list(Source.objects.filter(pk=tree.pk).values_list("title", "is_chosen")) == [("", False)]


@pytest.mark.usefixtures("chroma")
def test_what_it_was_called_before_is_in_no_report_either(alice: Person, emulator: EmulatorProcess) -> None:
    notion = connected(alice, emulator)
    with tenancy.within(alice.workspace):
        assert TITLE in sync(alice).reason
        notion.edit(op="set_title", id=notion.page("merger"), title="Plans")
        assert "“Plans”" in sync(alice).reason

        notion.edit(op="trash", id=notion.page("merger"))
        sync(alice)
        second_look_is_due()
        sync(alice)

        left = serializers.serialize("json", SyncRun.objects.all())
    assert TITLE not in left
    assert "Plans" not in left


DEALS: dict[str, Any] = {
    "key": "deals",
    "title": TITLE,
    "parent": "handbook",
    "sources": [
        {
            "key": "all",
            "properties": {
                "Price of Zorblatt": "title",
                "Stage": {"status": {"To-do": ["Secret"], "Complete": ["Sold"]}},
            },
            "rows": [{"Price of Zorblatt": "High"}],
        }
    ],
}


@pytest.mark.usefixtures("chroma")
def test_a_database_that_is_erased_with_its_rows_is_named_nowhere(alice: Person, emulator: EmulatorProcess) -> None:
    notion = seeded(emulator, {"pages": [HANDBOOK], "databases": [DEALS]}, ["handbook"])
    connect(alice, notion)
    notion.fault(UNAVAILABLE, path_regex="query", times=5)
    with tenancy.within(alice.workspace):
        assert TITLE in sync(alice).reason
        sync(alice)
        [database] = notion.ids["databases"].values()
        notion.edit(op="trash", id=database)
        sync(alice)
        second_look_is_due()
        sync(alice)

        left = serializers.serialize("json", [*SyncRun.objects.all(), *Source.objects.all(), *TaskSource.objects.all()])
        assert not any(word in left for word in (TITLE, "Zorblatt", "Secret"))

        notion.edit(op="restore", id=database)
        sync(alice)

        assert Source.objects.get(kind="database").title == TITLE
        assert TaskSource.objects.get().title == TITLE
        assert list(Task.objects.values_list("title", flat=True)) == ["High"]


@pytest.mark.usefixtures("chroma")
def test_a_database_is_erased_with_the_rows_whose_loss_was_confirmed(alice: Person, emulator: EmulatorProcess) -> None:
    rows = [{"Price of Zorblatt": f"High {number}"} for number in range(9)]
    many = {**DEALS, "sources": [{**DEALS["sources"][0], "rows": rows}]}
    notion = seeded(emulator, {"pages": [HANDBOOK], "databases": [many]}, ["handbook"])
    connection = connect(alice, notion)
    with tenancy.within(alice.workspace):
        sync(alice)
        notion.edit(op="trash", id=notion.ids["databases"]["deals"])
        sync(alice)
        kept = Source.objects.filter(title=TITLE).exists()

    assert confirm(alice, connection).status_code == 302
    with tenancy.within(alice.workspace):
        performing.perform(sync_run_id=str(SyncRun.objects.get(status="queued").pk))
        left = serializers.serialize("json", [*SyncRun.objects.all(), *Source.objects.all(), *TaskSource.objects.all()])

    assert kept
    assert not any(word in left for word in (TITLE, "Zorblatt", "Secret"))


@pytest.mark.usefixtures("chroma")
def test_a_database_that_another_reader_has_found_since_is_not_erased(alice: Person) -> None:
    connection = index(alice)
    with tenancy.within(alice.workspace), Notion("nobody", "http://127.0.0.1:9", budget=Unmetered()) as nobody:
        about = {"notion_id": "deals", "title": TITLE, "gone_at": timezone.now()}
        gone = Source.objects.create(connection_id=connection.pk, kind="database", **about)
        Source.objects.update(gone_at=None)

        settling.erase_database(beside(connection, nobody, Unmetered()), gone)

        assert Source.objects.get().title == TITLE


@pytest.mark.parametrize(
    ("said", "left"),
    [
        (f"1 block could not be read (“{TITLE}”, “Box”).", "1 block could not be read (“…”, “Box”)."),
        (f"What “{TITLE} again” lies in was not shown.", "What “…” lies in was not shown."),
        (f"What “Box” lies in was not shown: no. (“{TITLE[:9]}", "What “Box” lies in was not shown: no. (“…"),
        (f"Nothing on {titles.quoted('Box “of” tea')} (“Bo", 'Nothing on “Box "of" tea” (“Bo'),
        (
            f"Nothing on {titles.quoted('Long ' * 20)}, {titles.quoted('Tall ' * 20)}.",
            f"Nothing on “{'Long ' * 12}…”, “…”.",
        ),
    ],
)
def test_what_a_sync_said_is_without_it(alice: Person, said: str, left: str) -> None:
    connection = index(alice)
    for title in ("Box", "Box “of” tea", ("Long " * 20).strip()):
        write(alice, connection, title)
    with tenancy.within(alice.workspace):
        SyncRun.objects.create(connection_id=connection.pk, status="partial", reason=said, problems=[said])

        titles._forget_in_reports(connection.pk)

        assert list(SyncRun.objects.values_list("reason", "problems")) == [(left, [left])]
