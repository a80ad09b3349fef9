"""Ids shaped like Notion's, the same in every run for the same seed and namespace."""

from __future__ import annotations

import hashlib
import re
import string
from collections.abc import Sequence
from urllib.parse import quote, unquote
from uuid import NAMESPACE_URL, UUID, uuid5

NIL = "00000000-0000-0000-0000-000000000000"
ROOT = uuid5(NAMESPACE_URL, "docent:notion-emulator")
VALID = re.compile(r"[0-9a-f]{8}-?[0-9a-f]{4}-?[1-8][0-9a-f]{3}-?[89ab][0-9a-f]{3}-?[0-9a-f]{12}")
PROPERTY_LETTERS = string.ascii_letters + string.digits + "?:;<>=@[]\\^_`{|}~"


def make_id(*path: str) -> str:
    """The first 48 bits are common to a workspace (the first two parts of the path), as in real ids."""
    common = uuid5(ROOT, _joined(path[:2])).hex[:12]
    own = uuid5(ROOT, _joined(path)).hex
    variant = "89ab"[int(own[16], 16) % 4]
    return str(UUID(f"{common}8{own[13:16]}{variant}{own[17:]}"))


def _joined(path: Sequence[str]) -> str:
    """A name may hold half a character, which no id can be made of."""
    return "/".join(path).encode(errors="replace").decode()


def parse_id(text: object) -> str | None:
    """The dashed form, or None when Notion would say "should be a valid uuid"."""
    if not isinstance(text, str):
        return None
    low = text.lower()
    if VALID.fullmatch(low) is None and low.replace("-", "") != NIL.replace("-", ""):
        return None
    return str(UUID(low.replace("-", "")))


def plain(id: str) -> str:
    return id.replace("-", "")


def property_id(*path: str) -> str:
    """Four printable characters, percent-encoded as they stand in JSON."""
    digest = hashlib.sha256(_joined(path).encode()).digest()
    return encode("".join(PROPERTY_LETTERS[byte % len(PROPERTY_LETTERS)] for byte in digest[:4]))


def encode(raw: str) -> str:
    return quote(raw, safe="~_-.!*'()")


def decode(encoded: str) -> str:
    return unquote(encoded)
