"""The title of an erased page stands nowhere any more: not as a source, and in no report of a sync."""

import pytest
from django.core import serializers

from accounts import tenancy
from agent.models import Page, Source, SyncRun
from agent.sync import losses
from devkit.notion.process import EmulatorProcess
from tests.agent.erasing_pages import erase_page
from tests.agent.sync.test_vanishing import second_look_is_due
from tests.agent.sync.working import REFUSAL, sync
from tests.index import connect as index
from tests.index import write
from tests.outside import HANDBOOK, connect, seeded
from tests.people import Person

TITLE = "Merger with Zorblatt"
TOGGLE = {"toggle": {"text": "More", "key": "more", "blocks": [{"p": "The price is high."}]}}


@pytest.mark.usefixtures("chroma")
def test_it_is_neither_a_source_nor_in_a_report(alice: Person, emulator: EmulatorProcess) -> None:
    merger = {"key": "merger", "title": TITLE, "blocks": [TOGGLE]}
    notion = seeded(emulator, {"pages": [HANDBOOK, merger]}, ["handbook", "merger"])
    connect(alice, notion)
    notion.fault(REFUSAL, path_regex=f"blocks/{notion.ids['blocks']['more']}/children")
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


@pytest.mark.parametrize(
    ("said", "left"),
    [
        (f"1 block could not be read (“{TITLE}”, “Box”).", "1 block could not be read (“…”, “Box”)."),
        (f"What “{TITLE} again” lies in was not shown.", f"What “{TITLE} again” lies in was not shown."),
        (f"What “Box” lies in was not shown: no. (“{TITLE[:9]}", "What “Box” lies in was not shown: no. (“…"),
    ],
)
def test_what_a_sync_said_is_without_it(said: str, left: str) -> None:
    assert losses.without(said, TITLE) == left
