"""The tests of load and failure, harder and again and again: `make soak`.

`make soak ARGS="1800 usage billing"`: for these seconds, and only those with one of these words in their name.
SECONDS says the same; without either, ten minutes. No storm begins after that time; the last one ends by itself.
DOCENT_STORM says how hard, against 1 of `make test`.
"""

import os
import subprocess
import sys
import time
from itertools import count
from pathlib import Path

from devkit.home import PROJECT

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
    "tests/accounts/test_leaks.py",
    "tests/e2e/test_two_workspaces.py",
    "tests/e2e/test_journey.py::test_a_sync_whose_worker_is_killed_and_broker_wiped_ends_the_same",
    "tests/config/test_openapi_attack.py",
    "tests/agent/sync/test_converging.py",
    "tests/agent/sync/test_kills.py",
    "tests/agent/sync/test_very_large.py",
)
# So hard that ten minutes are enough for one round of all of them on two cores.
STORM = "3"
LIMIT_SECONDS = 1_800


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


def is_passed(storm: str, number: int) -> bool:
    begun = time.monotonic()
    environment = {**os.environ, "DOCENT_STORM": os.environ.get("DOCENT_STORM", STORM), "DOCENT_ROUND": str(number)}
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", f"--timeout={LIMIT_SECONDS}", storm]
    code = subprocess.run(command, cwd=PROJECT, env=environment, check=False).returncode
    print(f"-- {Path(storm).name}: {'passed' if code == 0 else 'failed'}, {time.monotonic() - begun:.0f} s", flush=True)
    return code == 0


def main(arguments: list[str]) -> int:
    deadline, storms = time.monotonic() + chosen_seconds(arguments), chosen_storms(arguments)
    results: list[bool] = []
    # Rounds differ in what is drawn by chance.
    for number, storm in ((number, storm) for number in count(1) for storm in storms):
        if results and time.monotonic() >= deadline:
            break
        results.append(is_passed(storm, number))
    print(f"{results.count(True)} passed, {results.count(False)} failed", flush=True)
    return 0 if all(results) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
