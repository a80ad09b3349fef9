from __future__ import annotations

from typing import Any

import httpx
import pytest
from notion_client import APIResponseError, Client
from notion_client.helpers import collect_paginated_api

from .conftest import SEED, V2025, V2026, Notion


def test_me_is_the_bot_of_this_connection(notion: Notion, client: Any) -> None:
    me = client.users.me()

    assert me["id"] == notion.seeded["grants"][0]["bot_id"]
    assert me["bot"]["workspace_id"] == notion.workspace
    assert me["bot"]["owner"]["user"]["name"] == "Anna Berg"


def test_users_are_members_and_the_bot_but_no_guests(client: Any) -> None:
    names = [user["name"] for user in client.users.list()["results"]]

    assert names == ["Anna Berg", "Bert", "Docent"]


def test_a_page_of_250_blocks_comes_whole_in_three(notion: Notion, client: Any) -> None:
    sub = notion.id("sub")
    notion.edit("append", parent=sub, blocks=[f"Line {i}" for i in range(250)])

    first = client.blocks.children.list(sub)
    blocks = collect_paginated_api(client.blocks.children.list, block_id=sub)

    assert first["next_cursor"] == blocks[100]["id"]
    assert [one["paragraph"]["rich_text"][0]["plain_text"] for one in blocks] == [f"Line {i}" for i in range(250)]


def test_a_cursor_dies_with_its_block(notion: Notion, client: Any) -> None:
    sub = notion.id("sub")
    notion.edit("append", parent=sub, blocks=["one", "two", "three"])
    cursor = client.blocks.children.list(sub, page_size=2)["next_cursor"]
    notion.edit("delete_block", id=cursor)

    with pytest.raises(APIResponseError, match="The start_cursor provided is invalid: "):
        client.blocks.children.list(sub, start_cursor=cursor)


def test_children_of_a_page_are_blocks_pages_and_databases(notion: Notion, client: Any) -> None:
    found = client.blocks.children.list(notion.id("handbook"))["results"]

    assert [block["type"] for block in found] == ["heading_1", "paragraph", "child_page", "child_database"]
    assert found[2]["child_page"]["title"] == "Sub page"
    assert found[3]["id"] == notion.id("tasks")


def test_a_copy_of_a_synced_block_lists_its_originals_children(notion: Notion, client: Any) -> None:
    sub = notion.id("sub")
    notion.edit("append", parent=sub, blocks=[{"synced": {"key": "own", "blocks": ["shared"]}}, {"synced_copy": "own"}])

    copy = client.blocks.children.list(sub)["results"][1]
    children = client.blocks.children.list(copy["id"])["results"]

    assert copy["has_children"]
    assert children[0]["paragraph"]["rich_text"][0]["plain_text"] == "shared"


def test_a_copy_whose_original_is_not_shared_is_404(notion: Notion, client: Any) -> None:
    copy = notion.edit("append", parent=notion.id("sub"), blocks=[{"synced_copy": "hidden"}])["ids"][0]

    with pytest.raises(APIResponseError, match="Could not find block"):
        client.blocks.children.list(copy)


def test_an_opaque_block_has_no_readable_children(notion: Notion, client: Any) -> None:
    block = notion.edit("append", parent=notion.id("sub"), blocks=[{"unsupported": {"block_type": "ai_block"}}])

    with pytest.raises(APIResponseError, match="Block type ai_block is not supported via the API"):
        client.blocks.children.list(block["ids"][0])


def test_a_linked_table_has_no_sources_of_its_own(notion: Notion, client: Any) -> None:
    block = notion.edit("append", parent=notion.id("sub"), blocks=[{"linked_database": {}}])["ids"][0]

    shown = client.databases.retrieve(block)

    assert shown["data_sources"] == []
    assert shown["title"][0]["plain_text"] == "Untitled"


def test_relations_beyond_25_are_cut_and_whole_by_themselves(notion: Notion, client: Any) -> None:
    ids = [notion.edit("add_row", source="tasks_main", row={"Task": f"Row {i}"})["id"] for i in range(30)]
    notion.edit("set_property", id=notion.id("one"), name="Blocks", value=ids)

    shown = client.pages.retrieve(notion.id("one"))["properties"]["Blocks"]
    whole = client.pages.properties.retrieve(notion.id("one"), shown["id"])

    assert (len(shown["relation"]), shown["has_more"]) == (25, True)
    assert [item["relation"]["id"] for item in whole["results"]] == ids
    assert whole["property_item"]["type"] == "relation"


def test_both_sides_of_a_relation_and_a_rollup_are_there(notion: Notion, client: Any) -> None:
    one = client.pages.retrieve(notion.id("one"))["properties"]
    two = client.pages.retrieve(notion.id("two"))["properties"]

    assert one["Blocked by"]["relation"] == [{"id": notion.id("two")}]
    assert two["Sum"]["rollup"] == {"type": "number", "number": 3, "function": "sum"}


def test_simple_properties_come_as_one_item(notion: Notion, client: Any) -> None:
    id = client.pages.retrieve(notion.id("one"))["properties"]["Hours"]["id"]

    item = client.pages.properties.retrieve(notion.id("one"), id)

    assert list(item) == ["object", "type", "id", "number", "request_id"]
    assert item["number"] == 3


def test_filter_properties_takes_names_and_ids(notion: Notion, client: Any) -> None:
    whole = client.pages.retrieve(notion.id("one"))["properties"]

    some = client.pages.retrieve(notion.id("one"), filter_properties=["Due", "title"])["properties"]

    assert some == {"Due": whole["Due"], "Task": whole["Task"]}


def test_trashed_things_leave_listings_and_stay_readable_by_id(notion: Notion, client: Any) -> None:
    notion.edit("trash", id=notion.id("sub"))

    listed = [block["id"] for block in client.blocks.children.list(notion.id("handbook"))["results"]]
    page = client.pages.retrieve(notion.id("sub"))

    assert notion.id("sub") not in listed
    assert page["in_trash"] is True


def test_what_is_deleted_for_good_is_404(notion: Notion, client: Any) -> None:
    notion.edit("delete", id=notion.id("sub"))

    with pytest.raises(APIResponseError, match="Could not find page"):
        client.pages.retrieve(notion.id("sub"))


def test_sharing_and_unsharing_changes_what_exists(notion: Notion, client: Any) -> None:
    notion.edit("share", token=notion.token, id=notion.id("secret"))
    assert client.pages.retrieve(notion.id("secret"))["object"] == "page"

    notion.edit("unshare", token=notion.token, id=notion.id("secret"))
    with pytest.raises(APIResponseError):
        client.pages.retrieve(notion.id("secret"))


def test_comments_are_of_that_object_only(notion: Notion, client: Any) -> None:
    notion.edit("add_comment", id=notion.id("welcome"), text="On the block")

    on_page = client.comments.list(block_id=notion.id("handbook"))["results"]
    on_block = client.comments.list(block_id=notion.id("welcome"))["results"]

    assert [one["rich_text"][0]["plain_text"] for one in on_page] == ["Well done"]
    assert [one["rich_text"][0]["plain_text"] for one in on_block] == ["On the block"]


def test_a_mention_of_an_unshared_page_is_untitled(notion: Notion, client: Any) -> None:
    mentions = [{"mention_page": "secret"}, {"mention_page": "sub"}]
    notion.edit("append", parent=notion.id("sub"), blocks=[{"p": mentions}])

    items = client.blocks.children.list(notion.id("sub"))["results"][0]["paragraph"]["rich_text"]

    assert [item["plain_text"] for item in items] == ["Untitled", "Sub page"]


def test_equal_neighbours_of_text_are_merged(notion: Notion, client: Any) -> None:
    notion.edit("append", parent=notion.id("sub"), blocks=[{"p": ["a" * 2000, "b"]}])

    items = client.blocks.children.list(notion.id("sub"))["results"][0]["paragraph"]["rich_text"]

    assert [len(item["plain_text"]) for item in items] == [2001]


def test_files_are_signed_anew_at_every_reading(notion: Notion, client: Any) -> None:
    notion.edit("append", parent=notion.id("sub"), blocks=[{"image": {"upload": "plan.png"}}])

    one, two = (client.blocks.children.list(notion.id("sub"))["results"][0]["image"]["file"]["url"] for _ in range(2))

    assert one != two
    assert httpx.get(one).status_code == 200
    notion.emulator.control("clock", {"workspace": notion.workspace, "advance": 3601})
    assert httpx.get(two).status_code == 403


@pytest.mark.parametrize(("version", "type"), [(V2025, "transcription"), (V2026, "meeting_notes")])
def test_meeting_notes_have_the_name_of_the_version(notion: Notion, version: str, type: str) -> None:
    raw = {"type": "meeting_notes", "meeting_notes": {"title": [], "status": "notes_ready"}}
    block = notion.edit("append", parent=notion.id("sub"), blocks=[{"raw": raw}])["ids"][0]

    shown: Any = notion.client(version).blocks.retrieve(block)

    assert shown["type"] == type
    assert shown[type]["status"] == "notes_ready"


def test_a_page_as_markdown(notion: Notion, client: Client) -> None:
    shown: Any = client.request(path=f"pages/{notion.id('handbook')}/markdown", method="GET")

    assert shown["markdown"].startswith("# Onboarding\nWelcome\n<page url=")


def test_two_copies_of_a_seed_do_not_meet(seeded: Any, notion: Notion) -> None:
    other = seeded(SEED)

    assert other.id("handbook") != notion.id("handbook")
    with pytest.raises(APIResponseError):
        other.client().pages.retrieve(notion.id("handbook"))


def test_a_restricted_page_is_not_listed(notion: Notion, client: Any) -> None:
    notion.edit("restrict", id=notion.id("sub"))
    notion.edit("restrict", id=notion.id("one"))

    listed = [block["id"] for block in client.blocks.children.list(notion.id("handbook"))["results"]]
    rows = [row["id"] for row in client.data_sources.query(notion.id("tasks_main"))["results"]]

    assert notion.id("sub") not in listed
    assert rows == [notion.id("two")]
