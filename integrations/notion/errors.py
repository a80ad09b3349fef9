"""What can go wrong when we talk to Notion.

Three families: `NotConfigured` (nothing to talk with), `Unreachable` (try again later), `Refused` (do not).
No message ever holds a token.
"""

import re
from collections.abc import Mapping
from typing import Any

_SECRET = re.compile(r"\b(?:ntn_|nrt_|secret_)\w+|\b(?:Bearer|Basic)\s+[\w.~+/=-]+", re.IGNORECASE)
_LONGEST_MESSAGE = 500


class NotionError(Exception):
    def __init__(
        self,
        message: str,
        *,
        status: int | None = None,
        code: str = "",
        request_id: str = "",
        details: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(_SECRET.sub("…", message)[:_LONGEST_MESSAGE])
        self.status = status
        self.code = code
        self.request_id = request_id
        self.details = dict(details or {})


class NotConfigured(NotionError):
    """No token, no address, or a client id and secret that Notion does not know."""


class Unreachable(NotionError):
    """Notion did not answer, or not in a way that decides anything. Trying again may help."""

    def __init__(self, message: str, *, retry_after: float | None = None, **rest: Any) -> None:
        super().__init__(message, **rest)
        self.retry_after = retry_after

    @property
    def is_answer(self) -> bool:
        """Notion says so itself, and is at the request no more: no proxy says it, nor whoever ceased to wait."""
        return bool(self.code) and not isinstance(self, TimedOut)


class NotConnected(Unreachable):
    """There was nobody to send the request to, so Notion never heard of it."""


class TimedOut(Unreachable):
    """The answer took too long, there or here. A smaller page may fit."""


class BrokenAnswer(Unreachable):
    """Success was announced, and the body is cut, empty or not what was asked for."""


class RateLimited(Unreachable):
    """Too many requests for this connection; `retry_after` says when to come back."""


class Refused(NotionError):
    """Notion understood and said no. Asking again in the same way changes nothing."""


class Unauthorized(Refused):
    """The token is dead."""


class Restricted(Refused):
    """The token lives, but this capability or plan does not allow it."""


class NotFound(Refused):
    """Deleted, or no longer shared with us: Notion does not tell the two apart."""


class Invalid(Refused):
    """The request does not fit Notion's rules."""


class StaleCursor(Invalid):
    """What the cursor pointed at is gone; only a listing from its beginning helps."""


class Conflict(Refused):
    """Somebody else saved at the same moment. Read again, then decide."""


class LoopedListing(Refused):
    """A listing came back to a cursor it had been at, or never gets anywhere."""


class Incomplete(Refused):
    """Notion cut the listing at its own limit: what was listed is true, but it is not everything."""


class InvalidGrant(Refused):
    """The code or refresh token was used, revoked or never ours: the member has to connect again."""
