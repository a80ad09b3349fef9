"""Who leaves a team takes along what was theirs alone."""

from datetime import datetime

from accounts import tenancy
from accounts.models import Connection, Job
from agent.models import Page, Source
from agent.sync.jobs import erase_connection
from billing.team import members
from tests.people import Person
from tests.threads import elsewhere


def connected(person: Person, *, is_shared: bool) -> Connection:
    connection = Connection.objects.create(
        workspace=person.workspace, owner=person.user, kind="token", bot_id=str(is_shared), is_shared=is_shared
    )
    with tenancy.within(person.workspace):
        source = Source.objects.create(connection_id=connection.pk, kind="page", notion_id="n", title="Plan")
        Page.objects.create(connection_id=connection.pk, source=source, notion_id="n", title="Plan", state="indexed")
    return connection


def pages_of(person: Person, connection: Connection) -> int:
    with tenancy.within(person.workspace):
        return Page.objects.filter(connection_id=connection.pk).count()


def test_a_connection_of_ones_own_is_ended_and_erased(
    team_owner: Person, bob: Person, now: datetime, chroma: str
) -> None:
    own, shared = connected(bob, is_shared=False), connected(bob, is_shared=True)

    members.remove(by=team_owner.membership, user_id=bob.user.pk, now=now)
    own.refresh_from_db()
    assert own.status == Connection.Status.DISCONNECTED
    job = Job.objects.get(workspace=bob.workspace, name=erase_connection.name)
    elsewhere(lambda: erase_connection(str(job.pk)))

    assert (pages_of(bob, own), pages_of(bob, shared)) == (0, 1)
    assert not Connection.objects.filter(pk=own.pk).exists()
    assert Connection.objects.get(pk=shared.pk).status == Connection.Status.ACTIVE


def test_others_keep_their_connections(team_owner: Person, bob: Person, now: datetime) -> None:
    kept = connected(team_owner, is_shared=False)

    members.remove(by=bob.membership, user_id=bob.user.pk, now=now)

    assert kept in Connection.objects.readable_by(team_owner.membership)
