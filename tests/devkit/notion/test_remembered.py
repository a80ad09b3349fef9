"""Listings are worked out once and kept: until somebody changes something."""

from __future__ import annotations

from typing import Any

import pytest

from devkit.notion.process import EmulatorProcess

from .conftest import SEED, Notion


def titles(client: Any, notion: Notion) -> list[list[str]]:
    """The children of the handbook, the rows by hours, and all that search finds."""
    children = client.blocks.children.list(notion.id("handbook"))["results"]
    sorts = [{"property": "Hours", "direction": "ascending"}]
    rows = client.data_sources.query(notion.id("tasks_main"), sorts=sorts)["results"]
    return [[one["id"] for one in found] for found in (children, rows, client.search()["results"])]


@pytest.mark.parametrize("op", ["trash", "restrict", "delete"])
def test_what_a_person_takes_away_is_listed_no_more(notion: Notion, client: Any, op: str) -> None:
    before = titles(client, notion)

    notion.edit(op, key="sub")
    notion.edit(op, key="one")

    sub, one = notion.id("sub"), notion.id("one")
    expected = [[id for id in found if id not in (sub, one)] for found in before]
    assert [sorted(found) for found in titles(client, notion)] == [sorted(found) for found in expected]


def test_what_a_connection_writes_is_listed_at_once(notion: Notion, client: Any) -> None:
    before = titles(client, notion)

    row = client.pages.create(
        parent={"data_source_id": notion.id("tasks_main")}, properties={"Hours": {"number": 3.5}}
    )["id"]
    page = client.pages.create(parent={"page_id": notion.id("handbook")}, properties={})["id"]

    children, rows, found = titles(client, notion)
    assert children == [*before[0], page]
    assert rows == [notion.id("one"), row, notion.id("two")]
    assert {row, page} <= set(found)


def test_a_row_that_is_edited_takes_its_new_place(notion: Notion, client: Any) -> None:
    assert titles(client, notion)[1] == [notion.id("one"), notion.id("two")]

    client.pages.update(notion.id("one"), properties={"Hours": {"number": 9}})

    assert titles(client, notion)[1] == [notion.id("two"), notion.id("one")]


def test_what_is_shared_later_is_found(notion: Notion, client: Any) -> None:
    assert notion.id("secret") not in titles(client, notion)[2]

    notion.edit("share", key="secret", token=notion.token)

    assert notion.id("secret") in titles(client, notion)[2]


def test_search_finds_what_its_lag_hid_when_the_clock_gets_there(notion: Notion, client: Any) -> None:
    notion.emulator.control("clock", {"workspace": notion.workspace, "search_lag": 20})
    made = client.pages.create(parent={"page_id": notion.id("handbook")}, properties={})["id"]
    assert made not in titles(client, notion)[2]

    notion.emulator.control("clock", {"workspace": notion.workspace, "advance": 20})

    assert made in titles(client, notion)[2]


def test_one_connection_is_not_shown_what_another_sees(emulator: EmulatorProcess, http: Any) -> None:
    everything = {"integration": "ours", "workspace": "acme", "user": "bert", "roots": "all"}
    notion = Notion(emulator, emulator.seed(SEED | {"grants": [*SEED["grants"], everything]}), http)
    other: Any = notion.client(token=notion.seeded["grants"][1]["access_token"])

    found = titles(other, notion)[2]

    assert notion.id("secret") in found
    assert notion.id("secret") not in titles(notion.client(), notion)[2]


def test_many_related_rows_know_each_other(notion: Notion, client: Any) -> None:
    client.pages.update(notion.id("one"), properties={"Blocks": {"relation": [{"id": notion.id("two")}]}})
    client.pages.update(notion.id("one"), properties={"Blocks": {"relation": [{"id": notion.id("one")}]}})

    def blocked_by(key: str) -> list[str]:
        return [one["id"] for one in client.pages.retrieve(notion.id(key))["properties"]["Blocked by"]["relation"]]

    assert blocked_by("two") == []
    assert sorted(blocked_by("one")) == sorted([notion.id("one"), notion.id("two")])
