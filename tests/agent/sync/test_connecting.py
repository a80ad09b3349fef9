from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from accounts import background, tenancy
from accounts import connections as authorizations
from accounts.models import Connection, Job
from agent.jobs import restore_index
from agent.models import Chunk, Page, Source, SyncRun
from agent.sync import coverage, ending, services
from integrations import vectors
from tasks.models import Task
from tests.agent.sync.working import sync, syncing
from tests.outside import NotionWorkspace, connect
from tests.people import Person, join


def test_a_private_connection_is_its_owners_alone(team_owner: Person, acme: NotionWorkspace) -> None:
    bob = join(team_owner, "Bob")
    connection = connect(team_owner, acme)

    with tenancy.within(team_owner.workspace):
        run = sync(team_owner)
        with pytest.raises(services.NoSync):
            services.get(membership=bob.membership, sync_run_id=run.id)
        assert coverage.coverage(membership=bob.membership, now=timezone.now())["connections"] == []
    with pytest.raises(authorizations.NoConnection):
        authorizations.owned(bob.membership, connection.id)


def test_authorizing_again_does_not_change_who_may_read(team_owner: Person, acme: NotionWorkspace) -> None:
    connection = connect(team_owner, acme, is_shared=True)

    again = connect(team_owner, acme, is_shared=False)

    assert again.pk == connection.pk
    assert again.is_shared


def test_disconnecting_removes_everything(alice: Person, acme: NotionWorkspace) -> None:
    connection = connect(alice, acme)

    with tenancy.within(alice.workspace):
        sync(alice)
        ending.disconnect(membership=alice.membership)
        ending.erase(connection_id=str(connection.id))

        assert not Page.objects.exists()
        assert not Chunk.objects.exists()
        assert not Task.objects.exists()
        assert not Source.objects.exists()
    assert not Connection.objects.filter(pk=connection.pk).exists()
    assert vectors.workspace(alice.workspace.id).collection(connection.id).count() == 0


def test_disconnecting_in_the_middle_of_a_sync_leaves_nothing(alice: Person, acme: NotionWorkspace) -> None:
    connection = connect(alice, acme)

    with tenancy.within(alice.workspace):
        with syncing(alice, acme):
            ending.disconnect(membership=alice.membership)
        ending.erase(connection_id=str(connection.id))

        assert not any(model.objects.exists() for model in (Page, Chunk, Task, Source, SyncRun))
    assert not Connection.objects.filter(pk=connection.pk).exists()
    assert vectors.workspace(alice.workspace.id).collection(connection.id).count() == 0


def test_an_index_that_is_being_restored_is_dropped_when_that_is_over(alice: Person, acme: NotionWorkspace) -> None:
    connection = connect(alice, acme)
    work: dict[str, Any] = {"workspace_id": alice.workspace.pk, "key": str(connection.id)}
    background.enqueue(restore_index, **work, connection_id=str(connection.id))
    job = Job.objects.get(name=restore_index.name, key=str(connection.id))
    background.claim(str(job.pk), name=job.name, lease=timedelta(minutes=2))

    with tenancy.within(alice.workspace):
        ending.disconnect(membership=alice.membership)
        with pytest.raises(ending.SyncStillStopping):
            ending.erase(connection_id=str(connection.id))
        with tenancy.shared():
            Job.objects.filter(pk=job.pk).update(leased_until=None)
        ending.erase(connection_id=str(connection.id))

    assert not Connection.objects.filter(pk=connection.pk).exists()
