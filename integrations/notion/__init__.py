"""The one door to Notion."""

from integrations.notion import oauth
from integrations.notion.budget import Budget, Limiter, Unmetered
from integrations.notion.client import Notion
from integrations.notion.errors import (
    BrokenAnswer,
    Conflict,
    Incomplete,
    Invalid,
    InvalidGrant,
    LoopedListing,
    NotConfigured,
    NotConnected,
    NotFound,
    NotionError,
    RateLimited,
    Refused,
    Restricted,
    StaleCursor,
    TimedOut,
    Unauthorized,
    Unreachable,
)
from integrations.notion.links import address_of, dashed, page_id_from_url, undashed
from integrations.notion.listing import Slice
from integrations.notion.oauth import Grant
from integrations.notion.patience import HASTY, Patience

__all__ = [
    "HASTY",
    "BrokenAnswer",
    "Budget",
    "Conflict",
    "Grant",
    "Incomplete",
    "Invalid",
    "InvalidGrant",
    "Limiter",
    "LoopedListing",
    "NotConfigured",
    "NotConnected",
    "NotFound",
    "Notion",
    "NotionError",
    "Patience",
    "RateLimited",
    "Refused",
    "Restricted",
    "Slice",
    "StaleCursor",
    "TimedOut",
    "Unauthorized",
    "Unmetered",
    "Unreachable",
    "address_of",
    "dashed",
    "oauth",
    "page_id_from_url",
    "undashed",
]
