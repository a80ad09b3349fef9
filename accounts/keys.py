"""How an API key looks, and how it is found again: `docent_`, 8 letters that name it, 43 that are secret, 6 that check.

The prefix is for those who look for leaked secrets. The checksum refuses what was mistyped without asking the database.
"""

import hashlib
import re
import secrets
import string
import zlib
from datetime import datetime, timedelta

from django.db.models import Q
from rest_framework.exceptions import AuthenticationFailed

from accounts.models import ApiKey

PREFIX = "docent_"
LETTERS = string.digits + string.ascii_letters
# 43 letters of 62 are 256 bits.
NAMING, SECRET, CHECKING = 8, 43, 6
FORM = re.compile(rf"{PREFIX}[0-9A-Za-z]{{{NAMING + SECRET + CHECKING}}}")
START = len(PREFIX) + NAMING
LAST_USED_PRECISION = timedelta(minutes=1)

MISTYPED = "This API key is not whole, or was mistyped: its checksum does not fit. Copy it once more."
UNKNOWN = "This API key is none of ours, or it was deleted. Make another one on the page API keys."


class BadKey(AuthenticationFailed):
    default_code = "bad_api_key"


def new() -> str:
    body = PREFIX + "".join(secrets.choice(LETTERS) for _ in range(NAMING + SECRET))
    return body + _checksum(body)


def digest(key: str) -> str:
    # 256 random bits need no slow hash.
    return hashlib.sha256(key.encode()).hexdigest()


def is_meant(raw: bytes) -> bool:
    """Whether who sends this takes it for an API key."""
    return raw.startswith(PREFIX.encode())


def find(raw: bytes, *, now: datetime) -> ApiKey:
    """Raises BadKey, with the same words for one that never was and one that was deleted."""
    text = raw.decode("latin1")
    if not FORM.fullmatch(text) or _checksum(text[:-CHECKING]) != text[-CHECKING:]:
        raise BadKey(MISTYPED)
    key = ApiKey.objects.select_related("membership").filter(start=text[:START], revoked_at=None).first()
    if key is None or not secrets.compare_digest(key.digest, digest(text)):
        raise BadKey(UNKNOWN)
    if key.is_expired(now):
        raise BadKey("This API key has expired. Make another one on the page API keys.")
    return key


def note_use(key: ApiKey, *, now: datetime) -> None:
    """Within a minute of the truth, without a write for each request, however many come at once."""
    before = now - LAST_USED_PRECISION
    if key.last_used_at is None or key.last_used_at < before:
        stale = Q(last_used_at=None) | Q(last_used_at__lt=before)
        ApiKey.objects.filter(stale, pk=key.pk).update(last_used_at=now)


def _checksum(text: str) -> str:
    number, letters = zlib.crc32(text.encode()), ""
    for _ in range(CHECKING):
        number, digit = divmod(number, len(LETTERS))
        letters = LETTERS[digit] + letters
    return letters
