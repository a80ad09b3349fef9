import uuid
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.conf import settings

from accounts import tenancy
from accounts.models import Membership
from agent.models import Chunk, Page, Run
from agent.runs import services
from billing.models import Subscription
from tests.agent.asking import ask, run_id, work
from tests.index import handbook
from tests.people import Person, put_on_plan
from usage.models import Entry, Hold, Period

pytestmark = pytest.mark.usefixtures("chroma")
QUESTION = "How many days of paid holiday do we have?"


def usage_of(person: Person) -> tuple[int, int, int, int]:
    """Requests and tokens, used and held."""
    with tenancy.within(person.workspace):
        period = Period.objects.get(member_id=person.user.pk)
    return period.requests_used, period.tokens_used, period.requests_held, period.tokens_held


def test_an_answer_quotes_a_page_and_says_where(alice: Person) -> None:
    handbook(alice)

    answered = ask(alice, QUESTION)

    assert (answered["status"], answered["grounded"], answered["error"]) == ("succeeded", True, None)
    assert "28 days" in answered["answer"]
    assert "[1]" in answered["answer"]
    assert answered["model"] == "docent-keyless"
    assert [step["kind"] for step in answered["steps"]] == ["search", "write"]


def test_every_citation_names_a_block_that_holds_its_quote(alice: Person) -> None:
    connection = handbook(alice)

    citations = ask(alice, QUESTION)["citations"]

    assert citations
    with tenancy.within(alice.workspace):
        for citation in citations:
            page = Page.objects.get(connection_id=connection.id, notion_id=citation["page_id"])
            chunk = Chunk.objects.get(page=page, text__contains=citation["quote"])
            spans = {block: chunk.text[start:end] for block, start, end in chunk.spans}
            assert citation["quote"] in spans[citation["block_id"]]
            assert citation["title"] == page.title
            assert citation["url"] == f"{page.url}#{citation['block_id'].replace('-', '')}"
            assert {"n", "edited_at", "indexed_at", "changed_since"} <= set(citation)


def test_what_the_pages_do_not_say_is_not_answered(alice: Person) -> None:
    handbook(alice)

    answered = ask(alice, "Which colour has the moon of the planet Saturn?")

    assert (answered["status"], answered["grounded"], answered["citations"]) == ("succeeded", False, [])
    assert answered["answer"]


def test_without_a_source_the_answer_says_so(alice: Person) -> None:
    answered = ask(alice, QUESTION)

    assert (answered["grounded"], answered["steps"][0]["summary"]) == (False, "No source is connected")


def test_an_answer_costs_one_request_and_the_words_of_question_and_answer(alice: Person) -> None:
    handbook(alice)

    spent = ask(alice, QUESTION)["usage"]

    assert 10 < spent["total_tokens"] < 300
    assert usage_of(alice) == (1, spent["total_tokens"], 0, 0)
    with tenancy.within(alice.workspace):
        entry = Entry.objects.get()
    assert (entry.outcome, entry.input_tokens + entry.output_tokens) == ("succeeded", spent["total_tokens"])


def test_a_job_that_runs_twice_charges_once(alice: Person) -> None:
    handbook(alice)
    answered = ask(alice, QUESTION)
    before = usage_of(alice)

    with tenancy.within(alice.workspace):
        from agent.runs import performing

        performing.perform(run_id=answered["id"])

    assert usage_of(alice) == before
    assert alice.api.get(f"/agent/runs/{answered['id']}").json() == answered


def test_a_run_taken_up_again_begins_anew(alice: Person) -> None:
    handbook(alice)
    queued = alice.api.post("/agent/run", {"prompt": QUESTION}).json()
    with tenancy.within(alice.workspace):
        run = Run.objects.get(pk=queued["id"])
        run.steps.create(ordinal=0, kind="search", name="of the killed worker")
        Run.objects.filter(pk=run.pk).update(status=Run.Status.RUNNING)

    work(alice)

    answered = alice.api.get(f"/agent/runs/{queued['id']}").json()
    assert [step["name"] for step in answered["steps"]] == ["Search", "Writing"]
    assert usage_of(alice)[0] == 1


def test_a_failure_is_said_and_not_counted(alice: Person, monkeypatch: pytest.MonkeyPatch) -> None:
    handbook(alice)
    monkeypatch.setattr(settings, "RUN_TIME_LIMIT", -1)

    answered = ask(alice, QUESTION)

    assert (answered["status"], answered["error"]) == ("failed", "It took too long.")
    assert usage_of(alice) == (0, 0, 0, 0)
    with tenancy.within(alice.workspace):
        assert Entry.objects.get().outcome == "failed"


def test_a_broken_embedder_fails_the_run_at_once(alice: Person, monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> None:
    handbook(alice)
    monkeypatch.setattr(settings, "EMBEDDER_DIR", tmp_path)

    assert ask(alice, QUESTION)["status"] == "failed"
    assert usage_of(alice) == (0, 0, 0, 0)


def test_who_is_no_member_any_more_gets_no_answer(team_owner: Person, bob: Person) -> None:
    handbook(team_owner, is_shared=True)
    queued = bob.api.post("/agent/run", {"prompt": QUESTION}).json()
    Membership.objects.filter(pk=bob.membership.pk).delete()

    work(team_owner)

    with tenancy.within(team_owner.workspace):
        run = Run.objects.get(pk=queued["id"])
        assert (run.status, run.answer, Hold.objects.get(pk=run.hold_id).state) == ("failed", "", "released")


def test_a_viewer_may_ask(team_owner: Person, vera: Person) -> None:
    handbook(team_owner, is_shared=True)

    assert ask(vera, QUESTION)["grounded"]


def test_a_run_that_waits_is_stopped_at_once_and_costs_nothing(alice: Person) -> None:
    queued = alice.api.post("/agent/run", {"prompt": QUESTION}).json()

    stopped = alice.api.post(f"/agent/runs/{queued['id']}/stop")
    work(alice)

    assert (stopped.status_code, stopped.json()["status"]) == (202, "stopped")
    assert alice.api.get(f"/agent/runs/{queued['id']}").json()["status"] == "stopped"
    assert usage_of(alice) == (0, 0, 0, 0)


def test_stopping_what_is_over_changes_nothing(alice: Person) -> None:
    answered = ask(alice, QUESTION)

    assert alice.api.post(f"/agent/runs/{answered['id']}/stop").json()["status"] == "succeeded"


@pytest.mark.parametrize("prompt", ["", "  \n ", "\u202e\u200b", "x" * 4001, None, ["x"], 1])
def test_a_prompt_must_be_words(alice: Person, prompt: Any) -> None:
    response = alice.api.post("/agent/run", {"prompt": prompt})

    assert (response.status_code, response.json()["errors"][0]["pointer"]) == (400, "/prompt")


def test_a_nul_is_refused(alice: Person) -> None:
    assert alice.api.post("/agent/run", {"prompt": "a\x00b"}).status_code == 400


def test_an_unknown_conversation_is_not_there(alice: Person) -> None:
    response = alice.api.post("/agent/run", {"prompt": QUESTION, "conversation_id": str(uuid.uuid4())})

    assert (response.status_code, response.json()["type"]) == (404, "/problems/not-found")
    with tenancy.within(alice.workspace):
        assert not Hold.objects.exists()


@pytest.mark.parametrize("words", [{"prompt": " "}, {"prompt": QUESTION, "conversation_id": str(uuid.uuid4())}])
def test_what_is_not_asked_takes_no_place_of_the_minute(alice: Person, words: dict[str, str]) -> None:
    before = alice.api.get("/usage/quota")["RateLimit"]

    answer = alice.api.post("/agent/run", words)

    assert answer.status_code in {400, 404}
    assert ('"minute";r=30' in before, '"minute";r=30' in answer["RateLimit"]) == (True, True)


def test_a_used_up_quota_refuses_and_keeps_nothing(alice: Person) -> None:
    ask(alice, QUESTION)
    with tenancy.within(alice.workspace):
        Period.objects.update(requests_used=120)

    response = alice.api.post("/agent/run", {"prompt": QUESTION})

    assert (response.status_code, response.json()["type"]) == (429, "/problems/quota-exceeded")
    assert response.json()["violated"] == "requests"
    with tenancy.within(alice.workspace):
        assert Run.objects.count() == 1


def test_after_the_trial_nothing_is_asked(alice: Person, now: datetime) -> None:
    Subscription.objects.filter(workspace=alice.workspace).update(trial_ends_at=now - timedelta(seconds=1))

    response = alice.api.post("/agent/run", {"prompt": QUESTION})

    assert (response.status_code, response.json()["type"]) == (402, "/problems/trial-expired")


def test_what_was_asked_before_the_trials_end_is_answered_and_charged_after_it(alice: Person, now: datetime) -> None:
    handbook(alice)
    queued = alice.api.post("/agent/run", {"prompt": QUESTION}).json()
    Subscription.objects.filter(workspace=alice.workspace).update(trial_ends_at=now - timedelta(seconds=1))

    work(alice)

    with tenancy.within(alice.workspace):
        run = Run.objects.get(pk=queued["id"])
        assert (run.status, bool(run.answer)) == ("succeeded", True)
        assert Hold.objects.get(pk=run.hold_id).state == "settled"
    assert run.input_tokens > 0 < run.output_tokens
    assert usage_of(alice) == (1, run.input_tokens + run.output_tokens, 0, 0)
    assert alice.api.post("/agent/run", {"prompt": QUESTION}).status_code == 402
    assert alice.api.get(f"/agent/runs/{queued['id']}").status_code == 402
    put_on_plan(alice, "pro")
    assert alice.api.get(f"/agent/runs/{queued['id']}").json()["answer"] == run.answer


def test_the_same_idempotency_key_asks_once(alice: Person) -> None:
    first, second = (
        alice.api.post("/agent/run", {"prompt": QUESTION}, HTTP_IDEMPOTENCY_KEY="k1").json() for _ in range(2)
    )

    assert first["id"] == second["id"]
    with tenancy.within(alice.workspace):
        assert Run.objects.count() == 1


def test_feedback_is_kept(alice: Person) -> None:
    answered = ask(alice, QUESTION)

    response = alice.api.post(f"/agent/runs/{answered['id']}/feedback", {"rating": "bad", "reason": "incomplete"})

    assert response.json() == {"rating": "bad", "reason": "incomplete"}
    assert alice.api.post(f"/agent/runs/{answered['id']}/feedback", {"rating": "so-so"}).status_code == 400


def test_events_are_told_from_what_is_kept_when_the_stream_is_gone(alice: Person) -> None:
    handbook(alice)
    answered = ask(alice, QUESTION)
    live = alice.api.get(f"/agent/runs/{answered['id']}/events").content.decode()
    from agent.events import Events

    Events(alice.workspace.pk, run_id(answered)).forget()
    told = alice.api.get(f"/agent/runs/{answered['id']}/events").content.decode()

    for name in ("step", "delta", "citation", "done"):
        assert f"event: {name}\n" in live
        assert f"event: {name}\n" in told


def test_prefer_async_and_the_answers_place_are_said(alice: Person) -> None:
    response = alice.api.post("/agent/run", {"prompt": QUESTION}, HTTP_PREFER="respond-async")

    assert response.status_code == 202
    assert response.headers["Location"] == f"/agent/runs/{response.json()['id']}"
    assert response.headers["Preference-Applied"] == "respond-async"
    assert "X-Docent-Handover" not in response.headers


@pytest.mark.parametrize("call", ["", "/events", "/stop", "/feedback"])
def test_charlie_gets_404(alice: Person, charlie: Person, call: str) -> None:
    queued = alice.api.post("/agent/run", {"prompt": QUESTION}).json()
    address = f"/agent/runs/{queued['id']}{call}"

    response = (
        charlie.api.post(address, {"rating": "good"}) if call in {"/stop", "/feedback"} else charlie.api.get(address)
    )

    assert response.status_code == 404


def test_another_member_gets_404_and_reads_what_is_shared(team_owner: Person, bob: Person) -> None:
    answered = ask(team_owner, QUESTION)
    address, conversation = f"/agent/runs/{answered['id']}", f"/agent/conversations/{answered['conversation_id']}"

    assert bob.api.get(address).status_code == 404
    assert team_owner.api.patch(conversation, {"shared": True}).status_code == 200
    assert bob.api.get(address).status_code == 200
    assert bob.api.post(f"{address}/stop").status_code == 403
    assert (
        bob.api.post("/agent/run", {"prompt": "x", "conversation_id": answered["conversation_id"]}).status_code == 403
    )


def test_a_key_finds_its_run_again(alice: Person, now: datetime) -> None:
    with tenancy.within(alice.workspace):
        first, second = (
            services.ask(membership=alice.membership, prompt=QUESTION, now=now, key="again") for _ in range(2)
        )
        assert first.pk == second.pk
        assert Hold.objects.count() == 1
