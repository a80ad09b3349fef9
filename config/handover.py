"""How a view gives a long wait to the layer around Django, so that waiting holds no thread and no database connection.

The view answers at once with what a client would get that does not wait, and says in a header what to wait for. The
header is signed, and `config.asgi` always takes it off. Under a server without that layer nothing is handed over.
"""

from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Final

from django.core import signing
from django.http import HttpRequest, HttpResponse, HttpResponseBase

HEADER: Final = "X-Docent-Handover"
MARK: Final = "docent.handover"
WAITED: Final = "docent.waited"
SALT: Final = "handover"


class Mode(StrEnum):
    """WAIT for the end and answer then; STREAM every event; PAGE streams what a page swaps in."""

    WAIT = "wait"
    STREAM = "stream"
    PAGE = "page"


@dataclass(frozen=True)
class Handover:
    """`stream`: the Redis stream to read; `until`: others, in which an entry ends it; `answer`: the address that gives
    the answer at the end (WAIT)."""

    stream: str
    mode: Mode
    until: tuple[str, ...]
    answer: str = ""


def is_offered(request: HttpRequest) -> bool:
    # The scope comes from the server, so no client can put the mark there.
    return bool(request.META.get("asgi.scope", {}).get(MARK))


def waited(request: HttpRequest) -> float:
    """Seconds for which the client has waited that was let in at the beginning; 0 for a request of its own."""
    return float(request.META.get("asgi.scope", {}).get(WAITED, 0))


def event_stream() -> HttpResponse:
    """For server-sent events, said at once or handed over."""
    return HttpResponse(
        content_type="text/event-stream; charset=utf-8", headers={"Cache-Control": "no-cache, no-transform"}
    )


def give(response: HttpResponseBase, handover: Handover) -> None:
    response[HEADER] = signing.dumps(asdict(handover), salt=SALT)


def taken(value: str) -> Handover | None:
    """None for what this installation did not sign."""
    try:
        said = signing.loads(value, salt=SALT)
    except signing.BadSignature:
        return None
    return Handover(**{**said, "mode": Mode(said["mode"]), "until": tuple(said["until"])})
