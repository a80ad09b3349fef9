"""Icons and covers as a seed writes them, an emoji, a URL, or the API's own form, and as a request does."""

from __future__ import annotations

from typing import Any

from devkit.notion.errors import string_at, wrong
from devkit.notion.model import Json

ASKED = {"icon": ("emoji", "external", "file", "custom_emoji", "icon"), "cover": ("external", "file")}


def icon(given: Any) -> Json | None:
    if given is None or isinstance(given, dict):
        return given
    if str(given).startswith("http"):
        return {"type": "external", "external": {"url": given}}
    return {"type": "emoji", "emoji": given}


def cover(given: Any) -> Json | None:
    return {"type": "external", "external": {"url": given}} if isinstance(given, str) else given


def from_api(given: Any, name: str, where: str) -> Json | None:
    """Its type may be left to what it brings."""
    if given is None:
        return None
    kinds = ASKED[name]
    kind = next((kind for kind in kinds if isinstance(given, dict) and kind in given), None)
    if kind is None or not isinstance(given[kind], str if kind == "emoji" else dict):
        raise wrong(f"{where}.{kind or kinds[0]}", "defined", None)
    if kind == "external":
        string_at(f"{where}.external.url", given[kind].get("url"))
    return {"type": kind, kind: given[kind]}
