"""Trouble on demand: rules that match calls of the API and say what goes wrong with them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from devkit.stripe.errors import ApiError, rate_limited, server_failed

Json = dict[str, Any]
# Before: nothing was done. After: it was done, and the answer is lost, wrong, or comes when it is no longer true.
BEFORE = ("429", "500", "503", "cut", "hang", "slow")
AFTER = ("cut_after", "500_after", "hang_after", "slow_after")


@dataclass
class Rule:
    id: int
    do: str
    match: Json
    times: int
    seconds: float
    seen: int = 0
    hits: int = 0

    def applies(self, method: str, path: str) -> bool:
        if self.match.get("method", method) != method or not re.search(self.match.get("path", ""), path):
            return False
        self.seen += 1
        if self.seen <= self.match.get("skip", 0) or self.hits >= self.times:
            return False
        self.hits += 1
        return True

    def shown(self) -> Json:
        return {"id": self.id, "do": self.do, "match": self.match, "times": self.times, "hits": self.hits}


class Faults:
    def __init__(self) -> None:
        self.rules: list[Rule] = []
        self._last = 0

    def add(self, given: Json) -> Rule:
        if given["do"] not in BEFORE + AFTER:
            raise ValueError(f"do is one of {', '.join(BEFORE + AFTER)}")
        re.compile(given.get("match", {}).get("path", ""))
        self._last += 1
        rule = Rule(
            self._last,
            given["do"],
            dict(given.get("match", {})),
            int(given.get("times", 1)),
            float(given.get("seconds", 1 if given["do"] == "slow" else 3_600)),
        )
        self.rules.append(rule)
        return rule

    def pick(self, method: str, path: str) -> Rule | None:
        return next((rule for rule in self.rules if rule.applies(method, path)), None)


def refusal(rule: Rule) -> ApiError | None:
    if rule.do == "429":
        return rate_limited()
    if rule.do in ("500", "503"):
        error = server_failed()
        error.status, error.executed = int(rule.do), False
        return error
    return None
