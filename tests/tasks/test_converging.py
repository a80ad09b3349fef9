"""Random edits on both sides, under random faults: afterwards both sides say the same, and what was lost is in history.

DOCENT_SEED repeats a run, several with commas between; `make soak` runs it longer.
"""

import os
import random

import pytest

from accounts import tenancy
from devkit.notion.process import EmulatorProcess
from tests.agent.sync.working import sync
from tests.outside import connect, seeded
from tests.people import Person
from tests.storm import ROUND, STORM
from tests.tasks.both_sides import Storm, workspace

STEPS = 20 * STORM
DRAWN = os.environ.get("DOCENT_SEED", f"{2 * ROUND},{2 * ROUND + 1}")


@pytest.mark.timeout(600 * STORM)
@pytest.mark.parametrize("seed", [int(seed) for seed in DRAWN.split(",")])
def test_both_sides_end_the_same_and_nothing_is_lost(
    alice: Person, emulator: EmulatorProcess, chroma: str, seed: int
) -> None:
    print(f"DOCENT_SEED={seed}")
    acme = seeded(emulator, workspace(), ["handbook"])
    connect(alice, acme)
    with tenancy.within(alice.workspace):
        sync(alice)
    storm = Storm(alice, acme, random.Random(seed), behind=58 * (seed % 2))

    for _ in range(STEPS):
        storm.step()
    storm.calm()

    ours, theirs = storm.states()
    assert ours == theirs
    assert storm.missing() == []
    assert storm.invented() == []
    assert len(theirs) == 3 + storm.said.count("make_here")
