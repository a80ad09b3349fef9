"""`manage.py connections`: what whoever runs Docent sees of Notion's side."""

from datetime import timedelta
from io import StringIO

from django.core.management import call_command
from django.utils import timezone

from accounts import tenancy
from accounts.models import Connection, Job
from agent.models import SyncRun
from agent.sync import services
from agent.sync.jobs import sync
from billing.models import Subscription
from config import valkey
from integrations.notion.budget import COUNTERS
from tests.outside import NotionWorkspace, connect
from tests.people import Person, put_on_plan

HOUR = timedelta(hours=1)


def said(*options: str) -> str:
    out = StringIO()
    call_command("connections", *options, stdout=out)
    return out.getvalue()


def line(connection: Connection, *options: str) -> str:
    return next((each for each in said(*options).splitlines() if str(connection.pk) in each), "")


def test_a_connection_that_is_well_is_shown_when_asked_for(alice: Person, acme: NotionWorkspace) -> None:
    connection = connect(alice, acme)

    assert line(connection) == ""
    assert "well; never synced; last none; idle" in line(connection, "--all")


def test_lost_access_and_failed_syncs_are_shown(alice: Person, acme: NotionWorkspace) -> None:
    connection = connect(alice, acme)
    with tenancy.within(alice.workspace):
        run = services.start(membership=alice.membership)
        services.break_off(run.pk, SyncRun.Status.FAILED, now=timezone.now(), reason="secret of the customer")
    Connection.objects.filter(pk=connection.pk).update(status=Connection.Status.REAUTHORIZE)

    assert "no access, failed; never synced; last failed; idle" in line(connection)
    assert "secret" not in said("--all")


def test_a_schedule_that_is_not_kept_is_shown(alice: Person, acme: NotionWorkspace) -> None:
    put_on_plan(alice, "plus")
    connection = connect(alice, acme)
    synced = Connection.objects.filter(pk=connection.pk)

    synced.update(last_synced_at=timezone.now() - HOUR)
    assert line(connection) == ""
    synced.update(last_synced_at=timezone.now() - 2 * HOUR)
    assert "late; synced 2:00:0" in line(connection)


def test_who_is_not_served_is_no_trouble(alice: Person, acme: NotionWorkspace) -> None:
    put_on_plan(alice, "plus")
    connection = connect(alice, acme)
    Connection.objects.filter(pk=connection.pk).update(status=Connection.Status.REAUTHORIZE)
    before = line(connection)
    Subscription.objects.filter(workspace=alice.workspace).update(status="canceled", ended_at=timezone.now() - HOUR)

    assert ("no access" in before, line(connection)) == (True, "")
    assert "not read with this plan; never synced" in line(connection, "--all")


def test_what_a_smaller_plan_leaves_out_is_not_late(alice: Person, acme: NotionWorkspace) -> None:
    put_on_plan(alice, "pro")
    connect(alice, acme)
    second = Connection.objects.create(
        workspace=alice.workspace,
        owner=alice.user,
        kind="token",
        bot_id="other",
        notion_workspace_id="other",
        status=Connection.Status.ACTIVE,
        last_synced_at=timezone.now() - 48 * HOUR,
    )
    before = line(second)

    put_on_plan(alice, "plus")

    assert (before, "late" in line(second)) == ("", True)


def test_what_waits_and_what_was_refused_is_counted(alice: Person, acme: NotionWorkspace) -> None:
    Job.objects.filter(queue=sync.queue_name).delete()
    connect(alice, acme)
    with tenancy.within(alice.workspace):
        services.start(membership=alice.membership)
    Job.objects.filter(workspace=alice.workspace).update(due_at=timezone.now() - HOUR)
    valkey.client().delete(COUNTERS)
    valkey.client().hset(COUNTERS, mapping={"requests": 200, "limited": 1})

    first = said().splitlines()[0]

    assert first.startswith("1 waiting for a sync worker, the oldest for 1:00:0")
    assert first.endswith("200 requests to Notion, 1 refused with 429")
