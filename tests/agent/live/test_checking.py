"""Before an answer is given, Notion is asked whether the pages that it quotes are still there and unchanged."""

import time
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from accounts import tenancy
from accounts.models import Connection, Job, NotionNotice
from agent import jobs
from agent.composing import NOT_FOUND
from agent.live import checking
from agent.models import Chunk, Page
from agent.sync import coverage
from tests.agent.asking import ask
from tests.agent.sync.working import sync
from tests.agent.test_forgetting import UNKNOWN
from tests.outside import NotionWorkspace, connect
from tests.people import Person
from tests.threads import elsewhere

TRAINS = "How are trains booked?"
VISAS = "How are visas applied for?"


def grow_old(person: Person) -> None:
    """As if everything had been edited and read an hour ago."""
    hour = timedelta(hours=1)
    with tenancy.within(person.workspace):
        for page in Page.objects.exclude(indexed_at=None):
            Page.objects.filter(pk=page.pk).update(
                checked_at=timezone.now() - hour, indexed_at=timezone.now() - hour, edited_at=timezone.now() - 2 * hour
            )


def read_a_minute_ago(person: Person, notion: NotionWorkspace) -> Connection:
    connection, minute = connect(person, notion), timezone.now() - timedelta(minutes=1)
    with tenancy.within(person.workspace):
        sync(person)
        Page.objects.update(checked_at=minute, indexed_at=minute)
    return connection


@pytest.fixture
def read(alice: Person, acme: NotionWorkspace) -> Connection:
    """Alice on her trial; her pages were read a minute ago, right after the minute of their edit."""
    return read_a_minute_ago(alice, acme)


def looked_at(acme: NotionWorkspace, since: int) -> list[str]:
    return [each["path"].rsplit("/", 1)[-1] for each in acme.requests()[since:] if "/pages/" in each["path"]]


def state_of(person: Person, notion_id: str) -> str:
    with tenancy.within(person.workspace):
        return Page.objects.get(notion_id=notion_id).state


def test_a_page_that_is_still_there_is_answered_from(alice: Person, acme: NotionWorkspace, read: Connection) -> None:
    since = len(acme.requests())

    answered = ask(alice, TRAINS)

    assert "Trains are booked second class" in answered["answer"]
    assert checking.NOT_CHECKED not in answered["answer"]
    assert answered["citations"][0]["changed_since"] is None
    assert (answered["checked"], answered["citations"][0]["checked"]) == (True, True)
    assert sorted(looked_at(acme, since)) == sorted([acme.page("travel"), acme.page("handbook")])


@pytest.fixture
def visas(acme: NotionWorkspace) -> str:
    page = {"title": "Visa rules", "blocks": [{"p": "Visas are applied for six weeks ahead."}]}
    return str(acme.edit(op="add_page", parent=acme.page("travel"), page=page)["id"])


def test_what_lies_below_a_deleted_page_is_no_longer_answered_from(
    alice: Person, acme: NotionWorkspace, visas: str
) -> None:
    read_a_minute_ago(alice, acme)
    assert "six weeks" in ask(alice, VISAS)["answer"]
    acme.edit(op="trash", id=acme.page("travel"))

    answered = ask(alice, VISAS)

    assert "six weeks" not in answered["answer"]
    assert state_of(alice, visas) == "trashed"
    with tenancy.within(alice.workspace):
        assert not coverage.coverage(membership=alice.membership, now=timezone.now())["complete"]


def test_a_deleted_page_is_not_named_as_the_nearest(alice: Person, acme: NotionWorkspace) -> None:
    page = {"title": "Lunar holidays", "blocks": [{"p": "Holidays on the moon begin in the crater."}]}
    moon = acme.edit(op="add_page", parent=acme.page("handbook"), page=page)["id"]
    read_a_minute_ago(alice, acme)
    assert "Lunar" in ask(alice, UNKNOWN)["answer"]
    grow_old(alice)
    acme.edit(op="trash", id=moon)

    answered = ask(alice, UNKNOWN)

    assert (answered["grounded"], "Lunar" in answered["answer"]) == (False, False)
    assert state_of(alice, moon) == "trashed"


def test_without_what_holds_it_a_page_is_not_called_checked(alice: Person, acme: NotionWorkspace, visas: str) -> None:
    read_a_minute_ago(alice, acme)
    acme.fault("503", path_regex="/pages/" + acme.page("travel"))

    answered = ask(alice, VISAS)

    assert (answered["checked"], "six weeks" in answered["answer"]) == (False, True)


def test_rows_of_a_deleted_database_are_no_longer_answered_from(alice: Person, acme: NotionWorkspace) -> None:
    read_a_minute_ago(alice, acme)
    with tenancy.within(alice.workspace):
        rows = Page.objects.filter(parent_id=acme.source("tasks_main"))
        quoted = {(str(each.connection_id), each.notion_id) for each in rows}
        check = checking.Check(alice.membership)
        acme.edit(op="trash", id=acme.ids["databases"]["tasks"])

        assert len(quoted) == 3
        assert check.find_gone(quoted) == quoted
        assert set(rows.values_list("state", flat=True)) == {"trashed"}


def test_what_was_read_just_now_is_not_asked_for(alice: Person, acme: NotionWorkspace, read: Connection) -> None:
    with tenancy.within(alice.workspace):
        Page.objects.update(checked_at=timezone.now())
    since = len(acme.requests())

    assert ask(alice, TRAINS)["grounded"]
    assert looked_at(acme, since) == []


@pytest.mark.parametrize(("op", "state"), [("trash", "trashed"), ("delete", "unreachable"), ("unshare", "unreachable")])
def test_a_page_that_is_gone_is_no_longer_answered_from(
    alice: Person, acme: NotionWorkspace, read: Connection, op: str, state: str
) -> None:
    acme.edit(op=op, id=acme.page("travel"), token=acme.token)

    answered = ask(alice, TRAINS)

    assert answered["answer"].startswith(NOT_FOUND)
    assert (answered["grounded"], answered["citations"]) == (False, [])
    assert state_of(alice, acme.page("travel")) == state
    with tenancy.within(alice.workspace):
        assert not Page.objects.searchable().filter(notion_id=acme.page("travel")).exists()


def test_the_answer_is_made_anew_from_the_other_pages(alice: Person, acme: NotionWorkspace) -> None:
    acme.edit(
        op="add_page",
        parent=acme.page("handbook"),
        page={"title": "Trips", "blocks": [{"p": "Trains are booked by Bea."}]},
    )
    read_a_minute_ago(alice, acme)
    acme.edit(op="trash", id=acme.page("travel"))

    answered = ask(alice, TRAINS)

    assert "booked by Bea" in answered["answer"]
    assert "second class" not in answered["answer"]
    assert {each["title"] for each in answered["citations"]} == {"Trips"}
    # The model was called to search and to write, once each.
    assert [each["kind"] for each in answered["steps"]].count("write") == 1


def test_an_edited_page_says_so_and_is_read_again(alice: Person, acme: NotionWorkspace, read: Connection) -> None:
    grow_old(alice)
    acme.edit(op="append", parent=acme.page("travel"), blocks=[{"p": "Planes need a reason."}])

    answered = ask(alice, TRAINS)

    assert "Trains are booked second class" in answered["answer"]
    assert answered["citations"][0]["changed_since"] > answered["citations"][0]["edited_at"]
    assert NotionNotice.objects.filter(connection=read, notion_id=acme.page("travel")).exists()
    for job in Job.objects.filter(workspace=alice.workspace, name="agent.jobs.read_noticed"):
        elsewhere(lambda key=str(job.pk): jobs.read_noticed(key))
    with tenancy.within(alice.workspace):
        assert Chunk.objects.filter(text__contains="Planes need a reason.").exists()


@pytest.mark.parametrize(
    "trouble",
    [
        "hang",
        {"slow": {"ms": 5000}},
        {"429": {"retry_after": 5}},
        "503",
        "500",
        "403",
        "reset",
        {"cut_json": {"bytes": 9}},
    ],
    ids=str,
)
def test_without_notion_the_answer_says_that_it_was_not_checked(
    alice: Person, acme: NotionWorkspace, read: Connection, trouble: Any
) -> None:
    acme.edit(op="trash", id=acme.page("travel"))
    acme.fault(trouble, path_regex="/pages/")
    at = time.monotonic()

    answered = ask(alice, TRAINS)

    assert "Trains are booked second class" in answered["answer"]
    assert answered["answer"].endswith(checking.NOT_CHECKED)
    assert (answered["checked"], answered["citations"][0]["checked"]) == (False, False)
    assert answered["grounded"]
    assert state_of(alice, acme.page("travel")) == "indexed"
    # Bounded by its own time limit, not by the fault's.
    assert time.monotonic() - at < 30


def test_a_token_that_cannot_be_read_costs_the_check_and_no_answer(alice: Person, read: Connection) -> None:
    """As when a key of the ring was lost: the index still answers."""
    Connection.objects.filter(pk=read.pk).update(sealed_access_token="of another key")

    answered = ask(alice, TRAINS)

    assert answered["status"] == "succeeded"
    assert answered["answer"].endswith(checking.NOT_CHECKED)
    assert answered["checked"] is False


def test_a_token_that_ended_is_renewed_by_the_reading_that_follows(
    alice: Person, acme: NotionWorkspace, read: Connection
) -> None:
    Connection.objects.filter(pk=read.pk).update(sealed_refresh_token="sealed")
    acme.fault("401", path_regex="/pages/")

    assert ask(alice, TRAINS)["answer"].endswith(checking.NOT_CHECKED)
    assert NotionNotice.objects.filter(connection=read).exists()


def test_no_more_than_six_pages_are_asked_for(alice: Person, acme: NotionWorkspace) -> None:
    for n in range(5):
        acme.edit(op="add_row", source=acme.source("tasks_main"), row={"Task": f"Errand {n}", "Status": "Doing"})
    connection = read_a_minute_ago(alice, acme)
    since = len(acme.requests())

    with tenancy.within(alice.workspace):
        pages = Page.objects.exclude(notion_id=acme.page("handbook"))
        quoted = {(str(connection.pk), key) for key in pages.values_list("notion_id", flat=True)}
        check = checking.Check(alice.membership)
        assert check.find_gone(quoted) == set()

    looked = looked_at(acme, since)
    looked.remove(acme.page("handbook"))
    assert len(quoted) > checking.MOST_PAGES == len(looked)
    assert len(check.unchecked) == len(quoted) - checking.MOST_PAGES
    # There was no room for them: nothing is said of Notion.
    assert check.remarks(quoted) == check.remarks(check.unchecked) == checking.NOT_ALL_CHECKED
    assert check.remarks(quoted - check.unchecked) == ""


def test_nobody_asks_with_anothers_connection(team_owner: Person, bob: Person, acme: NotionWorkspace) -> None:
    theirs = read_a_minute_ago(team_owner, acme)
    with tenancy.within(team_owner.workspace):
        check = checking.Check(bob.membership)
        since, key = len(acme.requests()), (str(theirs.pk), acme.page("travel"))

        assert check.find_gone({key}) == {key}

        assert looked_at(acme, since) == []
        assert state_of(team_owner, acme.page("travel")) == "indexed"
