"""Merges the files of this folder into one seed for the Notion emulator, moved to the week it is loaded.

Everything moves by the same whole weeks, so that weekdays stay right: times of editing, due dates, date mentions, and
the dates inside titles and sentences. Months without a day and a year stay.
"""

from __future__ import annotations

from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import yaml

from devkit.demo import dates

FOLDER = Path(__file__).resolve().parent
SUBJECTS = (
    "workspace",
    "handbook",
    "how_we_work",
    "policies",
    "product",
    "specs",
    "research",
    "engineering",
    "launch",
    "business",
    "tasks",
    "customers",
    "meetings",
)
# The day the content speaks of as today.
WRITTEN_ON = date(2026, 11, 22)

# What they say of days is so every year.
SAID_OF_EVERY_YEAR = frozenset({"time_off", "expenses", "public_holidays", "how_we_work", "support_hours"})

CLIENT_ID = "d0ce27de-0000-4000-8000-000000000001"
CLIENT_SECRET = "secret_demo_northwind_0000"
TOKEN = "ntn_demo_northwind_0000"


def load(today: date = WRITTEN_ON) -> dict[str, Any]:
    users: list[Any] = []
    pages: list[Any] = []
    databases: list[Any] = []
    for subject in SUBJECTS:
        part = _read(subject)
        users += part.get("users", [])
        databases += part.get("databases", [])
        home = _page(pages, part["parent"]) if "parent" in part else None
        (pages if home is None else home.setdefault("pages", [])).extend(part.get("pages", []))
    workspace = {
        "key": "northwind",
        "name": "Northwind HQ",
        "plan": "business",
        "users": users,
        "pages": pages,
        "databases": databases,
    }
    by = timedelta(weeks=(today - WRITTEN_ON).days // 7)
    moved: dict[str, Any] = _moved({"workspaces": [workspace]}, by, WRITTEN_ON)
    return moved | {"integrations": [_integration()], "grants": [_grant([page["key"] for page in pages])]}


def questions() -> list[dict[str, Any]]:
    asked: list[dict[str, Any]] = _read("questions")["questions"]
    return asked


def _read(name: str) -> dict[str, Any]:
    content: dict[str, Any] = yaml.safe_load((FOLDER / f"{name}.yaml").read_text(encoding="utf-8"))
    return content


def _page(pages: list[Any], key: str) -> dict[str, Any]:
    found: dict[str, Any] = next(page for page in pages if page["key"] == key)
    return found


def _moved(value: Any, by: timedelta, near: date | None) -> Any:
    """`near` is the day its page was edited; None where dates in sentences stay."""
    if isinstance(value, dict):
        edited = value.get("edited")
        near = edited.date() if isinstance(edited, datetime) else near
        near = None if value.get("key") in SAID_OF_EVERY_YEAR else near
        # Pages below one that stays are their own.
        return {key: _moved(inner, by, WRITTEN_ON if key == "pages" else near) for key, inner in value.items()}
    if isinstance(value, list):
        return [_moved(inner, by, near) for inner in value]
    if isinstance(value, datetime):
        return (value + by).isoformat().replace("+00:00", "Z")
    if isinstance(value, str):
        return dates.moved(value, by, near) if near and by else value
    return (value + by).isoformat() if isinstance(value, date) else value


def _integration() -> dict[str, Any]:
    return {
        "key": "docent",
        "kind": "public",
        "name": "Docent",
        "client_id": CLIENT_ID,
        "client_secret": CLIENT_SECRET,
        "any_loopback_port": True,
        "default_workspace": "northwind",
        "redirect_uris": [],
    }


def _grant(roots: list[str]) -> dict[str, Any]:
    """The token a person would paste instead of going through the consent screen."""
    return {
        "integration": "docent",
        "workspace": "northwind",
        "key": "demo-token",
        "access_token": TOKEN,
        "refresh_token": None,
        "roots": roots,
    }
