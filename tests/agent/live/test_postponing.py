"""A page that cannot be read keeps none of the others, and is not forgotten."""

from datetime import timedelta

import pytest
from django.utils import timezone

from accounts import tenancy
from accounts.models import Connection, Job, NotionNotice
from agent.live import postponing
from agent.models import Page, SyncRun
from agent.sync import finding, performing, services
from tests.agent.live.telling import covered, event, post, texts, work
from tests.outside import NotionWorkspace, connect
from tests.people import Person, put_on_plan

pytestmark = pytest.mark.usefixtures("subscribed")
ROUTES = pytest.mark.parametrize("route", ["pages/{}$", "blocks/{}/children"])


def edited(acme: NotionWorkspace, connection: Connection, *keys: str) -> None:
    for key in keys:
        acme.edit(op="append", parent=acme.page(key), blocks=[{"p": f"New on {key}."}])
        post(event(connection, "page.content_updated", acme.page(key)))


def later() -> None:
    """As if the time had come to try again what was put off."""
    NotionNotice.objects.update(noticed_at=timezone.now() - timedelta(minutes=1))


@ROUTES
@pytest.mark.parametrize("trouble", ["500", "403"])
def test_one_bad_page_does_not_keep_the_others_and_is_read_later(
    alice: Person, acme: NotionWorkspace, connected: Connection, trouble: str, route: str
) -> None:
    fault = acme.fault(trouble, path_regex=route.format(acme.page("travel")))
    edited(acme, connected, "travel", "security", "handbook")

    work(alice)

    assert "New on travel" not in texts(alice)
    assert {"New on security.", "New on handbook."} <= set(texts(alice).split("\n"))
    held = NotionNotice.objects.get(connection=connected)
    assert (held.notion_id, held.noticed_at > timezone.now()) == (acme.page("travel"), True)
    told = covered(alice)
    assert (told["pages"]["older"], told["pages"]["failed"]) == (1, 1)
    assert not alice.api.get("/agent/coverage").json()["complete"]
    acme.emulator.control(f"faults?id={fault}", method="DELETE")
    later()
    work(alice)
    assert "New on travel." in texts(alice)
    assert not NotionNotice.objects.filter(connection=connected).exists()
    assert alice.api.get("/agent/coverage").json()["complete"]


def test_however_many_pages_are_bad_a_good_one_is_read_soon(
    alice: Person, acme: NotionWorkspace, connected: Connection
) -> None:
    new = {"title": "Visas", "blocks": [{"p": "A form."}]}
    bad = [acme.edit(op="add_page", parent=acme.page("travel"), page=new)["id"] for _ in range(12)]
    fault = acme.fault("500", path_regex=f"pages/({'|'.join(bad)})$")
    for key in bad:
        post(event(connected, "page.created", key))
    edited(acme, connected, "security")
    since = len(acme.requests())

    work(alice)

    assert "New on security." in texts(alice)
    assert acme.page("security") in asked_for(acme, since)[:3]
    later()
    edited(acme, connected, "handbook")
    post(event(connected, "page.content_updated", bad[0]))
    since = len(acme.requests())
    work(alice)
    assert asked_for(acme, since)[0] == acme.page("handbook")
    assert set(bad) <= set(asked_for(acme, since))
    acme.emulator.control(f"faults?id={fault}", method="DELETE")
    later()
    work(alice)
    assert not NotionNotice.objects.filter(connection=connected).exists()


def asked_for(acme: NotionWorkspace, since: int) -> list[str]:
    return [each["path"].rsplit("/", 1)[-1] for each in acme.requests()[since:] if "/pages/" in each["path"]]


def test_what_is_put_off_waits_ever_longer_and_a_further_event_tries_at_once(
    alice: Person, acme: NotionWorkspace, connected: Connection
) -> None:
    acme.fault("500", path_regex=f"pages/{acme.page('travel')}$")
    edited(acme, connected, "travel")
    pauses = []
    for minutes in (0, 4, 60):
        ago = timezone.now() - timedelta(minutes=minutes)
        NotionNotice.objects.update(happened_at=ago, noticed_at=ago)
        work(alice)
        pauses.append(NotionNotice.objects.get().noticed_at - timezone.now())

    assert [round(pause / timedelta(minutes=1), 1) for pause in pauses] == [0.2, 4.0, 15.0]
    edited(acme, connected, "travel")
    asked = len(acme.requests())
    work(alice)
    assert len(acme.requests()) > asked


def test_after_a_day_the_syncs_alone_go_on(alice: Person, acme: NotionWorkspace, connected: Connection) -> None:
    fault = acme.fault("500", path_regex=f"pages/{acme.page('travel')}$")
    edited(acme, connected, "travel")
    NotionNotice.objects.update(happened_at=timezone.now() - postponing.LAST)
    work(alice)
    NotionNotice.objects.update(happened_at=timezone.now() - postponing.LAST)

    later()
    work(alice)

    assert not NotionNotice.objects.filter(connection=connected).exists()
    assert covered(alice)["pages"]["older"] == 1
    acme.emulator.control(f"faults?id={fault}", method="DELETE")
    with tenancy.within(alice.workspace):
        run = services.start_connection(connected, requested_by=None)
        performing.perform(sync_run_id=str(run.pk))
    assert "New on travel." in texts(alice)


@pytest.mark.parametrize("trouble", ["500", "403"])
def test_a_new_page_that_cannot_be_read_is_known_to_be_missing(
    alice: Person, acme: NotionWorkspace, connected: Connection, trouble: str
) -> None:
    brought = acme.edit(
        op="add_page", parent=acme.page("travel"), page={"title": "Visas", "blocks": [{"p": "A form."}]}
    )
    acme.fault(trouble, path_regex=f"pages/{brought['id']}$")
    before = covered(alice)["pages"]["known"]

    post(event(connected, "page.created", brought["id"]))
    work(alice)

    pages = covered(alice)["pages"]
    assert (pages["known"], pages["missing"]) == (before + 1, 1)
    assert not alice.api.get("/agent/coverage").json()["complete"]


def test_when_notion_is_away_the_job_waits_and_everything_is_kept(
    alice: Person, acme: NotionWorkspace, connected: Connection
) -> None:
    with tenancy.within(alice.workspace):
        rows = list(Page.objects.exclude(title="Handbook").values_list("notion_id", flat=True))
    fault = acme.fault("503")
    for key in rows:
        post(event(connected, "page.properties_updated", key))
    work(alice)
    assert Job.objects.get(workspace=alice.workspace, name="agent.jobs.read_noticed").attempts == 1
    assert NotionNotice.objects.filter(connection=connected).count() == len(rows) == 5

    acme.emulator.control(f"faults?id={fault}", method="DELETE")
    later()
    Job.objects.update(due_at=timezone.now())
    work(alice)

    assert not NotionNotice.objects.filter(connection=connected).exists()
    assert alice.api.get("/agent/coverage").json()["complete"]


def test_before_the_first_sync_an_event_reads_nothing_and_begins_none(alice: Person, acme: NotionWorkspace) -> None:
    put_on_plan(alice, "plus")
    connection = connect(alice, acme)
    with tenancy.within(alice.workspace):
        finding.find_sources(connection_id=str(connection.pk))
    asked = len(acme.requests())

    edited(acme, connection, "travel")
    post(event(connection, "data_source.schema_updated", acme.source("tasks_main")))
    work(alice)

    assert len(acme.requests()) == asked
    assert texts(alice) == ""
    with tenancy.within(alice.workspace):
        assert not SyncRun.objects.exists()
        run = services.start(membership=alice.membership)
        performing.perform(sync_run_id=str(run.pk))
    assert "New on travel." in texts(alice)
