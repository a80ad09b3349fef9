"""Everything the stand-in knows: objects by id, the clock, what waits to be delivered. All of it is plain JSON."""

from __future__ import annotations

import json
import os
import secrets
import string
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from devkit.stripe.errors import no_such

Json = dict[str, Any]
LETTERS = string.ascii_letters + string.digits
SETTINGS: Json = {
    "draft_seconds": 3_600,  # an invoice of a renewal is a draft for so long
    "retry_days": [3, 5, 7],  # each counted from the attempt before
    "after_retries": "cancel",  # or "unpaid", "past_due"
    "portal_smaller": "period_end",  # or "at_once", should Stripe not take a price with tiers for a smaller one
    "portal_cancel": "cancel_at",  # or "cancel_at_period_end", as before flexible billing
}


class World:
    def __init__(self, base_url: str, file: Path | None = None) -> None:
        self.base_url = base_url
        self.file = file
        self.forget()
        if file is not None and file.exists():
            self._load(json.loads(file.read_text()))

    def forget(self) -> None:
        self.objects: dict[str, Json] = {}
        self.settings: Json = dict(SETTINGS)
        self.offset = 0.0
        self.frozen: float | None = None
        self.answers: dict[str, Json] = {}
        self.waiting: list[Json] = []
        self.numbers: dict[str, int] = {}
        self.asking: Json = {"id": None, "idempotency_key": None}
        self._at: int | None = None
        self._undo: dict[str, Json | None] = {}
        self.outbox: list[str] = []

    # -- time

    def now(self, of: Json | None = None) -> int:
        """The time of an object: its customer's test clock, or everybody's."""
        if self._at is not None:
            return self._at
        clock = self.clock_of(of) if of is not None else None
        if clock is not None:
            return int(clock["frozen_time"])
        return int(self.frozen if self.frozen is not None else time.time() + self.offset)

    def clock_of(self, of: Json) -> Json | None:
        if of.get("test_clock"):
            return self.objects.get(of["test_clock"])
        customer = self.objects.get(str(of.get("customer") or ""))
        return self.objects.get(customer["test_clock"] or "") if customer else None

    @contextmanager
    def at(self, moment: int) -> Iterator[None]:
        outer, self._at = self._at, moment
        try:
            yield
        finally:
            self._at = outer

    # -- objects

    def id(self, prefix: str, length: int = 24) -> str:
        return f"{prefix}_{''.join(secrets.choice(LETTERS) for _ in range(length))}"

    def number(self, name: str) -> int:
        self.numbers[name] = self.numbers.get(name, 0) + 1
        return self.numbers[name]

    def add(self, obj: Json) -> Json:
        self._undo.setdefault(obj["id"], None)
        self.objects[obj["id"]] = obj
        return obj

    def change(self, obj: Json, **to: Any) -> Json:
        """The only way to change an object. Values are replaced whole, never changed inside."""
        self._undo.setdefault(obj["id"], dict(obj))
        obj.update(to)
        return obj

    def remove(self, obj: Json) -> None:
        self._undo.setdefault(obj["id"], dict(obj))
        del self.objects[obj["id"]]

    def get(self, kind: str, id: object, param: str | None = None) -> Json:
        found = self.objects.get(str(id))
        if found is None or found["object"] != kind:
            raise no_such(kind.rpartition(".")[2].replace("_", " "), str(id), param=param)
        return found

    def all(self, kind: str, **match: Any) -> list[Json]:
        """Oldest first."""
        return [
            one
            for one in self.objects.values()
            if one["object"] == kind and all(one.get(name) == value for name, value in match.items())
        ]

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """All or nothing, except for a refusal that says to keep what was done. May be nested."""
        outer, self._undo = self._undo, {}
        sent = len(self.outbox)
        try:
            yield
        except Exception as error:
            if not getattr(error, "keep", False):
                self._take_back()
                del self.outbox[sent:]
                self._undo = {}
            raise
        finally:
            self._undo = self._undo | outer

    def _take_back(self) -> None:
        for id, before in self._undo.items():
            if before is None:
                self.objects.pop(id, None)
            elif id in self.objects:
                self.objects[id].clear()
                self.objects[id].update(before)
            else:
                self.objects[id] = before

    # -- what outlives the program

    def dump(self) -> Json:
        return {
            "objects": list(self.objects.values()),
            "settings": self.settings,
            "offset": self.offset,
            "frozen": self.frozen,
            "answers": self.answers,
            "waiting": self.waiting,
            "numbers": self.numbers,
        }

    def _load(self, kept: Json) -> None:
        self.objects = {one["id"]: one for one in kept["objects"]}
        self.settings |= kept["settings"]
        self.offset, self.frozen = kept["offset"], kept["frozen"]
        self.answers, self.waiting, self.numbers = kept["answers"], kept["waiting"], kept["numbers"]

    def save(self) -> None:
        if self.file is None:
            return
        beside = self.file.with_name(self.file.name + ".new")
        with beside.open("w") as out:
            json.dump(self.dump(), out)
            out.flush()
            os.fsync(out.fileno())
        beside.replace(self.file)
