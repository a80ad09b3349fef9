"""What a person changes in Notion's own interface, seen through the API."""

from __future__ import annotations

from typing import Any

import pytest
from notion_client import APIResponseError

from .conftest import SEED, Notion


def schema(notion: Notion, client: Any) -> Any:
    return client.data_sources.retrieve(notion.id("tasks_main"))["properties"]


def value(notion: Notion, client: Any, key: str, name: str) -> Any:
    shown = client.pages.retrieve(notion.id(key))["properties"][name]
    return shown[shown["type"]]


def change(notion: Notion, op: str, name: str, **what: Any) -> None:
    notion.edit(op, source=notion.id("tasks_main"), name=name, **what)


def names(entry: Any) -> list[str]:
    return [option["name"] for option in entry[entry["type"]]["options"]]


def test_an_option_is_added_and_can_be_chosen(notion: Notion, client: Any) -> None:
    change(notion, "add_option", "Status", option={"name": "Blocked", "color": "red"}, group="In progress")

    client.pages.update(notion.id("one"), properties={"Status": {"status": {"name": "Blocked"}}})

    status = schema(notion, client)["Status"]["status"]
    (added,) = [option for option in status["options"] if option["name"] == "Blocked"]
    (group,) = [group["name"] for group in status["groups"] if added["id"] in group["option_ids"]]
    assert group == "In progress"
    assert value(notion, client, "one", "Status")["color"] == "red"


def test_an_option_is_renamed_where_it_was_chosen_and_keeps_its_id(notion: Notion, client: Any) -> None:
    before = value(notion, client, "two", "Status")

    change(notion, "rename_option", "Status", option="Done", to="Finished")

    assert value(notion, client, "two", "Status") == before | {"name": "Finished"}
    assert "Finished" in names(schema(notion, client)["Status"])
    with pytest.raises(APIResponseError, match="Done"):
        client.pages.update(notion.id("two"), properties={"Status": {"status": {"name": "Done"}}})


def test_a_deleted_option_leaves_its_rows_without(notion: Notion, client: Any) -> None:
    tags = [{"name": "red"}, {"name": "blue"}]
    client.pages.update(notion.id("two"), properties={"Tags": {"multi_select": tags}})

    change(notion, "delete_option", "Tags", option="red")
    change(notion, "delete_option", "Status", option="Done")

    assert names(schema(notion, client)["Tags"]) == ["blue"]
    assert [tag["name"] for tag in value(notion, client, "two", "Tags")] == ["blue"]
    assert value(notion, client, "two", "Status")["name"] == "Not started"


def test_a_deleted_property_is_gone_from_schema_and_rows(notion: Notion, client: Any) -> None:
    change(notion, "remove_property", "Hours")

    assert "Hours" not in schema(notion, client)
    assert "Hours" not in client.pages.retrieve(notion.id("one"))["properties"]
    with pytest.raises(APIResponseError, match="Hours is not a property that exists"):
        client.pages.update(notion.id("one"), properties={"Hours": {"number": 1}})


def test_a_new_name_is_known_to_the_other_side_and_to_rollups(notion: Notion, client: Any) -> None:
    change(notion, "rename_property", "Blocks", to="Stops")

    shown = schema(notion, client)
    assert shown["Blocked by"]["relation"]["dual_property"]["synced_property_name"] == "Stops"
    assert shown["Sum"]["rollup"]["relation_property_name"] == "Stops"


def test_a_relation_whose_other_side_was_deleted_becomes_one_way(notion: Notion, client: Any) -> None:
    change(notion, "remove_property", "Blocked by")

    assert schema(notion, client)["Blocks"]["relation"]["type"] == "single_property"
    assert value(notion, client, "two", "Blocks") == [{"id": notion.id("one")}]


@pytest.mark.parametrize(
    ("op", "what", "message"),
    [
        ("remove_property", {"name": "Task"}, "title"),
        ("remove_property", {"name": "Nope"}, "no property Nope"),
        ("rename_option", {"name": "Tags", "option": "green", "to": "x"}, "no option green"),
        ("add_option", {"name": "Hours", "option": "x"}, "has no options"),
    ],
)
def test_edits_of_tables_that_make_no_sense_are_refused(notion: Notion, op: str, what: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        notion.edit(op, source=notion.id("tasks_main"), **what)


def test_a_linked_view_is_a_table_without_sources_that_search_leaves_out(notion: Notion, client: Any) -> None:
    (view,) = notion.edit("append", parent=notion.id("sub"), blocks=[{"linked_database": {}}])["ids"]

    (block,) = client.blocks.children.list(notion.id("sub"))["results"]
    assert (block["type"], block["child_database"]["title"]) == ("child_database", "Untitled")
    assert client.databases.retrieve(view)["data_sources"] == []
    assert view not in [one["id"] for one in client.search()["results"]]


def test_a_wiki_lists_the_tables_in_it_among_its_pages(notion: Notion, client: Any) -> None:
    wiki = notion.id("tasks_main")
    inner = notion.edit("add_database", parent=wiki, database={"key": "inner", "title": "Inner"})["id"]
    (source,) = [one["id"] for one in client.databases.retrieve(inner)["data_sources"]]

    rows = client.data_sources.query(wiki)["results"]
    pages = client.data_sources.query(wiki, result_type="page")["results"]
    tables = client.data_sources.query(wiki, result_type="data_source")["results"]

    assert {row["id"]: row["object"] for row in rows}[source] == "data_source"
    assert [row["id"] for row in tables] == [source]
    assert {row["id"] for row in rows} == {row["id"] for row in [*pages, *tables]}
    by_title = client.data_sources.query(wiki, filter={"property": "Task", "title": {"equals": "Inner"}})
    assert [row["id"] for row in by_title["results"]] == [source]


def test_a_copy_of_a_synced_block_that_is_not_shared_refuses_its_children(notion: Notion, client: Any) -> None:
    (copy,) = notion.edit("append", parent=notion.id("sub"), blocks=[{"synced_copy": "hidden"}])["ids"]

    (block,) = client.blocks.children.list(notion.id("sub"))["results"]
    assert (block["id"], block["has_children"]) == (copy, True)
    with pytest.raises(APIResponseError) as refused:
        client.blocks.children.list(copy)
    assert refused.value.status == 404


@pytest.mark.parametrize("moves_are_edits", [True, False])
def test_what_makes_a_page_newer(seeded: Any, moves_are_edits: bool) -> None:
    (workspace,) = SEED["workspaces"]
    long_ago = {"edited": "2026-01-01T08:00:00Z"}
    pages = [{"key": key, "title": key, **long_ago, "pages": below} for key, below in PLACES.items()]
    space = workspace | {"moves_are_edits": moves_are_edits, "pages": [*workspace["pages"], *pages]}
    (grant,) = SEED["grants"]
    notion: Notion = seeded(SEED | {"workspaces": [space], "grants": [grant | {"roots": [*grant["roots"], *PLACES]}]})
    client: Any = notion.client()

    def newer() -> set[str]:
        keys = ("from", "to", "calm", "child", "renamed")
        return {key for key in keys if "2026-01-01" not in client.pages.retrieve(notion.id(key))["last_edited_time"]}

    notion.edit("set_title", id=notion.id("renamed"), title="Renamed")
    assert newer() == {"renamed"}
    notion.edit("move", id=notion.id("child"), to=notion.id("to"))
    assert newer() == {"renamed", *(["child", "to"] if moves_are_edits else [])}
    notion.edit("trash", id=notion.id("child"))
    assert newer() == {"renamed", *(["child", "to"] if moves_are_edits else [])}


PLACES: dict[str, Any] = {
    "from": [{"key": "child", "title": "Child", "edited": "2026-01-01T08:00:00Z"}],
    "to": [],
    "calm": [{"key": "renamed", "title": "Old", "edited": "2026-01-01T08:00:00Z"}],
}
