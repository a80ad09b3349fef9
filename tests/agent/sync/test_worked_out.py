"""What Notion works out changes without an edit: it is as old as the last look at every row, and how old is said."""

from datetime import datetime, timedelta

import pytest
from django.utils import timezone

from accounts import tenancy
from accounts.models import Connection
from agent.models import Page
from agent.sync import coverage
from devkit.notion.process import EmulatorProcess
from tests.agent.sync.test_reach import next_in
from tests.agent.sync.test_showing import LONG_AGO, changes, lines, projects, reports
from tests.agent.sync.working import sync
from tests.outside import NotionWorkspace, connect, seeded
from tests.people import Person, put_on_plan


@pytest.fixture
def acme(emulator: EmulatorProcess, chroma: str) -> NotionWorkspace:
    """A report whose rollup shows a project that is not shared."""
    pages = [{"key": key, "title": key.title(), **LONG_AGO} for key in ("top", "secret")]
    return seeded(emulator, {"pages": pages, "databases": [projects(parent="secret"), reports("Weekly")]}, ["top"])


def known(person: Person) -> datetime:
    (row,) = coverage.coverage(membership=person.membership, now=timezone.now())["connections"]
    found: datetime = row["worked_out_at"]
    return found


def read_an_hour_ago(person: Person, acme: NotionWorkspace) -> Connection:
    put_on_plan(person, "pro")
    connection = connect(person, acme)
    next_in(timedelta(minutes=50))
    with tenancy.within(person.workspace):
        assert sync(person).status == "complete"
        assert lines("Weekly")["State of it"] == "Open"
        Page.objects.update(observed_at=timezone.now() - timedelta(hours=1))
    return connection


def test_a_rollup_over_what_is_not_shared_is_as_old_as_is_said(alice: Person, acme: NotionWorkspace) -> None:
    connection = read_an_hour_ago(alice, acme)
    acme.edit(op="set_property", id=acme.page("apollo"), name="State", value="Closed")

    with tenancy.within(alice.workspace):
        changed = changes(connection, acme)
        acme.emulator.control(f"faults?token={acme.token}", method="DELETE")
        old, said = lines("Weekly")["State of it"], known(alice)
        begun = timezone.now()
        inventory = sync(alice)

        assert (changed.reach, changed.status) == ("changes", "complete")
        assert old == "Open"
        assert said < begun - timedelta(minutes=59)
        assert (inventory.reach, lines("Weekly")["State of it"]) == ("inventory", "Closed")
        assert known(alice) >= begun


def test_the_page_of_the_source_says_how_old_its_rollups_are(alice: Person, acme: NotionWorkspace) -> None:
    read_an_hour_ago(alice, acme)
    with tenancy.within(alice.workspace):
        Page.objects.update(observed_at=timezone.now() - timedelta(minutes=3, seconds=30))
        source = Page.objects.get(title="Weekly").source
    assert source is not None

    said = alice.web.get(f"/app/sources/{source.pk}").content.decode()

    assert "formulas and rollups as they were <time" in said
    assert ">3\xa0min ago</time>" in said.partition("as they were")[2][:200]
