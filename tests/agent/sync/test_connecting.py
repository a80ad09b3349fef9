from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.db import connection as db
from django.db import transaction
from django.utils import timezone

from accounts import background, tenancy
from accounts import connections as authorizations
from accounts.models import Connection, Job
from agent.jobs import restore_index
from agent.models import Chunk, Disconnection, Page, Source, SyncRun
from agent.sync import coverage, ending, finding, jobs, live, performing, services
from config import valkey
from integrations import vectors
from tasks.models import Task
from tests.agent.asking import ask
from tests.agent.sync.working import sync, syncing
from tests.outside import NotionWorkspace, connect
from tests.people import Person, join
from tests.threads import elsewhere, until_waiting

INTEGRATION = "/user/notion-integration"


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


def test_a_program_that_chooses_first_has_nothing_read_before(alice: Person, acme: NotionWorkspace) -> None:
    program = alice.api
    program.post(INTEGRATION, {"token": acme.token, "sync": False}, format="json")
    looking = program.get(INTEGRATION).json()
    connection = Connection.objects.get(owner=alice.user)
    with tenancy.within(alice.workspace):
        assert not SyncRun.objects.exists()
    found = str(Job.objects.get(name=jobs.find_sources.name, key=str(connection.pk)).pk)
    elsewhere(lambda: jobs.find_sources(found))
    with tenancy.within(alice.workspace):
        ids = {source.title: str(source.pk) for source in Source.objects.all()}

    begun = program.patch(INTEGRATION, {"sources": [ids["Handbook"]]}, format="json")

    with tenancy.within(alice.workspace):
        performing.perform(sync_run_id=begun.json()["id"])
        read = set(Page.objects.filter(state="indexed").values_list("title", flat=True))
    assert (looking["looking"], begun.status_code, begun["Location"][:12]) == (True, 202, "/agent/sync/")
    assert read == {"Handbook", "Travel", "Security"}


def test_who_names_no_source_or_sources_of_others_chooses_nothing(alice: Person, acme: NotionWorkspace) -> None:
    connection = connect(alice, acme)
    with tenancy.within(alice.workspace):
        finding.find_sources(connection_id=str(connection.id))
        known = str(Source.objects.get(title="Handbook").pk)

    statuses = [
        alice.api.patch(INTEGRATION, {"sources": named}, format="json").status_code
        for named in ([], [known, str(uuid4())], ["Handbook"])
    ]

    assert statuses == [400, 404, 400]
    with tenancy.within(alice.workspace):
        assert not SyncRun.objects.exists()


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


def test_disconnecting_proves_that_nothing_is_left(alice: Person, acme: NotionWorkspace) -> None:
    connection = connect(alice, acme)
    with tenancy.within(alice.workspace):
        sync(alice)
    alice.web.post("/app/settings", {"section": "connection", "connection": str(connection.pk)})

    erasing = alice.web.get("/app/settings").content.decode()
    with tenancy.within(alice.workspace):
        ending.erase(connection_id=str(connection.id))
        proof = Disconnection.objects.get()
    erased = alice.web.get("/app/settings").content.decode()
    told = alice.api.get("/user/notion-integration").json()

    assert "Erasing 6 pages" in erasing
    assert "Erased: 6 pages" in erased
    assert (told["connected"], told["ended"][0]["pages"], bool(told["ended"][0]["erased_at"])) == (False, 6, True)
    assert (proof.pages, proof.tasks, proof.passages >= 6, proof.erased_at is not None) == (6, 3, True, True)


def test_what_goes_is_counted_before_a_worker_erases_it(alice: Person, acme: NotionWorkspace) -> None:
    connect(alice, acme)
    with tenancy.within(alice.workspace):
        sync(alice)
    with ThreadPoolExecutor(1) as threads:
        with tenancy.within(alice.workspace), transaction.atomic(), db.cursor() as cursor:
            cursor.execute("LOCK TABLE agent_disconnection IN EXCLUSIVE MODE")
            begun = threads.submit(elsewhere, lambda: alice.api.delete(INTEGRATION).status_code)
            until_waiting(1, [begun])
            with tenancy.shared():
                asked_for = Job.objects.filter(workspace=alice.workspace, name=jobs.erase_connection.name).exists()
        assert begun.result() == 204

    assert not asked_for
    with tenancy.within(alice.workspace):
        assert Disconnection.objects.get().pages == 6


def test_before_disconnecting_it_is_said_what_becomes_of_answers(alice: Person, acme: NotionWorkspace) -> None:
    connection = connect(alice, acme)
    with tenancy.within(alice.workspace):
        sync(alice)

    asked = alice.web.get(f"/app/settings?disconnect={connection.pk}").content.decode()

    assert "Of answers that rest on them the questions stay; the answers are erased." in asked


def test_nothing_is_heard_any_more_of_answers_that_quoted_it(alice: Person, acme: NotionWorkspace) -> None:
    connection = connect(alice, acme)
    with tenancy.within(alice.workspace):
        sync(alice)
    address = f"/agent/runs/{ask(alice, 'How are trains booked?')['id']}/events"
    assert "second class" in heard(alice, address)
    with tenancy.within(alice.workspace):
        ending.disconnect(membership=alice.membership)
        ending.erase(connection_id=str(connection.id))

    assert "second class" not in heard(alice, address)
    assert valkey.client().keys(f"run:{alice.workspace.pk}:*") == []


def test_nothing_is_kept_of_what_its_syncs_said(alice: Person, acme: NotionWorkspace) -> None:
    connection = connect(alice, acme)
    with tenancy.within(alice.workspace):
        run = sync(alice)
        live.SyncEvents(alice.workspace.pk, run.pk).watch()
        ending.disconnect(membership=alice.membership)

        before = ending._left(alice.workspace.pk, connection.pk)
        ending.erase(connection_id=str(connection.id))

    assert "events" in before
    assert valkey.client().keys(f"*{alice.workspace.pk}*") == []


def test_what_the_syncs_of_another_connection_said_is_kept(alice: Person, acme: NotionWorkspace) -> None:
    ended = connect(alice, acme)
    with tenancy.within(alice.workspace):
        other = SyncRun.objects.create(connection_id=uuid4())
        events = live.SyncEvents(alice.workspace.pk, other.pk)
        events.say("progress", {})
        ending.disconnect(membership=alice.membership)
        ending.erase(connection_id=str(ended.id))

    assert len(events.said()) == 1


def heard(person: Person, address: str) -> str:
    headers = {"Accept": "text/event-stream", "Last-Event-ID": "0-0"}
    return str(person.api.get(address, headers=headers).content.decode())


def test_what_is_left_keeps_it_from_being_called_erased(alice: Person, acme: NotionWorkspace) -> None:
    connection = connect(alice, acme)
    with tenancy.within(alice.workspace):
        sync(alice)
        ending.disconnect(membership=alice.membership)
        with tenancy.shared():
            # As if a token had been written again meanwhile.
            Connection.objects.filter(pk=connection.pk).update(sealed_access_token="left")

        with pytest.raises(ending.SomethingLeft, match="tokens"):
            ending.erase(connection_id=str(connection.id))

        assert Disconnection.objects.get().erased_at is None
    assert Connection.objects.filter(pk=connection.pk).exists()


def test_an_ended_connection_is_shown_to_its_owner_alone(
    team_owner: Person, bob: Person, acme: NotionWorkspace
) -> None:
    connect(team_owner, acme)

    team_owner.api.delete("/user/notion-integration")

    assert "Acme" in team_owner.web.get("/app/settings").content.decode()
    assert "Acme" not in bob.web.get("/app/settings").content.decode()


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
        with pytest.raises(background.Later):
            ending.erase(connection_id=str(connection.id))
        with tenancy.shared():
            Job.objects.filter(pk=job.pk).update(leased_until=None)
        ending.erase(connection_id=str(connection.id))

    assert not Connection.objects.filter(pk=connection.pk).exists()
