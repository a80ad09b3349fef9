"""Fourteen days in which a workspace's deletion can be taken back: what is open, to whom, and what is as it was."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from django.utils import timezone
from rest_framework.test import APIClient

from accounts import background, schemas, tenancy, tokens
from accounts.models import AuditAction, AuditEvent, Job, Mail, Membership, Role, Workspace
from agent import deletion as workspaces
from agent.jobs import erase_workspace, export, run, scheduled, sync
from agent.models import Conversation, Run, SyncRun
from agent.sync import services as syncs
from billing import deletion
from billing.deletion import REGRET
from billing.models import Subscription
from billing.team import invitations
from tests.agent.test_deletion import NAME, come, delete, perform, rows_about
from tests.agent.test_exports import opened
from tests.outside import NotionWorkspace, connect
from tests.people import PASSWORD, Person, join, sign_up
from tests.threads import at_once, elsewhere, in_turn

DAY = timedelta(days=1)


@pytest.fixture(autouse=True)
def _schemas_wait(_database: None) -> None:
    """Here no worker keeps the pool full."""
    schemas.fill(4)


def restore(person: Person) -> Any:
    return person.api.post("/workspace/restore")


def mails(person: Person, kind: str) -> list[Mail]:
    return list(Mail.objects.filter(to=person.email, key__startswith=f"{kind}:"))


def state(person: Person) -> str:
    return Workspace.objects.get(pk=person.workspace.pk).state


def test_taken_back_everything_is_as_it_was(alice: Person, acme: NotionWorkspace) -> None:
    connection = connect(alice, acme)
    before, kept = Subscription.objects.values().get(workspace=alice.workspace), rows_about(alice.workspace.pk)

    delete(alice)
    answer = restore(alice)

    assert (answer.status_code, answer.json()["name"]) == (200, NAME)
    assert alice.api.get("/tasks").status_code == 200
    assert Subscription.objects.values().get(workspace=alice.workspace) == before | {
        "remind_at": alice.subscription.remind_at
    }
    told = {"accounts_mail", "accounts_auditevent"}
    now = rows_about(alice.workspace.pk)
    assert {table: now[table] for table in now.keys() - told} == {table: kept[table] for table in kept.keys() - told}
    connection.refresh_from_db()
    assert connection.status == "active"
    assert Membership.objects.filter(user=alice.user).count() == 1


def test_the_answer_names_the_moment_fourteen_days_later(alice: Person, now: datetime) -> None:
    erases_at = datetime.fromisoformat(delete(alice).json()["erases_at"])

    assert now + REGRET <= erases_at <= timezone.now() + REGRET
    assert Workspace.objects.get(pk=alice.workspace.pk).erases_at == erases_at


def test_all_owners_hear_of_it_and_how_to_take_it_back(team_owner: Person) -> None:
    olga, bob = join(team_owner, "Olga", Role.OWNER), join(team_owner, "Bob")

    delete(team_owner)

    assert mails(bob, "closed") == []
    for owner in (team_owner, olga):
        [mail] = mails(owner, "closed")
        at = Workspace.objects.get(pk=team_owner.workspace.pk).erases_at
        assert at is not None
        assert f"{at:%-d %b %Y at %H:%M} UTC" in mail.subject
        assert "/app/closing" in mail.text


def test_an_owner_signs_in_and_sees_the_moment(alice: Person) -> None:
    delete(alice)
    at = Workspace.objects.get(pk=alice.workspace.pk).erases_at
    assert at is not None

    alice.web.logout()
    signed_in = alice.web.post("/accounts/login/", {"login": alice.email, "password": PASSWORD}, follow=True)

    assert signed_in.redirect_chain[-1][0] == "/app/closing"
    assert f"{at:%-d %b %Y at %H:%M} UTC" in signed_in.content.decode()


def test_an_owner_takes_it_back_on_the_page(alice: Person) -> None:
    delete(alice)

    answer = alice.web.post("/app/closing", {"action": "restore"}, follow=True)

    assert answer.redirect_chain == [("/app", 302)]
    assert "Everything is as it was" in answer.content.decode()
    assert state(alice) == "active"
    # Nothing is left to be seen there.
    assert alice.web.get("/app/closing").status_code == 302


def test_a_program_signs_in_to_take_it_back(alice: Person) -> None:
    delete(alice)
    program = APIClient()
    signed_in = program.post("/auth/login", {"email": alice.email, "password": PASSWORD})
    program.credentials(HTTP_AUTHORIZATION=f"Bearer {signed_in.json()['access']}")

    assert program.get("/tasks").status_code == 403
    assert program.post("/workspace/restore").status_code == 200
    assert program.get("/tasks").status_code == 200


@pytest.mark.parametrize("role", ["admin", "member", "viewer"])
def test_the_others_are_refused_with_the_moment_and_whom_to_ask(team_owner: Person, bob: Person, role: str) -> None:
    Membership.objects.filter(pk=bob.membership.pk).update(role=role)
    delete(team_owner)

    for answer in (restore(bob), bob.api.get("/tasks"), bob.api.post("/workspace/export"), delete(bob)):
        assert (answer.status_code, answer.json()["type"]) == (403, "/problems/workspace-closing")
        assert "an owner can take that back" in answer.json()["detail"]
        assert answer.json()["erases_at"]
    page = bob.web.get("/app/tasks", follow=True)
    assert (page.status_code, page.redirect_chain) == (403, [("/app/closing", 302)])
    assert "ask one if you need it" in page.content.decode()
    assert "Keep the workspace" not in page.content.decode()
    assert bob.web.post("/app/closing", {"action": "restore"}).status_code == 403
    assert state(team_owner) == "closing"


def test_a_member_signs_in_to_another_workspace(team_owner: Person, bob: Person) -> None:
    delete(team_owner)

    signed_in = APIClient().post("/auth/login", {"email": bob.email, "password": PASSWORD})

    assert signed_in.json()["workspace"]["id"] != str(team_owner.workspace.pk)


def test_a_stranger_takes_nothing_back(alice: Person, charlie: Person) -> None:
    delete(alice)

    assert restore(charlie).status_code == 200
    assert state(alice) == "closing"


def test_an_export_is_made_and_taken_along(alice: Person) -> None:
    with tenancy.within(alice.workspace):
        Conversation.objects.create(owner_id=alice.user.pk, title="When do we ship?")
    delete(alice)

    asked = alice.web.post("/app/closing", {"action": "export"})
    job = Job.objects.get(workspace=alice.workspace, name=export.name)
    elsewhere(lambda: export(str(job.pk)))

    assert asked.status_code == 302
    assert "Download" in alice.web.get("/app/closing").content.decode()
    file = opened(alice, alice.api.get("/workspace/export").json())
    assert any("when-do-we-ship" in name for name in file.namelist())


def test_a_sync_that_runs_stops_and_goes_on_when_it_was_taken_back(alice: Person, acme: NotionWorkspace) -> None:
    connection = connect(alice, acme)
    with tenancy.within(alice.workspace):
        made = syncs.start_connection(connection, requested_by=alice.user.pk)
        assert made is not None
    job = Job.objects.get(workspace=alice.workspace, name=sync.name)
    delete(alice)

    elsewhere(lambda: sync(str(job.pk)))
    job.refresh_from_db()
    waited = job.due_at > timezone.now() + REGRET and job.failed_at is None
    with tenancy.within(alice.workspace):
        read = SyncRun.objects.get().known
    restore(alice)
    elsewhere(lambda: sync(str(job.pk)))

    assert (waited, read) == (True, 0)
    with tenancy.within(alice.workspace):
        assert SyncRun.objects.get().status in {"complete", "partial"}


def test_work_in_the_middle_is_put_aside_and_taken_up_again(alice: Person) -> None:
    job = Job.objects.create(workspace=alice.workspace, name=scheduled.name, queue="sync")
    claimed = background.claim(str(job.pk), name=scheduled.name, lease=timedelta(minutes=1))
    assert claimed is not None
    task: Any = scheduled
    background._current.job, background._current.task = claimed, task
    background.renew_lease()
    delete(alice)

    with pytest.raises(background.LeaseLost):
        background.renew_lease()
    background._current.job = None


def test_a_question_that_waited_for_a_worker_ends_with_words(alice: Person) -> None:
    asked = alice.api.post("/agent/run", {"prompt": "What is planned?"}, headers={"Prefer": "respond-async"}).json()
    job = Job.objects.get(workspace=alice.workspace, name=run.name)
    delete(alice)

    elsewhere(lambda: run(str(job.pk)))

    with tenancy.within(alice.workspace):
        ended = Run.objects.get(pk=asked["id"])
    assert (ended.status, bool(ended.error)) == ("failed", True)


def test_nobody_joins_it(team_owner: Person, now: datetime) -> None:
    gus = sign_up("Gus")
    link = invitations.invite(by=team_owner.membership, email=gus.email, role=Role.MEMBER, now=now)
    delete(team_owner)

    answer = gus.api.post("/invitations/accept", {"token": link.token})
    restore(team_owner)

    assert (answer.status_code, answer.json()["type"]) == (409, "/problems/workspace-closed")
    assert gus.api.post("/invitations/accept", {"token": link.token}).status_code == 200


def test_a_day_before_owners_are_reminded_once(alice: Person) -> None:
    delete(alice)
    at = Workspace.objects.get(pk=alice.workspace.pk).erases_at
    assert at is not None

    deletion.remind(now=at - DAY - timedelta(minutes=1))
    too_soon = mails(alice, "closes-soon")
    at_once(lambda: deletion.remind(now=at - DAY + timedelta(minutes=1)), times=3)

    assert too_soon == []
    [mail] = mails(alice, "closes-soon")
    assert "Last day" in mail.subject


def test_who_took_it_back_is_not_reminded_and_the_next_time_is_another(alice: Person) -> None:
    delete(alice)
    first = Workspace.objects.get(pk=alice.workspace.pk).erases_at
    assert first is not None
    deletion.remind(now=first - DAY / 2)
    restore(alice)

    deletion.remind(now=first - DAY / 2)
    assert mails(alice, "closes-soon") == []
    assert len(mails(alice, "kept")) == 1

    delete(alice)
    again = Workspace.objects.get(pk=alice.workspace.pk).erases_at
    assert again is not None
    deletion.remind(now=again - DAY / 2)
    assert len(mails(alice, "closes-soon")) == 1


def test_the_audit_log_tells_of_both(alice: Person) -> None:
    delete(alice)
    for _ in range(2):
        restore(alice)

    found = AuditEvent.objects.filter(workspace=alice.workspace, action__startswith="workspace.").order_by("at")
    assert [event.action for event in found] == [AuditAction.WORKSPACE_DELETED, AuditAction.WORKSPACE_RESTORED]
    assert {event.actor_email for event in found} == {alice.email}


def test_before_its_time_nothing_is_erased(alice: Person) -> None:
    delete(alice)
    at = Workspace.objects.get(pk=alice.workspace.pk).erases_at
    assert at is not None

    workspaces.sweep(now=at - timedelta(seconds=1))

    assert state(alice) == "closing"
    assert not Job.objects.filter(workspace=alice.workspace, name=erase_workspace.name).exists()


def test_a_trial_goes_by_meanwhile_and_there_is_no_second_one(alice: Person) -> None:
    before = alice.subscription.trial_ends_at
    delete(alice)
    restore(alice)

    assert alice.subscription.trial_ends_at == before
    delete(alice)
    come(alice)
    perform(alice)
    new = Membership.objects.get(user=alice.user)
    assert Subscription.objects.get(workspace=new.workspace_id).trial_ends_at <= timezone.now()


def held(person: Person) -> Any:
    return Subscription.objects.filter(workspace=person.workspace)


def test_taken_back_before_the_erasing_begins_it_stays(alice: Person) -> None:
    delete(alice)
    Workspace.objects.filter(pk=alice.workspace.pk).update(erases_at=timezone.now())
    # Without the wait of a request.
    member = Membership.objects.select_related("workspace", "user").get(pk=alice.membership.pk)

    in_turn(
        held(alice),
        lambda: deletion.restore(by=member, now=timezone.now()),
        lambda: workspaces.sweep(now=timezone.now()),
    )

    assert state(alice) == "active"
    assert not Job.objects.filter(workspace=alice.workspace, name=erase_workspace.name).exists()
    assert Membership.objects.filter(user=alice.user).count() == 1
    assert alice.api.get("/tasks").status_code == 200


def test_taken_back_after_the_erasing_began_it_goes(alice: Person) -> None:
    delete(alice)
    Workspace.objects.filter(pk=alice.workspace.pk).update(erases_at=timezone.now())
    member, refused = Membership.objects.select_related("workspace", "user").get(pk=alice.membership.pk), []

    def too_late() -> None:
        try:
            deletion.restore(by=member, now=timezone.now())
        except tenancy.NotAMember as error:
            refused.append(error.code)

    in_turn(held(alice), lambda: workspaces.sweep(now=timezone.now()), too_late)

    assert (refused, state(alice)) == (["no-workspace"], "erasing")
    perform(alice)
    assert rows_about(alice.workspace.pk) == {}
    assert Membership.objects.filter(user=alice.user).count() == 1


@pytest.mark.parametrize("first", ["delete", "restore"])
def test_deleted_and_taken_back_at_once_one_comes_after_the_other(alice: Person, first: str) -> None:
    if first == "restore":
        delete(alice)
    member = Membership.objects.select_related("workspace", "user").get(pk=alice.membership.pk)
    works = {
        "delete": lambda: deletion.close(by=member, confirm=NAME, now=timezone.now()),
        "restore": lambda: deletion.restore(by=member, now=timezone.now()),
    }
    second = ({"delete", "restore"} - {first}).pop()

    in_turn(held(alice), works[first], works[second])

    assert state(alice) == ("active" if second == "restore" else "closing")
    event = AuditEvent.objects.filter(workspace=alice.workspace, action__startswith="workspace.").latest("at")
    assert event.action == {"restore": "workspace.restored", "delete": "workspace.deleted"}[second]


def test_a_refreshed_token_takes_it_back(alice: Person) -> None:
    pair, program = tokens.issue(alice.membership), APIClient()
    delete(alice)

    renewed = program.post("/auth/refresh", {"refresh": pair.refresh})
    program.credentials(HTTP_AUTHORIZATION=f"Bearer {renewed.json()['access']}")

    assert program.post("/workspace/restore").status_code == 200
