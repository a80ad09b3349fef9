import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from devkit.testing import first_failure


@pytest.fixture
def processes() -> Iterator[ExitStack]:
    with ExitStack() as started:
        yield started


def start(started: ExitStack, code: str) -> "subprocess.Popen[bytes]":
    process = started.enter_context(subprocess.Popen([sys.executable, "-I", "-S", "-c", code], stdin=subprocess.PIPE))
    started.callback(process.kill)
    return process


WAIT = "input()"


@pytest.mark.parametrize("codes", [(0, 3), (3, 0)])
def test_the_code_is_that_of_the_one_that_failed(processes: ExitStack, codes: tuple[int, int]) -> None:
    assert first_failure(*(start(processes, f"raise SystemExit({code})") for code in codes)) == 3


def test_all_that_end_well_are_waited_for(processes: ExitStack) -> None:
    both = [start(processes, "pass"), start(processes, "import time; time.sleep(1)")]

    assert first_failure(*both) == 0
    assert [process.poll() for process in both] == [0, 0]


@pytest.mark.parametrize("order", [1, -1])
def test_a_failure_does_not_wait_for_the_others(processes: ExitStack, order: int) -> None:
    others, failing = start(processes, WAIT), start(processes, "raise SystemExit(2)")

    assert first_failure(*[others, failing][::order]) == 2
    assert others.poll() is None
