"""Every recorded sequence with writes again, on the workspace as it stood before: the same statuses and structure.

And the readings of what no recording shows by itself. All others: test_replay.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from devkit.notion.process import EmulatorProcess
from tests.devkit.notion import before
from tests.devkit.notion.recordings import RECORDED, Json, interactions, needs_recordings
from tests.devkit.notion.test_replay import LEFT_OUT, UNKNOWN
from tests.devkit.notion.test_replay import names as read_alone

pytestmark = needs_recordings
TOKEN = "replayed"
# Addresses that are not here: FIDELITY.md, last row. The other steps of their sequences are asked.
NOT_HERE = "views"
TOLD_APART = {"request_id", "request_status"}


def is_here(step: Json) -> bool:
    return not before.path_of(step).startswith(f"/v1/{NOT_HERE}")


def names() -> list[str]:
    every = sorted(file.stem for file in RECORDED.glob("*.json")) if RECORDED.is_dir() else []
    written = [name for name in every if any(is_here(step) and not is_reading(step) for step in interactions(name))]
    return [*written, *(name for name in every if LEFT_OUT.get(name) == UNKNOWN and name not in written)]


def is_reading(step: Json) -> bool:
    return step["request"]["method"] == "GET" or is_listing(step)


def is_listing(step: Json) -> bool:
    """Of a whole table or workspace, of which a recording shows other parts than these: test_replay holds those."""
    path = before.path_of(step)
    return path.endswith(("/query", "/search")) or path.startswith("/v1/file_uploads?")


def test_a_recording_that_is_not_asked_again_has_its_reason() -> None:
    every = {file.stem for file in RECORDED.glob("*.json")}

    asked = {*names(), *read_alone()}

    assert {name: LEFT_OUT[name] for name in every - asked} == {
        "errors_400_401_404": "test_errors replays it, with tokens that are wrong",
        "views_crud_and_query": "views are not here",
    }


@pytest.fixture(scope="module")
def process() -> Iterator[EmulatorProcess]:
    with EmulatorProcess() as process:
        yield process


def sent(asked: Json, ids: before.Ids) -> tuple[dict[str, str], str | None]:
    """A form in parts was recorded without its end."""
    headers, body = {"notion-version": asked.get("notion_version") or "2026-03-11"}, asked.get("body")
    if body and "__raw__" in body:
        line, form = body["__raw__"].partition("\r\n")[0], body["__raw__"].rpartition("\r\n")[0]
        return headers | {"content-type": f"multipart/form-data; boundary={line[2:]}"}, f"{form}\r\n{line}--\r\n"
    return headers, ids.translated(json.dumps(body)) if body else None


def form(body: Any) -> list[Any]:
    """Of each thing in an answer: what it is, its keys, those of what is in a block, columns, sources, text."""
    return [
        (
            one.get("object"),
            one.get("type"),
            sorted(set(one) - {"request_id"}),
            sorted(one.get(str(one.get("type")), {})),
            columns(one) if one.get("object") == "data_source" else None,
            [source["name"] for source in one.get("data_sources", [])],
            (one.get("result") or one).get("markdown"),
        )
        for one in before.results(body)
    ]


def columns(source: Json) -> Json:
    return {name: (one["type"], sorted(one), settings(one[one["type"]])) for name, one in source["properties"].items()}


def settings(given: Any) -> Any:
    """All but ids, which a formula has inside of it."""
    if isinstance(given, dict):
        return {key: settings(value) for key, value in given.items() if not key.endswith("id")}
    if isinstance(given, list):
        return [settings(one) for one in given]
    return re.sub(r"\{\{.*?\}\}", "{{}}", given) if isinstance(given, str) else given


@pytest.mark.parametrize("name", names())
def test_a_recorded_sequence_is_done_alike(process: EmulatorProcess, tmp_path: Path, name: str) -> None:
    before.write(name, tmp_path)
    process.control("reset", {})
    process.control("seed", {"recorded": str(tmp_path), "token": TOKEN, "can_write": True})
    ids = before.Ids()
    with httpx.Client(base_url=process.url, headers={"authorization": f"Bearer {TOKEN}"}) as client:
        for number, step in enumerate(interactions(name)):
            if not is_here(step):
                continue
            asked, recorded = step["request"], step["response"]["body"]
            headers, content = sent(asked, ids)

            answer = client.request(
                asked["method"], ids.translated(before.path_of(step)), content=content, headers=headers
            )

            shown = answer.json()
            assert answer.status_code == step["response"]["status"], (number, shown)
            assert sorted(set(shown) - {"request_id"}) == sorted(set(recorded) - {"request_id", "request_status"}), (
                number
            )
            assert is_listing(step) or form(shown) == form(recorded), number
            ids.learn(recorded, shown)


def test_what_was_recorded_stands_where_it_is_moved(process: EmulatorProcess) -> None:
    process.control("reset", {})
    process.control("seed", {"recorded": str(RECORDED), "token": TOKEN, "can_write": True})
    moved = interactions("database_create_retrieve_update_v2025")[2]["response"]["body"]["id"]
    parent = {"type": "page_id", "page_id": "00000000-0000-4000-8000-000000000001"}
    headers = {"authorization": f"Bearer {TOKEN}", "notion-version": "2026-03-11"}

    answer = httpx.patch(f"{process.url}/v1/databases/{moved}", json={"parent": parent}, headers=headers)

    assert answer.json()["parent"] == parent
