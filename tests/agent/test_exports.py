"""The export: one file with what its member may read, also after a trial, and for nobody else."""

import csv
import io
import json
import uuid
import zipfile
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from accounts import tenancy
from accounts.models import Connection, Job
from agent.exports import services
from agent.jobs import export, forget_exports
from agent.models import Conversation, Export, ExportPart, Run, Source
from agent.sync import ending
from billing.models import Subscription
from tasks.models import Task, TaskSource
from tests.agent.erasing_pages import erase_page
from tests.devkit.machine import eventually
from tests.index import connect, write
from tests.people import Person, join
from tests.threads import at_once, elsewhere
from usage.models import Entry

DAY = timedelta(days=1)


def fill(person: Person) -> Conversation:
    with tenancy.within(person.workspace):
        conversation = Conversation.objects.create(owner_id=person.user.pk, title="When do we ship?")
        Run.objects.create(
            conversation=conversation,
            owner_id=person.user.pk,
            prompt="When do we ship?",
            answer="In May [1].",
            status="succeeded",
        )
        Task.objects.create(owner_id=person.user.pk, title="=Book the room", labels=["a", "b"])
        Entry.objects.create(member_id=person.user.pk, kind="run", outcome="succeeded", requests=1)
    return conversation


def expire(person: Person) -> None:
    Subscription.objects.filter(workspace=person.workspace).update(trial_ends_at=timezone.now() - DAY)


def make(person: Person) -> dict[str, Any]:
    """As a worker does; what the API says of it then."""
    asked = person.api.post("/workspace/export")
    assert asked.status_code == 202, asked.json()
    job = Job.objects.get(workspace=person.workspace, name=export.name, arguments={"export_id": asked.json()["id"]})
    elsewhere(lambda: export(str(job.pk)))
    said: dict[str, Any] = person.api.get("/workspace/export").json()
    return said


def opened(person: Person, said: dict[str, Any]) -> zipfile.ZipFile:
    answer = person.api.get(said["download_url"])
    assert (answer.status_code, answer["Content-Type"]) == (200, "application/zip")
    data = b"".join(answer.streaming_content)
    assert len(data) == said["bytes"] == int(answer["Content-Length"])
    return zipfile.ZipFile(io.BytesIO(data))


def text(file: zipfile.ZipFile, suffix: str) -> str:
    return file.read(next(name for name in file.namelist() if name.endswith(suffix))).decode()


def test_an_expired_trial_takes_everything_along(alice: Person) -> None:
    conversation = fill(alice)
    expire(alice)

    file = opened(alice, make(alice))

    assert file.testzip() is None
    manifest = json.loads(text(file, "manifest.json"))
    assert manifest["format"] == 1
    assert manifest["counts"] == {"conversations": 1, "tasks": 1, "sources": 0, "usage": 1, "members": 1}
    assert "In May [1]." in text(file, ".md")
    said = json.loads(text(file, f"{conversation.pk.hex[:8]}.json"))
    assert [run["answer"] for run in said["runs"]] == ["In May [1]."]
    assert json.loads(text(file, "tasks.json"))[0]["title"] == "=Book the room"
    assert list(csv.reader(io.StringIO(text(file, "tasks.csv"))))[1][1] == "'=Book the room"
    assert len(text(file, "usage.csv").splitlines()) == 2
    assert json.loads(text(file, "settings.json"))["member"]["email"] == alice.email


def test_no_secret_is_in_it(alice: Person) -> None:
    connection = Connection.objects.create(
        workspace=alice.workspace, owner=alice.user, kind="token", bot_id="b", sealed_access_token="v1:nightjar"
    )
    with tenancy.within(alice.workspace):
        Source.objects.create(connection_id=connection.pk, kind="page", notion_id="n", title="Handbook")

    file = opened(alice, make(alice))

    everything = " ".join(file.read(name).decode() for name in file.namelist())
    assert "Handbook" in everything
    assert "nightjar" not in everything
    assert alice.user.password not in everything


def test_a_member_gets_what_they_may_read(team_owner: Person, bob: Person) -> None:
    fill(team_owner)
    with tenancy.within(team_owner.workspace):
        Conversation.objects.create(owner_id=team_owner.user.pk, title="Ours", is_shared=True)

    file = opened(bob, make(bob))

    assert json.loads(text(file, "manifest.json"))["counts"] == {
        "conversations": 1,
        "tasks": 0,
        "sources": 0,
        "usage": 0,
    }
    assert "Ours" in text(file, ".md")
    assert "members.csv" not in file.namelist()


def test_a_large_one_is_kept_in_parts(alice: Person, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(services, "PART_BYTES", 100)
    fill(alice)

    file = opened(alice, make(alice))

    assert file.testzip() is None
    with tenancy.within(alice.workspace):
        assert ExportPart.objects.count() > 10


def test_asking_twice_at_once_makes_one(alice: Person) -> None:
    def ask() -> str:
        with tenancy.within(alice.workspace):
            return str(services.ask(membership=alice.membership, now=timezone.now()).pk)

    made = at_once(ask, times=8)

    assert len(set(made)) == 1
    assert Job.objects.filter(workspace=alice.workspace, name=export.name).count() == 1


def test_it_is_not_there_before_it_was_made(alice: Person) -> None:
    assert alice.api.get("/workspace/export").status_code == 404

    said = alice.api.post("/workspace/export").json()

    assert (said["status"], said["download_url"]) == ("working", None)
    answer = alice.api.get(f"/workspace/export/{said['id']}")
    assert (answer.status_code, answer.json()["type"]) == (409, "/problems/export-not-ready")


def test_a_new_one_takes_the_place_of_the_old(alice: Person) -> None:
    first = make(alice)

    second = make(alice)

    assert first["id"] != second["id"]
    assert alice.api.get(first["download_url"]).status_code == 404
    opened(alice, second)


def test_after_a_day_it_is_gone(alice: Person) -> None:
    said = make(alice)
    with tenancy.within(alice.workspace):
        Export.objects.update(created_at=timezone.now() - DAY)

    assert alice.api.get(said["download_url"]).status_code == 404
    job = Job.objects.get(workspace=alice.workspace, name=forget_exports.name)
    assert job.due_at > timezone.now() + DAY * 0.9
    Job.objects.filter(pk=job.pk).update(due_at=timezone.now())
    elsewhere(lambda: forget_exports(str(job.pk)))

    with tenancy.within(alice.workspace):
        assert ExportPart.objects.count() == 0


def test_a_worker_that_died_is_followed_by_one_that_begins_anew(alice: Person) -> None:
    fill(alice)
    said = alice.api.post("/workspace/export").json()
    with tenancy.within(alice.workspace):
        ExportPart.objects.create(export_id=said["id"], number=0, data=b"half")
        services.build(export_id=said["id"], now=timezone.now())

    assert opened(alice, alice.api.get("/workspace/export").json()).testzip() is None


def test_what_was_disconnected_is_in_no_export(alice: Person) -> None:
    connection = Connection.objects.create(workspace=alice.workspace, owner=alice.user, kind="token", bot_id="b")
    said = make(alice)
    with tenancy.within(alice.workspace):
        ending.disconnect(membership=alice.membership)
        ending.erase(connection_id=str(connection.pk))

    assert alice.api.get(said["download_url"]).status_code == 404


@pytest.mark.usefixtures("chroma")
def test_an_erased_row_is_in_no_export(alice: Person) -> None:
    connection = connect(alice)
    row = write(alice, connection, "Order paper", "Ten boxes.").page
    with tenancy.within(alice.workspace):
        source = TaskSource.objects.create(connection_id=connection.pk, data_source_id="plan", title="Plan")
        where = {"connection_id": connection.pk, "task_source": source, "notion_page_id": row.notion_id}
        Task.objects.create(owner_id=alice.user.pk, title=row.title, **where)
    said = make(alice)
    assert "Order paper" in text(opened(alice, said), "tasks.csv")

    erase_page(alice, connection, "Order paper")

    assert alice.api.get(said["download_url"]).status_code == 404


def test_what_is_taken_back_while_it_is_made_leaves_nothing(alice: Person, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is deleted is looked up first; a part that came after that held its export fast, and the worker's next one
    had no export."""
    monkeypatch.setattr(services, "PART_BYTES", 20)
    fill(alice)

    def make_or_forget() -> None:
        is_maker = next(turns) == 0
        with tenancy.within(alice.workspace):
            if is_maker:
                services.build(export_id=uuid.UUID(said["id"]), now=timezone.now())
                return
            eventually(lambda: ExportPart.objects.count() > 3)
            services.forget(made_before=timezone.now())

    for _ in range(3):
        said, turns = alice.api.post("/workspace/export").json(), iter(range(2))
        at_once(make_or_forget, times=2)

        with tenancy.within(alice.workspace):
            assert (Export.objects.count(), ExportPart.objects.count()) == (0, 0)


def test_it_is_its_members_alone(team_owner: Person, bob: Person, charlie: Person) -> None:
    said = make(team_owner)

    for other in (bob, charlie):
        assert other.api.get(said["download_url"]).status_code == 404
    assert bob.api.get("/workspace/export").status_code == 404


def test_who_left_gets_none(team_owner: Person) -> None:
    gus = join(team_owner, "Gus")
    said = gus.api.post("/workspace/export").json()
    gus.membership.delete()

    with tenancy.within(team_owner.workspace):
        services.build(export_id=said["id"], now=timezone.now())
        assert not Export.objects.filter(pk=said["id"]).exists()


def test_the_settings_page_offers_it_after_a_trial(alice: Person) -> None:
    expire(alice)

    before = alice.web.get("/app/settings").content.decode()
    answer = alice.web.post("/app/settings", {"section": "export"})
    job = Job.objects.get(workspace=alice.workspace, name=export.name)
    working = alice.web.get("/app/settings").content.decode()
    elsewhere(lambda: export(str(job.pk)))
    after = alice.web.get("/app/settings").content.decode()

    assert ("Export or delete" in before, answer["Location"]) == (True, "/app/settings#data")
    assert "Being made" in working
    with tenancy.within(alice.workspace):
        url = f"/workspace/export/{Export.objects.get().pk}"
    assert url in after
    assert alice.web.get(url).status_code == 200
