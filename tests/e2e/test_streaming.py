"""Waiting, streaming and dying, against a real web process and a real worker."""

import re
import signal
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import httpx
import pytest
from django.utils import timezone
from rest_framework_simplejwt.tokens import AccessToken

from accounts import tenancy, tokens
from agent.models import Run
from billing.keys import services as keys
from billing.team import members
from config import valkey
from tests.devkit.machine import PATIENCE_SECONDS, eventually
from tests.index import handbook
from tests.people import Person, join, key_of, put_on_plan, sign_up
from tests.stack import Stack
from usage.models import Entry, Hold, Period

QUESTION = "How many days of paid holiday do we have?"


@pytest.fixture
def alice() -> Person:
    person = sign_up("Alice")
    put_on_plan(person, "pro")
    handbook(person)
    return person


def client(stack: Stack, person: Person, **headers: str) -> httpx.Client:
    authorization = {"Authorization": f"Bearer {tokens.issue(person.membership).access}"}
    return httpx.Client(base_url=stack.url, headers={**authorization, **headers}, timeout=60)


def events(text: str) -> list[tuple[str, str]]:
    """Id and name of each."""
    return re.findall(r"^id: (\S+)\nevent: (\S+)$", text, re.MULTILINE)


class StoppedWorker:
    """Nobody works until the block is left: runs stay queued."""

    def __init__(self, stack: Stack) -> None:
        self.stack = stack

    def __enter__(self) -> None:
        self.stack.worker.signal(signal.SIGSTOP)

    def __exit__(self, *_: object) -> None:
        self.stack.worker.signal(signal.SIGCONT)


def test_the_answer_is_waited_for(stack: Stack, alice: Person) -> None:
    with client(stack, alice) as http:
        response = http.post("/agent/run", json={"prompt": QUESTION})

    answered = response.json()
    assert (response.status_code, answered["status"], answered["grounded"]) == (200, "succeeded", True)
    assert "28 days" in answered["answer"]
    assert "x-docent-handover" not in response.headers
    assert '"requests";r=999' in response.headers["ratelimit"]


def test_a_repeated_question_that_waits_says_that_it_was_asked_before(stack: Stack, alice: Person) -> None:
    with client(stack, alice, **{"Idempotency-Key": "again"}) as http:
        first, again = (http.post("/agent/run", json={"prompt": QUESTION}) for _ in range(2))

    assert (first.status_code, again.status_code) == (200, 200)
    assert first.json()["id"] == again.json()["id"]
    assert ("idempotency-replayed" in first.headers, again.headers["idempotency-replayed"]) == (False, "true")
    assert first.headers["allow"] == again.headers["allow"] == "POST, OPTIONS"
    assert again.headers["location"] == f"/agent/runs/{first.json()['id']}"


def test_async_is_answered_at_once_and_found_later(stack: Stack, alice: Person) -> None:
    with client(stack, alice, Prefer="respond-async") as http:
        response = http.post("/agent/run", json={"prompt": QUESTION})
        told = http.get(f"{response.headers['location']}/events")

    assert (response.status_code, response.headers["preference-applied"]) == (202, "respond-async")
    assert events(told.text)[-1][1] == "done"


def test_a_stream_tells_each_step_as_it_happens(stack: Stack, alice: Person) -> None:
    with client(stack, alice, Accept="text/event-stream") as http:
        response = http.post("/agent/run", json={"prompt": QUESTION})

    assert response.headers["content-type"].startswith("text/event-stream")
    assert "retry: 500" in response.text
    names = [name for _, name in events(response.text)]
    assert names[0] == "step"
    assert names[-1] == "done"
    assert {"delta", "citation"} <= set(names)


def test_a_program_with_a_key_that_may_ask_waits_streams_and_goes_on_and_no_log_has_its_key(
    stack: Stack, alice: Person
) -> None:
    key = key_of(alice, "ask")

    with httpx.Client(base_url=stack.url, headers={"Authorization": f"Bearer {key}"}, timeout=60) as http:
        waited = http.post("/agent/run", json={"prompt": QUESTION})
        streamed = http.post("/agent/run", json={"prompt": QUESTION}, headers={"Accept": "text/event-stream"})
        heard = http.get(f"{streamed.headers['location']}/events")
        refused = http.get("/tasks")

    with tenancy.within(alice.workspace):
        lines = set(Entry.objects.values_list("member_id", "api_key_id"))
    assert (waited.status_code, waited.json()["status"]) == (200, "succeeded")
    assert events(streamed.text)[-1][1] == "done"
    assert events(heard.text) == events(streamed.text)
    assert (refused.status_code, refused.json()["scopes"]) == (403, ["read", "tasks:write"])
    assert lines == {(alice.user.pk, alice.membership.api_keys.get().pk)}
    assert not [log.name for log in stack.folder.glob("*.log") if key[15:-6] in log.read_text()]


def test_a_broken_stream_goes_on_where_it_was(stack: Stack, alice: Person) -> None:
    with client(stack, alice, Accept="text/event-stream") as http:
        whole = http.post("/agent/run", json={"prompt": QUESTION})
        address = f"{whole.headers['location']}/events"
        heard = events(http.get(address).text)
        middle = heard[len(heard) // 2][0]
        rest = events(http.get(address, headers={"Last-Event-ID": middle}).text)

    assert heard == events(whole.text)
    assert rest == heard[len(heard) // 2 + 1 :]


def test_a_closed_browser_loses_nothing(stack: Stack, alice: Person) -> None:
    with (
        StoppedWorker(stack),
        client(stack, alice, Accept="text/event-stream") as http,
        http.stream("POST", "/agent/run", json={"prompt": QUESTION}) as response,
    ):
        location = response.headers["location"]

    with client(stack, alice) as http:
        told = events(http.get(f"{location}/events").text)
        answered = http.get(location).json()
    assert (told[-1][1], answered["status"], answered["grounded"]) == ("done", "succeeded", True)


def test_a_run_that_waits_for_a_worker_is_stopped(stack: Stack, alice: Person) -> None:
    with StoppedWorker(stack), client(stack, alice, Prefer="respond-async") as http:
        location = http.post("/agent/run", json={"prompt": QUESTION}).headers["location"]
        heard: list[str] = []
        listener = threading.Thread(target=lambda: heard.append(http.get(f"{location}/events").text))
        listener.start()
        assert http.post(f"{location}/stop").json()["status"] == "stopped"
        listener.join(20)

    assert events(heard[0])[-1][1] == "done"
    with tenancy.within(alice.workspace):
        assert Hold.objects.get().state == "released"


def test_who_is_removed_hears_no_more_at_once_and_cannot_come_back(stack: Stack) -> None:
    alice = sign_up("Alice")
    put_on_plan(alice, "teams", seats=2)
    bob = join(alice, "Bob")
    handbook(bob)

    # Nobody works on it: the stream has nothing to say, and would go on for two minutes.
    with StoppedWorker(stack), ThreadPoolExecutor(1) as thread, client(stack, bob, Accept="text/event-stream") as http:
        heard = thread.submit(http.post, "/agent/run", json={"prompt": QUESTION})
        eventually(lambda: open_runs(alice))
        [run] = open_runs(alice)
        remains = http.get(f"/agent/runs/{run.pk}").status_code
        eventually(lambda: any(each["cmd"] == "xread" for each in valkey.client().client_list()))
        members.remove(by=alice.membership, user_id=bob.user.pk, now=timezone.now())
        answer = heard.result(PATIENCE_SECONDS)
        again = http.get(f"/agent/runs/{run.pk}/events").status_code
        is_waiting = bool(open_runs(alice))

    assert (remains, again, is_waiting) == (200, 403, True)
    assert (answer.status_code, events(answer.text)) == (200, [])


def test_what_listens_with_a_key_hears_no_more_at_once_when_it_is_deleted(stack: Stack, alice: Person) -> None:
    headers = {"Authorization": f"Bearer {key_of(alice)}", "Accept": "text/event-stream"}
    row = alice.membership.api_keys.get()

    with (
        StoppedWorker(stack),
        ThreadPoolExecutor(1) as thread,
        httpx.Client(base_url=stack.url, headers=headers, timeout=60) as http,
    ):
        heard = thread.submit(http.post, "/agent/run", json={"prompt": QUESTION})
        eventually(lambda: open_runs(alice))
        eventually(lambda: any(each["cmd"] == "xread" for each in valkey.client().client_list()))
        keys.revoke(by=alice.membership, key_id=row.pk, now=timezone.now())
        answer = heard.result(PATIENCE_SECONDS)
        is_waiting = bool(open_runs(alice))
        again = http.get(answer.headers["location"]).status_code

    assert (answer.status_code, events(answer.text), again, is_waiting) == (200, [], 401, True)


def open_runs(person: Person) -> list[Run]:
    with tenancy.within(person.workspace):
        return list(Run.objects.filter(finished_at=None))


def waits_beyond_its_token(stack: Stack, person: Person, meanwhile: Callable[[], None]) -> tuple[httpx.Response, int]:
    """The answer to a question whose token expires while nobody works on it, and what the token is good for then."""
    token = AccessToken(tokens.issue(person.membership).access)
    token.set_exp(lifetime=timedelta(seconds=5))
    headers = {"Authorization": f"Bearer {token}"}
    with httpx.Client(base_url=stack.url, headers=headers, timeout=60) as http, ThreadPoolExecutor(1) as thread:
        with StoppedWorker(stack):
            answer = thread.submit(http.post, "/agent/run", json={"prompt": QUESTION})
            while token["exp"] >= time.time():
                time.sleep(0.1)
            meanwhile()
        return answer.result(), http.get("/usage/quota").status_code


def test_a_token_that_expires_in_the_wait_still_gets_the_answer(stack: Stack, alice: Person) -> None:
    answer, afterwards = waits_beyond_its_token(stack, alice, lambda: None)

    assert (answer.status_code, answer.json()["status"]) == (200, "succeeded"), answer.text
    assert afterwards == 401


def test_who_was_signed_out_everywhere_in_the_wait_gets_no_answer(stack: Stack, alice: Person) -> None:
    answer, _ = waits_beyond_its_token(stack, alice, alice.user.end_all_tokens)

    assert answer.status_code == 401
    assert "28 days" not in answer.text


def test_a_killed_worker_costs_time_and_no_answer(stack: Stack, alice: Person) -> None:
    """The worker is killed when the first step is told; the next one takes the run up when the lease has ended."""
    with client(stack, alice, Accept="text/event-stream") as http:
        with http.stream("POST", "/agent/run", json={"prompt": QUESTION}) as response:
            location = response.headers["location"]
            for line in response.iter_lines():
                if line.startswith("event: step"):
                    break
            stack.worker.kill()
        stack.restart_worker()
        told = events(http.get(f"{location}/events").text)
        answered = http.get(location).json()

    assert (told[-1][1], answered["status"]) == ("done", "succeeded")
    assert [step["kind"] for step in answered["steps"]] == ["search", "write"]
    with tenancy.within(alice.workspace):
        assert Run.objects.get().status == "succeeded"
        assert Entry.objects.count() == 1
        period = Period.objects.get(member_id=alice.user.pk)
        assert (period.requests_used, period.requests_held, period.tokens_held) == (1, 0, 0)


def test_a_handover_from_outside_is_nothing(stack: Stack, alice: Person) -> None:
    with client(stack, alice, **{"X-Docent-Handover": "forged"}) as http:
        response = http.get("/agent/conversations")

    assert (response.status_code, "x-docent-handover" in response.headers) == (200, False)


def test_probes_answer_before_django(stack: Stack) -> None:
    with httpx.Client(base_url=stack.url, headers={"Host": "10.0.0.1"}) as http:
        assert http.get("/healthz").json() == {"status": "ok"}
        assert http.get("/readyz").json() == {"status": "ready"}


def test_a_flood_is_refused_before_django(stack: Stack, alice: Person) -> None:
    with client(stack, alice) as http:
        response = http.post("/agent/run", content=b"x" * 3_000_000)

    assert (response.status_code, response.json()["type"]) == (413, "/problems/too-large")


def test_charlie_cannot_listen(stack: Stack, alice: Person) -> None:
    with client(stack, alice, Prefer="respond-async") as http:
        location = http.post("/agent/run", json={"prompt": QUESTION}).headers["location"]
    with client(stack, sign_up("Charlie")) as http:
        assert http.get(f"{location}/events").status_code == 404
