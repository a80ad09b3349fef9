"""Reading the emulated Notion while it fails."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import redis

from agent.fetch import fetch_blocks
from agent.markdown import passages_of
from agent.properties import title_of
from integrations.notion import (
    BrokenAnswer,
    Budget,
    Incomplete,
    LoopedListing,
    Notion,
    Patience,
    RateLimited,
    Restricted,
    Unauthorized,
    Unmetered,
    Unreachable,
)
from tests.integrations.acme import Acme


@pytest.mark.parametrize(
    "do",
    [
        "500",
        "502",
        "503",
        "529",
        "reset",
        "204",
        "truncate",
        "cut_json",
        "empty_body",
        "results_null",
        {"429": {"retry_after": 5}},
        {"429": {"retry_after": 5, "html": True}},
    ],
)
def test_a_fault_in_the_middle_loses_nothing(acme: Acme, do: Any) -> None:
    acme.fault(do, nth=2, path_regex="/children")

    assert acme.words("long").count("Line ") == 250


def test_a_dead_cursor_loses_nothing(acme: Acme) -> None:
    acme.fault("stale_cursor", nth=1, path_regex="/children")

    assert acme.words("long").count("Line ") == 250


def test_an_empty_page_in_between_loses_nothing(acme: Acme) -> None:
    whole = acme.words("handbook")
    acme.fault("empty_page_has_more", nth=1, path_regex="/children")

    assert acme.words("handbook") == whole


@pytest.mark.parametrize("do", ["unknown_fields", "strip_partial"])
def test_strange_objects_do_not_stop_a_listing(acme: Acme, do: str) -> None:
    acme.fault(do)

    assert len([title_of(row) for row in acme.notion.query(acme.source)]) == 120


def test_a_block_type_of_tomorrow_costs_one_remark(acme: Acme) -> None:
    acme.fault("unknown_block_type", path_regex="/children", nth=1)
    blocks, _ = fetch_blocks(acme.notion, acme.ids["pages"]["long"])

    rendered = passages_of(blocks)

    assert len(rendered.passages) == 249
    assert len(rendered.remarks) == 1


def test_a_repeated_cursor_ends_in_an_error(acme: Acme) -> None:
    acme.fault("repeat_cursor", path_regex="/query")

    with pytest.raises(LoopedListing):
        list(acme.notion.query(acme.source))


def test_big_pages_that_time_out_come_in_halves(acme: Acme) -> None:
    acme.fault({"504": {"above_page_size": 50}}, path_regex="/query")

    assert len(list(acme.notion.query(acme.source))) == 120


def test_a_query_cut_by_notion_is_incomplete(acme: Acme) -> None:
    acme.fault("limit_results", path_regex="/query")

    with pytest.raises(Incomplete):
        list(acme.notion.query(acme.source))


def test_an_outage_fails_the_page_instead_of_shortening_it(acme: Acme) -> None:
    acme.fault("502", path_regex="/children", nth=list(range(2, 50)))

    with pytest.raises(Unreachable):
        acme.words("handbook")


def test_null_results_for_good_are_broken(acme: Acme) -> None:
    acme.fault("results_null", path_regex="/children")

    with pytest.raises(BrokenAnswer):
        acme.words("long")


def test_edits_while_paging_lose_nothing_that_stays(acme: Acme) -> None:
    page = acme.ids["pages"]["long"]
    hundredth = list(acme.notion.children(page))[100]["id"]
    acme.fault({"drift": {"op": "trash", "id": hundredth}}, path_regex="/children", nth=1)

    assert acme.words("long").count("Line ") == 249


def test_a_missing_capability_is_restricted(acme: Acme) -> None:
    acme.fault("403")

    with pytest.raises(Restricted):
        acme.notion.me()


def test_a_revoked_token_is_unauthorized(acme: Acme) -> None:
    acme.emulator.control("tokens", {"token": acme.token, "do": "revoke"})

    with pytest.raises(Unauthorized):
        acme.notion.me()


def test_the_emulators_own_limit_is_obeyed(acme: Acme) -> None:
    acme.emulator.control("limits", {"token": acme.token, "per_minute": 3})
    advance = acme.wait

    def wait(seconds: float) -> None:
        advance(seconds)
        acme.emulator.control("clock", {"workspace": acme.ids["id"], "advance": seconds})

    with Notion(acme.token, acme.emulator.url, budget=Unmetered(lambda: acme.now), wait=wait) as notion:
        for _ in range(8):
            notion.me()

    refused = [entry for entry in acme.emulator.journal(acme.token) if entry["status"] == 429]
    assert 1 <= len(refused) <= 3


def test_no_worker_asks_while_notion_wants_quiet(acme: Acme, valkey: redis.Redis) -> None:
    """Real time: one worker is told to stay away, the three that start then know it."""
    acme.fault({"429": {"retry_after": 1}}, times=1)
    impatient = Notion(
        acme.token, acme.emulator.url, budget=Budget(valkey, "acme"), patience=Patience(longest_in_all=0.5)
    )
    with impatient, pytest.raises(RateLimited):
        impatient.me()

    def work(number: int) -> None:
        with Notion(acme.token, acme.emulator.url, budget=Budget(valkey, "acme")) as worker:
            worker.me()

    with ThreadPoolExecutor(3) as workers:
        list(workers.map(work, range(3)))
    refused, *later = acme.emulator.journal(acme.token)

    assert [entry["status"] for entry in later] == [200, 200, 200]
    assert later[0]["at"] >= refused["ended"] + 1
