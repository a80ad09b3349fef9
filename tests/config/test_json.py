"""A body that is no JSON is refused in our own words, with where it is wrong."""

import pytest

from tests.people import Person


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"{", "what stands at line 1, column 2 is not expected there"),
        (b'{"title": "Call",\n}', "what stands at line 2, column 1 is not expected there"),
        (b'{"title": "Call"} x', "what stands at line 1, column 19 is not expected there"),
        (b'{"title": "\xff"}', "byte 12 is not UTF-8"),
        (b'{"title": "\\ud800"}', "a text has half of a surrogate pair"),
        (b'{"title": NaN}', "NaN is no number"),
        (b"[" * 100_000, "it is nested too deep"),
    ],
)
def test_what_is_wrong_and_where(alice: Person, body: bytes, words: str) -> None:
    answer = alice.api.post("/tasks", body, content_type="application/json")

    assert (answer.status_code, answer.json()["detail"]) == (400, f"The body is not JSON that can be read: {words}.")
