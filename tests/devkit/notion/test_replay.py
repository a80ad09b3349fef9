"""Every recorded reading again, on a workspace made of all recordings: the same status and the same structure.

That workspace can only be read. Sequences with writes, and readings of what is UNKNOWN here: test_replay_writes.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from devkit.notion.process import EmulatorProcess
from tests.devkit.notion.recordings import RECORDED, interactions, needs_recordings

pytestmark = needs_recordings
TOKEN = "replayed"
# No recording shows the page or table that was read, so it cannot be made.
UNKNOWN = "what was read was never recorded itself"
LEFT_OUT = {
    "async_task_202_then_get": "what it reads is made by its write",
    "blocks_children_three_pages_of_two_v2025": UNKNOWN,
    "blocks_long_code_rich_text_merged_v2026": UNKNOWN,
    "comments_crud_v2025": UNKNOWN,
    "data_source_templates_empty_query_empty_v2025": UNKNOWN,
    "database_two_sources_create_second_v2025": "it has writes only",
    "errors_400_401_404": "test_errors replays it, with tokens that are wrong",
    "file_uploads_create_send_retrieve_external_list": "what it lists was made before it, by another",
    "views_crud_and_query": "views are not here",
}
PARENT_UNKNOWN = {("blocks_tab_v2026", 3)}


def readings(name: str) -> Iterator[tuple[int, Any]]:
    for number, one in enumerate(interactions(name)):
        asked = one["request"]
        reading = asked["method"] == "GET" or asked["url"].endswith(("/query", "/search"))
        if reading and (name, number) not in PARENT_UNKNOWN:
            yield number, one


def names() -> list[str]:
    every = sorted(file.stem for file in RECORDED.glob("*.json")) if RECORDED.is_dir() else []
    return [name for name in every if name not in LEFT_OUT and any(readings(name))]


@pytest.fixture(scope="module")
def replay() -> Iterator[httpx.Client]:
    with EmulatorProcess() as process:
        process.control("seed", {"recorded": str(RECORDED), "token": TOKEN})
        with httpx.Client(base_url=process.url, headers={"authorization": f"Bearer {TOKEN}"}) as client:
            yield client


def translated(text: str, cursors: dict[str, str]) -> str:
    return re.sub("|".join(map(re.escape, cursors)), lambda found: cursors[found[0]], text) if cursors else text


def structure(body: Any) -> Any:
    return sorted(set(body) - {"request_id", "request_status"})


def things(body: Any) -> dict[str, list[str]]:
    """The keys of each thing in the answer, and those of a block's payload."""
    listed = body["results"] if body["object"] == "list" else [body]
    return {
        one["id"]: sorted(one) + [f"{one['type']}.{key}" for key in sorted(one[one["type"]])]
        for one in listed
        if one.get("object") == "block"
    } | {one["id"]: sorted(set(one) - {"request_id"}) for one in listed if one.get("object") in ("page", "data_source")}


@pytest.mark.parametrize("name", names())
def test_a_recorded_sequence_is_answered_alike(replay: httpx.Client, name: str) -> None:
    cursors: dict[str, str] = {}
    for number, one in readings(name):
        asked, recorded = one["request"], one["response"]["body"]
        path = "/v1/" + asked["url"].partition("/v1/")[2]
        body = json.loads(translated(json.dumps(asked["body"]), cursors)) if asked.get("body") else None
        headers = {"notion-version": asked.get("notion_version") or "2026-03-11"}

        answer = replay.request(asked["method"], translated(path, cursors), json=body, headers=headers)

        shown = answer.json()
        assert answer.status_code == one["response"]["status"], (number, shown)
        assert structure(shown) == structure(recorded), number
        if recorded["object"] == "error":
            continue
        if recorded.get("next_cursor") and shown.get("next_cursor"):
            cursors[recorded["next_cursor"]] = shown["next_cursor"]
        found, expected = things(shown), things(recorded)
        assert {id: found[id] for id in found if id in expected} == {
            id: expected[id] for id in expected if id in found
        }, number
        assert name.startswith("query") or path.startswith("/v1/search") or bool(found) is bool(expected), number
