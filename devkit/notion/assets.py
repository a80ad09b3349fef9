"""Icons and covers as a seed writes them: an emoji, a URL, or the API's own form."""

from __future__ import annotations

from typing import Any

from devkit.notion.model import Json


def icon(given: Any) -> Json | None:
    if given is None or isinstance(given, dict):
        return given
    if str(given).startswith("http"):
        return {"type": "external", "external": {"url": given}}
    return {"type": "emoji", "emoji": given}


def cover(given: Any) -> Json | None:
    return {"type": "external", "external": {"url": given}} if isinstance(given, str) else given
