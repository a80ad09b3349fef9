"""Which keys each kind of object has, in which version and order: a table, held to the recordings."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from .conftest import V2025, V2026, Notion
from .recordings import RECORDED, check, interactions, needs_recordings, needs_schema, validator

KEYS = {
    "page": "object id created_time last_edited_time created_by last_edited_by cover icon parent in_trash is_archived"
    " is_locked properties url public_url",
    "block": "object id parent created_time last_edited_time created_by last_edited_by has_children in_trash type",
    "data_source": "object id cover icon created_time created_by last_edited_by last_edited_time title description"
    " is_inline properties parent database_parent url public_url in_trash",
    "database": "object id title description parent is_inline in_trash is_locked created_time last_edited_time"
    " data_sources icon cover url public_url",
    "file_upload": "object id created_time created_by last_edited_time expiry_time in_trash status filename"
    " content_type content_length",
    "comment": "object id parent discussion_id created_time last_edited_time created_by rich_text display_name",
}
ONLY_2025 = ("page", "block", "data_source", "database", "file_upload")
PAYLOADS = {
    "paragraph": "rich_text icon color",
    "heading_1": "rich_text is_toggleable color",
    "to_do": "rich_text checked color",
    "bulleted_list_item": "rich_text color",
    "callout": "rich_text icon color",
    "code": "caption rich_text language",
    "table": "table_width has_column_header has_row_header",
    "table_row": "cells",
    "synced_block": "synced_from",
    "child_page": "title",
    "unsupported": "block_type",
    "bookmark": "caption url",
    "image": "caption type external",
    "divider": "",
}
EVERY_BLOCK: list[Any] = [
    "text",
    {"h1": "one"},
    {"h4": "four"},
    {"bullet": "b"},
    {"number": "n"},
    {"todo": {"text": "t", "checked": True}},
    {"toggle": {"text": "t", "blocks": ["inside"]}},
    {"quote": "q"},
    {"callout": {"text": "c", "icon": "💡"}},
    {"code": {"text": "x = 1", "language": "python"}},
    {"equation": "e = mc^2"},
    {"divider": {}},
    {"breadcrumb": {}},
    {"toc": {}},
    {"table": {"header": True, "rows": [["a", "b"]]}},
    {"columns": [["l"], ["r"]]},
    {"tabs": [{"label": "One", "blocks": ["in"]}]},
    {"synced": {"key": "here", "blocks": ["shared"]}},
    {"synced_copy": "here"},
    {"template": "t"},
    {"link_to_page": "sub"},
    {"bookmark": "https://example.com"},
    {"embed": {"url": "https://example.com", "caption": "c"}},
    {"link_preview": "https://example.com"},
    {"image": "https://example.com/a.png"},
    {"image": {"upload": "plan.png"}},
    {"video": "https://example.com/a.mp4"},
    {"audio": "https://example.com/a.mp3"},
    {"pdf": "https://example.com/a.pdf"},
    {"file": {"upload": "notes.txt"}},
    {"unsupported": {"block_type": "ai_block"}},
    {"p": [{"mention_page": "sub"}, {"mention_user": "anna"}, {"mention_date": "2026-07-01"}, {"equation": "x"}]},
    {"child_page": {"title": "Inner"}},
    {"linked_database": {}},
]


def keys(kind: str, version: str) -> list[str]:
    return KEYS[kind].split() + (["archived"] if version == V2025 and kind in ONLY_2025 else [])


def shown_keys(shown: Any) -> list[str]:
    own = shown.get("type") if shown["object"] == "block" else None
    return [key for key in shown if key not in (own, "request_id", "attachments", "upload_url")]


def recorded_objects() -> Iterator[tuple[Any, str]]:
    for file in sorted(RECORDED.glob("*.json")):
        for call in interactions(file.stem):
            body = call["response"]["body"]
            results = body.get("results") if isinstance(body, dict) else None
            for shown in results if isinstance(results, list) else [body]:
                if isinstance(shown, dict) and shown.get("object") in KEYS and "created_time" in shown:
                    yield shown, call["request"]["notion_version"]


@needs_recordings
@pytest.mark.parametrize("kind", KEYS)
def test_the_table_of_keys_is_what_was_recorded(kind: str) -> None:
    recorded = {(version, *shown_keys(shown)) for shown, version in recorded_objects() if shown["object"] == kind}

    assert recorded == {(version, *keys(kind, version)) for version in {one[0] for one in recorded}}


@needs_recordings
@pytest.mark.parametrize("type", PAYLOADS)
def test_the_table_of_payloads_is_what_was_recorded(type: str) -> None:
    blocks = [shown for shown, _ in recorded_objects() if shown["object"] == "block" and shown["type"] == type]

    recorded = {tuple(sorted(block[type])) for block in blocks}

    assert tuple(sorted(PAYLOADS[type].split())) in recorded


@pytest.mark.parametrize("version", [V2025, V2026])
def test_the_emulator_has_the_keys_of_the_table(notion: Notion, version: str) -> None:
    client: Any = notion.client(version)
    handbook = notion.id("handbook")

    shown = [
        client.pages.retrieve(handbook),
        client.pages.retrieve(notion.id("one")),
        client.blocks.retrieve(notion.id("welcome")),
        client.databases.retrieve(notion.id("tasks")),
        client.data_sources.retrieve(notion.id("tasks_main")),
        client.comments.list(block_id=handbook)["results"][0],
        client.file_uploads.create(filename="plan.txt"),
    ]

    for one in shown:
        assert shown_keys(one) == keys(one["object"], version)


@pytest.fixture
def everything(notion: Notion) -> Any:
    notion.edit("append", parent=notion.id("sub"), blocks=EVERY_BLOCK)
    return notion


def test_the_emulator_has_the_payloads_of_the_table(everything: Notion) -> None:
    children: Any = everything.client().blocks.children.list(everything.id("sub"))

    found = {block["type"]: " ".join(block[block["type"]]) for block in reversed(children["results"])}
    assert {type: found[type] for type in PAYLOADS if type in found} == {
        type: payload for type, payload in PAYLOADS.items() if type in found
    }
    assert len(children["results"]) == len(EVERY_BLOCK)


@needs_schema
@pytest.mark.parametrize("version", [V2025, V2026])
def test_every_block_type_satisfies_the_schema(everything: Notion, version: str) -> None:
    children: Any = everything.client(version).blocks.children.list(everything.id("sub"))

    for block in children["results"]:
        name = "".join(word.capitalize() for word in block["type"].split("_")) + "BlockObjectResponse"
        assert [error.message for error in validator(name).iter_errors(block)] == []


@needs_schema
@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("GET", "/v1/nothing", {}),
        ("GET", "/v1/users", {"object": "list", "results": []}),
        ("GET", "/v1/blocks/one", {"object": "block", "id": "one", "type": "paragraph", "paragraph": {}}),
        ("GET", "/v1/pages/one/properties/two", {"object": "property_item", "id": "two", "type": "number"}),
        ("POST", "/v1/oauth/token", {"access_token": "ntn_1"}),
    ],
)
def test_an_answer_that_is_not_of_its_type_fails_whoever_asked(method: str, path: str, body: Any) -> None:
    with pytest.raises(AssertionError):
        check(method, path, body)


def test_times_are_floored_to_the_minute_except_for_databases(notion: Notion) -> None:
    client: Any = notion.client()

    page = client.pages.retrieve(notion.id("handbook"))
    database = client.databases.retrieve(notion.id("tasks"))

    assert page["last_edited_time"] == "2026-06-30T10:15:00.000Z"
    assert database["created_time"].startswith("2026-07-01T09:00:00.")
    assert database["created_time"].endswith("+00:00")


def test_ids_look_like_those_of_one_workspace(notion: Notion) -> None:
    one, two = notion.id("handbook"), notion.id("one")

    assert one[:13] == two[:13]
    assert one[14] == two[14] == "8"


@needs_recordings
def test_the_recorded_workspace_reads_back_as_recorded(notion: Notion) -> None:
    token = f"recorded-{notion.workspace}"
    notion.emulator.control("seed", {"recorded": str(RECORDED), "token": token})
    recorded = interactions("blocks_page_with_24_types_tree_v2026")[0]
    id = recorded["request"]["url"].split("/")[-2]

    answer: Any = notion.client(token=token).blocks.children.list(id)

    expected = recorded["response"]["body"]["results"]
    assert [json.dumps(one) for one in answer["results"]] == [json.dumps(one) for one in expected]
