"""What is erased thirty days after the end, over a real Notion's content, Postgres and Chroma."""

import os
import subprocess
import sys
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.utils import timezone

from accounts import tenancy
from accounts.models import Connection, Job, Mail
from agent import erasing
from agent.jobs import erase_content
from agent.models import Chunk, Conversation, Page, Run, Source, Step, SyncRun
from billing import erasure, reminding
from billing.changes import locked
from billing.effective import effective
from billing.models import Subscription
from billing.plans import Tier
from devkit.home import PROJECT
from integrations import vectors
from tasks.models import Task
from tests.agent.sync.working import sync
from tests.outside import NotionWorkspace, connect
from tests.people import Person
from tests.threads import at_once, elsewhere
from usage.models import Entry

DAY = timedelta(days=1)
CONTENT: tuple[Any, ...] = (Page, Chunk, Source, SyncRun, Conversation, Run, Step)


@pytest.fixture(autouse=True)
def _others_sleep(_database: None) -> None:
    """Rounds look at every subscription that is due, also at those of thousands of other tests."""
    Subscription.objects.update(remind_at=None)


def fill(person: Person, notion: NotionWorkspace) -> Connection:
    """What a member has after a while."""
    connection = connect(person, notion)
    with tenancy.within(person.workspace):
        sync(person)
        conversation = Conversation.objects.create(
            owner_id=person.user.pk, title="Ours", created_at=timezone.now() - DAY
        )
        run = Run.objects.create(conversation=conversation, owner_id=person.user.pk, prompt="What?", status="succeeded")
        Step.objects.create(run=run, ordinal=0, kind="search", name="search")
        Task.objects.create(owner_id=person.user.pk, title="Made here")
        Entry.objects.create(member_id=person.user.pk, kind="run", outcome=Entry.Outcome.SUCCEEDED)
    return connection


def end(person: Person, *, days_ago: int) -> datetime:
    """As if the trial had ended so many days ago, and nobody had been told of anything."""
    ended_at = timezone.now() - days_ago * DAY
    Subscription.objects.filter(workspace=person.workspace).update(
        trial_ends_at=ended_at, started_at=ended_at - 7 * DAY, remind_at=ended_at - 7 * DAY
    )
    return ended_at


def warn(person: Person, *, at: datetime, is_sent: bool = True) -> None:
    Subscription.objects.filter(workspace=person.workspace).update(remind_at=at)
    reminding.sweep(now=at)
    if is_sent:
        Mail.objects.filter(workspace=person.workspace, sent_at=None).update(sent_at=at)


def end_and_warn(person: Person) -> None:
    ended_at = end(person, days_ago=31)
    warn(person, at=ended_at + 23 * DAY)
    warn(person, at=ended_at + 29 * DAY)


def erase(person: Person) -> None:
    with tenancy.within(person.workspace):
        erasing.erase(now=timezone.now())


def content_of(person: Person) -> int:
    with tenancy.within(person.workspace):
        rows = sum(model.objects.count() for model in CONTENT)
        return rows + Task.objects.exclude(connection_id=None).count()


def buy(person: Person) -> None:
    now = timezone.now()
    with locked(person.workspace.pk, now) as subscription:
        subscription.buy(Tier.PRO, seats=1, by=person.user.pk, now=now)


@pytest.fixture
def ended(alice: Person, acme: NotionWorkspace) -> Connection:
    connection = fill(alice, acme)
    end_and_warn(alice)
    return connection


def test_what_was_read_and_asked_is_erased_and_the_account_stays(alice: Person, ended: Connection) -> None:
    assert vectors.workspace(alice.workspace.pk).collection(ended.pk).count() > 0

    erase(alice)

    assert content_of(alice) == 0
    assert vectors.workspace(alice.workspace.pk).collection(ended.pk).count() == 0
    assert not Connection.objects.filter(workspace=alice.workspace).exists()
    with tenancy.within(alice.workspace):
        assert Task.objects.get().title == "Made here"
        assert Entry.objects.count() == 1
    assert alice.subscription.content_erased_at is not None
    assert alice.subscription.erases_from is None
    assert alice.api.get("/user/trial-status").status_code == 200


def test_the_sweep_has_a_worker_do_it_once(alice: Person, ended: Connection) -> None:
    erasing.sweep(now=timezone.now())
    erasing.sweep(now=timezone.now())

    job = Job.objects.get(workspace=alice.workspace, name=erase_content.name)
    elsewhere(lambda: erase_content(str(job.pk)))

    assert content_of(alice) == 0
    assert alice.workspace.pk not in erasure.due(now=timezone.now())


def test_without_warnings_nothing_is_erased(alice: Person, acme: NotionWorkspace) -> None:
    fill(alice, acme)
    before = content_of(alice)
    end(alice, days_ago=90)

    assert alice.workspace.pk not in erasure.due(now=timezone.now())
    erase(alice)

    assert content_of(alice) == before


def test_a_last_warning_that_did_not_go_out_is_waited_for(alice: Person, acme: NotionWorkspace) -> None:
    fill(alice, acme)
    before, ended_at = content_of(alice), end(alice, days_ago=31)
    warn(alice, at=ended_at + 23 * DAY)
    warn(alice, at=ended_at + 29 * DAY, is_sent=False)

    erase(alice)

    assert content_of(alice) == before
    assert alice.subscription.erases_from > timezone.now()


def test_a_late_warning_moves_the_erasure_and_what_is_said_of_it(alice: Person, acme: NotionWorkspace) -> None:
    fill(alice, acme)
    before, ended_at = content_of(alice), end(alice, days_ago=50)
    late = timezone.now() - timedelta(hours=30)
    warn(alice, at=late)
    warn(alice, at=late + DAY)

    erase(alice)

    assert content_of(alice) == before
    erases_at = effective(alice.subscription, timezone.now()).erases_at
    assert erases_at == late + 2 * DAY > ended_at + 30 * DAY


def test_who_buys_first_keeps_everything(alice: Person, ended: Connection) -> None:
    before = content_of(alice)

    buy(alice)
    erase(alice)

    assert content_of(alice) == before
    assert (alice.subscription.content_erased_at, alice.subscription.erases_from) == (None, None)
    assert Connection.objects.get(pk=ended.pk).status == Connection.Status.ACTIVE


def test_a_purchase_of_the_same_moment_keeps_all_or_finds_it_decided(alice: Person, ended: Connection) -> None:
    before = content_of(alice)
    steps = iter([lambda: erase(alice), lambda: buy(alice)])

    at_once(lambda: next(steps)(), times=2)

    subscription = alice.subscription
    assert subscription.status == "active"
    assert content_of(alice) == (before if subscription.content_erased_at is None else 0)


DYING = """
import os, django
django.setup()
from django.utils import timezone
from accounts import tenancy
from accounts.models import Workspace
from agent import erasing
module, name = os.environ["DIES_AT"].split(":")
from importlib import import_module
setattr(import_module(module), name, lambda *a, **k: os.kill(os.getpid(), 9))
with tenancy.within(Workspace.objects.get(pk=os.environ["WORKSPACE"])):
    erasing.erase(now=timezone.now())
"""
DEATHS = {
    "before the decision": "accounts.connections:end",
    "after the decision": "accounts.connections:revoke",
    "before the vectors": "integrations.vectors:workspace",
    "before the conversations": "agent.erasing:_erase_conversations",
    "before the end": "billing.erasure:finish",
}


@pytest.mark.parametrize("moment", DEATHS)
def test_a_worker_killed_at_any_moment_is_taken_over(moment: str, alice: Person, ended: Connection) -> None:
    environment = {
        **os.environ,
        "DJANGO_SETTINGS_MODULE": "config.settings",
        "DIES_AT": DEATHS[moment],
        "WORKSPACE": str(alice.workspace.pk),
    }

    died = subprocess.run([sys.executable, "-c", DYING], cwd=PROJECT, env=environment)
    assert alice.workspace.pk in erasure.due(now=timezone.now())
    erase(alice)

    assert died.returncode == -9
    assert content_of(alice) == 0
    assert vectors.workspace(alice.workspace.pk).collection(ended.pk).count() == 0
    assert not erasure.due(now=timezone.now())


def test_what_begins_after_the_decision_stays(alice: Person, ended: Connection, acme: NotionWorkspace) -> None:
    decided = erasure.decide(workspace_id=alice.workspace.pk, now=timezone.now())
    assert decided is not None
    buy(alice)
    again = connect(alice, acme)
    with tenancy.within(alice.workspace):
        sync(alice)
        Conversation.objects.create(owner_id=alice.user.pk, title="New")

    erase(alice)

    with tenancy.within(alice.workspace):
        assert [each.title for each in Conversation.objects.all()] == ["New"]
        assert Page.objects.filter(connection_id=again.pk).exists()
    assert vectors.workspace(alice.workspace.pk).collection(again.pk).count() > 0


def test_a_second_end_is_warned_of_and_erased_anew(alice: Person, ended: Connection, acme: NotionWorkspace) -> None:
    erase(alice)
    buy(alice)
    fill(alice, acme)
    ended_at = timezone.now() + DAY
    Subscription.objects.filter(workspace=alice.workspace).update(status="canceled", ended_at=ended_at)

    assert effective(alice.subscription, ended_at + DAY).erased_at is None
    warn(alice, at=ended_at + 23 * DAY)
    warn(alice, at=ended_at + 29 * DAY)
    with tenancy.within(alice.workspace):
        erasing.erase(now=ended_at + 30 * DAY)

    assert content_of(alice) == 0


def test_another_workspace_keeps_its_content(alice: Person, charlie: Person, ended: Connection) -> None:
    with tenancy.within(charlie.workspace):
        Conversation.objects.create(owner_id=charlie.user.pk, title="Theirs")

    erase(alice)

    assert content_of(charlie) == 1
