"""Two workspaces at the same processes at the same time: each hears only its own word, in every answer and event.

What `tests/accounts/test_leaks.py` does with ten thousand operations on one process, this does with real workers' jobs
and streams.
"""

import secrets
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

import httpx

from accounts import tokens
from tests.index import connect, write
from tests.people import Person, put_on_plan, sign_up
from tests.stack import Stack
from tests.storm import STORM

THREADS = 16
QUESTIONS = STORM
# Each is a stream of the run's events from the beginning, and a read.
REPLAYS = 10 * STORM
QUESTION = "What is the code word of the warehouse door?"


class Heard(NamedTuple):
    word: str
    texts: list[str]


def keeper(name: str, word: str) -> Person:
    """A customer whose only page holds the word; both pages answer the same question."""
    person = sign_up(name)
    put_on_plan(person, "teams", seats=5)
    write(person, connect(person), f"Warehouse {word}", f"The code word of the warehouse door is {word}.")
    return person


def ask(http: httpx.Client, *, streams: bool) -> list[str]:
    """The answer waited for, or the stream of it; then the run and its events as they are kept."""
    accept = "text/event-stream" if streams else "application/json"
    answered = http.post("/agent/run", json={"prompt": QUESTION}, headers={"Accept": accept})
    assert answered.status_code == 200, answered.text
    if streams:
        assert "event: done" in answered.text
        return [answered.text]
    run_id = answered.json()["id"]
    return [answered.text, http.get(f"/agent/runs/{run_id}").text, http.get(f"/agent/runs/{run_id}/events").text]


def replay(http: httpx.Client) -> list[str]:
    """A run of one's own, newest first, as it is kept and as it is streamed."""
    conversation = http.get("/agent/conversations").json()["results"][0]["id"]
    run_id = http.get(f"/agent/conversations/{conversation}").json()["runs"][0]["id"]
    return [http.get(f"/agent/runs/{run_id}/events").text for _ in range(REPLAYS)]


def listen(url: str, access: str, word: str, *, streams: bool) -> Heard:
    with httpx.Client(base_url=url, headers={"Authorization": f"Bearer {access}"}, timeout=60) as http:
        texts = [text for _ in range(QUESTIONS) for text in ask(http, streams=streams)]
        texts += replay(http)
        return Heard(word, [*texts, http.get("/agent/conversations").text])


def test_no_answer_or_event_reaches_the_other_workspace(stack: Stack) -> None:
    words = [f"nightjar{secrets.token_hex(4)}", f"kingfisher{secrets.token_hex(4)}"]
    keys = [tokens.issue(keeper(name, word).membership).access for name, word in zip("AC", words, strict=True)]

    with ThreadPoolExecutor(THREADS) as pool:
        listening = [
            pool.submit(listen, stack.url, keys[n % 2], words[n % 2], streams=n % 4 < 2) for n in range(THREADS)
        ]
        heard = [each.result() for each in listening]

    for word, texts in heard:
        other = next(each for each in words if each != word)
        assert all(word in text for text in texts[:-1])
        assert not [text for text in texts if other in text]
