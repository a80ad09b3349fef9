"""Pages that seem gone and are kept: coverage, Sources and Overview say the same of them, with the true reason."""

from datetime import timedelta

import pytest
from django.utils import timezone

from accounts import tenancy
from accounts.models import Connection, ConnectionHealth
from agent.models import Page, Source, SyncRun
from agent.sync import performing, services
from devkit.notion.process import EmulatorProcess
from tests.agent.sync.working import REFUSAL, sync
from tests.outside import NotionWorkspace, connect, seeded
from tests.people import Person, put_on_plan

BELOW = 60


@pytest.fixture
def notion(emulator: EmulatorProcess, chroma: str) -> NotionWorkspace:
    below = [{"key": f"p{n}", "title": f"Page {n}", "blocks": [{"p": f"Fact number {n}."}]} for n in range(BELOW)]
    top = {"key": "atop", "title": "Atop", "blocks": [{"p": "All facts."}], "pages": below}
    return seeded(emulator, {"pages": [top]}, ["atop"])


@pytest.mark.parametrize(
    ("op", "state", "older"), [("trash", Page.State.TRASHED, 0), ("unshare", Page.State.UNREACHABLE, BELOW + 1)]
)
def test_each_place_says_that_they_are_kept_and_why(
    alice: Person, notion: NotionWorkspace, op: str, state: Page.State, older: int
) -> None:
    connect(alice, notion)
    with tenancy.within(alice.workspace):
        sync(alice)
        notion.edit(op=op, id=notion.page("atop"), token=notion.token)
        sync(alice)
        tree = Source.objects.get()
    [row] = alice.api.get("/agent/coverage").json()["connections"]
    sources, source, overview = (
        alice.web.get(path).content.decode() for path in ("/app/sources", f"/app/sources/{tree.pk}", "/app")
    )

    known = BELOW + 1
    counted = {name: row["pages"][name] for name in ("known", "indexed", "older", "kept", "failed")}
    assert counted == {"known": known, "indexed": 0, "older": older, "kept": known, "failed": 0}
    assert [(each["reason"], each["pages"], each["older"]) for each in row["reasons"]] == [
        (Page.KEPT[state], known, older)
    ]
    for page in (sources, source, overview):
        assert ("Up to date" in page, "Pages seem gone" in page, f"{known} seem gone" in page) == (False, True, True)
    for page in (sources, source):
        shown = page.count(Page.KEPT[state].replace("'", "&#x27;"))
        assert (shown, f"and {known - shown} more" in page) == (50, True)
        assert "Changed in Notion since" not in page


def vanished(person: Person, notion: NotionWorkspace, op: str) -> Connection:
    put_on_plan(person, "pro")
    connection = connect(person, notion)
    with tenancy.within(person.workspace):
        sync(person)
        notion.edit(op=op, id=notion.page("atop"), token=notion.token)
        sync(person)
    return connection


@pytest.mark.parametrize(
    ("op", "words", "searched"),
    [("trash", "in Notion's trash", 0), ("unshare", "Notion shows nothing more to this connection", BELOW + 1)],
)
def test_a_sync_that_finds_nothing_says_what_is_still_searched(
    alice: Person, notion: NotionWorkspace, op: str, words: str, searched: int
) -> None:
    connection = vanished(alice, notion, op)
    with tenancy.within(alice.workspace):
        last = SyncRun.objects.latest("created_at")
        assert Page.objects.filter(Page.SEARCHABLE).count() == searched

    found = alice.api.get(f"/agent/sync/{last.pk}").json()

    assert words in found["reason"]
    assert ("is kept, and not searched" in found["reason"]) == (not searched)
    assert (found["status"], found["pages"]["failed"], found["pages"]["kept"]) == ("failed", 0, BELOW + 1)
    assert ConnectionHealth.objects.get(connection=connection).error == found["reason"]


def still_kept() -> int:
    return Page.objects.filter(Page.IS_KEPT).count()


@pytest.mark.parametrize("op", ["trash", "unshare"])
def test_the_next_try_which_lists_only_changes_does_not_find_them_again(
    alice: Person, notion: NotionWorkspace, op: str
) -> None:
    connection = vanished(alice, notion, op)
    Connection.objects.filter(pk=connection.pk).update(sync_due_at=timezone.now() + timedelta(minutes=50))

    with tenancy.within(alice.workspace):
        run = services.start_connection(connection, requested_by=None, tries=1)
        performing.perform(sync_run_id=str(run.pk))
        run.refresh_from_db()

        assert (run.reach, run.status, still_kept()) == ("changes", "failed", BELOW + 1)


def test_one_that_cannot_be_asked_for_is_kept_all_the_same(alice: Person, notion: NotionWorkspace) -> None:
    vanished(alice, notion, "trash")
    notion.fault(REFUSAL, path_regex=f"/v1/pages/{notion.page('p0')}")

    with tenancy.within(alice.workspace):
        sync(alice)

        assert still_kept() == BELOW + 1


def test_what_is_in_doubt_is_not_called_edited(alice: Person, acme: NotionWorkspace) -> None:
    connect(alice, acme)
    with tenancy.within(alice.workspace):
        sync(alice)
        Page.objects.filter(title="Travel").update(doubted_at=Page.objects.get(title="Travel").indexed_at)
        Page.objects.filter(title="Handbook").update(blocks_outdated_at=Page.objects.get(title="Travel").indexed_at)

    [row] = alice.api.get("/agent/coverage").json()["connections"]
    sources = alice.web.get("/app/sources").content.decode()

    assert {(each["state"], each["pages"], each["older"]) for each in row["reasons"]} == {("indexed", 1, 1)}
    assert len(row["reasons"]) == row["pages"]["older"] == 2
    assert all(each["reason"] in sources for each in row["reasons"])
    assert "Changed in Notion since" not in sources
    assert "Not all read anew yet" in sources


def test_without_access_the_reason_of_each_page_is_that(alice: Person, acme: NotionWorkspace) -> None:
    connection = connect(alice, acme)
    with tenancy.within(alice.workspace):
        sync(alice)
    Connection.objects.filter(pk=connection.pk).update(status=Connection.Status.REAUTHORIZE)

    [row] = alice.api.get("/agent/coverage").json()["connections"]
    sources = alice.web.get("/app/sources").content.decode()

    assert [(each["reason"], each["pages"]) for each in row["reasons"]] == [("Notion no longer lets us in", 6)]
    assert sources.count("<td>Notion no longer lets us in</td>") == 6
