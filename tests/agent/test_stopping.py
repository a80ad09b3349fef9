"""Stopping in the middle, with a model that would write for ever, and with one that says nothing for long."""

import asyncio
from collections.abc import AsyncIterator, Callable
from datetime import datetime
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from django.conf import settings
from django.utils import timezone
from pydantic_ai.messages import ModelMessage
from pydantic_ai.models.function import AgentInfo, FunctionModel

from accounts import tenancy
from accounts.models import Job, User
from agent import conversations, jobs
from agent.models import Run
from agent.runs import models
from agent.runs.ending import events_of
from config.waiting import WAIT_SECONDS
from tests.agent.asking import work
from tests.people import Person, put_on_plan
from usage.models import Entry, Hold, Period


@pytest.fixture
def endless(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """A stand-in for a vendor's model: it writes until it is stopped. The list says what it was asked."""
    asked: list[str] = []

    async def words(messages: list[ModelMessage], info: AgentInfo) -> AsyncIterator[str]:
        asked.append(str(info.model_settings and info.model_settings.get("max_tokens")))
        yield "The first words"
        is_stopped = False
        while True:
            yield " and more"
            is_stopped = is_stopped or await sync_to_async(_stop_once_words_are_shown)()

    choice = models.Choice("endless", lambda _: FunctionModel(stream_function=words), reads_history=True)
    monkeypatch.setattr(models, "KEYLESS", choice)
    return asked


def _stop_once_words_are_shown() -> bool:
    """The model may be ahead of who writes down what it says."""
    run = Run.objects.get(status=Run.Status.RUNNING)
    last = events_of(run).last()
    if last is None or last.fields[b"e"] != b"delta":
        return False
    return bool(Run.objects.filter(pk=run.pk).update(stop_requested_at=timezone.now()))


@pytest.fixture
def silent(monkeypatch: pytest.MonkeyPatch) -> Callable[[Callable[[], bool]], None]:
    """A stand-in that says nothing until what it is given becomes true."""

    def until(is_time: Callable[[], bool]) -> None:
        async def words(messages: list[ModelMessage], info: AgentInfo) -> AsyncIterator[str]:
            while not await sync_to_async(is_time)():
                await asyncio.sleep(0.05)
            yield "At last."

        choice = models.Choice("endless", lambda _: FunctionModel(stream_function=words), reads_history=True)
        monkeypatch.setattr(models, "KEYLESS", choice)

    return until


def leased_until() -> datetime:
    with tenancy.shared():
        leased = Job.objects.filter(name="agent.jobs.run", leased_until__gt=timezone.now())
        last = leased.latest("leased_until").leased_until
    assert last is not None
    return last


def ask_the_endless_one(person: Person) -> str:
    User.objects.filter(pk=person.user.pk).update(model="endless")
    queued = person.api.post("/agent/run", {"prompt": "Tell me everything."})
    return f"/agent/runs/{queued.json()['id']}"


def answer_of(person: Person, address: str) -> dict[str, Any]:
    work(person)
    answered: dict[str, Any] = person.api.get(address).json()
    return answered


def test_what_was_written_stays_and_is_charged(alice: Person, endless: list[str]) -> None:
    stopped = answer_of(alice, ask_the_endless_one(alice))

    assert (stopped["status"], stopped["grounded"], stopped["citations"]) == ("stopped", None, [])
    assert stopped["answer"].startswith("The first words")
    with tenancy.within(alice.workspace):
        entry, period = Entry.objects.get(), Period.objects.get()
    assert (entry.outcome, entry.requests) == ("stopped", 1)
    assert period.tokens_used == stopped["usage"]["total_tokens"] > 0
    assert (period.requests_held, period.tokens_held) == (0, 0)


def test_what_was_written_is_charged_when_its_conversation_is_deleted(
    alice: Person, endless: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def delete_once_words_are_shown() -> bool:
        run = Run.objects.filter(status=Run.Status.RUNNING).first()
        last = run and events_of(run).last()
        if run is None or last is None or last.fields[b"e"] != b"delta":
            return run is None
        conversations.delete(run.conversation, workspace_id=alice.workspace.pk, now=timezone.now())
        return True

    monkeypatch.setattr("tests.agent.test_stopping._stop_once_words_are_shown", delete_once_words_are_shown)
    ask_the_endless_one(alice)

    work(alice)

    with tenancy.within(alice.workspace):
        entry, period, held = Entry.objects.get(), Period.objects.get(), Hold.objects.get()
        assert not Run.objects.exists()
    assert (held.state, entry.outcome, entry.requests) == ("settled", "stopped", 1)
    assert (period.requests_used, period.requests_held, period.tokens_held) == (1, 0, 0)
    assert period.tokens_used > 0


def test_a_call_may_write_what_its_hold_still_has(alice: Person, endless: list[str]) -> None:
    put_on_plan(alice, "pro")

    answer_of(alice, ask_the_endless_one(alice))

    assert 9_000 < int(endless[0]) < 10_000


def test_a_prompt_that_does_not_fit_is_not_sent(alice: Person, endless: list[str]) -> None:
    address = ask_the_endless_one(alice)
    with tenancy.within(alice.workspace):
        Hold.objects.update(tokens=20)
        Period.objects.update(tokens_held=20)

    failed = answer_of(alice, address)

    assert (failed["status"], failed["answer"], endless) == ("failed", "", [])


def test_a_silent_model_keeps_its_lease(alice: Person, silent: Callable[[Callable[[], bool]], None]) -> None:
    seen: set[datetime] = set()

    def is_renewed_twice() -> bool:
        seen.add(leased_until())
        return len(seen) > 2

    silent(is_renewed_twice)

    assert answer_of(alice, ask_the_endless_one(alice))["answer"] == "At last."


def test_a_silent_model_is_stopped(alice: Person, silent: Callable[[Callable[[], bool]], None]) -> None:
    def stop_and_never_speak() -> bool:
        Run.objects.filter(status=Run.Status.RUNNING).update(stop_requested_at=timezone.now())
        return False

    silent(stop_and_never_speak)

    stopped = answer_of(alice, ask_the_endless_one(alice))

    assert (stopped["status"], stopped["answer"]) == ("stopped", "")


def test_the_lease_of_a_killed_worker_ends_while_its_client_still_waits() -> None:
    taken_up_after = jobs.run.lease.total_seconds() + settings.CELERY_BEAT_SCHEDULE["sweep-jobs"]["schedule"]

    assert taken_up_after < WAIT_SECONDS / 2
