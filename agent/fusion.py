"""Joins what two searches found. Pure."""

from collections.abc import Mapping
from typing import NamedTuple


class Mixed(NamedTuple):
    id: str
    score: float


def mix(dense: Mapping[str, float], lexical: Mapping[str, float], *, dense_weight: float) -> list[Mixed]:
    """The best first. Each search's scores are stretched to 0…1; what one search did not find has its lowest score."""
    if not 0 <= dense_weight <= 1:
        raise ValueError("The weight of the dense search is between 0 and 1.")
    near, said = _stretched(dense), _stretched(lexical)
    scores = {
        each: dense_weight * near.get(each, 0.0) + (1 - dense_weight) * said.get(each, 0.0) for each in {*near, *said}
    }
    return sorted((Mixed(*pair) for pair in scores.items()), key=lambda mixed: (-mixed.score, mixed.id))


def _stretched(scores: Mapping[str, float]) -> dict[str, float]:
    if not scores:
        return {}
    low, high = min(scores.values()), max(scores.values())
    # A single result, or several equal ones, are all the best of their search.
    return {each: (score - low) / (high - low) if high > low else 1.0 for each, score in scores.items()}
