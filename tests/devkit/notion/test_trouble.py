"""Limits and faults."""

from __future__ import annotations

import json
from typing import Any

import httpx
import pytest
from notion_client import APIResponseError
from notion_client.errors import RequestTimeoutError, UnknownHTTPResponseError

from .conftest import SEED, Notion


def limit(notion: Notion, per_minute: int) -> None:
    notion.emulator.control("limits", {"token": notion.token, "per_minute": per_minute})


def test_the_limit_counts_in_windows_of_a_minute(notion: Notion, client: Any) -> None:
    limit(notion, 2)
    notion.emulator.control("clock", {"workspace": notion.workspace, "set": "2026-07-01T10:00:48Z"})
    client.users.me()
    client.users.me()

    with pytest.raises(APIResponseError) as refused:
        client.users.me()

    assert refused.value.status == 429
    assert refused.value.headers["retry-after"] == "12"
    assert refused.value.additional_data == {
        "rate_limit_reason": "public_api_request_rate_limit",
        "retry_after": "12",
    }
    notion.emulator.control("clock", {"workspace": notion.workspace, "advance": 12})
    assert client.users.me()


def test_one_connections_limit_leaves_others_alone(notion: Notion, seeded: Any) -> None:
    limit(notion, 0)

    assert seeded(SEED).client().users.me()


@pytest.mark.parametrize(
    ("do", "status", "code"),
    [
        ("500", 500, "internal_server_error"),
        ("503", 503, "service_unavailable"),
        ("409", 409, "conflict_error"),
        ({"429": {"retry_after": 7}}, 429, "rate_limited"),
        ("401", 401, "unauthorized"),
        ("504", 504, "gateway_timeout"),
    ],
)
def test_faults_answer_instead_of_the_api(notion: Notion, client: Any, do: Any, status: int, code: str) -> None:
    notion.fault(do, times=1)

    with pytest.raises(APIResponseError) as refused:
        client.users.me()

    assert (refused.value.status, refused.value.code) == (status, code)
    assert client.users.me()


@pytest.mark.parametrize(("do", "status"), [("502", 502), ("529", 529), ({"429": {"html": True}}, 429)])
def test_faults_the_client_has_no_code_for(notion: Notion, client: Any, do: Any, status: int) -> None:
    notion.fault(do, times=1)

    with pytest.raises(UnknownHTTPResponseError) as refused:
        client.users.me()

    assert refused.value.status == status


def test_a_429_may_lack_its_retry_after(notion: Notion, client: Any) -> None:
    notion.fault("429", times=1)

    with pytest.raises(APIResponseError) as refused:
        client.users.me()

    assert "retry-after" not in refused.value.headers


@pytest.mark.parametrize("do", ["reset", {"truncate": {"bytes": 20}}])
def test_the_connection_may_be_dropped(notion: Notion, client: Any, do: Any) -> None:
    notion.fault(do, times=1)

    with pytest.raises(httpx.RemoteProtocolError):
        client.users.me()


@pytest.mark.parametrize("do", ["empty_body", {"cut_json": {"bytes": 20}}])
def test_the_body_may_be_no_json(notion: Notion, do: Any) -> None:
    notion.fault(do, times=1)
    headers = {"authorization": f"Bearer {notion.token}", "notion-version": "2026-03-11"}

    answer = httpx.get(f"{notion.emulator.url}/v1/users/me", headers=headers)

    assert answer.status_code == 200
    with pytest.raises(json.JSONDecodeError):
        answer.json()


def test_a_request_may_hang(notion: Notion) -> None:
    notion.fault("hang", times=1)
    client = notion.client()
    client.options.timeout_ms = 200
    client.client.timeout = httpx.Timeout(0.2)

    with pytest.raises(RequestTimeoutError):
        client.users.me()


def test_a_fault_hits_the_nth_matching_request(notion: Notion, client: Any) -> None:
    notion.fault("500", path_regex="/children$", method="GET", nth=2)

    client.blocks.children.list(notion.id("handbook"))
    client.users.me()
    with pytest.raises(APIResponseError):
        client.blocks.children.list(notion.id("handbook"))
    client.blocks.children.list(notion.id("handbook"))


def test_big_pages_may_be_too_much(notion: Notion, client: Any) -> None:
    notion.fault({"504": {"above_page_size": 50}}, path_regex="/query$")

    with pytest.raises(APIResponseError, match="Gateway Timeout"):
        client.data_sources.query(notion.id("tasks_main"))
    assert client.data_sources.query(notion.id("tasks_main"), page_size=50)["results"]


def listing(notion: Notion, client: Any, do: Any, **given: Any) -> Any:
    notion.edit("append", parent=notion.id("sub"), blocks=["one", "two", "three", "four"])
    notion.fault(do, path_regex="/children$")
    return client.blocks.children.list(notion.id("sub"), page_size=2, **given)


def test_a_cursor_may_repeat_for_ever(notion: Notion, client: Any) -> None:
    first = listing(notion, client, "repeat_cursor")

    second = client.blocks.children.list(notion.id("sub"), page_size=2, start_cursor=first["next_cursor"])

    assert second["next_cursor"] == first["next_cursor"]
    assert second["has_more"]


def test_a_cursor_may_be_stale(notion: Notion, client: Any) -> None:
    first = listing(notion, client, "stale_cursor")

    with pytest.raises(APIResponseError, match="The start_cursor provided is invalid"):
        client.blocks.children.list(notion.id("sub"), start_cursor=first["next_cursor"])


def test_a_page_may_be_empty_and_have_more(notion: Notion, client: Any) -> None:
    answer = listing(notion, client, "empty_page_has_more")

    assert answer["results"] == []
    assert answer["has_more"]


def test_an_unknown_block_type_may_come(notion: Notion, client: Any) -> None:
    # No page of this listing satisfies the schema, so the request is made without the check.
    notion.edit("append", parent=notion.id("sub"), blocks=["one"])
    notion.fault("unknown_block_type")
    headers = {"authorization": f"Bearer {notion.token}", "notion-version": "2026-03-11"}

    answer = httpx.get(f"{notion.emulator.url}/v1/blocks/{notion.id('sub')}/children", headers=headers).json()

    assert answer["results"][0]["type"] == "hologram"
    assert answer["results"][0]["hologram"] == {"depth": 3}


def test_unknown_fields_may_come(notion: Notion, client: Any) -> None:
    notion.fault("unknown_fields")

    assert "new_field" in client.users.me()


def test_search_may_omit_and_strip(notion: Notion, client: Any) -> None:
    notion.fault({"search_omit": {"ids": [notion.id("sub")]}, "strip_partial": {"ids": [notion.id("one")]}})

    found = {one["id"]: one for one in client.search()["results"]}

    assert notion.id("sub") not in found
    assert found[notion.id("one")] == {"object": "page", "id": notion.id("one")}


def test_a_fault_of_no_known_name_is_refused(notion: Notion) -> None:
    with pytest.raises(ValueError, match="no fault 505; there are"):
        notion.fault({"500": {}, "505": {}})
    with pytest.raises(ValueError, match="no fault slow; there are"):
        notion.emulator.webhook_fault("slow")

    assert not [each for each in notion.emulator.control("faults")["faults"] if "505" in each["do"]]


def test_a_fault_that_matches_by_nothing_known_is_refused(notion: Notion) -> None:
    refusal = "no request is matched by path, but by method, nth, path_regex"
    with pytest.raises(ValueError, match=refusal):
        notion.fault("500", path="/v1/search")
    with pytest.raises(ValueError, match=refusal):
        notion.emulator.webhook_fault("drop", path="page.created")

    assert not [each for each in notion.emulator.control("faults")["faults"] if "path" in each["match"]]


def test_a_token_may_be_revoked_in_the_middle(notion: Notion, client: Any) -> None:
    notion.fault("revoke_token", nth=2)
    client.users.me()

    with pytest.raises(APIResponseError, match="API token is invalid"):
        client.users.me()


def test_the_workspace_may_change_between_two_pages(notion: Notion, client: Any) -> None:
    notion.edit("append", parent=notion.id("sub"), blocks=["one", "two", "three"])
    ids = [block["id"] for block in client.blocks.children.list(notion.id("sub"))["results"]]
    notion.fault({"drift": {"op": "delete_block", "id": ids[2]}}, path_regex="/children$", times=1)

    first = client.blocks.children.list(notion.id("sub"), page_size=2)

    assert first["next_cursor"] == ids[2]
    with pytest.raises(APIResponseError, match="The start_cursor provided is invalid"):
        client.blocks.children.list(notion.id("sub"), start_cursor=ids[2])


def test_a_write_may_be_done_and_answered_with_503(notion: Notion, client: Any) -> None:
    notion.fault({"commit_then": {"status": 503}}, times=1)

    with pytest.raises(APIResponseError):
        client.pages.create(parent={"page_id": notion.id("sub")}, properties={"title": [{"text": {"content": "N"}}]})

    children = client.blocks.children.list(notion.id("sub"))["results"]
    assert [block["child_page"]["title"] for block in children] == ["N"]


def test_faults_of_one_token_leave_others_alone_and_can_be_removed(notion: Notion, client: Any, seeded: Any) -> None:
    notion.fault("500")

    assert seeded(SEED).client().users.me()
    notion.emulator.control(f"faults?token={notion.token}", method="DELETE")
    assert client.users.me()


def test_the_journal_tells_each_request_and_its_faults(notion: Notion, client: Any) -> None:
    notion.fault("500", nth=2)
    client.users.me()
    with pytest.raises(APIResponseError):
        client.search()

    told = [(one["method"], one["path"], one["status"], one["faults"]) for one in notion.emulator.journal(notion.token)]

    assert told == [("GET", "/v1/users/me", 200, []), ("POST", "/v1/search", 500, ["500"])]
