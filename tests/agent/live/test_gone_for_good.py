"""What was deleted for good is in no listing and in no trash: Notion tells of it once, and answers 404 from then on."""

from datetime import timedelta

import pytest
from django.utils import timezone

from accounts import tenancy
from accounts.models import Connection, NotionNotice
from agent.models import Page, SyncRun
from agent.sync import performing
from devkit.notion.process import EmulatorProcess
from tests.agent.live.telling import event, post, texts, work
from tests.agent.live.test_postponing import later
from tests.agent.sync.test_vanishing import second_look_is_due
from tests.outside import HANDBOOK, TASKS, NotionWorkspace, seeded
from tests.people import Person

pytestmark = pytest.mark.usefixtures("subscribed")
SOON = timedelta(minutes=5)
VISAS = {"key": "visas", "title": "Visas", "blocks": [{"p": "Ask two months before."}]}
# By what is deleted: the event, and words that stood there and nowhere else.
DELETED = {
    "row": ("page.deleted", "Status: Not started"),
    "page": ("page.deleted", "Ask two months before."),
    "database": ("data_source.deleted", "Status: Doing"),
}


@pytest.fixture
def acme(emulator: EmulatorProcess, chroma: str) -> NotionWorkspace:
    """A page at the top of a workspace, and a task database."""
    return seeded(emulator, {"pages": [HANDBOOK, VISAS], "databases": [TASKS]}, ["handbook", "visas"])


def delete(person: Person, acme: NotionWorkspace, what: str) -> str:
    with tenancy.within(person.workspace):
        row = Page.objects.get(title="Choose a printer").notion_id
    key = {"row": row, "page": acme.page("visas"), "database": acme.source("tasks_main")}[what]
    acme.edit(op="delete", id=acme.ids["databases"]["tasks"] if what == "database" else key)
    return key


def is_task(person: Person) -> bool:
    return any(each["title"] == "Choose a printer" for each in person.api.get("/tasks").json()["results"])


@pytest.mark.parametrize("what", DELETED)
def test_it_is_neither_answered_from_nor_a_task_once_notion_has_told(
    alice: Person, acme: NotionWorkspace, connected: Connection, what: str
) -> None:
    kind, words = DELETED[what]
    assert (words in texts(alice), is_task(alice)) == (True, True)
    key = delete(alice, acme, what)

    post(event(connected, kind, key))
    work(alice)

    assert words not in texts(alice)
    assert is_task(alice) is (what == "page")


def test_one_of_which_notion_says_nothing_at_first_goes_within_minutes(
    alice: Person, acme: NotionWorkspace, connected: Connection
) -> None:
    key = delete(alice, acme, "page")
    away = acme.fault("503", path_regex=f"pages/{key}")
    post(event(connected, "page.deleted", key))
    work(alice)
    due = NotionNotice.objects.get(notion_id=key).noticed_at
    acme.calm(away)

    later()
    work(alice)

    assert due < timezone.now() + SOON
    assert DELETED["page"][1] not in texts(alice)


def test_the_next_sync_erases_it_whatever_that_lists(
    alice: Person, acme: NotionWorkspace, connected: Connection
) -> None:
    key = delete(alice, acme, "page")
    post(event(connected, "page.deleted", key))
    work(alice)
    with tenancy.within(alice.workspace):
        second_look_is_due()
    # What begins a sync by itself, which lists only changes.
    post(event(connected, "data_source.schema_updated", acme.source("tasks_main")))
    work(alice)

    with tenancy.within(alice.workspace):
        run = SyncRun.objects.get(status="queued")
        performing.perform(sync_run_id=str(run.pk))
        run.refresh_from_db()

        assert (run.reach, run.status) == ("changes", "complete")
        assert not Page.objects.filter(notion_id=key).exists()
