"""The rest of the faults: bursts, slowness, strange successes, and chance that repeats itself."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest
from notion_client import APIResponseError

from tests.devkit.machine import eventually

from .conftest import SEED, Notion


def get(notion: Notion, path: str) -> httpx.Response:
    """Without the check by the schema, which these answers cannot satisfy."""
    headers = {"authorization": f"Bearer {notion.token}", "notion-version": "2026-03-11"}
    return httpx.get(f"{notion.emulator.url}/v1/{path}", headers=headers, timeout=60)


def outcomes(notion: Notion, count: int) -> list[int]:
    return [get(notion, "users/me").status_code for _ in range(count)]


def test_a_burst_refuses_so_many_requests_and_no_more(notion: Notion) -> None:
    notion.fault({"burst": {"n": 3, "retry_after": 2}})

    answers = [get(notion, "users/me") for _ in range(5)]

    assert [one.status_code for one in answers] == [429, 429, 429, 200, 200]
    assert [one.headers.get("retry-after") for one in answers[:4]] == ["2", "2", "2", None]


def test_an_answer_may_be_slow_and_is_right_all_the_same(notion: Notion, client: Any) -> None:
    notion.fault({"slow": {"ms": 300}}, times=1)
    started = time.monotonic()

    assert client.users.me()["type"] == "bot"

    assert time.monotonic() - started >= 0.3


def test_a_slow_answer_is_waited_for_no_longer_when_its_fault_is_taken_away(notion: Notion) -> None:
    fault = notion.fault({"slow": {"ms": 60_000}})

    with ThreadPoolExecutor(1) as thread:
        asked = thread.submit(get, notion, "users/me")
        eventually(lambda: any("slow" in one["faults"] for one in notion.emulator.journal(notion.token)))
        still_waits = not asked.done()
        notion.emulator.control(f"faults?id={fault}", method="DELETE")

    assert (still_waits, asked.result().status_code) == (True, 200)


def test_an_answer_may_be_a_204_without_a_body(notion: Notion, client: Any) -> None:
    notion.fault("204", times=1)

    answer = get(notion, "users/me")

    assert (answer.status_code, answer.content) == (204, b"")
    assert client.users.me()


def test_a_query_may_end_early_and_say_so(notion: Notion, client: Any) -> None:
    notion.fault({"limit_results": {"n": 1}}, path_regex="/query$")

    answer = client.data_sources.query(notion.id("tasks_main"))

    assert len(answer["results"]) == 1
    assert not answer["has_more"]
    assert answer["request_status"] == {
        "type": "incomplete",
        "incomplete_reason": "query_result_limit_reached",
    }


def test_a_lowered_limit_counts_over_all_pages(notion: Notion, client: Any) -> None:
    for number in range(3):
        notion.edit("add_row", source=notion.id("tasks_main"), row={"Task": f"Row {number}"})
    notion.fault({"limit_results": {"n": 3}}, path_regex="/query$")

    first = client.data_sources.query(notion.id("tasks_main"), page_size=2)
    second = client.data_sources.query(notion.id("tasks_main"), page_size=2, start_cursor=first["next_cursor"])

    assert [len(first["results"]), len(second["results"])] == [2, 1]
    assert "request_status" not in first
    assert second["request_status"]["type"] == "incomplete"


def test_results_may_be_null(notion: Notion) -> None:
    notion.fault("results_null", path_regex="/children$", times=1)
    path = f"blocks/{notion.id('handbook')}/children"

    first, second = get(notion, path).json(), get(notion, path).json()

    assert first["results"] is None
    assert len(second["results"]) == 4


def test_a_page_may_be_unshared_in_the_middle(notion: Notion, client: Any) -> None:
    sub = notion.id("sub")
    notion.fault({"unshare": {"id": sub}}, path_regex="/children$", nth=2)
    assert client.blocks.children.list(sub)["results"] == []

    with pytest.raises(APIResponseError) as refused:
        client.blocks.children.list(sub)

    assert refused.value.status == 404
    assert client.pages.retrieve(notion.id("handbook"))


def test_chance_with_a_seed_repeats_itself(seeded: Any) -> None:
    drawn = []
    for seed in (7, 7, 8):
        notion = seeded(SEED)
        notion.fault("500", probability=0.5, seed=seed)
        drawn.append(outcomes(notion, 16))

    assert drawn[0] == drawn[1] != drawn[2]
    assert set(drawn[0]) == {200, 500}


@pytest.mark.parametrize(("probability", "status"), [(0.0, 200), (1.0, 500)])
def test_chance_at_its_ends_is_no_chance(notion: Notion, probability: float, status: int) -> None:
    notion.fault("500", probability=probability, seed=1)

    assert set(outcomes(notion, 5)) == {status}
