import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.fusion import mix

scores = st.dictionaries(st.text(min_size=1, max_size=3), st.floats(-10, 10), max_size=8)


def test_what_both_searches_like_comes_first() -> None:
    found = mix({"a": 0.9, "b": 0.5, "c": 0.1}, {"b": 12.0, "a": 11.0, "d": 2.0}, dense_weight=0.7)

    assert [each.id for each in found] == ["a", "b", "c", "d"]
    assert found[0].score == pytest.approx(0.7 + 0.3 * 0.9)


def test_the_weight_decides() -> None:
    assert mix({"a": 1, "b": 0}, {"b": 1, "a": 0}, dense_weight=0.2)[0].id == "b"


def test_one_search_alone_keeps_its_order() -> None:
    assert [each.id for each in mix({}, {"a": 1, "b": 3, "c": 2}, dense_weight=0.5)] == ["b", "c", "a"]


def test_a_weight_beyond_one_is_refused() -> None:
    with pytest.raises(ValueError, match="between 0 and 1"):
        mix({}, {}, dense_weight=1.5)


@given(scores, scores)
def test_everything_found_stays_and_scores_are_shares(dense: dict[str, float], lexical: dict[str, float]) -> None:
    found = mix(dense, lexical, dense_weight=0.5)

    assert {each.id for each in found} == {*dense, *lexical}
    assert all(-1e-9 <= each.score <= 1 + 1e-9 for each in found)
    assert [each.score for each in found] == sorted((each.score for each in found), reverse=True)
