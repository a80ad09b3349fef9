"""A run in the hands of two workers: the first was silent for longer than its lease, and went on."""

from collections.abc import AsyncIterator, Callable
from uuid import uuid4

import pytest
from asgiref.sync import sync_to_async
from pydantic_ai.messages import ModelMessage
from pydantic_ai.models.function import AgentInfo, FunctionModel

from accounts import tenancy
from accounts.models import Job
from agent.models import Run, Step
from agent.runs import ending, models
from tests.agent.asking import ask
from tests.people import Person

Meanwhile = Callable[[Callable[[Run], None]], None]


@pytest.fixture
def while_writing(alice: Person, monkeypatch: pytest.MonkeyPatch) -> Meanwhile:
    """What the other worker does while this one's model writes."""

    def hand_over(meanwhile: Callable[[Run], None]) -> None:
        async def words(messages: list[ModelMessage], info: AgentInfo) -> AsyncIterator[str]:
            await sync_to_async(lambda: meanwhile(Run.objects.get(status=Run.Status.RUNNING)))()
            yield "The answer"

        choice = models.Choice("slow", lambda _: FunctionModel(stream_function=words), reads_history=True)
        monkeypatch.setattr(models, "KEYLESS", choice)

    return hand_over


def test_the_end_is_told_when_the_other_said_it_before_this_one_began(alice: Person, while_writing: Meanwhile) -> None:
    def ended_and_forgotten(run: Run) -> None:
        ending.finish(run, Run.Status.SUCCEEDED)
        ending.events_of(run).forget()

    while_writing(ended_and_forgotten)

    answered = ask(alice, "What is the answer?")

    with tenancy.within(alice.workspace):
        said = ending.events_of(Run.objects.get(pk=answered["id"])).said()
    assert [entry.fields[b"e"] for entry in said if entry.is_end] == [b"done"]


def test_a_late_step_of_the_other_does_not_fail_the_run(alice: Person, while_writing: Meanwhile) -> None:
    while_writing(lambda run: Step(run=run, ordinal=0, kind="search", name="late").save())

    answered = ask(alice, "What is the answer?")

    assert (answered["status"], answered["answer"]) == ("succeeded", "The answer")
    assert [step["kind"] for step in answered["steps"]] == ["write"]


def test_who_lost_the_run_does_not_end_it_with_its_own_failure(alice: Person, while_writing: Meanwhile) -> None:
    def taken_over(_: Run) -> None:
        with tenancy.shared():
            Job.objects.filter(name="agent.jobs.run").update(lease=uuid4())
        raise RuntimeError("what the other does confuses this one")

    while_writing(taken_over)

    answered = ask(alice, "What is the answer?")

    assert (answered["status"], answered["error"]) == ("running", None)
