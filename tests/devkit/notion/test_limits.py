"""Rate limits by connection and by workspace, and the forms of Retry-After; writes that were done all the same."""

from __future__ import annotations

from email.utils import parsedate_to_datetime
from typing import Any

import httpx
import pytest
from notion_client import APIResponseError

from tests.devkit.machine import eventually

from .conftest import SEED, Notion

TITLE = {"title": [{"text": {"content": "N"}}]}


def get(notion: Notion, token: str | None = None) -> httpx.Response:
    headers = {"authorization": f"Bearer {token or notion.token}", "notion-version": "2026-03-11"}
    return httpx.get(f"{notion.emulator.url}/v1/users/me", headers=headers)


def limit(notion: Notion, **limits: Any) -> None:
    notion.emulator.control("limits", {"workspace": notion.workspace} | limits)


def test_all_connections_of_a_workspace_share_a_window(seeded: Any) -> None:
    grants = [{"integration": "ours", "workspace": "acme", "user": who} for who in ("anna", "bert")]
    notion = seeded(SEED | {"grants": grants})
    one, two = (grant["access_token"] for grant in notion.seeded["grants"])
    limit(notion, per_space_minute=2)

    answers = [get(notion, token) for token in (one, two, one)]

    assert [answer.status_code for answer in answers] == [200, 200, 429]
    reason = answers[2].json()["additional_data"]["rate_limit_reason"]
    assert reason == "public_api_space_request_rate_limit"
    notion.emulator.control("clock", {"workspace": notion.workspace, "advance": 60})
    assert get(notion, two).status_code == 200


@pytest.mark.parametrize("form", ["int", "date", "float", "absent"])
def test_the_limiter_has_all_forms_of_retry_after(notion: Notion, form: str) -> None:
    limit(notion, per_space_minute=0, retry_after=form)

    header = get(notion).headers.get("retry-after")

    if form == "date":
        assert header is not None
        assert parsedate_to_datetime(header).tzinfo is not None
    else:
        assert header == {"int": "60", "float": "60.0", "absent": None}[form]


def test_a_fault_has_them_too(notion: Notion) -> None:
    notion.fault({"429": {"retry_after": {"form": "float", "seconds": 1.5}, "reason": "public_api_request_blocked"}})

    answer = get(notion)

    assert answer.headers["retry-after"] == "1.5"
    assert answer.json()["additional_data"]["rate_limit_reason"] == "public_api_request_blocked"


WRITES: dict[str, Any] = {
    "page": lambda client, notion: client.pages.create(parent={"page_id": notion.id("sub")}, properties=TITLE),
    "properties": lambda client, notion: client.pages.update(notion.id("one"), properties={"Hours": {"number": 8}}),
    "trash": lambda client, notion: client.pages.update(notion.id("sub"), in_trash=True),
    "block": lambda client, notion: client.blocks.update(
        notion.id("welcome"), paragraph={"rich_text": [{"text": {"content": "N"}}]}
    ),
    "delete": lambda client, notion: client.blocks.delete(notion.id("welcome")),
    "append": lambda client, notion: client.blocks.children.append(notion.id("sub"), children=[{"divider": {}}]),
    "comment": lambda client, notion: client.comments.create(
        parent={"page_id": notion.id("sub")}, rich_text=[{"text": {"content": "N"}}]
    ),
}


@pytest.mark.parametrize("write", WRITES)
@pytest.mark.parametrize("how", ["503", "504", "reset", "hang"])
def test_a_write_may_be_done_without_its_answer(notion: Notion, client: Any, write: str, how: str) -> None:
    before = notion.emulator.control(f"events?workspace={notion.workspace}")["last"]
    notion.fault({"commit_then": {"status": how}}, times=1)
    client.client.timeout = httpx.Timeout(0.3 if how == "hang" else 10)

    with pytest.raises(Exception) as failed:  # noqa: PT011 - each way of failing has its own class
        WRITES[write](client, notion)

    # Who waits no longer may have gone before it was done.
    assert eventually(lambda: notion.emulator.control(f"events?workspace={notion.workspace}&since={before}")["events"])
    if how == "503":
        assert isinstance(failed.value, APIResponseError)
        data: Any = failed.value.additional_data
        assert data["retry_guidance"] == "Do not repeat the write."
        assert data.get("committed_resource_id") or data.get("committed_child_ids")


def test_a_conflict_does_nothing_and_passes(notion: Notion, client: Any) -> None:
    notion.fault("409", times=2)
    for _ in range(2):
        with pytest.raises(APIResponseError, match="Conflict occurred while saving"):
            WRITES["append"](client, notion)

    WRITES["append"](client, notion)

    assert len(client.blocks.children.list(notion.id("sub"))["results"]) == 1


def test_a_refused_write_stays_refused(notion: Notion, client: Any) -> None:
    notion.fault({"commit_then": {"status": 503}})

    with pytest.raises(APIResponseError, match="not a property that exists"):
        client.pages.update(notion.id("one"), properties={"Nope": {"number": 1}})


@pytest.mark.parametrize("rfc", [False, True])
def test_a_refresh_may_be_refused(notion: Notion, rfc: bool) -> None:
    notion.emulator.fault({"refresh_invalid_grant": {"rfc_form": rfc}}, token="client", times=1)
    given = {"grant_type": "refresh_token", "refresh_token": notion.seeded["grants"][0]["refresh_token"]}

    answers = [
        httpx.post(f"{notion.emulator.url}/v1/oauth/token", auth=("client", "secret"), json=given) for _ in range(2)
    ]

    assert [answer.status_code for answer in answers] == [400, 200]
    assert answers[0].json()["error" if rfc else "code"] == "invalid_grant"


def test_search_may_become_late(notion: Notion, client: Any) -> None:
    notion.fault({"search_lag": {"s": 20}}, times=1)
    client.users.me()
    made = notion.edit("add_page", parent=notion.id("sub"), page={"title": "Fresh"})

    late = [one["id"] for one in client.search(query="Fresh")["results"]]
    notion.emulator.control("clock", {"workspace": notion.workspace, "advance": 20})

    assert made["id"] not in late
    assert made["id"] in [one["id"] for one in client.search(query="Fresh")["results"]]
