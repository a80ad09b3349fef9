"""Notion's events: verified, stored once, and each connection looks again with its own token."""

import json
import random
from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.conf import settings
from django.db import connection as db
from django.utils import timezone

from accounts import tenancy
from accounts.models import Connection, NotionEvent, NotionHook, NotionNotice
from agent.live import events, hook
from agent.models import Change, Page, SyncRun
from agent.sync import coverage, ending, lag, performing, services
from devkit.notion.process import EmulatorProcess
from tests.agent.asking import ask
from tests.agent.live.telling import covered, event, post, signed, texts, work
from tests.agent.sync.test_reach import rename
from tests.agent.sync.working import sync
from tests.outside import NotionWorkspace, connect, seeded
from tests.people import Person, put_on_plan

pytestmark = pytest.mark.usefixtures("subscribed")


def test_an_edit_that_notion_tells_of_is_searched(alice: Person, acme: NotionWorkspace, connected: Connection) -> None:
    acme.edit(op="append", parent=acme.page("travel"), blocks=[{"p": "Planes need a reason."}])

    assert post(event(connected, "page.content_updated", acme.page("travel"))) == 200
    work(alice)

    assert "Planes need a reason." in texts(alice)
    connected.refresh_from_db()
    assert connected.last_event_at is not None
    assert not NotionNotice.objects.filter(connection=connected).exists()


def test_an_edit_at_the_top_of_a_tree_is_searched(alice: Person, acme: NotionWorkspace, connected: Connection) -> None:
    acme.edit(op="append", parent=acme.page("handbook"), blocks=[{"p": "Lunch is at noon."}])

    post(event(connected, "page.content_updated", acme.page("handbook")))
    work(alice)

    assert "Lunch is at noon." in texts(alice)


def test_pages_that_show_a_renamed_one_follow(alice: Person, acme: NotionWorkspace, connected: Connection) -> None:
    acme.edit(op="set_title", id=acme.page("travel"), title="Journeys")

    post(event(connected, "page.properties_updated", acme.page("travel")))
    work(alice)

    assert "[Journeys](" in texts(alice)
    assert "[Travel](" not in texts(alice)


def test_a_renamed_database_is_called_so_in_citations(
    alice: Person, acme: NotionWorkspace, connected: Connection
) -> None:
    rename(acme, "Start plan")

    post(event(connected, "database.content_updated", acme.ids["databases"]["tasks"]))
    work(alice)

    with tenancy.within(alice.workspace):
        run = SyncRun.objects.get(status="queued")
        performing.perform(sync_run_id=str(run.pk))
        assert SyncRun.objects.get(pk=run.pk).reach == "changes"
    said = ask(alice, "Which tasks are done?")
    assert [each["place"] for each in said["citations"]] == ["Start plan"]


def test_a_deleted_page_is_searched_no_more(alice: Person, acme: NotionWorkspace, connected: Connection) -> None:
    acme.edit(op="trash", id=acme.page("travel"))

    post(event(connected, "page.deleted", acme.page("travel")))
    work(alice)

    assert "Trains are booked" not in texts(alice)


@pytest.mark.parametrize("op", ["trash", "delete"])
def test_what_lies_below_a_deleted_page_goes_with_it_and_comes_back(
    alice: Person, acme: NotionWorkspace, op: str
) -> None:
    visas = acme.edit(op="add_page", parent=acme.page("travel"), page={"title": "Visas", "blocks": [{"p": "A form."}]})
    put_on_plan(alice, "plus")
    connection = connect(alice, acme)
    with tenancy.within(alice.workspace):
        sync(alice)
    acme.edit(op=op, id=acme.page("travel"))
    post(event(connection, "page.deleted", acme.page("travel")))
    work(alice)
    assert "A form." not in texts(alice)
    if op == "delete":
        return
    with tenancy.within(alice.workspace):
        assert Page.objects.get(notion_id=visas["id"]).gone_at is not None
        assert not coverage.coverage(membership=alice.membership, now=timezone.now())["complete"]

    acme.edit(op="restore", id=acme.page("travel"))
    post(event(connection, "page.undeleted", acme.page("travel")))
    work(alice)

    assert "A form." in texts(alice)
    with tenancy.within(alice.workspace):
        assert coverage.coverage(membership=alice.membership, now=timezone.now())["complete"]


@pytest.mark.parametrize("kind", ["database", "data_source"])
def test_rows_of_a_deleted_database_go_with_it_and_come_back(
    alice: Person, acme: NotionWorkspace, connected: Connection, kind: str
) -> None:
    database = acme.ids["databases"]["tasks"]
    named = database if kind == "database" else acme.source("tasks_main")
    for op, known in (("trash", False), ("restore", True)):
        acme.edit(op=op, id=database)
        post(event(connected, f"{kind}.{'un' if known else ''}deleted", named))
        work(alice)

        assert ("Status: Doing" in texts(alice)) is known


@pytest.mark.parametrize("block", ["toggle", "columns"])
def test_a_database_inside_a_column_or_toggle_goes_with_the_page_above(
    alice: Person, emulator: EmulatorProcess, chroma: str, block: str
) -> None:
    rooms = {"key": "all", "properties": {"Room": "title"}, "rows": [{"Room": "Kitchen"}]}
    inside = [{"child_database": {"key": "rooms", "title": "Rooms", "sources": [rooms]}}]
    held = {"toggle": {"text": "More", "blocks": inside}} if block == "toggle" else {"columns": [inside, [{"p": "."}]]}
    office = {"key": "office", "title": "Office", "blocks": [held]}
    pages = [{"key": f"p{n}", "title": f"Page {n}", "blocks": [{"p": f"Fact {n}."}]} for n in range(4)]
    notion = seeded(emulator, {"pages": [office, *pages]}, ["office", *(f"p{n}" for n in range(4))])
    put_on_plan(alice, "plus")
    connection = connect(alice, notion)
    with tenancy.within(alice.workspace):
        sync(alice)
        asked = len(notion.requests())
        sync(alice)
        again = [each["path"] for each in notion.requests()[asked:]]
    assert "Kitchen" in texts(alice)
    assert not [path for path in again if path.startswith("/v1/blocks/") and not path.endswith("/children")]

    notion.edit(op="trash", id=notion.page("office"))
    post(event(connection, "page.deleted", notion.page("office")))
    work(alice)

    assert "Kitchen" not in texts(alice)


def test_an_event_is_stored_once_however_often_it_comes(acme: NotionWorkspace, connected: Connection) -> None:
    body = event(connected, "page.content_updated", acme.page("travel"))

    assert [post(body) for _ in range(3)] == [200] * 3
    assert NotionEvent.objects.count() == 1


@pytest.mark.parametrize("signature", ["", "sha256=", "sha256=zz", signed(b"other"), signed(b"{}", "secret_other")])
def test_what_is_not_signed_by_notion_is_refused(signature: str) -> None:
    assert post(b"{}", signature) == 401


def test_a_body_that_was_formatted_anew_is_refused(acme: NotionWorkspace, connected: Connection) -> None:
    body = event(connected, "page.created", acme.page("travel"))

    assert post(json.dumps(json.loads(body), indent=1).encode(), signed(body)) == 401


@pytest.mark.parametrize(
    "body",
    [b"no json", b"[]", b"{}", b"\xff", b'{"id": 5}', b'{"id": "x", "type": "y", "timestamp": "yesterday"}'],
)
def test_a_signed_body_that_is_no_event_is_refused(body: bytes) -> None:
    assert post(body) == 400


@pytest.mark.parametrize(
    "absurd",
    [
        "0001-01-01T00:00:00+14:00",
        "0001-01-01T00:00:00+23:59",
        "9999-12-31T23:59:59-14:00",
        "1970-01-01T00:00:00Z",
    ],
)
def test_an_event_of_an_absurd_time_is_refused(acme: NotionWorkspace, connected: Connection, absurd: str) -> None:
    assert post(event(connected, "page.created", acme.page("travel"), timestamp=absurd)) == 400
    assert not NotionEvent.objects.exists()


def test_a_bad_event_does_not_hold_up_the_others(
    alice: Person, acme: NotionWorkspace, connected: Connection, now: datetime
) -> None:
    ago = now - timedelta(minutes=1)
    for key in ("no facts", "before the year 1"):
        NotionEvent.objects.create(id=key, type="page.created", happened_at=ago, received_at=ago, about={})
    with db.cursor() as cursor:
        cursor.execute(
            f"UPDATE {NotionEvent._meta.db_table} SET happened_at = '0001-12-31 10:00:00+00 BC' WHERE id = %s",
            ["before the year 1"],
        )
    acme.edit(op="append", parent=acme.page("travel"), blocks=[{"p": "Planes need a reason."}])
    post(event(connected, "page.content_updated", acme.page("travel")))

    work(alice)

    assert "Planes need a reason." in texts(alice)


def test_a_large_body_is_refused() -> None:
    assert post(b" " * 300_000) == 413


def test_a_token_is_accepted_once_and_only_while_it_is_awaited(monkeypatch: pytest.MonkeyPatch, now: datetime) -> None:
    monkeypatch.setattr(settings, "NOTION_WEBHOOK_TOKEN", "")
    first, second = (json.dumps({"verification_token": f"secret_{n}_of_notion"}).encode() for n in (1, 2))

    assert post(first, signed(first, "secret_1_of_notion")) == 403
    hook.open_window(now=now)
    assert post(first, signed(first, "secret_other")) == 401
    assert post(first, signed(first, "secret_1_of_notion")) == 200
    assert post(second, signed(second, "secret_2_of_notion")) == 403
    assert hook.token() == "secret_1_of_notion"
    assert "secret_1" not in NotionHook.objects.get().sealed_token
    with pytest.raises(hook.TokenHeld):
        hook.open_window(now=now)
    hook.open_window(now=now, replaces=True)
    assert post(second, signed(second, "secret_2_of_notion")) == 200
    assert hook.token() == "secret_2_of_notion"


def test_a_window_closes_by_itself(monkeypatch: pytest.MonkeyPatch, now: datetime) -> None:
    monkeypatch.setattr(settings, "NOTION_WEBHOOK_TOKEN", "")
    hook.open_window(now=now - hook.WINDOW - timedelta(seconds=1))
    body = b'{"verification_token": "secret_late_one"}'

    assert post(body, signed(body, "secret_late_one")) == 403


@pytest.mark.parametrize("tier", ["pro", "plus"])
def test_only_plans_with_near_live_sync_are_told(
    alice: Person, acme: NotionWorkspace, connected: Connection, tier: str
) -> None:
    put_on_plan(alice, tier)

    post(event(connected, "page.content_updated", acme.page("travel")))
    events.take(now=timezone.now())

    assert NotionNotice.objects.filter(connection=connected).exists() == (tier == "plus")


def test_a_bot_that_is_not_ours_reaches_nobody(acme: NotionWorkspace, connected: Connection) -> None:
    others = [{"id": str(uuid4()), "type": "bot"}]

    post(event(connected, "page.content_updated", acme.page("travel"), accessible_by=others))
    events.take(now=timezone.now())

    assert not NotionNotice.objects.filter(connection=connected).exists()


def test_without_bots_everybody_connected_to_that_workspace_looks(
    charlie: Person, acme: NotionWorkspace, connected: Connection
) -> None:
    put_on_plan(charlie, "plus")
    connect(charlie, acme)
    body = json.loads(event(connected, "page.content_updated", acme.page("travel")))
    del body["accessible_by"]

    post(json.dumps(body).encode())
    events.take(now=timezone.now())

    assert NotionNotice.objects.filter(connection__notion_workspace_id=connected.notion_workspace_id).count() == 2


def test_our_own_write_costs_no_embedding_and_is_no_news(
    alice: Person, acme: NotionWorkspace, connected: Connection
) -> None:
    ours = [{"id": connected.bot_id, "type": "bot"}]
    with tenancy.within(alice.workspace):
        before = list(Page.objects.order_by("id").values_list("content_hash", flat=True))

    post(event(connected, "page.content_updated", acme.page("travel"), authors=ours))
    work(alice)

    with tenancy.within(alice.workspace):
        assert list(Page.objects.order_by("id").values_list("content_hash", flat=True)) == before
    connected.refresh_from_db()
    assert connected.last_event_at is None


def test_a_burst_becomes_one_job_and_one_reading_of_each_page(
    alice: Person, acme: NotionWorkspace, connected: Connection
) -> None:
    acme.edit(op="append", parent=acme.page("travel"), blocks=[{"p": "One."}])
    for _ in range(20):
        post(event(connected, "page.content_updated", acme.page("travel")))
    before = len(acme.requests())

    work(alice)

    asked = [each["path"] for each in acme.requests()[before:]]
    assert len(asked) == 2, asked


@pytest.mark.parametrize("seed", range(4))
def test_shuffled_doubled_and_dropped_events_end_in_notions_state(
    alice: Person, acme: NotionWorkspace, connected: Connection, seed: int
) -> None:
    chance = random.Random(seed)
    bodies = []
    for n in range(8):
        key = chance.choice(["travel", "security", "handbook"])
        if chance.random() < 0.3 and key != "handbook":
            op = chance.choice(["trash", "restore"])
            acme.edit(op=op, id=acme.page(key))
            bodies.append(event(connected, "page.deleted" if op == "trash" else "page.undeleted", acme.page(key)))
        else:
            acme.edit(op="restore", id=acme.page(key))
            acme.edit(op="append", parent=acme.page(key), blocks=[{"p": f"Sentence {n} of {seed}."}])
            bodies.append(event(connected, "page.content_updated", acme.page(key)))
    sent = [each for each in bodies for _ in range(chance.choice([0, 1, 1, 2]))]
    chance.shuffle(sent)

    for body in sent:
        assert post(body) == 200
        if chance.random() < 0.4:
            work(alice)
    work(alice)

    with tenancy.within(alice.workspace):
        sync(alice)
        reconciled = sorted(Page.objects.searchable().values_list("title", "state", "content_hash"))
        Page.objects.update(content_hash="")
        sync(alice, is_full=True)
        assert sorted(Page.objects.searchable().values_list("title", "state", "content_hash")) == reconciled


def test_what_no_event_told_of_is_found_by_the_next_sync(
    alice: Person, acme: NotionWorkspace, connected: Connection
) -> None:
    acme.edit(op="append", parent=acme.page("travel"), blocks=[{"p": "Nobody was told."}])

    work(alice)
    assert "Nobody was told." not in texts(alice)
    with tenancy.within(alice.workspace):
        sync(alice)

    assert "Nobody was told." in texts(alice)


def test_old_events_are_forgotten(connected: Connection, acme: NotionWorkspace, now: datetime) -> None:
    post(event(connected, "page.created", acme.page("travel")))

    events.forget_old(now=now + events.KEPT - timedelta(minutes=1))
    assert NotionEvent.objects.count() == 1
    events.forget_old(now=now + events.KEPT + timedelta(minutes=1))
    assert NotionEvent.objects.count() == 0


def test_a_reading_that_began_earlier_does_not_undo_a_later_one(
    alice: Person, acme: NotionWorkspace, connected: Connection
) -> None:
    with tenancy.within(alice.workspace):
        Page.objects.filter(title="Travel").update(checked_at=timezone.now() + timedelta(hours=1), title="Travel later")
        sync(alice, is_full=True)

        assert Page.objects.filter(notion_id=acme.page("travel"), checked_at__gt=timezone.now()).exists()


MANY = {
    "key": "many",
    "title": "Many",
    "blocks": [{"p": "Everything lies below."}],
    "pages": [{"key": f"p{n}", "title": f"Page {n}", "blocks": [{"p": f"Fact {n} is known."}]} for n in range(20)],
}


@pytest.mark.parametrize("op", ["trash", "unshare"])
def test_many_deletions_at_once_are_left_to_a_sync_that_asks(
    alice: Person, emulator: EmulatorProcess, chroma: str, op: str
) -> None:
    notion = seeded(emulator, {"pages": [MANY]}, ["many"])
    put_on_plan(alice, "plus")
    connection = connect(alice, notion)
    with tenancy.within(alice.workspace):
        sync(alice)
    for n in range(12):
        notion.edit(op=op, id=notion.page(f"p{n}"), token=notion.token)
        post(event(connection, "page.deleted", notion.page(f"p{n}")))

    work(alice)

    with tenancy.within(alice.workspace):
        # Five are no more than a person deletes; the others wait.
        assert Page.objects.searchable().filter(title__startswith="Page ").count() == 15
        queued = SyncRun.objects.get(connection_id=connection.pk, status="queued")
        performing.perform(sync_run_id=str(queued.pk))
        asking = SyncRun.objects.get(pk=queued.pk)
        assert (asking.status, asking.vanished) == ("partial", 7)
        assert "seem gone" in asking.reason
    post(event(connection, "page.deleted", notion.page("p11")))
    work(alice)
    with tenancy.within(alice.workspace):
        assert Page.objects.filter(title__startswith="Page ").exclude(state__in=Page.GONE).count() == 15
        services.confirm_loss(membership=alice.membership, connection_id=connection.pk, sync_run_id=str(asking.pk))
        performing.perform(sync_run_id=str(SyncRun.objects.get(status="queued").pk))
        assert Page.objects.searchable().filter(title__startswith="Page ").count() == 8


def test_the_lag_of_an_edit_and_of_a_deletion_is_told(
    alice: Person, acme: NotionWorkspace, connected: Connection
) -> None:
    assert covered(alice)["lag_ms"] is None
    ago = (timezone.now() - timedelta(seconds=40)).isoformat()
    acme.edit(op="append", parent=acme.page("travel"), blocks=[{"p": "Planes need a reason."}])
    with tenancy.within(alice.workspace):
        # A row: with a page inside another one Notion edits that too, seen where the minute is a new one.
        row = Page.objects.get(title="Choose a printer").notion_id
    acme.edit(op="trash", id=row)

    post(event(connected, "page.content_updated", acme.page("travel"), timestamp=ago))
    post(event(connected, "page.deleted", row, timestamp=ago))
    work(alice)

    told = covered(alice)
    assert told["kept_fresh"] == "live"
    assert told["last_event_at"] is not None
    assert told["lag_ms"]["changes"] == 2
    assert 40_000 <= told["lag_ms"]["p50"] <= told["lag_ms"]["p95"] < 120_000
    page = alice.web.get("/app/sources").content.decode()
    assert "Near live" in page
    assert "edits searchable after" in page


def test_the_page_above_a_deleted_one_counts_from_the_event_of_its_minute(
    alice: Person, acme: NotionWorkspace, connected: Connection
) -> None:
    with tenancy.within(alice.workspace):
        Page.objects.update(edited_at=timezone.now() - timedelta(hours=1))
    acme.edit(op="trash", id=acme.page("security"))
    above = next(row for row in objects(acme) if row["id"] == acme.page("handbook"))
    at = datetime.fromisoformat(above["last_edited_time"]) + timedelta(milliseconds=1)

    post(event(connected, "page.deleted", acme.page("security"), timestamp=at.isoformat()))
    work(alice)

    with tenancy.within(alice.workspace):
        assert list(Change.objects.values_list("happened_at", flat=True)) == [at, at]


def objects(acme: NotionWorkspace) -> list[dict[str, Any]]:
    return [one for each in acme.emulator.control("state")["workspaces"] for one in each["objects"].values()]


def test_what_notion_does_not_tell_of_is_not_called_live(connected: Connection, alice: Person) -> None:
    ways = {}
    for kind, status, heard_at in (
        ("token", "active", None),
        ("token", "active", timezone.now()),
        ("oauth", "active", None),
        ("oauth", "reauthorize", timezone.now()),
    ):
        Connection.objects.filter(pk=connected.pk).update(kind=kind, status=status, last_event_at=heard_at)
        ways[kind, status, heard_at is not None] = covered(alice)["kept_fresh"]
    assert "Near live" not in alice.web.get("/app/sources").content.decode()

    assert list(ways.values()) == ["scheduled", "live", "live", "stale"]


def test_first_readings_and_readings_without_a_change_have_no_lag(
    alice: Person, acme: NotionWorkspace, connected: Connection
) -> None:
    post(event(connected, "page.content_updated", acme.page("travel")))
    work(alice)
    with tenancy.within(alice.workspace):
        sync(alice, is_full=True)

        assert not Change.objects.exists()


def test_the_lag_of_what_a_sync_finds_counts_from_the_pages_own_minute(
    alice: Person, acme: NotionWorkspace, connected: Connection
) -> None:
    with tenancy.within(alice.workspace):
        Page.objects.update(edited_at=timezone.now() - timedelta(hours=1))
        acme.edit(op="append", parent=acme.page("travel"), blocks=[{"p": "Planes need a reason."}])
        sync(alice)

        change = Change.objects.get()
        assert change.happened_at == Page.objects.get(notion_id=acme.page("travel")).edited_at

    put_on_plan(alice, "pro")
    assert covered(alice)["kept_fresh"] == "scheduled"
    assert "On schedule" in alice.web.get("/app/sources").content.decode()


def test_the_lag_is_forgotten_after_a_week_and_with_the_connection(
    alice: Person, acme: NotionWorkspace, connected: Connection, now: datetime
) -> None:
    with tenancy.within(alice.workspace):
        lag.note(connected, now - lag.KEPT - timedelta(minutes=2), now=now - lag.KEPT - timedelta(minutes=1))
        lag.note(connected, now - timedelta(minutes=1), now=now)
        assert Change.objects.count() == 1

        ending.disconnect(membership=alice.membership)
        assert not Change.objects.exists()


@pytest.mark.parametrize("end", [services.stop, services.resume])
def test_what_notion_tells_of_during_a_pause_is_read_after_it(
    alice: Person, acme: NotionWorkspace, connected: Connection, end: Any, now: datetime
) -> None:
    with tenancy.within(alice.workspace):
        run = services.start(membership=alice.membership)
        services.pause(membership=alice.membership, sync_run_id=run.pk, now=now)
    acme.edit(op="append", parent=acme.page("travel"), blocks=[{"p": "Planes need a reason."}])
    acme.edit(op="trash", id=acme.page("security"))
    post(event(connected, "page.content_updated", acme.page("travel")))
    post(event(connected, "page.deleted", acme.page("security")))
    for _ in range(2):
        work(alice)
        NotionNotice.objects.update(noticed_at=timezone.now() - timedelta(minutes=1))
    assert "Planes" not in texts(alice)

    with tenancy.within(alice.workspace):
        end(membership=alice.membership, sync_run_id=run.pk, now=now)
    work(alice)

    assert "Planes need a reason." in texts(alice)
    assert "Laptops" not in texts(alice)
