"""What staff see of connections: a list by state in the administration, and figures for Prometheus."""

from datetime import timedelta
from io import StringIO
from typing import Any

import pytest
from django.contrib.admin import AdminSite
from django.core.exceptions import PermissionDenied
from django.core.management import call_command
from django.http import HttpRequest
from django.test import RequestFactory
from django.utils import timezone

from accounts import tenancy
from accounts.models import Connection, ConnectionHealth, User
from agent.models import Page, SyncRun
from agent.sync import lag, performing, services
from billing.admin import ConnectionAdmin
from billing.models import Subscription
from config.staff import site
from tests.agent.sync.working import REFUSAL, sync
from tests.outside import NotionWorkspace, connect
from tests.people import Person, put_on_plan

SECRET = "secret of the customer"


class Open(AdminSite):
    """The staff's site without its door, which has tests of its own."""

    def has_permission(self, request: HttpRequest) -> bool:
        return bool(request.user.is_active and request.user.is_staff)


def listed(person: Person, **query: str) -> Any:
    request = RequestFactory().get("/staff/accounts/connection/", query)
    request.user = User(email="staff@example.com", is_staff=True, is_active=True)
    return ConnectionAdmin(Connection, Open()).changelist_view(request).render()


def rows(person: Person, **query: str) -> list[Connection]:
    found = listed(person, **query).context_data["cl"].result_list
    return [each for each in found if each.workspace_id == person.workspace.pk]


def figures() -> dict[str, float]:
    out = StringIO()
    call_command("metrics", stdout=out)
    lines = [line for line in out.getvalue().splitlines() if not line.startswith("#")]
    return {name: float(value) for name, _, value in (line.rpartition(" ") for line in lines)}


def fail(person: Person, reason: str) -> None:
    with tenancy.within(person.workspace):
        run = services.start(membership=person.membership)
        services.break_off(run.pk, SyncRun.Status.FAILED, now=timezone.now(), reason=reason)


def test_a_sync_that_ends_leaves_its_figures(alice: Person, acme: NotionWorkspace) -> None:
    connection = connect(alice, acme)
    acme.fault({"429": {"retry_after": 0}}, path_regex="/children", times=2)

    with tenancy.within(alice.workspace):
        run = sync(alice)

    health = ConnectionHealth.objects.get(connection=connection)
    assert (health.outcome, health.error, health.ended_at) == ("complete", "", run.finished_at)
    assert (health.known, health.indexed, health.limited) == (6, 6, 2)
    assert health.requests == requests_of(alice)


def test_a_lag_of_months_is_a_figure_too(alice: Person, acme: NotionWorkspace) -> None:
    connection = connect(alice, acme)
    now = timezone.now()
    with tenancy.within(alice.workspace):
        lag.note(connection, now - timedelta(days=60), now=now)

        run = sync(alice)

    health = ConnectionHealth.objects.get(connection=connection)
    assert (run.status, health.lag_p95_ms) == ("complete", 60 * 24 * 3_600 * 1_000)


def test_a_page_that_is_put_back_as_it_was_long_ago_is_no_edit_that_took_months(
    alice: Person, acme: NotionWorkspace
) -> None:
    connection = connect(alice, acme)
    with tenancy.within(alice.workspace):
        sync(alice)
        sync(alice)
        page = Page.objects.get(notion_id=acme.page("travel"))
        Page.objects.filter(pk=page.pk).update(edited_at=page.edited_at + timedelta(days=60), content_hash="of later")

        sync(alice)

        assert Page.objects.get(pk=page.pk).edited_at == page.edited_at
        assert lag.of([connection.pk], now=timezone.now()) == {}


def requests_of(person: Person) -> int:
    with tenancy.within(person.workspace):
        return SyncRun.objects.get().notion_requests


def test_pages_that_failed_are_counted_and_not_named(alice: Person, acme: NotionWorkspace) -> None:
    connection = connect(alice, acme)
    acme.fault(REFUSAL, path_regex=f"/{acme.page('travel')}/children")

    with tenancy.within(alice.workspace):
        sync(alice)

    health = ConnectionHealth.objects.get(connection=connection)
    assert (health.outcome, health.error) == ("partial", "1 pages could not be read.")


def test_staff_find_connections_by_their_trouble(alice: Person, acme: NotionWorkspace) -> None:
    connection = connect(alice, acme)
    fail(alice, performing.health.UNREACHABLE)

    page = listed(alice, trouble="failed").rendered_content

    assert performing.health.UNREACHABLE in page
    assert rows(alice, trouble="failed") == rows(alice, status="active") == [connection]
    assert rows(alice, trouble="access") == []
    Connection.objects.filter(pk=connection.pk).update(status=Connection.Status.REAUTHORIZE)
    assert rows(alice, trouble="access") == [connection]


def test_staff_see_who_is_served(alice: Person, acme: NotionWorkspace) -> None:
    connect(alice, acme)
    mine = Subscription.objects.filter(workspace=alice.workspace)

    def cell() -> str:
        page: str = listed(alice, q=str(alice.workspace.pk)).rendered_content
        return page.split('field-_plan">', 1)[1].split("<", 1)[0]

    before = cell()
    mine.update(trial_ends_at=timezone.now() - timedelta(days=1))
    after = cell()
    mine.update(tier="pro", status="past_due", past_due_since=timezone.now() - timedelta(days=9))

    assert (before, after, cell()) == ("trial, trial", "trial, trial ended", "pro, read only")


def test_staff_see_no_token_no_name_and_no_content(alice: Person, acme: NotionWorkspace) -> None:
    connection = connect(alice, acme)
    Connection.objects.filter(pk=connection.pk).update(notion_workspace_name=SECRET)
    fail(alice, SECRET)
    request = RequestFactory().get("/")
    request.user = User(email="staff@example.com", is_staff=True, is_active=True)
    model_admin = ConnectionAdmin(Connection, Open())

    page = listed(alice).rendered_content
    with pytest.raises(PermissionDenied):
        model_admin.change_view(request, str(connection.pk))

    assert str(connection.pk) in page
    assert not [word for word in (SECRET, connection.sealed_access_token, alice.email) if word in page]
    assert not any((model_admin.has_add_permission(request), model_admin.has_change_permission(request)))
    assert not model_admin.has_delete_permission(request)


def test_the_list_costs_the_same_for_one_and_many(
    alice: Person, acme: NotionWorkspace, django_assert_max_num_queries: Any
) -> None:
    connect(alice, acme)
    fail(alice, "")

    with django_assert_max_num_queries(4):
        listed(alice)


def test_the_list_stands_behind_the_closed_door(alice: Person) -> None:
    User.objects.filter(pk=alice.user.pk).update(is_staff=True, is_superuser=True)

    assert site.is_registered(Connection)
    assert alice.web.get("/staff/accounts/connection/").status_code == 403


def test_metrics_tell_how_the_installation_keeps_up(alice: Person, acme: NotionWorkspace) -> None:
    before = figures()
    connection = connect(alice, acme)
    with tenancy.within(alice.workspace):
        sync(alice)
        services.start(membership=alice.membership)
    ConnectionHealth.objects.filter(connection=connection).update(lag_p50_ms=9_000, lag_p95_ms=10**9)

    after = figures()

    def grown(name: str) -> float:
        return after[name] - before.get(name, 0)

    assert (grown('docent_connections{status="active"}'), grown('docent_last_syncs{result="complete"}')) == (1, 1)
    assert (grown('docent_pages{state="known"}'), grown('docent_pages{state="indexed"}')) == (6, 6)
    assert grown('docent_jobs_waiting{queue="sync"}') >= 1
    assert grown("docent_notion_requests_total") > 0
    assert 0 < after["docent_coverage_ratio"] <= 1
    assert {'docent_edit_lag_seconds{quantile="0.95"}', 'docent_queue_age_seconds{queue="sync"}'} <= set(after)


def test_who_is_not_served_makes_no_sync_look_old(alice: Person, charlie: Person, acme: NotionWorkspace) -> None:
    Connection.objects.all().update(status=Connection.Status.DISCONNECTED)
    long_ago = timezone.now() - timedelta(days=9)
    ended, paying = connect(alice, acme), connect(charlie, acme)
    Connection.objects.filter(pk=ended.pk).update(last_synced_at=long_ago)
    Connection.objects.filter(pk=paying.pk).update(last_synced_at=timezone.now() - timedelta(minutes=10))
    # A second one, which Pro does not cover.
    Connection.objects.create(
        workspace=charlie.workspace,
        owner=charlie.user,
        kind="token",
        bot_id="other",
        notion_workspace_id="other",
        status=Connection.Status.ACTIVE,
        last_synced_at=long_ago,
        connected_at=timezone.now() + timedelta(minutes=1),
    )
    for person in (alice, charlie):
        put_on_plan(person, "pro")
    Subscription.objects.filter(workspace=alice.workspace).update(status="canceled", ended_at=long_ago)

    assert 590 < figures()["docent_oldest_sync_seconds"] < 700


def test_what_was_disconnected_leaves_nothing(alice: Person, acme: NotionWorkspace) -> None:
    connection = connect(alice, acme)
    fail(alice, "")

    alice.api.delete("/user/notion-integration")
    Connection.objects.filter(pk=connection.pk).delete()

    assert not ConnectionHealth.objects.filter(connection_id=connection.pk).exists()


@pytest.mark.parametrize("by", ["alice", "charlie"])
def test_a_workspaces_role_reads_no_health(by: str, alice: Person, charlie: Person, acme: NotionWorkspace) -> None:
    connect(alice, acme)
    fail(alice, "")
    person = alice if by == "alice" else charlie

    with tenancy.within(person.workspace), pytest.raises(Exception, match="permission denied"):
        list(ConnectionHealth.objects.all())
