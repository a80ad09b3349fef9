"""What `make soak` runs is there, and some of it can be chosen."""

import time
from pathlib import Path

import pytest

from devkit.home import PROJECT
from tests.soak.__main__ import LAST, STORMS, Ended, chosen_storms, main, run


@pytest.mark.parametrize("storm", STORMS)
def test_every_storm_is_a_test(storm: str) -> None:
    path, _, name = storm.partition("::")

    assert f"def {name}" in (PROJECT / path).read_text()


def test_some_storms_are_chosen_by_a_word_of_their_names() -> None:
    chosen = chosen_storms(["60", "usage", "leaks"])

    assert {storm.split("/")[1] for storm in chosen} == {"usage", "accounts"}
    assert chosen_storms(["60"]) == chosen_storms([]) == list(STORMS)


def test_a_word_that_no_storm_has_is_refused() -> None:
    with pytest.raises(SystemExit, match="No storm has typhoon in its name"):
        chosen_storms(["60", "typhoon"])


class Storms:
    """What `main` runs, each of them over at once."""

    def __init__(self) -> None:
        self.ran: list[str] = []
        self.cut: list[float | None] = []

    def __call__(self, storm: str, number: int, until: float | None) -> Ended:
        self.ran.append(storm)
        self.cut.append(until)
        return Ended.PASSED


@pytest.mark.parametrize("seconds", ["0", "1"])
def test_half_of_the_time_is_left_for_the_comparison_with_which_it_ends(seconds: str) -> None:
    storms = Storms()

    assert main([seconds], storms) == 0

    *others, last = storms.ran
    assert (last, LAST in others) == (LAST, False)
    assert (storms.cut[-1], None in storms.cut[:-1]) == (None, False)


def test_without_the_comparison_all_of_the_time_is_for_what_was_chosen() -> None:
    storms = Storms()

    main(["0", "leaks"], storms)

    assert (storms.ran, storms.cut) == (["tests/accounts/test_leaks.py"], [None])


def test_a_storm_that_is_cut_short_ends_what_it_started(tmp_path: Path) -> None:
    storm, begun, ended = (tmp_path / name for name in ("test_endless.py", "begun", "ended"))
    storm.write_text(f"""
import threading, pathlib, pytest

@pytest.fixture
def started():
    pathlib.Path({str(begun)!r}).touch()
    yield
    pathlib.Path({str(ended)!r}).touch()

def test_without_end(started):
    threading.Event().wait()
""")

    assert run(str(storm), 1, time.monotonic() + 5) == Ended.CUT_SHORT
    assert begun.exists() == ended.exists()
