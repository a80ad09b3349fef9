import json
from datetime import timedelta
from uuid import uuid4

import pytest
from celery import shared_task
from django.db import transaction
from django.utils import timezone

from accounts import background, tenancy
from accounts.models import Job
from config import valkey
from tests.people import Person

ran: list[str] = []
gave_up: list[str] = []


@shared_task(
    base=background.WorkspaceJob, name="tests.note", gave_up=staticmethod(lambda *, word: gave_up.append(word))
)
def note(*, word: str) -> None:
    ran.append(word)
    if word.startswith("bad"):
        raise ValueError(word)


def enqueued(person: Person, word: str, **more: str) -> Job:
    background.enqueue(note, workspace_id=person.workspace.pk, word=word, **more)
    return Job.objects.filter(workspace=person.workspace, name=note.name).latest("created_at")


def test_a_job_runs_in_its_workspace_and_is_gone_afterwards(alice: Person) -> None:
    job = enqueued(alice, word := uuid4().hex)

    note(str(job.pk))
    note(str(job.pk))

    assert ran.count(word) == 1
    assert not Job.objects.filter(pk=job.pk).exists()


def test_a_job_asked_for_in_a_transaction_that_fails_is_not_kept(alice: Person) -> None:
    with transaction.atomic():
        enqueued(alice, "never")
        transaction.set_rollback(True)

    assert not Job.objects.filter(workspace=alice.workspace, name=note.name).exists()


def test_a_workspace_can_ask_for_its_own_job(alice: Person) -> None:
    with tenancy.within(alice.workspace):
        assert background.enqueue(note, workspace_id=alice.workspace.pk, word="own")


def test_the_same_key_is_kept_once_until_it_is_done(alice: Person) -> None:
    assert background.enqueue(note, workspace_id=alice.workspace.pk, key="k", word="a")
    assert not background.enqueue(note, workspace_id=alice.workspace.pk, key="k", word="b")

    note(str(Job.objects.get(workspace=alice.workspace, key="k").pk))

    assert background.enqueue(note, workspace_id=alice.workspace.pk, key="k", word="c")


def test_a_failed_job_waits_and_is_given_up_in_the_end(alice: Person) -> None:
    job = enqueued(alice, word := f"bad {uuid4().hex}")

    for _ in range(background.MAX_ATTEMPTS):
        Job.objects.filter(pk=job.pk).update(due_at=timezone.now() - timedelta(seconds=1))
        note(str(job.pk))

    job.refresh_from_db()
    assert ran.count(word) == background.MAX_ATTEMPTS
    assert gave_up == [word]
    assert job.failed_at is not None
    assert job.error == f"ValueError: {word}"


def test_a_job_whose_workers_all_died_is_given_up(alice: Person) -> None:
    job = enqueued(alice, word := uuid4().hex)
    Job.objects.filter(pk=job.pk).update(attempts=background.MAX_ATTEMPTS)

    note(str(job.pk))

    assert ran.count(word) == 0
    assert gave_up[-1] == word


def test_a_job_of_a_dead_worker_is_taken_over_and_the_dead_one_may_not_go_on(alice: Person) -> None:
    job = enqueued(alice, "taken over")
    first = background.claim(str(job.pk), name=note.name, lease=timedelta(seconds=-1))
    second = background.claim(str(job.pk), name=note.name, lease=timedelta(seconds=60))

    background._current.job, background._current.lease = first, timedelta(seconds=60)
    with pytest.raises(background.LeaseLost):
        background.renew_lease()
    background._current.job = second
    background.renew_lease()
    background._current.job = None

    assert background.claim(str(job.pk), name=note.name, lease=timedelta(seconds=60)) is None


def waiting(person: Person, word: str) -> Job:
    """A job in a queue of its own, whose message was lost."""
    job = enqueued(person, word)
    job.queue = uuid4().hex[:16]
    job.save()
    return job


def messages(queue: str) -> list[str]:
    return [json.loads(each)["headers"]["argsrepr"] for each in valkey.client().lrange(queue, 0, -1)]


def test_the_sweep_wakes_what_is_due_and_in_nobodys_hands(alice: Person) -> None:
    job, held = waiting(alice, "swept"), waiting(alice, "in somebody's hands")
    background.claim(str(held.pk), name=note.name, lease=timedelta(seconds=60))

    background.sweep(now=timezone.now() + timedelta(seconds=10))

    assert messages(job.queue) == [f"('{job.pk}',)"]
    assert messages(held.queue) == []


def test_a_job_of_another_release_does_not_keep_the_sweep_from_the_others(alice: Person) -> None:
    job = waiting(alice, "after it")
    long_ago = timezone.now() - timedelta(minutes=5)
    Job.objects.create(workspace=alice.workspace, name="tests.gone", queue=job.queue, due_at=long_ago)

    background.sweep(now=timezone.now() + timedelta(seconds=10))

    assert messages(job.queue) == [f"('{job.pk}',)"]


def test_a_long_queue_does_not_keep_the_sweep_from_another(alice: Person, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(background, "MOST_WAITING", 3)
    job, backlog = waiting(alice, "young"), uuid4().hex[:16]
    long_ago = timezone.now() - timedelta(minutes=5)
    Job.objects.bulk_create(
        Job(workspace=alice.workspace, name=note.name, queue=backlog, due_at=long_ago) for _ in range(5)
    )

    for _ in range(2):
        background.sweep(now=timezone.now() + timedelta(seconds=10))

    assert len(messages(backlog)) == 3
    assert messages(job.queue) == [f"('{job.pk}',)"] * 2
