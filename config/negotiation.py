"""What the header Accept asks for, read in one place (RFC 9110, 12.5.1)."""

from collections.abc import Sequence
from typing import Any, ClassVar

from django.http.request import MediaType
from rest_framework.exceptions import NotAcceptable
from rest_framework.negotiation import DefaultContentNegotiation
from rest_framework.request import Request

JSON, STREAM = "application/json", "text/event-stream"


def preferred(header: str, kinds: Sequence[str]) -> str | None:
    """Which of `kinds` is liked best, of equals the first; None when none is taken.

    Django's own reading forgets a `q=0`, so that a wider range beside it would let in what it takes out.
    """
    asked = [MediaType(each) for each in header.split(",") if each.strip()] or [MediaType("*/*")]
    liked = {kind: _liked(kind, asked) for kind in kinds}
    best = max(kinds, key=lambda kind: liked[kind])
    return best if liked[best][0] > 0 else None


def _liked(kind: str, asked: Sequence[MediaType]) -> tuple[float, int]:
    """By the narrowest range that it fits: how much, and how narrow. Parameters make no other kind of it."""
    narrowness = {"*/*": 0, f"{kind.partition('/')[0]}/*": 1, kind: 2}
    ranges = [(f"{each.main_type}/{each.sub_type}", each.quality) for each in asked]
    fitting = [(narrowness[name], quality) for name, quality in ranges if name in narrowness]
    narrow, quality = max(fitting, default=(0, 0.0))
    return quality, narrow


class Negotiation(DefaultContentNegotiation):
    """An address answers with what its renderers make, or with what it sends by itself (`also`)."""

    also: ClassVar[tuple[str, ...]] = ()

    def select_renderer(self, request: Request, renderers: Any, format_suffix: str | None = None) -> Any:
        kinds = [*(each.media_type for each in renderers), *self.also]
        kind = preferred(request.headers.get("Accept", ""), kinds)
        if kind is None:
            raise NotAcceptable(available_renderers=renderers)
        # Beside what it sends by itself, an address still has refusals to render.
        return next((each for each in renderers if each.media_type == kind), renderers[0]), kind


class JSONOrStream(Negotiation):
    also = (STREAM,)
