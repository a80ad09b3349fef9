"""Headers worth knowing, for the description of the API; `docs/api.md` says more of each."""

from typing import Final

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter

HEADER: Final = "header"

IDEMPOTENCY_KEY = OpenApiParameter(
    "Idempotency-Key", OpenApiTypes.STR, HEADER, description="The same request with it is done once in 24 hours."
)
PREFER = OpenApiParameter(
    "Prefer", OpenApiTypes.STR, HEADER, enum=["respond-async"], description="Answer at once, with 202."
)
LAST_EVENT_ID = OpenApiParameter(
    "Last-Event-ID", OpenApiTypes.STR, HEADER, description="Of the last event that was heard: the stream goes on there."
)
LOCATION = OpenApiParameter(
    "Location", OpenApiTypes.STR, HEADER, response=[201, 202], description="Where to look for it from now on."
)
RATE_LIMITS = (
    OpenApiParameter("RateLimit", OpenApiTypes.STR, HEADER, response=True, description="What is left of each limit."),
    OpenApiParameter("RateLimit-Policy", OpenApiTypes.STR, HEADER, response=True, description="The limits."),
)
RETRY_AFTER = {
    "Retry-After": {
        "schema": {"type": "integer"},
        "description": "Seconds to wait, where trying again helps: with 409, 429 and 503.",
    }
}
