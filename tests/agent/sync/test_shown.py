"""What the page of a sync says and offers in each state."""

from datetime import datetime, timedelta

import pytest
from django.db import connections
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts import tenancy
from accounts.models import Connection, Job
from agent import retrieval
from agent.models import Page, Source, SyncRun
from agent.sync import live, services, shown
from agent.sync.jobs import sync
from tests.agent.sync.working import keep_a_page
from tests.agent.sync.working import sync as read_all
from tests.index import connect as index
from tests.outside import NotionWorkspace, connect
from tests.people import Person, put_on_plan

MINUTE = timedelta(minutes=1)


def page_of(person: Person, connection: Connection) -> str:
    return str(person.web.get(f"/app/connect/{connection.pk}/sync").content.decode())


def press(person: Person, connection: Connection, action: str) -> None:
    assert person.web.post(f"/app/connect/{connection.pk}/sync", {"action": action}).status_code == 302


def queued(person: Person) -> SyncRun:
    with tenancy.within(person.workspace):
        return services.start(membership=person.membership)


def kept(person: Person, run: SyncRun, **figures: object) -> SyncRun:
    with tenancy.within(person.workspace):
        SyncRun.objects.filter(pk=run.pk).update(**figures)
        return SyncRun.objects.get(pk=run.pk)


def progress(person: Person, run: SyncRun, connection: Connection, now: datetime) -> dict[str, object]:
    with tenancy.within(person.workspace):
        return shown.progress(run, connection=connection, now=now)


def test_one_that_waits_says_since_when_and_behind_how_many(
    alice: Person, charlie: Person, acme: NotionWorkspace, now: datetime
) -> None:
    Job.objects.filter(queue=sync.queue_name).delete()
    connection = connect(alice, acme)
    run = queued(alice)
    connect(charlie, acme)
    queued(charlie)
    Job.objects.filter(workspace=alice.workspace, name=sync.name).update(due_at=now - 2 * MINUTE)

    first = progress(alice, run, connection, now)["waiting"]
    Job.objects.filter(workspace=charlie.workspace, name=sync.name).update(due_at=now - 3 * MINUTE)
    second = progress(alice, run, connection, now)["waiting"]

    assert first == "Waiting for 2 minutes, next in line."
    assert second == "Waiting for 2 minutes, 1 before it."
    assert "1 before it." in page_of(alice, connection)
    assert Job.objects.filter(queue=sync.queue_name).update(leased_until=now + MINUTE) == 2
    assert progress(alice, run, connection, now)["waiting"] == ""


def test_a_sync_is_paused_and_resumed_by_its_buttons(alice: Person, acme: NotionWorkspace) -> None:
    connection = connect(alice, acme)
    queued(alice)
    assert 'value="pause"' in page_of(alice, connection)

    press(alice, connection, "pause")
    paused = page_of(alice, connection)
    overview = alice.web.get("/app").content.decode()
    press(alice, connection, "resume")
    resumed = page_of(alice, connection)

    assert "Sync paused" in paused
    assert 'value="resume"' in paused
    assert 'value="pause"' not in paused
    assert "The sync is paused." in overview
    assert 'value="pause"' in resumed


def test_a_sync_that_ended_meanwhile_is_not_paused(alice: Person, acme: NotionWorkspace) -> None:
    connection = connect(alice, acme)
    queued(alice)

    press(alice, connection, "stop")
    press(alice, connection, "pause")

    assert "Sync stopped" in page_of(alice, connection)


def test_sources_of_a_paused_sync_are_shown_as_paused(alice: Person, acme: NotionWorkspace) -> None:
    connection = connect(alice, acme)
    with tenancy.within(alice.workspace):
        read_all(alice)
        run = services.start(membership=alice.membership)
        services.pause(membership=alice.membership, sync_run_id=run.pk, now=timezone.now())
        rows = shown.sources([connection])

    assert {row["state"] for row in rows} == {"paused"}
    assert "Sync paused" in alice.web.get("/app").content.decode()


def test_an_answer_says_that_the_first_sync_is_paused(alice: Person, acme: NotionWorkspace) -> None:
    connect(alice, acme)
    with tenancy.within(alice.workspace):
        read_all(alice)
        Page.objects.update(indexed_at=None)
        run = services.start(membership=alice.membership)
        services.pause(membership=alice.membership, sync_run_id=run.pk, now=timezone.now())

        said = retrieval.unread(retrieval.scope(alice.membership))

    assert said.startswith("0 of ")
    assert said.endswith("pages are read so far; the sync is paused.")


def test_a_pause_does_not_count_as_reading(alice: Person, acme: NotionWorkspace, now: datetime) -> None:
    connection = connect(alice, acme)
    run = queued(alice)
    figures = {"known": 100, "indexed": 50, "is_discovered": True, "started_at": now}
    run = kept(alice, run, status="running", **figures)
    before = progress(alice, run, connection, now + 5 * MINUTE)

    with tenancy.within(alice.workspace):
        steps = {"membership": alice.membership, "sync_run_id": run.pk}
        services.pause(**steps, now=now + 5 * MINUTE)
        services.resume(**steps, now=now + 65 * MINUTE)
    after = progress(alice, kept(alice, run, status="running"), connection, now + 65 * MINUTE)

    assert before["left"] == after["left"] == "about 6 min left"


def test_a_sync_that_notion_slows_down_says_until_when(alice: Person, acme: NotionWorkspace, now: datetime) -> None:
    connection = connect(alice, acme)
    figures = {"known": 100, "indexed": 97, "skipped": 1, "is_discovered": True, "started_at": now - MINUTE}
    run = kept(alice, queued(alice), status="running", slowed_until=now + 5 * MINUTE, **figures)

    said = page_of(alice, connection)

    assert "Slowed down by Notion, continues by itself." in said
    assert "<b>1</b> page skipped" in said
    assert progress(alice, run, connection, now)["left"] == "about 6 min left"
    assert progress(alice, run, connection, now + 6 * MINUTE)["left"] == "less than a minute left"
    assert progress(alice, run, connection, now + 6 * MINUTE)["slowed_until"] is None


@pytest.mark.parametrize(("status", "words"), [("failed", "Retry"), ("cancelled", "Sync again")])
def test_one_that_did_not_end_well_can_be_tried_again(
    alice: Person, acme: NotionWorkspace, status: str, words: str
) -> None:
    connection = connect(alice, acme)
    with tenancy.within(alice.workspace):
        services.break_off(queued(alice).pk, SyncRun.Status(status), now=timezone.now())

    assert words in page_of(alice, connection)


def test_a_page_that_shows_another_state_hears_so_at_once(alice: Person, acme: NotionWorkspace) -> None:
    connect(alice, acme)
    run = queued(alice)

    same, other = (
        alice.web.get(f"/app/sync/{run.pk}/events?seen={seen}").content.decode() for seen in ("queued", "running")
    )

    assert ("event:" in same, "event: done" in other) == (False, True)


def test_a_page_hears_nothing_of_a_state_before_its_own(alice: Person, acme: NotionWorkspace) -> None:
    connection = connect(alice, acme)
    run = queued(alice)
    events = live.SyncEvents(alice.workspace.pk, run.pk)
    # As when somebody looked while it ran, and nobody when it was paused.
    events.say("progress", {})
    press(alice, connection, "pause")

    heard = alice.web.get(f"/app/sync/{run.pk}/events?seen=paused").content.decode()

    assert "event:" not in heard
    assert events.said() == []


def test_nothing_is_said_while_nobody_looks(alice: Person, acme: NotionWorkspace) -> None:
    connect(alice, acme)

    with tenancy.within(alice.workspace):
        run = read_all(alice)
        said = live.SyncEvents(alice.workspace.pk, run.pk).said()

    # The end is for whoever comes late.
    assert [entry.fields[b"e"] for entry in said] == [b"done"]


def test_a_member_hears_nothing_of_anothers_private_connection(
    alice: Person, charlie: Person, acme: NotionWorkspace
) -> None:
    connect(alice, acme)
    run = queued(alice)

    answers = [charlie.api.get(f"/agent/sync/{run.pk}/events"), charlie.web.get(f"/app/sync/{run.pk}/events")]

    assert [answer.status_code for answer in answers] == [404, 404]


@pytest.mark.parametrize("path", ["/app", "/app/sources", "/app/settings", "/agent/coverage"])
def test_many_connections_cost_no_more_statements(alice: Person, path: str) -> None:
    client = alice.web if path.startswith("/app") else alice.api

    def add(name: str) -> None:
        connection = index(alice, name=name)
        formula = {"Total": {"type": "formula"}}
        with tenancy.within(alice.workspace):
            source = Source.objects.create(connection_id=connection.pk, kind="database", notion_id="a", schema=formula)
            about = {"source": source, "state": "indexed", "indexed_at": timezone.now(), "observed_at": timezone.now()}
            Page.objects.create(connection_id=connection.pk, notion_id="b", **about)
            SyncRun.objects.create(connection_id=connection.pk, status="partial", vanished=1, vanished_of=1)
            keep_a_page(connection)

    def statements() -> int:
        client.get(path)
        with CaptureQueriesContext(connections["default"]) as asked:
            assert client.get(path).status_code == 200
        return len(asked)

    put_on_plan(alice, "plus")
    add("One")
    before = statements()
    for n in range(4):
        add(f"Other {n}")

    assert statements() == before
