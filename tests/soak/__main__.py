"""The tests of load and failure, harder and again and again: `make soak`.

`make soak ARGS="1800 usage billing"`: for these seconds, and only those with one of these words in their name.
SECONDS says the same; without either, ten minutes. Half of them are for the last storm, which compares what is there
with what stands in Notion; one that is still at work then is cut short. DOCENT_STORM says how hard, against 1 of
`make test`.
"""

import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from enum import StrEnum
from itertools import count
from pathlib import Path

from devkit.home import PROJECT

# Faults of Notion, and Postgres, Valkey, Chroma and workers killed in the middle of syncs; then every page is compared.
LAST = "tests/agent/sync/test_kills.py"
STORMS = (
    "tests/usage/test_quota_races.py",
    "tests/usage/test_quota_kills.py",
    "tests/usage/test_quota_clocks.py",
    "tests/usage/test_books.py::test_eight_threads_that_hold_and_settle_raise_no_alarm",
    "tests/billing/test_invitation_races.py",
    "tests/billing/test_erasure_histories.py",
    "tests/billing/test_gateway_histories.py",
    "tests/billing/test_webhooks.py",
    "tests/tasks/test_converging.py",
    "tests/agent/test_proposal_storm.py",
    "tests/accounts/test_leaks.py",
    "tests/e2e/test_two_workspaces.py",
    "tests/e2e/test_journey.py::test_a_sync_whose_worker_is_killed_and_broker_wiped_ends_the_same",
    "tests/config/test_openapi_attack.py",
    "tests/agent/sync/test_converging.py",
    "tests/agent/sync/test_very_large.py",
    LAST,
)
# So hard that the last storm takes less than its half of ten minutes on two cores.
STORM = "3"
LIMIT_SECONDS = 1_800
LEAVING_SECONDS = 120


class Ended(StrEnum):
    PASSED = "passed"
    FAILED = "failed"
    CUT_SHORT = "cut short"


# Of a storm in this round, cut short when that many seconds of the monotonic clock have come.
Run = Callable[[str, int, float | None], Ended]


def chosen_seconds(arguments: list[str]) -> int:
    said = (arguments or [os.environ.get("SECONDS", "600")])[0]
    if not (said.isascii() and said.isdigit()):
        raise SystemExit(f"SECONDS must be a whole number, not {said!r}.")
    return int(said)


def chosen_storms(arguments: list[str]) -> list[str]:
    found = [storm for storm in STORMS if not arguments[1:] or any(word in storm for word in arguments[1:])]
    if not found:
        raise SystemExit(f"No storm has {' or '.join(arguments[1:])} in its name.")
    return found


def run(storm: str, number: int, until: float | None) -> Ended:
    begun = time.monotonic()
    environment = {**os.environ, "DOCENT_STORM": os.environ.get("DOCENT_STORM", STORM), "DOCENT_ROUND": str(number)}
    # Ended at its first failure, one that is cut short afterwards cannot hide it.
    command = [sys.executable, "-m", "pytest", "-qx", "-p", "no:cacheprovider", f"--timeout={LIMIT_SECONDS}", storm]
    with subprocess.Popen(command, cwd=PROJECT, env=environment) as process:
        try:
            process.wait(None if until is None else max(0.0, until - begun))
            ended = Ended.FAILED if process.returncode else Ended.PASSED
        except subprocess.TimeoutExpired:
            _leave(process)
            ended = Ended.CUT_SHORT
    print(f"-- {Path(storm).name}, DOCENT_ROUND={number}: {ended}, {time.monotonic() - begun:.0f} s", flush=True)
    return ended


def _leave(process: "subprocess.Popen[bytes]") -> None:
    """As by Ctrl-C, so that it ends what it started."""
    process.send_signal(signal.SIGINT)
    try:
        process.wait(LEAVING_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()


def main(arguments: list[str], run: Run = run) -> int:
    begun, seconds, storms = time.monotonic(), chosen_seconds(arguments), chosen_storms(arguments)
    others = [storm for storm in storms if storm != LAST] or storms
    has_last = LAST in storms and others != storms
    until = begun + (seconds / 2 if has_last else seconds)
    results: list[Ended] = []
    # In an order of its own each time, so that none is always too late. Rounds differ in what is drawn by chance.
    drawn = random.sample(others, len(others))
    for number, storm in ((number, storm) for number in count(1) for storm in drawn):
        if (results or has_last) and time.monotonic() >= until:
            break
        results.append(run(storm, number, until if has_last else None))
    if has_last:
        # By the same number it draws the same again.
        results.append(run(LAST, random.randrange(1, 1_000_000), None))
    print(", ".join(f"{results.count(each)} {each}" for each in Ended), flush=True)
    return 1 if Ended.FAILED in results else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
