"""What staff do for a customer, from the staff's site: each with a page that asks why, in the audit log by name."""

import secrets
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from accounts import schemas, tenancy
from accounts.models import AuditEvent, Connection, Job, Mail, Workspace
from agent import jobs
from agent.admin.deeds import DEEDS
from agent.models import Chunk, SyncRun
from billing.models import GivenPlan, Subscription
from integrations import vectors
from tests.agent.sync.working import sync
from tests.outside import NotionWorkspace, connect
from tests.people import Person, put_on_plan
from tests.staff import Staff, at_work
from tests.threads import elsewhere

WHY = "They wrote to us"


@pytest.fixture
def sam() -> Staff:
    return at_work("Sam")


def act(sam: Staff, person: Person, deed: str, **given: str) -> Any:
    return sam.web.post(f"/staff/accounts/workspace/{person.workspace.pk}/{deed}/", {"why": WHY, **given})


def done(answer: Any) -> bool:
    return bool(answer.status_code == 302)


def told(person: Person) -> list[tuple[str, str, str]]:
    """Action, by whom and why, as far as our staff did it."""
    events = AuditEvent.objects.filter(workspace=person.workspace).order_by("at")
    said = [(each.action, each.actor_name or each.real_actor_name, (each.after or {}).get("reason")) for each in events]
    return [each for each in said if each[1]]


def last_day(days: int) -> str:
    return f"{timezone.now() + timedelta(days=days):%Y-%m-%d}"


@pytest.mark.parametrize("deed", DEEDS)
def test_each_deed_has_a_page_that_says_what_happens_and_asks_why(sam: Staff, alice: Person, deed: str) -> None:
    address = f"/staff/accounts/workspace/{alice.workspace.pk}/{deed}/"
    before = Workspace.objects.get(pk=alice.workspace.pk).state

    page, offered = sam.web.get(address), sam.web.get(f"/staff/accounts/workspace/{alice.workspace.pk}/")
    listed = sam.web.get(f"/staff/accounts/workspace/?q={alice.email}")
    without_reason = sam.web.post(address, {"why": " "})

    assert (page.status_code, without_reason.status_code) == (200, 400)
    assert alice.workspace.name.replace("'", "&#x27;") in page.content.decode()
    assert DEEDS[deed].warning[:40] in page.content.decode()
    assert f'href="{address}"' in offered.content.decode()
    assert f'href="/staff/accounts/workspace/{alice.workspace.pk}/"' in listed.content.decode()
    assert Workspace.objects.get(pk=alice.workspace.pk).state == before
    assert told(alice) == []


def test_a_trial_is_extended_to_a_day_however_often_it_is_sent(sam: Staff, alice: Person) -> None:
    Subscription.objects.filter(workspace=alice.workspace).update(trial_ends_at=timezone.now() - timedelta(days=1))

    answers = [act(sam, alice, "trial", until=last_day(10)) for _ in range(2)]

    assert [done(each) for each in answers] == [True, True]
    assert 10 <= (alice.subscription.trial_ends_at - timezone.now()).days <= 11
    assert alice.api.get("/user/trial-status").json()["active"]
    assert told(alice) == [("plan.changed", "Sam", WHY)]
    assert Mail.objects.filter(workspace=alice.workspace, key__startswith="trial-extended:").count() == 1


@pytest.mark.parametrize(("days", "words"), [(-3, "from now on"), (400, "within 90 days"), (2, "lasts longer already")])
def test_a_day_that_does_not_fit_is_refused_beside_its_field(sam: Staff, alice: Person, days: int, words: str) -> None:
    answer = act(sam, alice, "trial", until=last_day(days))

    assert answer.status_code == 400
    assert words in str(answer.context["form"].errors["until"])


def test_who_pays_has_no_trial_to_extend(sam: Staff, alice: Person) -> None:
    put_on_plan(alice, "pro")

    answer = act(sam, alice, "trial", until=last_day(10))

    assert answer.status_code == 409
    assert "has bought Pro" in answer.content.decode()


def test_a_plan_is_given_once(sam: Staff, alice: Person) -> None:
    assert done(act(sam, alice, "plan", tier="teams", seats="3"))
    assert done(act(sam, alice, "plan", tier="teams", seats="3"))

    assert (alice.subscription.tier, alice.subscription.seats) == ("teams", 3)
    assert GivenPlan.objects.filter(workspace=alice.workspace, given_by=sam.user.email, why=WHY).count() == 1
    assert told(alice) == [("plan.changed", "Sam", WHY)]


def test_a_workspace_is_suspended_and_opened_on_the_site(sam: Staff, alice: Person) -> None:
    act(sam, alice, "suspend")
    suspended = alice.api.get("/tasks").status_code
    refused = [act(sam, alice, deed).status_code for deed in ("sync", "index")]

    act(sam, alice, "unsuspend")

    assert (suspended, alice.api.get("/tasks").status_code) == (403, 200)
    assert refused == [409, 409]
    assert [each[0] for each in told(alice)] == ["workspace.suspended", "workspace.unsuspended"]


def test_a_sync_is_begun_once_and_not_where_there_is_nothing_to_read(
    sam: Staff, alice: Person, acme: NotionWorkspace
) -> None:
    nothing = act(sam, alice, "sync")
    connection = connect(alice, acme)

    first, second = act(sam, alice, "sync"), act(sam, alice, "sync")

    assert (nothing.status_code, done(first), second.status_code) == (409, True, 409)
    assert "A sync is open already." in second.content.decode()
    with tenancy.within(alice.workspace):
        assert [run.requested_by for run in SyncRun.objects.filter(connection_id=connection.pk)] == [None]
    assert told(alice) == [("connection.sync_started", "Sam", WHY)]


def test_a_sync_that_its_member_paused_stays_paused(sam: Staff, alice: Person, acme: NotionWorkspace) -> None:
    connect(alice, acme)
    started = alice.api.post("/agent/sync").json()
    alice.api.post(f"/agent/sync/{started['id']}/pause")

    assert act(sam, alice, "sync").status_code == 409
    assert alice.api.get(f"/agent/sync/{started['id']}").json()["status"] == "paused"


def test_a_plan_that_reads_nothing_has_no_sync(sam: Staff, alice: Person, acme: NotionWorkspace) -> None:
    connect(alice, acme)
    Subscription.objects.filter(workspace=alice.workspace).update(trial_ends_at=timezone.now() - timedelta(days=1))

    assert act(sam, alice, "sync").status_code == 402
    assert told(alice) == []


def test_an_index_is_written_anew_from_the_database(sam: Staff, alice: Person, acme: NotionWorkspace) -> None:
    connection = connect(alice, acme)
    with tenancy.within(alice.workspace):
        sync(alice)
        chunks = {str(key) for key in Chunk.objects.values_list("pk", flat=True)}
    index = vectors.workspace(alice.workspace.pk).collection(connection.pk)
    index.delete(sorted(chunks)[:2])

    first, second = act(sam, alice, "index"), act(sam, alice, "index")
    job = Job.objects.get(workspace=alice.workspace, name="agent.jobs.rebuild_index")
    elsewhere(lambda: jobs.rebuild_index(str(job.pk)))

    assert (done(first), second.status_code) == (True, 409)
    assert chunks
    assert set(index.ids()) == chunks
    assert told(alice) == [("connection.index_rebuilt", "Sam", WHY)]


def test_an_account_is_closed_by_its_name_and_the_owner_hears_why(sam: Staff, alice: Person) -> None:
    schemas.fill(2)
    name = alice.workspace.name

    wrong = act(sam, alice, "close", confirm="another name")
    before = Workspace.objects.get(pk=alice.workspace.pk).state
    right = act(sam, alice, "close", confirm=name)
    again = act(sam, alice, "close", confirm=name)

    assert (wrong.status_code, before) == (400, "active")
    assert (done(right), again.status_code) == (True, 409)
    assert ("workspace.deleted", "Sam", WHY) in told(alice)
    [mail] = Mail.objects.filter(key=f"closed:{alice.workspace.pk}:{alice.user.pk}")
    assert (mail.to, WHY in mail.text) == (alice.email, True)


def mail_to(person: Person, **facts: Any) -> Mail:
    return Mail.objects.create(
        key=f"invitation:{secrets.token_hex(8)}",
        to=person.email,
        subject="S",
        text="T",
        workspace=person.workspace,
        **facts,
    )


def test_a_mail_that_was_given_up_is_sent_again(sam: Staff, alice: Person) -> None:
    now = timezone.now()
    given_up = mail_to(alice, gave_up_at=now, attempts=40, error="SMTPDataError", next_try_at=now - timedelta(days=1))
    address = f"/staff/accounts/mail/{given_up.pk}/again/"

    first, second = sam.web.post(address, {"why": WHY}), sam.web.post(address, {"why": WHY})

    given_up.refresh_from_db()
    assert (done(first), second.status_code) == (True, 409)
    assert (given_up.gave_up_at, given_up.attempts, given_up.error) == (None, 0, "")
    assert told(alice) == [("mail.sent_again", "Sam", WHY)]


def test_a_mail_that_was_sent_is_not_there_to_be_sent_again(sam: Staff, alice: Person) -> None:
    sent = mail_to(alice, sent_at=timezone.now())

    answer = sam.web.post(f"/staff/accounts/mail/{sent.pk}/again/", {"why": WHY})

    assert answer.status_code == 409
    assert "its text is not kept" in answer.content.decode()


def test_the_list_of_mails_says_nothing_of_what_they_say(sam: Staff, alice: Person) -> None:
    mail_to(alice, html="A link that opens an account")
    Mail.objects.filter(workspace=alice.workspace).update(subject="Named after a page", text="Opens an account")

    words = sam.web.get("/staff/accounts/mail/", {"q": alice.email}).content.decode()

    assert alice.email in words
    assert "Named after a page" not in words
    assert "pens an account" not in words


def test_a_nameless_staff_member_is_told_what_is_missing(sam: Staff, alice: Person) -> None:
    sam.user.name = ""
    sam.user.save()

    answer = act(sam, alice, "suspend")

    assert answer.status_code == 403
    assert "Say your name in your own settings first" in answer.content.decode()


def test_an_unknown_deed_or_workspace_is_not_there(sam: Staff, alice: Person) -> None:
    assert act(sam, alice, "praise").status_code == 404
    for rest in ("", "suspend/"):
        assert sam.web.get(f"/staff/accounts/workspace/{alice.user.pk}/{rest}").status_code == 404
    assert sam.web.get(f"/staff/accounts/mail/{alice.user.pk}/again/").status_code == 404
    assert Connection.objects.filter(workspace=alice.workspace).count() == 0
