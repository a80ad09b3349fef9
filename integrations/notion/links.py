"""Notion's ids, and the addresses that hold them."""

import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qs, urlsplit

_HEX = re.compile(r"[0-9a-f]{32}", re.IGNORECASE)
_UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}", re.IGNORECASE)
_AT_END = re.compile(rf"(?:^|[-/])({_HEX.pattern}|{_UUID.pattern})$", re.IGNORECASE)
_HOSTS = ("notion.so", "notion.com", "notion.site")
LONGEST = 2000


def is_id(text: str) -> bool:
    return bool(_HEX.fullmatch(text) or _UUID.fullmatch(text))


def dashed(text: str) -> str:
    """The form of an id that Notion answers with. Raises ValueError when it is no id."""
    if not is_id(text):
        raise ValueError("not a Notion id")
    plain = undashed(text)
    return f"{plain[:8]}-{plain[8:12]}-{plain[12:16]}-{plain[16:20]}-{plain[20:]}"


def undashed(text: str) -> str:
    return text.replace("-", "").lower()


def address_of(thing: Mapping[str, Any]) -> str:
    """Where a page or database opens. Notion puts the title into it; a longer one goes without, and opens as well."""
    url = str(thing.get("url") or "")
    return url if len(url) <= LONGEST else f"https://www.notion.so/{undashed(thing['id'])}"


def page_id_from_url(text: str) -> str | None:
    """The page or database id in what somebody pasted: an address of Notion's, in either form, or an id."""
    text = text.strip()
    if is_id(text):
        return dashed(text)
    try:
        parts = urlsplit(text if "://" in text else f"https://{text}")
        host = parts.hostname or ""
    except ValueError:
        return None
    if not any(host == known or host.endswith(f".{known}") for known in _HOSTS):
        return None
    # A page opened over a table stands in `p`; the path is then the table.
    opened = parse_qs(parts.query).get("p", [""])[0]
    if is_id(opened):
        return dashed(opened)
    found = _AT_END.search(parts.path.rstrip("/"))
    return dashed(found[1]) if found else None
