"""What a question needs of the quota before it is asked, and that none is asked twice."""

from datetime import datetime, timedelta

import pytest
from django.utils import timezone
from hypothesis import example, given, settings
from hypothesis.strategies import text
from pydantic_ai import Agent, Tool
from pydantic_ai.models.test import TestModel

from accounts import idempotency, tenancy
from accounts.models import IdempotentAnswer
from agent.candidates import Candidate, SearchResult
from agent.models import Run
from agent.runs import ending, models
from agent.runs.allowance import LEAST_OUTPUT_TOKENS, AllowanceSpent, Bounded
from agent.runs.models import charged_tokens
from agent.runs.services import LONGEST_PROMPT, least_tokens
from tests.agent.asking import ask, work
from tests.index import handbook
from tests.people import Person, put_on_plan
from usage import services as usage
from usage.models import Entry, Hold, Period

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


def test_no_run_goes_beyond_its_hold(alice: Person) -> None:
    put_on_plan(alice, "pro")
    queued = alice.api.post("/agent/run", {"prompt": QUESTION}).json()
    with tenancy.within(alice.workspace):
        Hold.objects.update(tokens=3)
        Period.objects.update(tokens_held=3)

    work(alice)

    answered = alice.api.get(f"/agent/runs/{queued['id']}").json()
    assert (answered["status"], answered["error"]) == ("failed", ending.NOT_ENOUGH)
    with tenancy.within(alice.workspace):
        assert Period.objects.get().tokens_used == 0


# Each a full question, the last ones of characters that count as a token or as several.
LONGEST = {
    "ordinary": f"{QUESTION} " * 94,
    "numbers": "1,2,3," * 660,
    "Chinese": "每年有多少天带薪休假" * 400,
    "Korean": "유급 휴가는 며칠 입니까 " * 280,
}


def test_the_longest_questions_stay_within_their_holds_and_all_tell_the_same(alice: Person) -> None:
    handbook(alice)

    used = [ask(alice, prompt)["usage"]["total_tokens"] for prompt in LONGEST.values()]

    assert all(len(prompt.strip()) > 3_900 for prompt in LONGEST.values())
    with tenancy.within(alice.workspace):
        holds = list(Hold.objects.order_by("created_at").values_list("tokens", flat=True))
        assert all(0 < tokens <= held for tokens, held in zip(used, holds, strict=True))
        assert not Entry.objects.filter(kind="overage").exists()
    quota, summary = alice.api.get("/usage/quota").json(), alice.api.get("/usage/summary").json()
    assert quota["tokens"]["used"] == summary["totals"]["tokens"] == sum(used)


@given(prompt=text(min_size=1, max_size=LONGEST_PROMPT), page=text(max_size=2_000))
@example(prompt=LONGEST["Korean"], page="유급휴가는 28일입니다. " * 40)
@example(prompt=LONGEST["numbers"], page="1, 2, 3. " * 200)
@settings(max_examples=40)
def test_a_run_is_bounded_by_what_is_held_for_its_characters(prompt: str, page: str) -> None:
    choice = models.choose("")
    bounded = Bounded(choice.make(None), tokens=least_tokens(prompt), reading_costs=choice.reading_costs)
    found = Candidate(chunk_id="c1", page_id="p1", title="Page", text=page, spans=(("b1", 0, len(page)),), dense=0.7)
    agent = Agent(bounded, tools=[Tool(lambda query: SearchResult(query=query, candidates=[found]), name="search")])

    result = agent.run_sync(prompt)

    assert 0 < result.usage.total_tokens == bounded.tokens - bounded.left <= bounded.tokens


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


def test_the_keyless_model_charges_the_question_once_and_the_answer_once(alice: Person) -> None:
    handbook(alice)

    answered = ask(alice, QUESTION)

    assert answered["usage"]["total_tokens"] == charged_tokens(QUESTION) + charged_tokens(answered["answer"])
