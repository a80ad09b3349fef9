"""What a plan lets be read: one Notion workspace or several, and nothing once it has ended."""

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from urllib.parse import parse_qs, urlsplit

import pytest
from django.db import connections
from django.utils import timezone

from accounts import connections as authorizations
from accounts import tenancy
from accounts.models import Connection, Job, OAuthState
from agent.models import Page, Source, SyncRun
from agent.sync import coverage, finding, performing, services
from agent.sync.jobs import sync as sync_job
from billing import consequences, reading
from billing.models import Subscription
from billing.permissions import PlanRequired
from billing.plans import PLANS, Tier
from devkit.notion.process import EmulatorProcess
from tests.agent.sync.working import keep_a_page, sync, syncing
from tests.outside import HANDBOOK, NotionWorkspace, connect, seeded
from tests.people import Person, put_on_plan


@pytest.fixture
def other(emulator: EmulatorProcess, chroma: str) -> NotionWorkspace:
    """A second Notion workspace."""
    return seeded(emulator, {"pages": [HANDBOOK]}, ["handbook"])


def end_trial(person: Person) -> None:
    Subscription.objects.filter(workspace=person.workspace).update(
        started_at=timezone.now() - timedelta(days=8), trial_ends_at=timezone.now() - timedelta(seconds=1)
    )


def downgraded(person: Person, first: NotionWorkspace, second: NotionWorkspace) -> tuple[Connection, Connection]:
    """Two Notion workspaces, both read on Plus; now it is Pro."""
    put_on_plan(person, "plus")
    made = connect(person, first), connect(person, second)
    Connection.objects.filter(pk=made[1].pk).update(connected_at=made[0].connected_at + timedelta(hours=1))
    with tenancy.within(person.workspace):
        for each in made:
            run = services.start(membership=person.membership, connection_id=each.id)
            performing.perform(sync_run_id=str(run.id))
    put_on_plan(person, "pro")
    return made


@pytest.mark.parametrize("tier", ["plus", "teams"])
def test_a_larger_plan_has_several_notion_workspaces(
    alice: Person, acme: NotionWorkspace, other: NotionWorkspace, tier: str
) -> None:
    put_on_plan(alice, tier)

    connect(alice, acme)
    connect(alice, other)

    assert reading.notion_workspaces(alice.workspace.pk) == 2


def test_sync_now_starts_each_notion_workspace_or_the_one_that_is_named(
    alice: Person, charlie: Person, acme: NotionWorkspace, other: NotionWorkspace
) -> None:
    put_on_plan(alice, "plus")
    first, second = connect(alice, acme), connect(alice, other)

    named = alice.api.post("/agent/sync", {"connection_id": str(second.pk)}, format="json")
    with tenancy.within(alice.workspace):
        of_the_named = SyncRun.objects.get()
    every = alice.api.post("/agent/sync")
    shown = alice.web.post("/app/sync")
    with tenancy.within(alice.workspace):
        runs = {run.connection_id: str(run.pk) for run in SyncRun.objects.all()}
    stranger = charlie.api.post("/agent/sync", {"connection_id": str(second.pk)}, format="json")

    assert (named.status_code, of_the_named.connection_id) == (202, second.pk)
    assert runs.keys() == {first.pk, second.pk}
    assert (every.status_code, every.json()["id"]) == (202, runs[first.pk])
    assert (shown.status_code, shown.url) == (302, "/app/sources")
    assert stranger.status_code == 404


def test_a_full_sync_of_several_confirms_no_loss_and_of_the_named_one_does(
    alice: Person, acme: NotionWorkspace, other: NotionWorkspace
) -> None:
    put_on_plan(alice, "plus")
    first, second = connect(alice, acme), connect(alice, other)

    with tenancy.within(alice.workspace):
        for connection in (first, second):
            SyncRun.objects.create(connection_id=connection.pk, status="partial", vanished=1, vanished_of=1)
            keep_a_page(connection)
        several = services.start_each(membership=alice.membership, is_full=True)
        named = services.start(membership=alice.membership, is_full=True, connection_id=second.pk)

    assert [run.is_loss_confirmed for run in several] == [False, False]
    assert (named.connection_id, named.is_loss_confirmed) == (second.pk, True)


def test_sources_stand_under_their_notion_workspace_and_the_older_sync_is_told(
    alice: Person, acme: NotionWorkspace, other: NotionWorkspace
) -> None:
    put_on_plan(alice, "plus")
    made = connect(alice, acme), connect(alice, other)
    for days, name, each in zip((3, 1), ("Acme", "Other"), made, strict=True):
        with tenancy.within(alice.workspace):
            Source.objects.create(connection_id=each.pk, notion_id=name, kind="page", title=f"Of {name}")
        Connection.objects.filter(pk=each.pk).update(
            notion_workspace_name=name, last_synced_at=timezone.now() - timedelta(days=days)
        )

    page = alice.web.get("/app/sources")

    groups = [(group["name"], [row["title"] for row in group["sources"]]) for group in page.context["groups"]]
    assert groups == [("Acme", ["Of Acme"]), ("Other", ["Of Other"])]
    assert "<h2><bdi>Acme</bdi></h2>" in page.content.decode()
    assert (timezone.now() - page.context["coverage"]["last_synced_at"]).days == 3


@pytest.mark.parametrize("tier", ["trial", "pro"])
def test_a_smaller_plan_has_one(alice: Person, acme: NotionWorkspace, other: NotionWorkspace, tier: str) -> None:
    if tier == "pro":
        put_on_plan(alice, tier)
    connect(alice, acme)

    answer = alice.api.post("/user/notion-integration", {"token": other.token}, format="json")

    assert answer.status_code == 403
    assert answer.json()["type"] == "/problems/plan-required"
    assert answer.json()["plan"] == "plus"
    assert Connection.objects.filter(workspace=alice.workspace).count() == 1


def test_the_wizard_refuses_a_second_one_and_says_why(
    alice: Person, acme: NotionWorkspace, other: NotionWorkspace
) -> None:
    connect(alice, acme)

    page = alice.web.post("/app/connect", {"token": other.token})

    assert page.status_code == 422
    assert "comes with the Plus plan" in page.content.decode()


def test_connecting_the_same_notion_workspace_again_is_fine(alice: Person, acme: NotionWorkspace) -> None:
    connection = connect(alice, acme)
    Connection.objects.filter(pk=connection.pk).update(status=Connection.Status.REAUTHORIZE)

    again = connect(alice, acme)

    assert (again.pk, again.status) == (connection.pk, Connection.Status.ACTIVE)


def test_after_disconnecting_another_may_be_connected(
    alice: Person, acme: NotionWorkspace, other: NotionWorkspace
) -> None:
    authorizations.end(connect(alice, acme))

    assert connect(alice, other).status == Connection.Status.ACTIVE
    with pytest.raises(PlanRequired):
        connect(alice, acme)


def test_of_eight_tabs_that_connect_four_notion_workspaces_one_comes_through(
    alice: Person, emulator: EmulatorProcess, chroma: str
) -> None:
    workspaces = [seeded(emulator, {"pages": [HANDBOOK]}, ["handbook"]) for _ in range(4)] * 2

    def try_it(notion: NotionWorkspace) -> str:
        try:
            connect(alice, notion)
        except PlanRequired as refusal:
            return refusal.code
        finally:
            connections.close_all()
        return "done"

    with ThreadPoolExecutor(8) as tabs:
        ended = Counter(tabs.map(try_it, workspaces))

    # Both tabs of the one that came first.
    assert ended == {"done": 2, "plan-required": 6}
    assert reading.notion_workspaces(alice.workspace.pk) == 1


def test_after_a_downgrade_the_oldest_is_synced_and_the_other_stays_searchable(
    alice: Person, acme: NotionWorkspace, other: NotionWorkspace
) -> None:
    first, second = downgraded(alice, acme, other)

    with tenancy.within(alice.workspace):
        with pytest.raises(PlanRequired, match="stays searchable"):
            services.start(membership=alice.membership, connection_id=second.id)
        run = sync(alice)
        kept = Page.objects.searchable().filter(connection_id=second.id).count()
        known = coverage.coverage(membership=alice.membership, now=timezone.now())["connections"]

    assert (run.connection_id, run.status) == (first.id, "complete")
    assert kept == 3
    assert {row["id"]: row["synced"] for row in known} == {first.id: True, second.id: False}
    assert "No longer synced" in alice.web.get("/app/sources").content.decode()


def test_renewing_the_oldest_does_not_make_it_the_younger(
    alice: Person, acme: NotionWorkspace, other: NotionWorkspace
) -> None:
    _, second = downgraded(alice, acme, other)

    a_day_on = timezone.now() + timedelta(days=1)
    reading.connect_with_token(membership=alice.membership, token=acme.token, is_shared=False, now=a_day_on)

    assert reading.uncovered(alice.workspace.pk, now=timezone.now()) == {second.pk}


def test_a_queued_sync_of_what_the_plan_no_longer_covers_reads_nothing(
    alice: Person, acme: NotionWorkspace, other: NotionWorkspace
) -> None:
    _, second = downgraded(alice, acme, other)
    before = len(other.requests())

    with tenancy.within(alice.workspace):
        queued = services.start_connection(second, requested_by=None)
        performing.perform(sync_run_id=str(queued.id))
        run = SyncRun.objects.get(pk=queued.pk)

    assert run.status == "cancelled"
    assert run.reason.startswith("Pro syncs one Notion workspace")
    assert len(other.requests()) == before


def test_what_a_downgrade_says_of_notion_workspaces_comes_true(
    alice: Person, acme: NotionWorkspace, other: NotionWorkspace
) -> None:
    put_on_plan(alice, "plus")
    connect(alice, acme)
    connect(alice, other)

    said = consequences.consequences(alice.workspace, PLANS[Tier.PRO], now=timezone.now())

    assert any(line.startswith("2 Notion workspaces are connected and Pro syncs one") for line in said)


def test_a_sync_queued_before_the_trial_ended_reads_nothing_after(alice: Person, acme: NotionWorkspace) -> None:
    connection = connect(alice, acme)
    before = len(acme.requests())
    with tenancy.within(alice.workspace):
        queued = services.start(membership=alice.membership)
    end_trial(alice)

    with tenancy.within(alice.workspace):
        performing.perform(sync_run_id=str(queued.id))
        finding.find_sources(connection_id=str(connection.id))
        run = SyncRun.objects.get(pk=queued.pk)

    assert run.status == "cancelled"
    assert run.reason.startswith("The trial has ended. Choose a plan to go on")
    assert len(acme.requests()) == before


def test_a_sync_in_the_middle_of_which_the_trial_ends_stops_reading(alice: Person, acme: NotionWorkspace) -> None:
    connect(alice, acme)

    with tenancy.within(alice.workspace):
        with syncing(alice, acme), tenancy.shared():
            end_trial(alice)
        run = SyncRun.objects.get()

    assert run.status == "cancelled"
    assert run.reason.startswith("The trial has ended")


def test_read_only_stops_syncs_and_says_that_the_payment_failed(alice: Person, acme: NotionWorkspace) -> None:
    put_on_plan(alice, "pro")
    connect(alice, acme)
    with tenancy.within(alice.workspace):
        queued = services.start(membership=alice.membership)
    Subscription.objects.filter(workspace=alice.workspace).update(
        status="past_due", past_due_since=timezone.now() - timedelta(days=8)
    )

    with tenancy.within(alice.workspace):
        performing.perform(sync_run_id=str(queued.id))
        run = SyncRun.objects.get(pk=queued.pk)
    page = alice.web.get("/app/sources")

    assert (run.status, page.status_code) == ("cancelled", 200)
    assert run.reason.startswith("The last payment failed")


def test_no_next_try_is_queued_when_the_trial_has_ended(alice: Person, acme: NotionWorkspace) -> None:
    connection = connect(alice, acme)
    end_trial(alice)

    with tenancy.within(alice.workspace):
        performing.try_again(connection_id=str(connection.id), tries=1)

        assert not SyncRun.objects.exists()
    assert not Job.objects.filter(workspace=alice.workspace, name=sync_job.name).exists()


def test_a_stranger_who_has_the_state_of_a_consent_cannot_spoil_it(
    alice: Person, charlie: Person, acme: NotionWorkspace
) -> None:
    state = parse_qs(urlsplit(alice.web.get("/app/connect/notion").url).query)["state"][0]

    for stranger in (charlie.web, charlie.web):
        stranger.get("/app/connect/callback", {"state": state, "error": "access_denied"})
    for key in ("", "of another session"):
        with pytest.raises(authorizations.StateRefused):
            reading.complete_authorization(
                membership=alice.membership, session_key=key, state=state, code="", refusal="", now=timezone.now()
            )

    assert OAuthState.objects.filter(user=alice.user).count() == 1
    alice.web.get("/app/connect/callback", {"state": state, "error": "access_denied"})
    assert not OAuthState.objects.filter(user=alice.user).exists()
