"""What `make soak` runs is there, and some of it can be chosen."""

import pytest

from devkit.home import PROJECT
from tests.soak.__main__ import STORMS, chosen_storms


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
