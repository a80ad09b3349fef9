"""Recorded queries, replayed on the recorded rows: the emulator must answer the rows Notion answered."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from devkit.notion.process import EmulatorProcess
from tests.devkit.notion.recordings import RECORDED, interactions, needs_recordings

from .conftest import Notion

pytestmark = needs_recordings
NOW = {"query_date_filters_oracle_v2026": "2026-06-27T17:01:15Z"}


@pytest.fixture
def replayed(emulator: EmulatorProcess, tmp_path: Path, http: Any) -> Any:
    def load(name: str) -> Notion:
        shutil.copy(RECORDED / f"{name}.json", tmp_path)
        given = {"recorded": str(tmp_path), "token": f"recorded-{tmp_path}", "clock": NOW.get(name)}
        return Notion(emulator, emulator.control("seed", given), http)

    return load


def queries(name: str) -> list[Any]:
    if not RECORDED.is_dir():
        return []
    calls = [one for one in interactions(name) if one["request"]["url"].endswith("/query")]
    return [pytest.param(name, call, id=json.dumps(call["request"]["body"].get("filter"))) for call in calls[-60:]]


def ask(notion: Notion, call: Any) -> list[str]:
    source = call["request"]["url"].split("/")[-2]
    answer: Any = notion.client().data_sources.query(source, **call["request"]["body"])
    return [row["id"] for row in answer["results"]]


ORDERLESS = [
    *queries("query_date_filters_oracle_v2026"),
    *queries("query_people_relation_filters_v2026"),
    *queries("query_rollup_filters_v2026")[1:],
]


@pytest.mark.parametrize(("name", "call"), ORDERLESS)
def test_recorded_filters_find_the_recorded_rows(replayed: Any, name: str, call: Any) -> None:
    expected = [row["id"] for row in call["response"]["body"]["results"]]

    found = ask(replayed(name), call)

    assert sorted(found) == sorted(expected)


@pytest.mark.parametrize(("name", "call"), queries("query_task_db_sorts_and_filters_v2026")[1:])
def test_recorded_sorts_give_the_recorded_order(replayed: Any, name: str, call: Any) -> None:
    expected = [row["id"] for row in call["response"]["body"]["results"]]

    found = ask(replayed(name), call)

    assert found == expected


@pytest.mark.parametrize("name", ["query_110_rows_two_pages_v2026"])
def test_a_recorded_table_of_110_rows_comes_in_two_pages(replayed: Any, name: str) -> None:
    first, second = interactions(name)
    source = first["request"]["url"].split("/")[-2]
    notion = replayed(name)

    one: Any = notion.client().data_sources.query(source, page_size=100)
    two: Any = notion.client().data_sources.query(source, page_size=100, start_cursor=one["next_cursor"])

    recorded = first["response"]["body"]["results"] + second["response"]["body"]["results"]
    assert one["next_cursor"].startswith("s:")
    assert one["next_cursor"].endswith(two["results"][0]["id"])
    assert sorted(row["id"] for row in one["results"] + two["results"]) == sorted(row["id"] for row in recorded)
