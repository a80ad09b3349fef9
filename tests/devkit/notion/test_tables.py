"""Databases and data sources made and changed through the API."""

from __future__ import annotations

from typing import Any

import pytest
from notion_client import APIResponseError

from .conftest import OLD, SEED, V2025, V2026, Notion

LATER = "2026-07-02T08:00:30Z"


def text(content: str) -> Any:
    return [{"text": {"content": content}}]


def make(notion: Notion, client: Any, **about: Any) -> Any:
    return client.databases.create(parent={"type": "page_id", "page_id": notion.id("sub")}, **about)


def source_of(database: Any) -> str:
    return str(database["data_sources"][0]["id"])


def columns(client: Any, source: str) -> Any:
    return client.data_sources.retrieve(source)["properties"]


def change(notion: Notion, client: Any, **properties: Any) -> Any:
    return client.data_sources.update(notion.id("tasks_main"), properties=properties)["properties"]


def told(notion: Notion) -> list[Any]:
    events = notion.emulator.control(f"events?workspace={notion.workspace}")["events"]
    return [(one["type"], one["entity"]["id"]) for one in events]


@pytest.mark.parametrize("version", [V2025, V2026])
def test_a_database_is_made_with_its_first_source(notion: Notion, version: str) -> None:
    client: Any = notion.client(version)

    made = make(
        notion,
        client,
        title=text("Bugs"),
        is_inline=True,
        icon={"type": "emoji", "emoji": "🐞"},
        initial_data_source={"properties": {"Bug": {"title": {}}, "Sev": {"select": {"options": [{"name": "high"}]}}}},
    )

    assert made["data_sources"] == [{"id": source_of(made), "name": "Bugs"}]
    assert made["is_inline"] is True
    shown = columns(client, source_of(made))
    assert [(name, one["type"]) for name, one in shown.items()] == [("Sev", "select"), ("Bug", "title")]
    assert client.databases.retrieve(made["id"]) | {"request_id": ""} == made | {"request_id": ""}
    row = client.pages.create(parent={"data_source_id": source_of(made)}, properties={"Bug": text("Crash")})
    assert row["parent"]["database_id"] == made["id"]


def test_a_database_without_a_title_or_columns_has_those_of_the_real_one(notion: Notion, client: Any) -> None:
    made = make(notion, client)

    source = client.data_sources.retrieve(source_of(made))
    assert made["title"][0]["plain_text"] == made["data_sources"][0]["name"] == "New database"
    assert source["title"] == []
    assert list(source["properties"]) == ["Name"]


def test_a_new_table_is_told_and_stands_on_its_page_which_is_newer(notion: Notion, client: Any) -> None:
    notion.emulator.control("clock", {"workspace": notion.workspace, "set": LATER})

    made = make(notion, client, title=text("Bugs"))

    (block,) = client.blocks.children.list(notion.id("sub"))["results"]
    assert (block["id"], block["child_database"]) == (made["id"], {"title": "Bugs"})
    assert client.pages.retrieve(notion.id("sub"))["last_edited_time"] == "2026-07-02T08:00:00.000Z"
    assert ("database.created", made["id"]) in told(notion)
    assert ("data_source.created", source_of(made)) in told(notion)


def test_a_table_at_the_top_of_the_workspace_is_the_persons_who_authorized(notion: Notion, client: Any) -> None:
    made = client.databases.create(parent={"type": "workspace", "workspace": True}, title=text("Mine"))

    assert client.databases.retrieve(made["id"])["parent"] == {"type": "workspace", "workspace": True}


def test_the_oldest_version_names_the_columns_by_themselves(notion: Notion) -> None:
    client: Any = notion.client(OLD)
    parent = {"page_id": notion.id("sub")}

    body = {"parent": parent, "title": text("Old"), "properties": {"Name": {"title": {}}, "N": {"number": {}}}}
    made = client.request(path="databases", method="POST", body=body)
    body = {"properties": {"N": {"name": "Count"}}, "title": text("Older")}
    changed = client.request(path=f"databases/{made['id']}", method="PATCH", body=body)

    assert list(made["properties"]) == ["N", "Name"]
    assert list(changed["properties"]) == ["Count", "Name"]
    assert changed["title"][0]["plain_text"] == "Older"


@pytest.mark.parametrize(
    ("about", "message"),
    [
        ({"parent": None}, "body.parent should be defined"),
        ({"parent": {"page_id": "no"}}, "body.parent.page_id should be a valid uuid"),
        ({"properties": {}}, "body.properties should be not present"),
        ({"is_inline": "yes"}, "body.is_inline should be a boolean"),
        ({"icon": {"type": "smile"}}, "body.icon.emoji should be defined"),
        ({"cover": "a.png"}, "body.cover.external should be defined"),
        ({"title": "Bugs"}, "body.title should be an array"),
        ({"initial_data_source": {"properties": {"N": {"number": {}}}}}, "Title is not provided"),
        ({"initial_data_source": {"properties": {"N": {"title": {}}, "M": {"title": {}}}}}, "more than one title"),
        ({"initial_data_source": {"properties": {"N": {"nothing": {}}}}}, "properties.N.title should be defined"),
        ({"initial_data_source": {"properties": {"N": {"title": 1}}}}, "properties.N.title should be an object"),
    ],
)
def test_a_table_that_makes_no_sense_is_refused(notion: Notion, client: Any, about: Any, message: str) -> None:
    body = {"parent": {"page_id": notion.id("sub")}, **about}

    with pytest.raises(APIResponseError) as refused:
        client.request(path="databases", method="POST", body={key: body[key] for key in body if body[key] is not None})

    assert message in str(refused.value)
    assert client.blocks.children.list(notion.id("sub"))["results"] == []


def test_what_a_database_says_of_itself_is_changed_and_its_time_stays(notion: Notion, client: Any) -> None:
    tasks = notion.id("tasks")
    before = client.databases.retrieve(tasks)
    notion.emulator.control("clock", {"workspace": notion.workspace, "set": LATER})

    cover = {"type": "external", "external": {"url": "https://example.com/a.png"}}
    about = {"is_inline": True, "is_locked": True, "cover": cover, "icon": {"type": "emoji", "emoji": "✅"}}
    changed = client.databases.update(tasks, title=text("Work"), description=text("All of it"), **about)

    assert {key: changed[key] for key in about} == about
    assert changed["title"][0]["plain_text"] == "Work"
    assert changed["data_sources"][0]["name"] == "Tasks"
    assert client.data_sources.retrieve(notion.id("tasks_main"))["description"][0]["plain_text"] == "All of it"
    assert changed["last_edited_time"] == before["last_edited_time"]
    assert client.databases.update(tasks, icon=None)["icon"] is None


def test_a_database_moves_goes_to_the_trash_and_comes_back(notion: Notion, client: Any) -> None:
    older: Any = notion.client(V2025)
    tasks = notion.id("tasks")
    parent = {"type": "page_id", "page_id": notion.id("sub")}

    assert client.databases.update(tasks, parent=parent)["parent"] == parent
    assert client.databases.update(tasks, in_trash=True)["in_trash"] is True
    source = older.data_sources.retrieve(notion.id("tasks_main"))
    assert (source["in_trash"], source["archived"]) == (True, True)
    with pytest.raises(APIResponseError, match="Can't edit block that is archived"):
        change(notion, client, More={"number": {}})
    assert client.databases.update(tasks, in_trash=False)["in_trash"] is False
    kinds = [type for type, id in told(notion) if id == tasks]
    assert kinds == ["database.moved", "database.deleted", "database.undeleted"]


def test_a_database_does_not_move_into_itself(notion: Notion, client: Any) -> None:
    inside = {"type": "page_id", "page_id": notion.id("one")}

    with pytest.raises(APIResponseError, match="into itself"):
        client.databases.update(notion.id("tasks"), parent=inside)


def test_columns_are_added_renamed_and_deleted(notion: Notion, client: Any) -> None:
    notion.emulator.control("clock", {"workspace": notion.workspace, "set": LATER})
    hours = columns(client, notion.id("tasks_main"))["Hours"]["id"]

    shown = change(notion, client, Cost={"number": {"format": "euro"}}, Due=None, **{hours: {"name": "Effort"}})

    assert shown["Cost"]["number"] == {"format": "euro"}
    assert "Due" not in shown
    assert shown["Effort"]["id"] == hours
    assert shown["Sum"]["rollup"]["rollup_property_name"] == "Effort"
    row = client.pages.retrieve(notion.id("one"))["properties"]
    assert (row["Effort"]["number"], row["Cost"]["number"]) == (3, None)
    assert client.data_sources.retrieve(notion.id("tasks_main"))["last_edited_time"] == "2026-07-02T08:00:00.000Z"
    assert told(notion) == [("data_source.schema_updated", notion.id("tasks_main"))] * 3


def test_a_column_that_comes_again_is_another_one(notion: Notion, client: Any) -> None:
    before = change(notion, client, New={"number": {}})["New"]["id"]

    change(notion, client, New=None)

    assert change(notion, client, New={"number": {}})["New"]["id"] != before


def test_a_column_of_another_type_keeps_its_id_and_loses_its_values(notion: Notion, client: Any) -> None:
    before = columns(client, notion.id("tasks_main"))["Hours"]

    shown = change(notion, client, Hours={"type": "rich_text", "rich_text": {}})["Hours"]

    assert (shown["id"], shown["type"]) == (before["id"], "rich_text")
    assert client.pages.retrieve(notion.id("one"))["properties"]["Hours"]["rich_text"] == []


def test_options_not_named_again_go_and_new_ones_come(notion: Notion, client: Any) -> None:
    client.pages.update(notion.id("one"), properties={"Tags": {"multi_select": [{"name": "red"}, {"name": "blue"}]}})
    red = columns(client, notion.id("tasks_main"))["Tags"]["multi_select"]["options"][0]

    options = [{"id": red["id"]}, {"name": "green", "color": "green", "description": "go"}]
    shown = change(notion, client, Tags={"multi_select": {"options": options}})["Tags"]["multi_select"]["options"]

    assert shown[0] == red
    assert [(one["name"], one["color"], one["description"]) for one in shown[1:]] == [("green", "green", "go")]
    tags = client.pages.retrieve(notion.id("one"))["properties"]["Tags"]["multi_select"]
    assert [tag["name"] for tag in tags] == ["red"]


def test_a_new_status_is_among_those_to_be_done(notion: Notion, client: Any) -> None:
    shown = change(notion, client, Phase={"status": {}}, Stage={"status": {"options": [{"name": "Idea"}]}})

    assert [one["name"] for one in shown["Phase"]["status"]["options"]] == ["Not started", "In progress", "Done"]
    (idea,) = shown["Stage"]["status"]["options"]
    groups = {group["name"]: group["option_ids"] for group in shown["Stage"]["status"]["groups"]}
    assert groups == {"To-do": [idea["id"]], "In progress": [], "Complete": []}


def test_a_formula_shows_its_properties_by_id(notion: Notion, client: Any) -> None:
    shown = change(notion, client, Double={"formula": {"expression": 'prop("Hours") * 2'}})

    reference = f"{shown['Hours']['id']}:{notion.id('tasks_main')}:{notion.workspace}"
    assert shown["Double"]["formula"]["expression"] == f"{{{{notion:block_property:{reference}}}}} * 2"


def test_a_relation_of_two_sides_makes_the_other_one_and_a_new_name_is_known_there(notion: Notion, client: Any) -> None:
    people = source_of(make(notion, client, title=text("People")))
    dual = {"data_source_id": people, "type": "dual_property", "dual_property": {}}

    lead = change(notion, client, Lead={"relation": dual})["Lead"]

    other = columns(client, people)["Related to Tasks (Lead)"]
    assert lead["relation"]["dual_property"]["synced_property_id"] == other["id"]
    assert other["relation"]["dual_property"]["synced_property_name"] == "Lead"
    client.data_sources.update(people, properties={other["id"]: {"name": "Leads"}})
    shown = columns(client, notion.id("tasks_main"))["Lead"]["relation"]
    assert shown["dual_property"]["synced_property_name"] == "Leads"
    change(notion, client, Lead=None)
    assert columns(client, people)["Leads"]["relation"]["type"] == "single_property"


def test_a_rollup_may_lean_on_a_relation_of_the_same_request(notion: Notion, client: Any) -> None:
    relation = {"data_source_id": notion.id("tasks_main"), "single_property": {}}
    rollup = {"relation_property_name": "Next", "rollup_property_name": "Hours", "function": "sum"}

    change(notion, client, All={"rollup": rollup}, Next={"relation": relation})
    client.pages.update(notion.id("one"), properties={"Next": {"relation": [{"id": notion.id("two")}]}})

    assert client.pages.retrieve(notion.id("one"))["properties"]["All"]["rollup"]["number"] == 4


@pytest.mark.parametrize(
    ("properties", "message"),
    [
        ({"Nope": None}, "Could not find property with name or id: Nope"),
        ({"Nope": {"name": "Yes"}}, "Could not find property with name or id: Nope"),
        ({"Task": None}, "Cannot delete the title property"),
        ({"Task": {"rich_text": {}}}, "Cannot change the type of Task from title to rich_text"),
        ({"Hours": {"title": {}}}, "Cannot change the type of Hours from number to title"),
        ({"Hours": {"name": "Task"}}, "Cannot have two properties named Task"),
        ({"Hours": 3}, "body.properties.Hours should be an object or `null`"),
        ({"Tags": {"multi_select": {"options": [{"name": "a,b"}]}}}, "commas not allowed: a,b"),
        ({"Tags": {"multi_select": {"options": [{"name": "red", "color": "blue"}]}}}, "Cannot update color of select"),
        ({"Tags": {"multi_select": {"options": [{}]}}}, "options[0].name should be defined"),
        ({"Tags": {"multi_select": {"options": [{"name": "x"}] * 101}}}, "should be ≤ `100`, instead was `101`"),
        ({"Big": {"select": {"options": [{"name": "x", "description": "x" * 52_000}]}}}, "larger than 50 KB"),
        ({"F": {"formula": {"expression": 'prop("Nope")'}}}, "undefined property"),
        ({"R": {"relation": {"single_property": {}}}}, "relation.data_source_id should be defined"),
        ({"R": {"relation": {"data_source_id": "x"}}}, "relation.single_property should be defined"),
        ({"R": {"rollup": {"relation_property_name": "Hours"}}}, "Could not find property with name or id: Hours"),
    ],
)
def test_columns_that_make_no_sense_are_refused_and_nothing_is_done(
    notion: Notion, client: Any, properties: Any, message: str
) -> None:
    before = columns(client, notion.id("tasks_main"))

    with pytest.raises(APIResponseError) as refused:
        change(notion, client, First={"number": {}}, **properties)

    assert (refused.value.status, refused.value.code) == (400, "validation_error")
    assert message in str(refused.value)
    assert columns(client, notion.id("tasks_main")) == before


def test_a_relation_of_two_sides_with_itself_fails_as_it_was_seen_to(notion: Notion, client: Any) -> None:
    dual = {"data_source_id": notion.id("tasks_main"), "dual_property": {}}

    with pytest.raises(APIResponseError) as refused:
        change(notion, client, Self={"relation": dual})

    assert (refused.value.status, refused.value.code) == (500, "internal_server_error")


def test_a_second_source_is_added_titled_and_moved(notion: Notion, client: Any) -> None:
    parent = {"type": "database_id", "database_id": notion.id("tasks")}
    made = client.data_sources.create(parent=parent, properties={"Name": {"title": {}}}, title=text("Done"))

    titled = client.data_sources.update(made["id"], title=text("Old ones"), icon={"type": "emoji", "emoji": "📦"})
    target = make(notion, client, title=text("Archive"))
    moved = client.data_sources.update(made["id"], parent={"type": "database_id", "database_id": target["id"]})

    assert made["database_parent"] == {"type": "page_id", "page_id": notion.id("handbook")}
    assert titled["title"][0]["plain_text"] == "Old ones"
    assert moved["parent"] == {"type": "database_id", "database_id": target["id"]}
    assert moved["url"] == target["url"]
    names = [one["name"] for one in client.databases.retrieve(target["id"])["data_sources"]]
    assert names == ["Archive", "Old ones"]
    kinds = [type for type, id in told(notion) if id == made["id"]]
    assert kinds == ["data_source.created", "data_source.content_updated", "data_source.moved"]


def test_a_source_goes_to_the_trash_and_its_database_shows_the_others(notion: Notion, client: Any) -> None:
    main = notion.id("tasks_main")

    assert client.data_sources.update(main, in_trash=True)["in_trash"] is True
    assert client.databases.retrieve(notion.id("tasks"))["data_sources"] == []
    assert client.data_sources.update(main, in_trash=False)["in_trash"] is False


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ({"properties": {"Name": {"title": {}}}}, "body.parent.database_id should be defined"),
        ({"parent": {"database_id": "no"}}, "body.parent.database_id should be a valid uuid"),
        ({"parent": {"database_id": "tasks"}}, "body.properties should be defined"),
        ({"parent": {"database_id": "tasks"}, "properties": {}}, "Title is not provided"),
        ({"parent": {"database_id": "tasks_main"}, "properties": {}}, "Could not find database"),
    ],
)
def test_a_source_that_makes_no_sense_is_refused(notion: Notion, client: Any, body: Any, message: str) -> None:
    named = body.get("parent", {}).get("database_id")
    if named in ("tasks", "tasks_main"):
        body = body | {"parent": {"database_id": notion.id(named)}}

    with pytest.raises(APIResponseError) as refused:
        client.request(path="data_sources", method="POST", body=body)

    assert message in str(refused.value)


@pytest.mark.parametrize(("capability", "method"), [("insert", "POST"), ("update", "PATCH")])
def test_without_the_capability_no_table_is_written(seeded: Any, capability: str, method: str) -> None:
    integration = SEED["integrations"][0] | {"capabilities": {capability: False}}
    notion = seeded(SEED | {"integrations": [integration]})
    path = "databases" if method == "POST" else f"databases/{notion.id('tasks')}"

    with pytest.raises(APIResponseError) as refused:
        notion.client().request(path=path, method=method, body={"parent": {"page_id": notion.id("sub")}})

    assert (refused.value.status, refused.value.code) == (403, "restricted_resource")


def test_what_is_not_shared_is_not_written_to(notion: Notion, client: Any) -> None:
    with pytest.raises(APIResponseError, match="Could not find page"):
        client.databases.create(parent={"type": "page_id", "page_id": notion.id("secret")})
