"""What the stand-in answers: a queue of turns for each model, and what goes wrong with them."""

from __future__ import annotations

import re
import threading
from collections import defaultdict, deque
from dataclasses import dataclass, field, fields
from typing import Any

Json = dict[str, Any]
STOPS = ("stop", "length", "refusal")
# "[the words]" in double angles: the number of the passage of the prompt that has these words.
_NAMED = re.compile(r"«([^»]+)»")
_PASSAGE = re.compile(r"passage (\d+)")
PIECE = 8


@dataclass
class Call:
    """`raw` is sent as it is in place of the arguments."""

    name: str
    arguments: Json = field(default_factory=dict)
    raw: str = ""


@dataclass
class Turn:
    """One answer. `status` refuses it before anything is done; `cut_after` and `stall_after` count pieces of text."""

    text: str = ""
    calls: list[Call] = field(default_factory=list)
    stop: str = "stop"
    input_tokens: int | None = None
    output_tokens: int | None = None
    cached_tokens: int = 0
    has_usage: bool = True
    status: int = 0
    retry_after: float | None = None
    location: str = ""
    is_dropped: bool = False
    hang_seconds: float = 0
    cut_after: int | None = None
    stall_after: int | None = None
    overload_after: int | None = None
    # Told by a stream that has begun, as the first thing in it.
    is_overloaded: bool = False
    pause_seconds: float = 0
    # Set when who listened went before the end.
    was_left: bool = False

    @classmethod
    def read(cls, given: Json) -> Turn:
        known = {each.name for each in fields(cls)}
        if unknown := sorted(set(given) - known):
            raise ValueError(f"no such part of a turn: {unknown[0]}. There are {', '.join(sorted(known))}.")
        if given.get("stop", "stop") not in STOPS:
            raise ValueError(f"stop is one of {', '.join(STOPS)}")
        return cls(**{**given, "calls": [Call(**each) for each in given.get("calls", ())]})

    @property
    def pieces(self) -> list[str]:
        return [self.text[at : at + PIECE] for at in range(0, len(self.text), PIECE)]


class Script:
    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.turns: defaultdict[str, deque[Turn]] = defaultdict(deque)
        self.seen: list[Json] = []
        self.told: list[Turn] = []

    def add(self, given: Json) -> None:
        turns = [Turn.read(each) for each in given["turns"]]
        with self.lock:
            self.turns[given.get("model", "")].extend(turns)

    def reset(self) -> None:
        with self.lock:
            self.turns.clear()
            self.seen.clear()
            self.told.clear()

    def next(self, path: str, body: Json, key: str) -> Turn:
        """The next one for this model, else for any; without a script it searches once and knows nothing."""
        said = spoken(body)
        with self.lock:
            self.seen.append({"path": path, "model": body.get("model"), "key": key, "body": body})
            queue = self.turns[str(body.get("model"))] or self.turns[""]
            turn = queue.popleft() if queue else by_itself(body)
            self.told.append(turn)
        turn.text = _NAMED.sub(lambda found: _mark(said, found[1]), turn.text)
        if turn.input_tokens is None:
            turn.input_tokens = max(1, len(str(body)) // 4)
        if turn.output_tokens is None:
            turn.output_tokens = max(1, len(turn.text) // 4) + 20 * len(turn.calls)
        return turn


def by_itself(body: Json) -> Turn:
    if has_result(body) or not body.get("tools"):
        return Turn(text="NOT FOUND")
    return Turn(calls=[Call("search", {"query": question(body)})])


def has_result(body: Json) -> bool:
    last = body["messages"][-1]
    return last["role"] == "tool" or "tool_result" in str(last["content"])


def question(body: Json) -> str:
    asked = [each for each in body["messages"] if each["role"] == "user"]
    return text_of(asked[-1]["content"]) if asked else ""


def spoken(body: Json) -> str:
    return "\n".join(text_of(each.get("content")) for each in body.get("messages", ()))


def text_of(content: Any) -> str:
    if isinstance(content, str):
        return content
    if isinstance(content, list):
        return "\n".join(text_of(each.get("text") or each.get("content")) for each in content)
    return ""


def _mark(said: str, words: str) -> str:
    at = said.find(words)
    found = _PASSAGE.findall(said[:at]) if at >= 0 else []
    return f"[{found[-1]}]" if found else "[0]"
