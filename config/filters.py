"""What may stand behind the `?` of an address for programs. Each view says it once: it is described, and no more is
taken."""

from collections.abc import Iterable, Sequence
from typing import Any

from drf_spectacular.utils import OpenApiParameter
from rest_framework import serializers

Filter = OpenApiParameter | type[serializers.Serializer[Any]]


def check_known(given: Iterable[str], filters: Sequence[Filter]) -> None:
    """A filter that nobody knows is refused: left out quietly, its sender would believe that it was heeded."""
    known = dict.fromkeys(name for each in filters for name in _names(each))
    if unknown := sorted(set(given) - set(known)):
        words = f"There is no such filter here. Known: {', '.join(known)}."
        raise serializers.ValidationError({name: [words] for name in unknown}, code="unknown")


def _names(each: Filter) -> list[str]:
    return [each.name] if isinstance(each, OpenApiParameter) else list(each().fields)
