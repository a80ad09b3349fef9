"""Bodies with something of a wrong kind somewhere: refused, or taken and answered as the schema wants it."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from typing import Any

import pytest

from .conftest import V2026, Notion

ODD: tuple[Any, ...] = (None, "x", 5, True, [], {}, [5], {"a": 5})
TEXT = [
    {"text": {"content": "x", "link": {"url": "https://example.com"}}, "annotations": {"bold": True}},
    {"mention": {"page": {"id": "@sub"}}},
]
OPTIONS = [{"name": "a", "color": "red", "description": "d"}]
COLUMNS = {
    "Name": {"title": {}},
    "Choice": {"select": {"options": OPTIONS}},
    "Phase": {"status": {"options": OPTIONS}},
    "To": {"relation": {"data_source_id": "@tasks_main", "dual_property": {"synced_property_name": "From"}}},
    "Number": {"unique_id": {"prefix": "A"}},
    "Twice": {"formula": {"expression": 'prop("Name")'}},
    "Count": {"rollup": {"relation_property_name": "To", "rollup_property_name": "Task", "function": "count"}},
}
LOOKS = {"icon": {"emoji": "x"}, "cover": {"external": {"url": "x"}}}
ABOUT = {"parent": {"page_id": "@sub"}, "title": TEXT, "description": TEXT, "is_inline": False}
CUSTOM = {"type": "custom", "custom": {"name": "n"}}
CHANGES = {"Hours": {"name": "Effort", "description": "d"}, "Tags": {"multi_select": {"options": [{"name": "red"}]}}}
BODIES: list[tuple[str, str, Any]] = [
    ("POST", "databases", ABOUT | LOOKS | {"initial_data_source": {"properties": COLUMNS}}),
    ("PATCH", "databases/@tasks", ABOUT | {"is_locked": True, "in_trash": False}),
    ("POST", "data_sources", {"parent": {"database_id": "@tasks"}, "properties": COLUMNS}),
    ("PATCH", "data_sources/@tasks_main", {"parent": {"database_id": "@tasks"}, "properties": CHANGES}),
    ("POST", "comments", {"parent": {"page_id": "@sub"}, "rich_text": TEXT, "display_name": CUSTOM}),
    ("POST", "comments", {"parent": {"page_id": "@sub"}, "markdown": "x", "attachments": [{"file_upload_id": "x"}]}),
    ("POST", "file_uploads", {"mode": "multi_part", "filename": "a", "content_type": "x", "number_of_parts": 2}),
    ("POST", "file_uploads", {"mode": "external_url", "filename": "a", "external_url": "https://x.invalid"}),
    (
        "PATCH",
        "pages/@one/markdown",
        {"type": "insert_content", "insert_content": {"content": "x", "position": {"type": "end"}}},
    ),
    (
        "PATCH",
        "pages/@one/markdown",
        {"type": "update_content", "update_content": {"content_updates": [{"old_str": "x", "new_str": "y"}]}},
    ),
    (
        "POST",
        "pages",
        LOOKS
        | {"parent": {"page_id": "@sub"}, "properties": {"title": TEXT}, "markdown": "x", "template": {"type": "none"}}
        | {"position": {"type": "after_block", "after_block": {"id": "@welcome"}}},
    ),
]


def places(value: Any) -> Iterator[tuple[Any, ...]]:
    inside = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, one in inside:
        yield (key,)
        yield from ((key, *deeper) for deeper in places(one))


def with_odd(body: Any, place: tuple[Any, ...], odd: Any) -> Any:
    changed = copy.deepcopy(body)
    at = changed
    for key in place[:-1]:
        at = at[key]
    at[place[-1]] = odd
    return changed


@pytest.mark.parametrize(("method", "path", "body"), BODIES)
def test_something_of_a_wrong_kind_is_answered(notion: Notion, method: str, path: str, body: Any) -> None:
    def named(text: str) -> str:
        for key in ("tasks_main", "tasks", "sub", "one", "welcome"):
            text = text.replace(f"@{key}", notion.id(key))
        return text

    asked = json.loads(named(json.dumps(body)))
    headers = {"authorization": f"Bearer {notion.token}", "notion-version": V2026}
    client, url = notion.http(), f"{notion.emulator.url}/v1/{named(path)}"
    wrong: list[Any] = []
    for place in places(asked):
        for odd in ODD:
            try:
                answer = client.request(method, url, json=with_odd(asked, place, odd), headers=headers)
                assert answer.status_code < 500, answer.text
            except AssertionError as failed:
                wrong.append((place, odd, str(failed)))

    assert wrong == []
