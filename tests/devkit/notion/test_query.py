from __future__ import annotations

from typing import Any

import pytest
from notion_client import APIResponseError

from .conftest import Notion


@pytest.fixture
def source(notion: Notion) -> str:
    return notion.id("tasks_main")


def titles(answer: Any) -> list[str]:
    return [row["properties"]["Task"]["title"][0]["plain_text"] for row in answer["results"]]


def add(notion: Notion, count: int) -> None:
    for number in range(count):
        notion.edit("add_row", source=notion.id("tasks_main"), row={"Task": f"Row {number}"})


@pytest.mark.parametrize(
    ("filter", "found"),
    [
        ({"property": "Task", "title": {"contains": "ONE"}}, ["One"]),
        ({"property": "Task", "title": {"starts_with": "tw"}}, ["Two"]),
        ({"property": "Hours", "number": {"greater_than": 3}}, ["Two"]),
        ({"property": "Status", "status": {"equals": "Done"}}, ["Two"]),
        ({"property": "Status", "status": {"equals": "Not started"}}, ["One"]),
        ({"property": "Due", "date": {"is_empty": True}}, ["Two"]),
        ({"property": "Due", "date": {"on_or_before": "2026-07-10"}}, ["One"]),
        ({"property": "Due", "date": {"next_month": {}}}, ["One"]),
        ({"property": "Tags", "multi_select": {"is_empty": True}}, ["Two", "One"]),
        ({"or": [{"property": "Hours", "number": {"equals": 3}}, {"property": "Hours", "number": {"equals": 4}}]},
         ["Two", "One"]),
        ({"property": "Sum", "rollup": {"number": {"equals": 3}}}, ["Two"]),
        ({"timestamp": "last_edited_time", "last_edited_time": {"after": "2026-07-01T09:00:00Z"}}, []),
        ({"timestamp": "last_edited_time", "last_edited_time": {"on_or_after": "2026-07-01T09:00:30Z"}},
         ["Two", "One"]),
    ],
)  # fmt: skip
def test_filters_find_rows(client: Any, source: str, filter: Any, found: list[str]) -> None:
    assert titles(client.data_sources.query(source, filter=filter)) == found


@pytest.mark.parametrize(
    ("filter", "message"),
    [
        ({}, "body.filter.or should be defined"),
        ({"property": "Nope", "title": {"equals": "x"}}, "Could not find property with name or id: Nope"),
        ({"property": "Hours", "select": {"equals": "x"}}, "number does not match filter select"),
        ({"property": "Hours", "number": {"contains": 1}}, "body.filter.number.contains"),
        ({"property": "Due", "date": {"is_empty": False}}, "should be `true`"),
        ({"property": "Due", "date": {"before": "soon"}}, "ISO 8601"),
    ],
)
def test_filters_that_make_no_sense_are_refused(client: Any, source: str, filter: Any, message: str) -> None:
    with pytest.raises(APIResponseError, match=message):
        client.data_sources.query(source, filter=filter)


def test_sorting_puts_empty_values_last_when_ascending(client: Any, source: str) -> None:
    up = client.data_sources.query(source, sorts=[{"property": "Due", "direction": "ascending"}])
    down = client.data_sources.query(source, sorts=[{"property": "Hours", "direction": "descending"}])

    assert titles(up) == ["One", "Two"]
    assert titles(down) == ["Two", "One"]


def test_paging_gives_every_row_once(notion: Notion, client: Any, source: str) -> None:
    add(notion, 23)
    found: list[str] = []
    cursor = None

    while cursor is not None or not found:
        answer = client.data_sources.query(source, page_size=10, start_cursor=cursor)
        found += titles(answer)
        cursor = answer["next_cursor"]

    assert len(found) == len(set(found)) == 25


def test_a_row_edited_between_pages_moves_and_hides_no_other(notion: Notion, client: Any, source: str) -> None:
    add(notion, 8)
    by_edit = [{"timestamp": "last_edited_time", "direction": "ascending"}]
    first = client.data_sources.query(source, page_size=5, sorts=by_edit)
    moved = first["next_cursor"].rpartition(":")[2]
    notion.emulator.control("clock", {"workspace": notion.workspace, "advance": 120})
    notion.edit("set_title", id=moved, title="Moved")

    second = client.data_sources.query(source, page_size=10, sorts=by_edit, start_cursor=first["next_cursor"])

    assert len(set(titles(first) + titles(second))) == 10
    assert titles(second)[-1] == "Moved"


def test_a_querys_cursor_dies_with_its_row(notion: Notion, client: Any, source: str) -> None:
    add(notion, 3)
    cursor = client.data_sources.query(source, page_size=2)["next_cursor"]
    notion.edit("trash", id=cursor.rpartition(":")[2])

    with pytest.raises(APIResponseError, match="The start_cursor provided is invalid: s:"):
        client.data_sources.query(source, start_cursor=cursor)


def test_trashed_rows_are_found_only_when_asked(notion: Notion, client: Any, source: str) -> None:
    notion.edit("trash", id=notion.id("one"))

    assert titles(client.data_sources.query(source)) == ["Two"]
    assert titles(client.data_sources.query(source, in_trash=True)) == ["One"]


def test_search_finds_pages_and_sources_of_the_grant(notion: Notion, client: Any) -> None:
    pages = client.search(filter={"property": "object", "value": "page"})["results"]
    sources = client.search(filter={"property": "object", "value": "data_source"})["results"]

    assert {page["id"] for page in pages} == {notion.id(key) for key in ("handbook", "sub", "one", "two")}
    assert [source["id"] for source in sources] == [notion.id("tasks_main")]


def test_search_reads_titles_loosely(notion: Notion, client: Any) -> None:
    found = client.search(query="the HAND of sub")["results"]

    assert {one["id"] for one in found} == {notion.id("handbook"), notion.id("sub")}


def test_search_sorts_by_the_time_of_the_last_edit(notion: Notion, client: Any) -> None:
    oldest = client.search(sort={"timestamp": "last_edited_time", "direction": "ascending"})["results"][0]

    assert oldest["id"] == notion.id("handbook")


def test_search_forgets_the_trash_and_what_lies_under_it(notion: Notion, client: Any) -> None:
    notion.edit("trash", id=notion.id("handbook"))

    assert client.search()["results"] == []


def test_search_finds_new_things_late(seeded: Any) -> None:
    from .conftest import SEED

    slow = seeded(SEED | {"workspaces": [SEED["workspaces"][0] | {"search_lag": 20}]})
    page = slow.edit("add_page", parent=slow.id("handbook"), page={"title": "Fresh"})["id"]

    before = slow.client().search(query="fresh")["results"]
    slow.emulator.control("clock", {"workspace": slow.workspace, "advance": 21})
    after = slow.client().search(query="fresh")["results"]

    assert before == []
    assert [one["id"] for one in after] == [page]
