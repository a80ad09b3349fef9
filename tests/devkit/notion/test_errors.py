"""Refusals: the recorded ones word for word, and the order in which a request is checked."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from .conftest import OLD, V2026, Notion
from .recordings import interactions, needs_recordings

RECORDED_ERRORS = range(6)
MISSING = "7855b161-f63e-4683-b7c7-8ca6e97ee266"


def call(notion: Notion, method: str, path: str, **given: Any) -> httpx.Response:
    headers = {"authorization": f"Bearer {notion.token}", "notion-version": V2026} | given.pop("headers", {})
    sent = {name: value for name, value in headers.items() if value}
    return notion.http().request(method, f"{notion.emulator.url}{path}", headers=sent, **given)


@needs_recordings
@pytest.mark.parametrize("number", RECORDED_ERRORS)
def test_recorded_errors_are_answered_word_for_word(notion: Notion, number: int) -> None:
    recorded = interactions("errors_400_401_404")[number]
    path = recorded["request"]["url"].removeprefix("https://api.notion.com")
    body = recorded["response"]["body"]
    headers = {"authorization": "Bearer wrong"} if body["status"] == 401 else {}

    answer = call(notion, "GET", path, headers=headers)

    shown = answer.json()
    assert list(shown) == list(body)
    assert answer.status_code == recorded["response"]["status"]
    assert shown["message"] == body["message"].replace("notion-sdk-py", "Docent").replace(
        "Ultimate Notion Tests", "Docent"
    )
    assert set(shown.get("additional_data", {})) == set(body.get("additional_data", {}))


def test_an_error_names_its_request_in_body_and_header(notion: Notion) -> None:
    answer = call(notion, "GET", "/v1/nothing")

    assert answer.headers["x-notion-request-id"] == answer.json()["request_id"]
    assert answer.headers["content-type"] == "application/json; charset=utf-8"


@pytest.mark.parametrize(
    ("path", "headers", "code"),
    [
        ("/v1/nothing", {"authorization": "Bearer wrong", "notion-version": None}, "invalid_request_url"),
        ("/v1/pages/bad", {"authorization": "Bearer wrong", "notion-version": None}, "unauthorized"),
        ("/v1/pages/bad", {"notion-version": None}, "missing_version"),
        ("/v1/pages/bad", {"notion-version": "2021-05-13"}, "validation_error"),
        ("/v1/pages/bad", {}, "validation_error"),
        (f"/v1/pages/{MISSING}", {}, "object_not_found"),
    ],
)
def test_checks_come_in_notions_order(notion: Notion, path: str, headers: Any, code: str) -> None:
    answer = call(notion, "GET", path, headers=headers)

    assert answer.json()["code"] == code


def test_the_limit_comes_before_the_id_is_looked_at(notion: Notion) -> None:
    notion.emulator.control("limits", {"token": notion.token, "per_minute": 0})

    answer = call(notion, "GET", "/v1/pages/bad")

    assert answer.status_code == 429


def test_broken_json_is_told_before_a_missing_object(notion: Notion) -> None:
    answer = call(notion, "POST", f"/v1/data_sources/{MISSING}/query", content=b"{")

    assert answer.json()["message"] == "Error parsing JSON body."


def test_a_missing_capability_is_told_after_a_missing_object(seeded: Any) -> None:
    from .conftest import SEED

    blind = [SEED["integrations"][0] | {"capabilities": {"read": False}}]
    notion = seeded(SEED | {"integrations": blind})

    assert call(notion, "GET", f"/v1/pages/{MISSING}").status_code == 404
    assert call(notion, "GET", f"/v1/pages/{notion.id('handbook')}").status_code == 403


def test_a_page_beyond_the_grant_does_not_exist(notion: Notion) -> None:
    answer = call(notion, "GET", f"/v1/pages/{notion.id('secret')}")

    assert answer.status_code == 404
    assert answer.json()["code"] == "object_not_found"


def test_a_database_is_not_a_page(notion: Notion) -> None:
    answer = call(notion, "GET", f"/v1/pages/{notion.id('tasks')}")

    assert answer.status_code == 404


@pytest.mark.parametrize(("size", "limit"), [(101, "≤ `100`"), (0, "≥ `1`")])
def test_a_page_size_out_of_range_is_refused(notion: Notion, size: int, limit: str) -> None:
    in_body = call(notion, "POST", "/v1/search", json={"page_size": size})
    in_query = call(notion, "GET", f"/v1/blocks/{notion.id('handbook')}/children?page_size={size}")

    assert f"body.page_size should be {limit}, instead was `{size}`." in in_body.json()["message"]
    assert f"query.page_size should be {limit}, instead was `{size}`." in in_query.json()["message"]


def test_an_old_client_reads_a_table_of_one_source_and_not_of_two(notion: Notion) -> None:
    path = f"/v1/databases/{notion.id('tasks')}"
    headers = {"notion-version": OLD}

    before = call(notion, "GET", path, headers=headers)
    notion.edit("add_source", id=notion.id("tasks"), source={"title": "More"})
    after = call(notion, "GET", path, headers=headers)

    assert "Status" in before.json()["properties"]
    assert after.status_code == 400
    assert after.json()["additional_data"]["error_type"] == "multiple_data_sources_for_database"
    assert len(after.json()["additional_data"]["child_data_source_ids"]) == 2


def test_answers_are_packed_when_asked(notion: Notion) -> None:
    path = f"/v1/pages/{notion.id('handbook')}"

    packed = call(notion, "GET", path, headers={"accept-encoding": "gzip"})
    bare = call(notion, "GET", path, headers={"accept-encoding": "identity"})

    assert packed.headers["content-encoding"] == "gzip"
    assert "content-encoding" not in bare.headers
    assert packed.json()["id"] == bare.json()["id"]
