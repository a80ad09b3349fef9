"""What a question needs of the quota before it is asked, and that none is asked twice."""

from datetime import datetime, timedelta

import pytest
from django.utils import timezone
from pydantic_ai import Agent
from pydantic_ai.models.test import TestModel

from accounts import idempotency, tenancy
from accounts.models import IdempotentAnswer
from agent.models import Run
from agent.runs.allowance import LEAST_OUTPUT_TOKENS, AllowanceSpent, Bounded
from agent.runs.models import charged_tokens
from tests.agent.asking import ask, work
from tests.index import handbook
from tests.people import Person, put_on_plan
from usage import services as usage
from usage.models import Hold, Period

pytestmark = pytest.mark.usefixtures("chroma")
QUESTION = "How many days of paid holiday do we have?"


def spend_all_but(person: Person, left: int, now: datetime) -> None:
    with tenancy.within(person.workspace):
        used = 50_000 - left
        held = usage.hold(membership=person.membership, key="most", now=now, tokens=used)
        usage.settle(hold_id=held.pk, now=now, outcome="succeeded", cost=usage.Cost(used, 0, "m"))


@pytest.mark.parametrize("left", [1, 10, 49, 60])
def test_with_hardly_any_tokens_left_nothing_is_asked_for_free(alice: Person, now: datetime, left: int) -> None:
    spend_all_but(alice, left, now)

    answer = alice.api.post("/agent/run", {"prompt": QUESTION})

    assert (answer.status_code, answer.json()["type"]) == (429, "/problems/quota-exceeded")
    assert answer.json()["violated"] == "tokens"
    with tenancy.within(alice.workspace):
        assert not Run.objects.exists()


def test_the_last_tokens_buy_one_answer_and_no_second(alice: Person, now: datetime) -> None:
    handbook(alice)
    spend_all_but(alice, 100, now)

    answered = ask(alice, QUESTION)

    assert (answered["status"], answered["grounded"]) == ("succeeded", True)
    assert alice.api.post("/agent/run", {"prompt": QUESTION}).status_code == 429


def test_a_run_that_has_begun_is_finished_however_little_it_holds(alice: Person) -> None:
    put_on_plan(alice, "pro")
    queued = alice.api.post("/agent/run", {"prompt": QUESTION}).json()
    with tenancy.within(alice.workspace):
        Hold.objects.update(tokens=3)

    work(alice)

    answered = alice.api.get(f"/agent/runs/{queued['id']}").json()
    assert answered["status"] == "succeeded"
    with tenancy.within(alice.workspace):
        assert Period.objects.get().tokens_used == 3


def test_a_crash_before_the_answer_was_kept_asks_nothing_twice(alice: Person) -> None:
    headers = {"Idempotency-Key": "k1"}
    first = alice.api.post("/agent/run", {"prompt": QUESTION}, headers=headers)
    # As the process leaves it that dies after its commit, and five minutes later.
    lost = timezone.now() - idempotency.LOST_AFTER * 2
    IdempotentAnswer.objects.filter(user=alice.user).update(status=None, headers={}, body="", created_at=lost)

    again = alice.api.post("/agent/run", {"prompt": QUESTION}, headers=headers)

    assert (again.status_code, again.json()["id"]) == (202, first.json()["id"])
    with tenancy.within(alice.workspace):
        assert (Run.objects.count(), Hold.objects.count()) == (1, 1)


def test_a_key_that_is_forgotten_asks_anew(alice: Person) -> None:
    headers = {"Idempotency-Key": "k1"}
    first = alice.api.post("/agent/run", {"prompt": QUESTION}, headers=headers)
    IdempotentAnswer.objects.filter(user=alice.user).update(created_at=timezone.now() - timedelta(hours=25))

    again = alice.api.post("/agent/run", {"prompt": QUESTION}, headers=headers)

    assert first.json()["id"] != again.json()["id"]


def test_a_model_that_costs_money_is_not_called_with_too_little_left() -> None:
    bounded = Bounded(TestModel(), tokens=LEAST_OUTPUT_TOKENS + 5)

    with pytest.raises(AllowanceSpent):
        Agent(bounded).run_sync(QUESTION)

    assert bounded.left == LEAST_OUTPUT_TOKENS + 5


def test_the_keyless_model_charges_the_question_four_times_and_the_answer_once(alice: Person) -> None:
    handbook(alice)

    answered = ask(alice, QUESTION)

    question, answer, frame = (charged_tokens(text) for text in (QUESTION, answered["answer"], 'search {"query": ""}'))
    assert answered["usage"]["total_tokens"] == 4 * question + 2 * frame + answer
