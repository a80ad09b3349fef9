"""The ledger is whole: every behaviour says what it rests on and which tests hold it."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from notion_client import APIResponseError

from devkit.home import PROJECT

from .conftest import SEED, Notion

LEDGER = PROJECT / "devkit" / "notion" / "FIDELITY.md"


def rows() -> list[list[str]]:
    lines = [line for line in LEDGER.read_text().splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[2:]]


@pytest.mark.parametrize("row", rows(), ids=lambda row: row[0][:40])
def test_each_behaviour_has_a_mark_and_tests_that_exist(row: list[str]) -> None:
    behaviour, marks, held_by = row

    assert behaviour
    assert re.search(r"\b[RDPG]\b", marks)
    named = re.findall(r"test_\w+", held_by)
    assert named
    assert [name for name in named if not (Path(__file__).parent / f"{name}.py").is_file()] == []


@pytest.mark.parametrize("kind", ["block", "database", "data_source"])
def test_what_is_missing_is_named_by_its_kind(client: Any, kind: str) -> None:
    missing = "00000000-0000-4000-8000-00000000abcd"

    with pytest.raises(APIResponseError, match=f"Could not find {kind} with ID: {missing}") as refused:
        getattr(client, f"{kind}s").retrieve(missing)

    assert refused.value.status == 404


def test_a_page_shows_25_people_and_the_property_all_of_them(seeded: Any) -> None:
    (workspace,) = SEED["workspaces"]
    people = [{"key": f"p{number}", "name": f"Person {number}"} for number in range(30)]
    notion: Notion = seeded(SEED | {"workspaces": [workspace | {"users": [*workspace["users"], *people]}]})
    client: Any = notion.client()
    notion.edit("set_property", id=notion.id("one"), name="Owner", value=[one["key"] for one in people])

    shown = client.pages.retrieve(notion.id("one"))["properties"]["Owner"]

    assert len(shown["people"]) == 25
    assert len(client.pages.properties.retrieve(notion.id("one"), shown["id"])["results"]) == 30


def test_a_formula_has_the_value_its_row_states(notion: Notion, client: Any) -> None:
    source = notion.id("tasks_main")
    notion.edit("add_property", source=source, name="Double", type={"formula": "prop(...) * 2"})
    row = notion.edit("add_row", source=source, row={"Task": "Three", "Double": 6})["id"]

    assert client.pages.retrieve(row)["properties"]["Double"]["formula"] == {"type": "number", "number": 6}


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "views"),
        ("GET", "views/00000000-0000-4000-8000-00000000abcd"),
        ("GET", "custom_emojis"),
        ("POST", "blocks/meeting_notes/query"),
    ],
)
def test_what_is_not_here_is_refused_rather_than_unknown(client: Any, method: str, path: str) -> None:
    with pytest.raises(APIResponseError) as refused:
        client.request(path=path, method=method)

    assert (refused.value.status, refused.value.code) == (400, "invalid_request")


@pytest.mark.parametrize("template", [{"type": "default"}, {"type": "template_id", "template_id": "x"}])
def test_there_are_no_templates(notion: Notion, client: Any, template: Any) -> None:
    with pytest.raises(APIResponseError) as refused:
        client.pages.update(notion.id("sub"), template=template)

    assert (refused.value.status, refused.value.code) == (400, "invalid_request")


def test_the_cursor_of_a_search_is_the_next_things_id_and_that_of_an_items_list_its_place(
    notion: Notion, client: Any
) -> None:
    found = [one["id"] for one in client.search()["results"]]
    assert client.search(page_size=2)["next_cursor"] == found[2]

    notion.edit("set_property", id=notion.id("one"), name="Owner", value=["anna", "bert"])
    owner = client.pages.retrieve(notion.id("one"))["properties"]["Owner"]["id"]
    assert client.pages.properties.retrieve(notion.id("one"), owner, page_size=1)["next_cursor"] == "item:1"
