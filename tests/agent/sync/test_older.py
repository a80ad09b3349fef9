"""How many pages are answered from as they are, how many as they were, and how many not at all."""

from collections.abc import Callable
from typing import Any

import pytest
from django.db import connections
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts import tenancy
from accounts.models import Connection
from agent.models import Page, Source, SyncRun
from agent.sync import coverage
from devkit.notion.process import EmulatorProcess
from tests.agent.asking import ask
from tests.agent.sync.working import sync
from tests.outside import NotionWorkspace, connect, seeded
from tests.people import Person


def short(person: Person) -> dict[str, Any]:
    with tenancy.within(person.workspace):
        known = coverage.coverage(membership=person.membership, now=timezone.now())
    return coverage.in_short(known)


def counted(person: Person) -> tuple[int, int, int]:
    found = short(person)
    assert found["known"] == found["indexed"] + found["older"] + found["missing"]
    return found["indexed"], found["older"], found["missing"]


def cannot_be_read(acme: NotionWorkspace) -> None:
    acme.edit(op="append", parent=acme.page("travel"), blocks=[{"p": "More."}])
    acme.fault("500", path_regex=f"blocks/{acme.page('travel')}/children", times=20)


def is_in_the_trash(acme: NotionWorkspace) -> None:
    acme.edit(op="trash", id=acme.page("travel"))


def is_no_longer_shown(acme: NotionWorkspace) -> None:
    acme.edit(op="unshare", id=acme.page("travel"), token=acme.token)


@pytest.mark.parametrize(
    ("change", "figures"),
    [(cannot_be_read, (5, 1, 0)), (is_in_the_trash, (5, 0, 1)), (is_no_longer_shown, (5, 0, 1))],
)
def test_what_was_read_before_is_called_searchable_just_where_it_is_answered_from(
    alice: Person, acme: NotionWorkspace, change: Callable[[NotionWorkspace], None], figures: tuple[int, int, int]
) -> None:
    connect(alice, acme)
    with tenancy.within(alice.workspace):
        sync(alice)
        assert counted(alice) == (6, 0, 0)

        change(acme)
        sync(alice)
        travel = Page.objects.get(title="Travel")
        answered_from = Page.objects.searchable().filter(pk=travel.pk).exists()

    assert counted(alice) == figures
    assert answered_from == ("second class" in ask(alice, "How are trains booked?")["answer"]) == (figures[1] == 1)
    assert short(alice)["older_since"] == (travel.indexed_at.isoformat() if answered_from else None)


def test_an_edit_that_is_known_and_not_read_makes_a_page_an_older_one(alice: Person, acme: NotionWorkspace) -> None:
    connect(alice, acme)
    with tenancy.within(alice.workspace):
        sync(alice)
        Page.objects.filter(title="Travel").update(observed_edited_at=timezone.now())
        Page.objects.filter(title="Handbook").update(blocks_outdated_at=timezone.now())

    assert counted(alice) == (4, 2, 0)
    assert not short(alice)["complete"]
    assert "Changed in Notion since, and not read anew yet" in alice.web.get("/app/sources").content.decode()

    with tenancy.within(alice.workspace):
        sync(alice)
    assert counted(alice) == (6, 0, 0)
    assert short(alice)["complete"]


def test_pages_that_the_brake_keeps_are_older_ones(alice: Person, emulator: EmulatorProcess, chroma: str) -> None:
    pages = [{"key": f"p{n}", "title": f"Page {n}", "blocks": [{"p": f"Fact number {n}."}]} for n in range(10)]
    notion = seeded(emulator, {"pages": pages}, [f"p{n}" for n in range(10)])
    connect(alice, notion)
    with tenancy.within(alice.workspace):
        sync(alice)
        for n in range(8):
            notion.edit(op="unshare", id=notion.page(f"p{n}"), token=notion.token)
        sync(alice)

    assert counted(alice) == (2, 8, 0)


def test_each_page_tells_the_same(alice: Person, acme: NotionWorkspace) -> None:
    connect(alice, acme)
    with tenancy.within(alice.workspace):
        sync(alice)
        cannot_be_read(acme)
        acme.edit(op="trash", id=acme.page("security"))
        sync(alice)
        tree = Source.objects.get(kind="page")
    [row] = alice.api.get("/agent/coverage").json()["connections"]
    run = ask(alice, "How are trains booked?")

    figures = {"known": 6, "indexed": 4, "older": 1, "missing": 1, "waiting": 0}
    states = {"failed": 1, "skipped": 0, "unreachable": 0, "trashed": 1, "kept": 0}
    assert row["pages"] == figures | states
    assert [(each["state"], each["pages"], each["older"]) for each in row["reasons"]] == [
        ("failed", 1, 1),
        ("trashed", 1, 0),
    ]
    assert row["oldest_outdated"]["title"] == "Travel"
    assert row["oldest_outdated"]["indexed_at"] == row["older_since"]
    assert {name: run["coverage"][name] for name in ("known", "indexed", "older", "missing", "complete")} == {
        **{name: figures[name] for name in ("known", "indexed", "older", "missing")},
        "complete": False,
    }
    sources, overview, source, conversation = (
        alice.web.get(path).content.decode()
        for path in ("/app/sources", "/app", f"/app/sources/{tree.pk}", f"/app/ask/{run['conversation_id']}")
    )
    assert "1 in an older version, read" in sources
    assert "the version read" in sources
    assert "In Notion&#x27;s trash" in sources
    assert "1 in an older version · 1 not searchable" in overview
    assert "<b>1</b> searchable as they are" in source
    assert "<b>1</b> in an older version, read" in source
    assert "5 of 6 known pages searchable, 1 of them as it was read" in conversation


def test_many_connections_cost_no_more_statements(alice: Person, acme: NotionWorkspace) -> None:
    connection = connect(alice, acme)

    def statements() -> int:
        with tenancy.within(alice.workspace), CaptureQueriesContext(connections["default"]) as asked:
            coverage.searchable(list(Connection.objects.values_list("pk", flat=True)))
        return len(asked)

    with tenancy.within(alice.workspace):
        sync(alice)
    before = statements()
    for n in range(3):
        other = Connection.objects.create(workspace=alice.workspace, owner=alice.user, kind="token", bot_id=f"b{n}")
        with tenancy.within(alice.workspace):
            SyncRun.objects.create(connection_id=other.pk, status="complete")
            Page.objects.create(connection_id=other.pk, notion_id="p", state="failed", indexed_at=timezone.now())

    assert statements() == before
    assert connection.pk
