from __future__ import annotations

from typing import Any

import pytest
from notion_client import APIResponseError

from .conftest import V2025, Notion


def paragraph(text: str, **more: Any) -> Any:
    return {"paragraph": {"rich_text": [{"text": {"content": text}}]} | more}


def text_of(block: Any) -> str:
    return "".join(item["plain_text"] for item in block[block["type"]]["rich_text"])


def add_row(notion: Notion, client: Any, **properties: Any) -> Any:
    return client.pages.create(parent={"data_source_id": notion.id("tasks_main")}, properties=properties)


def test_a_row_is_made_with_its_properties(notion: Notion, client: Any) -> None:
    row = add_row(
        notion,
        client,
        Task={"title": [{"text": {"content": "New"}}]},
        Status={"status": {"name": "In progress"}},
        Due={"date": {"start": "2026-07-04T10:15:42+02:00"}},
        Tags={"multi_select": [{"name": "green"}]},
        Owner={"people": [{"id": notion.id("anna")}]},
    )

    shown = row["properties"]
    assert shown["Status"]["status"]["name"] == "In progress"
    assert shown["Due"]["date"]["start"] == "2026-07-04T10:15:00.000+02:00"
    assert shown["Tags"]["multi_select"][0]["name"] == "green"
    assert shown["Owner"]["people"][0]["name"] == "Anna Berg"
    assert row["created_by"]["id"] == notion.seeded["grants"][0]["bot_id"]


@pytest.mark.parametrize(
    ("properties", "message"),
    [
        ({"Nope": {"number": 1}}, "Nope is not a property that exists"),
        ({"Status": {"status": {"name": "Later"}}}, "Later"),
        ({"Sum": {"rollup": {}}}, "read-only"),
        ({"Hours": {"number": "3"}}, "should be a number"),
        ({"Task": {"title": [{"text": {"content": "x" * 2001}}]}}, "should be ≤ `2000`, instead was `2001`"),
        ({"Due": {"date": {"start": "soon"}}}, "ISO 8601"),
    ],
)
def test_properties_that_make_no_sense_are_refused(notion: Notion, client: Any, properties: Any, message: str) -> None:
    with pytest.raises(APIResponseError, match=message):
        add_row(notion, client, **properties)


def test_what_is_not_mentioned_keeps_its_value_and_lists_are_replaced(notion: Notion, client: Any) -> None:
    one = notion.id("one")

    changed = client.pages.update(one, properties={"Blocks": {"relation": [{"id": notion.id("two")}]}})
    again = client.pages.update(one, properties={"Blocks": {"relation": []}, "Due": {"date": None}})

    assert changed["properties"]["Hours"]["number"] == again["properties"]["Hours"]["number"] == 3
    assert again["properties"]["Blocks"]["relation"] == []
    assert again["properties"]["Due"]["date"] is None


def test_a_page_goes_to_the_trash_and_comes_back(notion: Notion, client: Any) -> None:
    sub = notion.id("sub")

    assert client.pages.update(sub, in_trash=True)["in_trash"] is True
    with pytest.raises(APIResponseError, match="Can't edit block that is archived"):
        client.blocks.children.append(sub, children=[paragraph("x")])
    assert client.pages.update(sub, in_trash=False)["in_trash"] is False


def test_deleting_a_page_answers_its_block(notion: Notion, client: Any) -> None:
    block = client.blocks.delete(notion.id("sub"))

    assert (block["type"], block["in_trash"]) == ("child_page", True)


def test_appended_blocks_nest_and_are_answered_first_level_only(notion: Notion, client: Any) -> None:
    made = client.blocks.children.append(notion.id("sub"), children=[paragraph("a", children=[paragraph("b")])])

    assert [text_of(block) for block in made["results"]] == ["a"]
    inner = client.blocks.children.list(made["results"][0]["id"])["results"]
    assert [text_of(block) for block in inner] == ["b"]


def test_inserting_answers_the_following_siblings_too(notion: Notion, client: Any) -> None:
    sub = notion.id("sub")
    first = client.blocks.children.append(sub, children=[paragraph("1"), paragraph("3")])["results"][0]["id"]

    position = {"type": "after_block", "after_block": {"id": first}}
    made = client.blocks.children.append(sub, children=[paragraph("2")], position=position)

    assert [text_of(block) for block in made["results"]] == ["2", "3"]


def test_after_belongs_to_the_older_version(notion: Notion, client: Any) -> None:
    sub = notion.id("sub")
    first = client.blocks.children.append(sub, children=[paragraph("1")])["results"][0]["id"]
    old: Any = notion.client(V2025)

    assert old.blocks.children.append(sub, children=[paragraph("2")], after=first)["results"]
    with pytest.raises(APIResponseError, match=r"body\.after should be not present"):
        notion.client().blocks.children.append(sub, children=[paragraph("3")], after=first)


@pytest.mark.parametrize(
    ("children", "message"),
    [
        ([paragraph("x")] * 101, "body.children.length should be ≤ `100`, instead was `101`"),
        ([paragraph("😀" * 1001)], "should be ≤ `2000`, instead was `2002`"),
        ([paragraph("1", children=[paragraph("2", children=[paragraph("3", children=[paragraph("4")])])])], "children"),
        ([{"type": "ai_block", "ai_block": {}}], "body.children"),
        ([{"unsupported": {}}], "is not supported via the API"),
        ([{"table": {"table_width": 1}}], "table.children"),
    ],
)
def test_blocks_that_make_no_sense_are_refused(notion: Notion, client: Any, children: Any, message: str) -> None:
    with pytest.raises(APIResponseError) as refused:
        client.blocks.children.append(notion.id("sub"), children=children)

    assert message in str(refused.value)


def test_equal_neighbours_become_one_when_stored(notion: Notion, client: Any) -> None:
    items = [{"text": {"content": "a" * 2000}}, {"text": {"content": "b"}}]

    made = client.blocks.children.append(notion.id("sub"), children=[{"code": {"rich_text": items, "language": "c"}}])

    assert [len(item["plain_text"]) for item in made["results"][0]["code"]["rich_text"]] == [2001]


def test_a_blocks_text_is_replaced_and_its_page_becomes_newer(notion: Notion, client: Any) -> None:
    notion.emulator.control("clock", {"workspace": notion.workspace, "set": "2026-07-02T08:00:00Z"})

    changed = client.blocks.update(notion.id("welcome"), paragraph={"rich_text": [{"text": {"content": "Hello"}}]})

    assert text_of(changed) == "Hello"
    assert client.pages.retrieve(notion.id("handbook"))["last_edited_time"] == "2026-07-02T08:00:00.000Z"


def test_a_blocks_type_does_not_change(notion: Notion, client: Any) -> None:
    with pytest.raises(APIResponseError, match="Cannot change a block of type paragraph"):
        client.blocks.update(notion.id("welcome"), heading_1={"rich_text": []})


def test_a_page_moves(notion: Notion, client: Any) -> None:
    made = client.pages.create(parent={"page_id": notion.id("sub")}, properties={"title": [{"text": {"content": "N"}}]})

    moved = client.request(
        path=f"pages/{made['id']}/move", method="POST", body={"parent": {"page_id": notion.id("handbook")}}
    )

    assert moved["parent"] == {"type": "page_id", "page_id": notion.id("handbook")}


def test_a_table_of_two_sources_needs_to_be_told_which(notion: Notion, client: Any) -> None:
    parent = {"database_id": notion.id("tasks")}
    assert client.pages.create(parent=parent, properties={})["parent"]["data_source_id"] == notion.id("tasks_main")

    notion.edit("add_source", id=notion.id("tasks"), source={"title": "More"})
    with pytest.raises(APIResponseError, match="multiple data sources"):
        client.pages.create(parent=parent, properties={})


def test_without_the_capability_nothing_is_written(seeded: Any) -> None:
    from .conftest import SEED

    reader = seeded(SEED | {"integrations": [SEED["integrations"][0] | {"capabilities": {"update": False}}]})

    with pytest.raises(APIResponseError) as refused:
        reader.client().pages.update(reader.id("sub"), in_trash=True)

    assert refused.value.status == 403


@pytest.mark.parametrize(("position", "place"), [({"type": "page_start"}, 0), ({"type": "page_end"}, -1)])
def test_a_page_is_made_at_the_start_or_the_end_of_another(
    notion: Notion, client: Any, position: Any, place: int
) -> None:
    parent = {"page_id": notion.id("handbook")}

    made = client.pages.create(parent=parent, properties={}, position=position)

    assert client.blocks.children.list(notion.id("handbook"))["results"][place]["id"] == made["id"]


def test_a_page_is_made_after_a_block_and_not_among_rows(notion: Notion, client: Any) -> None:
    position = {"type": "after_block", "after_block": {"id": notion.id("welcome")}}

    made = client.pages.create(parent={"page_id": notion.id("handbook")}, properties={}, position=position)

    order = [block["id"] for block in client.blocks.children.list(notion.id("handbook"))["results"]]
    assert order.index(made["id"]) == order.index(notion.id("welcome")) + 1
    with pytest.raises(APIResponseError, match="position can only be used"):
        client.pages.create(parent={"data_source_id": notion.id("tasks_main")}, properties={}, position=position)
    with pytest.raises(APIResponseError, match=r"body\.position\.type should be"):
        client.pages.create(parent={"page_id": notion.id("sub")}, properties={}, position={"type": "middle"})


def test_an_icon_and_a_cover_may_leave_their_type_to_what_they_bring(notion: Notion, client: Any) -> None:
    cover = {"external": {"url": "https://example.com/a.png"}}

    page = client.pages.update(notion.id("sub"), icon={"emoji": "📗"}, cover=cover)
    callout = {"callout": {"rich_text": [], "icon": {"emoji": "💡"}}}
    (block,) = client.blocks.children.append(notion.id("sub"), children=[callout])["results"]

    assert page["icon"] == {"type": "emoji", "emoji": "📗"}
    assert page["cover"] == {"type": "external"} | cover
    assert block["callout"]["icon"] == {"type": "emoji", "emoji": "💡"}
    with pytest.raises(APIResponseError, match=r"body\.icon\.emoji should be defined"):
        client.pages.update(notion.id("sub"), icon={"type": "smile"})
