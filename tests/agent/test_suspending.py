"""A suspended workspace: what stops, also in the middle, what stays open, and that all goes on afterwards."""

import uuid
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor, wait
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from django.test import Client
from django.utils import timezone
from pydantic_ai.messages import ModelMessage
from pydantic_ai.models.function import AgentInfo, FunctionModel

from accounts import schemas, staffing, tenancy
from accounts.models import AuditEvent, Job, Mail, User, Workspace
from accounts.permissions import Forbidden
from accounts.staffing import DoesNotApply
from agent import jobs
from agent.models import Run, SyncRun
from agent.runs import models
from agent.sync.jobs import sync as sync_job
from config.errors import InvalidField
from tasks.jobs import send
from tasks.models import Outgoing
from tests.agent.asking import work
from tests.agent.sync.working import sync
from tests.billing.wishes import staff
from tests.outside import NotionWorkspace, connect
from tests.people import PASSWORD, Person, join, put_on_plan
from tests.second_factor import own_address
from tests.tasks.test_both_ways import in_notion, patch
from tests.threads import elsewhere
from usage.models import Period

WHY = "An unpaid invoice"


def suspend(person: Person, *, by: User | None = None, why: str = WHY) -> Workspace:
    by = by or staff()
    return staffing.suspend(workspace_id=person.workspace.pk, by=by, why=why, now=timezone.now())


def suspend_meanwhile(person: Person) -> None:
    with tenancy.shared():
        suspend(person)


def unsuspend(person: Person) -> None:
    staffing.unsuspend(workspace_id=person.workspace.pk, by=staff(), why="It is paid", now=timezone.now())


def job(person: Person, name: str) -> Job:
    return Job.objects.get(workspace=person.workspace, name=name, failed_at=None)


def only_run(person: Person) -> Run:
    with tenancy.within(person.workspace):
        return Run.objects.get()


def used(person: Person) -> list[tuple[int, int]]:
    with tenancy.within(person.workspace):
        return list(Period.objects.values_list("requests_used", "requests_held"))


def test_a_question_that_waits_ends_unanswered_and_uncharged(alice: Person) -> None:
    alice.api.post("/agent/run", {"prompt": "What?"})

    suspend(alice)
    work(alice)

    run = only_run(alice)
    assert (run.status, run.error) == ("failed", "The workspace was suspended.")
    assert used(alice) == [(0, 0)]
    assert not Job.objects.filter(workspace=alice.workspace, name="agent.jobs.run").exists()


def test_an_answer_that_is_being_written_is_broken_off(alice: Person, monkeypatch: pytest.MonkeyPatch) -> None:
    async def words(messages: list[ModelMessage], info: AgentInfo) -> AsyncIterator[str]:
        yield "The first words"
        await sync_to_async(suspend_meanwhile)(alice)
        while True:
            yield " and more"

    choice = models.Choice("endless", lambda _: FunctionModel(stream_function=words), reads_history=True)
    monkeypatch.setattr(models, "KEYLESS", choice)
    alice.api.post("/agent/run", {"prompt": "What?"})

    work(alice)

    assert (only_run(alice).status, only_run(alice).error) == ("failed", "The workspace was suspended.")
    assert used(alice) == [(0, 0)]


def test_a_sync_at_work_asks_notion_no_more_and_goes_on_afterwards(alice: Person, acme: NotionWorkspace) -> None:
    connection = connect(alice, acme)
    assert alice.api.post("/agent/sync").status_code == 202
    key = str(job(alice, "agent.jobs.sync").pk)
    with ThreadPoolExecutor(1) as worker, acme.held(path_regex="/children") as is_held:
        ended = worker.submit(elsewhere, lambda: sync_job(key))
        while not is_held():
            assert not ended.done()
            wait([ended], timeout=0.01)
        suspend(alice)
        before = len(acme.requests())
    ended.result()

    assert len(acme.requests()) - before <= 1
    with tenancy.within(alice.workspace):
        assert SyncRun.objects.get(connection_id=connection.pk).status == "running"
    waiting = job(alice, "agent.jobs.sync")
    assert (waiting.lease, waiting.leased_until, waiting.attempts) == (None, None, 0)
    unsuspend(alice)
    elsewhere(lambda: sync_job(key))
    with tenancy.within(alice.workspace):
        assert SyncRun.objects.get(connection_id=connection.pk).status == "complete"


@pytest.fixture
def edited(alice: Person, acme: NotionWorkspace) -> str:
    """Alice edited a task; the change waits for its worker, whose job's id this is."""
    connect(alice, acme)
    with tenancy.within(alice.workspace):
        sync(alice)
    patch(alice, title="Choose a scanner")
    return str(job(alice, "tasks.jobs.send").pk)


def test_a_change_that_waits_is_not_written_to_notion_until_afterwards(
    alice: Person, acme: NotionWorkspace, edited: str
) -> None:
    suspend(alice)
    before = len(acme.requests())
    elsewhere(lambda: send(edited))
    asked = len(acme.requests()) - before
    kept = "Choose a printer" in in_notion(acme)

    unsuspend(alice)
    elsewhere(lambda: send(edited))

    assert (asked, kept) == (0, True)
    assert "Choose a scanner" in in_notion(acme)


def test_a_change_on_its_way_is_not_written_once_the_workspace_is_suspended(
    alice: Person, acme: NotionWorkspace, edited: str
) -> None:
    with ThreadPoolExecutor(1) as worker, acme.held(method="GET", path_regex="/v1/pages/") as is_held:
        ended = worker.submit(elsewhere, lambda: send(edited))
        while not is_held():
            assert not ended.done()
            wait([ended], timeout=0.01)
        suspend(alice)
    ended.result()

    assert "Choose a printer" in in_notion(acme)
    unsuspend(alice)
    with tenancy.within(alice.workspace):
        Outgoing.objects.update(leased_until=timezone.now())
    for key in Job.objects.filter(workspace=alice.workspace, name="tasks.jobs.send").values_list("pk", flat=True):
        elsewhere(lambda key=str(key): send(key))
    assert "Choose a scanner" in in_notion(acme)


def test_programs_are_told_and_can_still_take_everything_along(alice: Person) -> None:
    suspend(alice)

    refused = alice.api.post("/agent/run", {"prompt": "What?"})
    asked = alice.api.post("/workspace/export")
    elsewhere(lambda: jobs.export(str(job(alice, "agent.jobs.export").pk)))
    newest = alice.api.get("/workspace/export").json()
    file = alice.api.get(newest["download_url"])

    assert (refused.status_code, refused.json()["type"]) == (403, "/problems/workspace-suspended")
    assert "staff has suspended this workspace" in refused.json()["detail"]
    assert (asked.status_code, newest["status"], file.status_code) == (202, "ready", 200)
    assert b"".join(file.streaming_content)[:2] == b"PK"


def test_signing_in_and_the_settings_stay_open_and_say_so(alice: Person) -> None:
    suspend(alice)
    web = Client(REMOTE_ADDR=own_address())

    signed_in = web.post("/accounts/login/", {"login": alice.email, "password": PASSWORD})
    tokens = Client(REMOTE_ADDR=own_address()).post(
        "/auth/login", {"email": alice.email, "password": PASSWORD}, content_type="application/json"
    )
    page, closed = web.get("/app/settings"), web.get("/app")

    assert (signed_in.status_code, tokens.status_code) == (302, 200)
    assert (page.status_code, closed.status_code) == (200, 403)
    for words in (page.content.decode(), closed.content.decode()):
        assert "This workspace is suspended." in words
        assert '/app/settings#data"' in words


def test_the_forms_of_the_way_out_stay_open(alice: Person) -> None:
    suspend(alice)

    answers = [alice.web.post("/app/settings", {"section": section}) for section in ("export", "sessions", "deletion")]

    # The last one says that the name has to be typed.
    assert [answer.status_code for answer in answers] == [302, 302, 400]


@pytest.mark.parametrize("section", ["profile", "workspace", "sharing", "connection"])
def test_nothing_else_of_the_settings_is_saved(alice: Person, section: str) -> None:
    suspend(alice)

    answer = alice.web.post("/app/settings", {"section": section, "name": "Renamed"})

    assert answer.status_code == 403
    assert Workspace.objects.get(pk=alice.workspace.pk).name != "Renamed"


def test_a_suspended_workspace_can_be_deleted(alice: Person) -> None:
    schemas.fill(2)
    suspend(alice)

    answer = alice.api.delete("/workspace", {"confirm": alice.workspace.name})

    assert answer.status_code == 202


def test_owners_hear_of_it_and_read_who_and_why(alice: Person) -> None:
    put_on_plan(alice, "teams", seats=3)
    bob, sam = join(alice, "Bob"), staff("Sam")

    suspend(alice, by=sam)
    suspend(alice, by=sam)
    events = alice.api.get("/workspace/audit").json()["results"]

    [event] = [each for each in events if each["action"] == "workspace.suspended"]
    assert event["actor"] == {"kind": "staff", "id": None, "email": "", "name": "Sam"}
    assert event["after"] == {"state": "suspended", "reason": WHY}
    assert "Sam, Docent staff" in alice.web.get("/app/settings/audit").content.decode()
    [mail] = Mail.objects.filter(workspace=alice.workspace, key__startswith="suspended:")
    assert (mail.to, WHY in mail.text) == (alice.email, True)
    assert bob.email != mail.to


def test_only_staff_with_a_name_and_a_reason_suspend(alice: Person) -> None:
    nameless = User.objects.create_user(email=f"{uuid.uuid4()}@example.com", is_staff=True)
    refused: list[tuple[Any, str, type[Exception]]] = [
        (alice.user, WHY, Forbidden),
        (nameless, WHY, Forbidden),
        (staff(), " \u200b", InvalidField),
        (staff(), "x" * 501, InvalidField),
    ]

    for by, why, error in refused:
        with pytest.raises(error):
            suspend(alice, by=by, why=why)

    assert Workspace.objects.get(pk=alice.workspace.pk).state == "active"
    assert not AuditEvent.objects.filter(workspace=alice.workspace, action="workspace.suspended").exists()


def test_a_deleted_workspace_is_neither_suspended_nor_opened(alice: Person) -> None:
    Workspace.objects.filter(pk=alice.workspace.pk).update(state="erasing")

    for turn in (suspend, unsuspend):
        with pytest.raises(DoesNotApply):
            turn(alice)

    assert Workspace.objects.get(pk=alice.workspace.pk).state == "erasing"
