"""Random changes of random tasks, people who write in Notion at random moments, and a Notion in trouble: what was
approved is written exactly or not at all, and undone the row is the same.

DOCENT_SEED repeats a run, several with commas between; `make soak` runs it longer.
"""

import os
import random
from typing import Any

import pytest

from accounts import tenancy
from agent.models import Proposal
from agent.proposals.preparing import AlreadySo
from devkit.notion.process import EmulatorProcess
from tests.agent.proposals_of import now_of, post, propose, work
from tests.agent.sync.working import sync
from tests.outside import NotionWorkspace, connect, seeded
from tests.people import Person
from tests.storm import ROUND, STORM
from tests.tasks.both_sides import LABELS, NAMES, PEOPLE, PRIORITIES, TROUBLE, values_of, workspace
from tests.tasks.test_both_ways import in_notion

ROUNDS = 8 * STORM
DRAWN = os.environ.get("DOCENT_SEED", f"{2 * ROUND},{2 * ROUND + 1}")
MOMENTS = ("never", "never", "before", "approved", "midway", "done")
STATUSES = ["Not started", "Doing", "Done"]
Row = dict[str, Any]


class Weather:
    def __init__(self, alice: Person, acme: NotionWorkspace, seed: int) -> None:
        self.alice, self.acme, self.dice, self.made = alice, acme, random.Random(seed), 0
        self.ended: list[str] = []

    def value(self, name: str) -> Any:
        self.made += 1
        return {
            "title": f"Title {self.made}",
            "due_on": f"2027-{self.made % 12 + 1:02}-{self.made % 28 + 1:02}",
            "status": self.dice.choice(STATUSES),
            "assignees": self.dice.sample(PEOPLE, k=self.dice.choice([0, 1, 3, 30])),
            "priority": self.dice.choice(PRIORITIES),
            "labels": self.dice.sample(LABELS, k=2),
        }[name]

    def row(self, key: str) -> Row:
        """All that people wrote in it."""
        return next(dict(row["properties"]) for row in in_notion(self.acme).values() if row["id"] == key)

    def write_there(self, key: str) -> Row:
        name = self.dice.choice(list(NAMES))
        before, value = self.row(key), self.value(name)
        while value == values_of({"properties": before})[name]:
            value = self.value(name)
        if name == "title":
            self.acme.edit(op="set_title", id=key, title=value)
        else:
            seed = [f"p{PEOPLE.index(each)}" for each in value] if name == "assignees" else value
            self.acme.edit(op="set_property", id=key, name=NAMES[name], value=seed)
        return self.row(key)

    def trouble(self) -> None:
        for _ in range(self.dice.randint(0, 2)):
            method, path = self.dice.choice([("GET", ""), ("PATCH", "/v1/pages/"), ("PATCH", "")])
            times = self.dice.randint(1, 3)
            self.acme.fault(self.dice.choice(TROUBLE), method=method, path_regex=path, times=times)

    def quiet(self) -> None:
        self.acme.emulator.control(f"faults?token={self.acme.token}", method="DELETE")

    def decided(self, proposal: Proposal, action: str) -> int:
        """In trouble it is pressed again."""
        self.trouble()
        status = post(self.alice, proposal, action).status_code
        if status == 503:
            self.quiet()
            status = post(self.alice, proposal, action).status_code
        assert status in {200, 202, 409}, status
        return int(status)

    def settled(self, proposal: Proposal) -> str:
        self.quiet()
        for _ in range(4):
            work(self.alice)
        return str(now_of(self.alice, proposal).state)

    def round(self) -> None:
        title, found = self.dice.choice(sorted(in_notion(self.acme).items()))
        key, moment = found["id"], self.dice.choice(MOMENTS)
        names = self.dice.sample(list(NAMES), k=self.dice.choice([1, 1, 2]))
        values = {name: self.value(name) for name in names}
        self.sync()
        before = self.row(key)
        try:
            proposal = propose(self.alice, title, **values)
        except AlreadySo:
            return
        if moment == "before":
            self.refused(proposal, self.write_there(key), key)
            return
        assert self.decided(proposal, "approve") == 202
        if moment in {"approved", "midway"}:
            if moment == "midway":
                work(self.alice)
            self.overtaken(proposal, self.write_there(key), key, is_sent=moment == "midway")
            return
        assert self.settled(proposal) == "applied"
        assert self.row(key) == self.changed(before, values, self.row(key))
        self.taken_back(proposal, before, key, moment)

    def refused(self, proposal: Proposal, theirs: Row, key: str) -> None:
        assert self.decided(proposal, "approve") == 409
        assert self.settled(proposal) == "stale"
        assert self.row(key) == theirs
        self.ended.append("refused")

    def overtaken(self, proposal: Proposal, theirs: Row, key: str, *, is_sent: bool) -> None:
        """After somebody else has written, nothing of ours is."""
        state = self.settled(proposal)
        assert state in ({"stale", "applied"} if is_sent else {"stale"}), state
        assert self.row(key) == theirs
        self.ended.append(f"overtaken, {state}")

    def taken_back(self, proposal: Proposal, before: Row, key: str, moment: str) -> None:
        theirs = self.write_there(key) if moment == "done" else None
        status = self.decided(proposal, "undo")
        state = self.settled(proposal)
        if theirs is not None:
            assert (status, state, self.row(key)) == (409, "applied", theirs)
        else:
            assert (status, state, self.row(key)) == (202, "undone", before)
        self.ended.append(state)

    def changed(self, before: Row, values: dict[str, Any], after: Row) -> Row:
        """Before, with these values as Notion has them now, if they are what was approved."""
        said = values_of({"properties": after})
        for name, value in values.items():
            one, other = (sorted(each) if isinstance(each, list) else each for each in (said[name], value))
            assert one == other, name
        return before | {NAMES[name]: after[NAMES[name]] for name in values}

    def sync(self) -> None:
        with tenancy.within(self.alice.workspace):
            sync(self.alice)


@pytest.mark.timeout(600 * STORM)
@pytest.mark.parametrize("seed", [int(seed) for seed in DRAWN.split(",")])
def test_approved_is_written_exactly_or_not_at_all(
    alice: Person, emulator: EmulatorProcess, chroma: str, seed: int
) -> None:
    print(f"DOCENT_SEED={seed}")
    acme = seeded(emulator, workspace(), ["handbook"])
    connect(alice, acme)
    weather = Weather(alice, acme, seed)
    weather.sync()

    for _ in range(ROUNDS):
        weather.round()

    assert weather.ended, "every round proposed what was so already"
