"""Notion no longer accepts the token: whoever notices says so at once, and nobody undoes an ending by it."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from django.utils import timezone

from accounts import connections, tenancy
from accounts.models import Connection
from agent.live import checking
from agent.models import Page
from agent.sync import finding
from integrations import notion
from tasks import mirroring
from tasks.models import Task
from tests.agent.asking import ask
from tests.agent.live.telling import event, post, work
from tests.outside import NotionWorkspace
from tests.people import Person
from tests.tasks.test_both_ways import deliver, patch

pytestmark = pytest.mark.usefixtures("subscribed")
Notice = Callable[[Person, NotionWorkspace, Connection], object]


def by_an_answer(person: Person, acme: NotionWorkspace, connection: Connection) -> None:
    with tenancy.within(person.workspace):
        Page.objects.update(checked_at=timezone.now() - timedelta(hours=1), indexed_at=timezone.now())
        Page.objects.update(indexed_at=timezone.now() - timedelta(hours=1))
    assert checking.NOT_CHECKED in ask(person, "How are trains booked?")["answer"]


def by_an_event(person: Person, acme: NotionWorkspace, connection: Connection) -> None:
    post(event(connection, "page.content_updated", acme.page("travel")))
    work(person)


def by_a_task(person: Person, acme: NotionWorkspace, connection: Connection) -> None:
    patch(person, due_on="2026-12-24")
    deliver(person)


def by_a_look(person: Person, acme: NotionWorkspace, connection: Connection) -> None:
    with tenancy.within(person.workspace), pytest.raises(notion.Unauthorized):
        mirroring.look(task_id=str(Task.objects.values_list("pk", flat=True)[0]))


def by_looking_for_sources(person: Person, acme: NotionWorkspace, connection: Connection) -> None:
    with tenancy.within(person.workspace):
        finding.find_sources(connection_id=str(connection.pk))


NOTICED = [by_an_answer, by_an_event, by_a_task, by_a_look, by_looking_for_sources]


@pytest.mark.parametrize("notice", NOTICED, ids=lambda each: each.__name__)
def test_a_dead_token_is_said_by_whoever_notices_it(
    alice: Person, acme: NotionWorkspace, connected: Connection, notice: Notice
) -> None:
    assert alice.api.get("/agent/coverage").json()["complete"]
    acme.emulator.control("tokens", {"token": acme.token, "do": "revoke"})

    notice(alice, acme, connected)

    connected.refresh_from_db()
    assert connected.status == Connection.Status.REAUTHORIZE
    assert not alice.api.get("/agent/coverage").json()["complete"]


def test_a_refusal_does_not_bring_back_what_was_ended(connected: Connection) -> None:
    connections.end(connected)

    connections.refused(connected)

    connected.refresh_from_db()
    assert connected.status == Connection.Status.DISCONNECTED


def test_a_refusal_of_the_former_token_is_none_of_the_new_one(connected: Connection) -> None:
    Connection.objects.filter(pk=connected.pk).update(sealed_access_token="new")

    connections.refused(connected)

    connected.refresh_from_db()
    assert connected.status == Connection.Status.ACTIVE
