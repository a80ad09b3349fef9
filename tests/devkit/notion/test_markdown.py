"""Pages written as Markdown."""

from __future__ import annotations

from typing import Any

import pytest
from notion_client import APIResponseError

from .conftest import Notion
from .test_shapes import EVERY_BLOCK

WRITTEN = """# One
- [x] done
- item
\t- inside
1. first
> said
---
$$ e = mc^2 $$
```python
a = 1

b = 2
```
<details><summary>More</summary>
\thidden
</details>
<callout>Mind</callout>
<table>
<tr><td>a</td><td>b</td></tr>
</table>
![plan](https://example.com/a.png)
<file src="https://example.com/a.pdf">paper</file>
plain **bold** and *leaning* `code` ~~gone~~ [link](https://example.com)"""


def read(client: Any, page: str) -> str:
    return str(client.pages.retrieve_markdown(page)["markdown"])


def children(client: Any, page: str) -> list[Any]:
    found: list[Any] = client.blocks.children.list(page)["results"]
    return found


def write(client: Any, page: str, command: str, **given: Any) -> str:
    return str(client.pages.update_markdown(page, type=command, **{command: given})["markdown"])


@pytest.fixture
def page(notion: Notion, client: Any) -> str:
    notion.edit("append", parent=notion.id("sub"), blocks=[{"h1": "Plan"}, "one", "two", "three"])
    return notion.id("sub")


def ids(client: Any, page: str) -> list[str]:
    return [block["id"] for block in children(client, page)]


def test_what_is_written_becomes_blocks_and_reads_back(notion: Notion, client: Any) -> None:
    assert write(client, notion.id("sub"), "replace_content", new_str=WRITTEN) == WRITTEN

    blocks = children(client, notion.id("sub"))
    assert " ".join(block["type"] for block in blocks) == (
        "heading_1 to_do bulleted_list_item numbered_list_item quote divider equation code toggle callout table image"
        " file paragraph"
    )
    styles = [[name for name, on in item["annotations"].items() if on is True] for item in text_of(blocks[-1])]
    assert styles == [[], ["bold"], [], ["italic"], [], ["code"], [], ["strikethrough"], [], []]
    assert text_of(blocks[-1])[-1]["href"] == "https://example.com"
    assert blocks[2]["has_children"]


def text_of(block: Any) -> Any:
    return block[block["type"]]["rich_text"]


def test_what_is_written_as_it_was_keeps_every_block(notion: Notion, client: Any) -> None:
    notion.edit("append", parent=notion.id("sub"), blocks=EVERY_BLOCK)
    before = ids(client, notion.id("sub"))

    write(client, notion.id("sub"), "replace_content", new_str=read(client, notion.id("sub")))

    assert ids(client, notion.id("sub")) == before


@pytest.mark.parametrize(
    ("given", "text"),
    [
        ({"content": "## New\n\nend"}, "# Plan\none\ntwo\nthree\n## New\nend"),
        ({"content": "top", "position": {"type": "start"}}, "top\n# Plan\none\ntwo\nthree"),
        ({"content": "between", "after": "on...two"}, "# Plan\none\ntwo\nbetween\nthree"),
        ({"content": "last", "after": "three"}, "# Plan\none\ntwo\nthree\nlast"),
    ],
)
def test_content_is_put_in_and_the_rest_stays(client: Any, page: str, given: Any, text: str) -> None:
    before = ids(client, page)

    assert write(client, page, "insert_content", **given) == text

    assert [id for id in ids(client, page) if id in before] == before


def test_only_the_blocks_of_changed_text_are_new(notion: Notion, client: Any, page: str) -> None:
    before = ids(client, page)
    notion.emulator.control("clock", {"workspace": notion.workspace, "set": "2026-07-02T08:00:00Z"})

    updates = [{"old_str": "one", "new_str": "uno"}, {"old_str": "three", "new_str": "tre"}]
    assert write(client, page, "update_content", content_updates=updates) == "# Plan\nuno\ntwo\ntre"

    after = ids(client, page)
    assert [old == new for old, new in zip(before, after, strict=True)] == [True, False, True, False]
    assert client.blocks.retrieve(before[1])["in_trash"] is True
    assert client.pages.retrieve(page)["last_edited_time"] == "2026-07-02T08:00:00.000Z"


def test_a_block_that_gets_something_below_it_is_new(client: Any, page: str) -> None:
    assert write(client, page, "insert_content", content="\tbelow", after="one") == "# Plan\none\n\tbelow\ntwo\nthree"

    assert children(client, page)[1]["has_children"]


def test_a_range_is_replaced_and_all_matches_when_asked(client: Any, page: str) -> None:
    text = write(client, page, "replace_content_range", content="1\n2", content_range="one...two")
    assert text == "# Plan\n1\n2\nthree"

    updates = [{"old_str": "e", "new_str": "E", "replace_all_matches": True}]
    assert write(client, page, "update_content", content_updates=updates) == "# Plan\n1\n2\nthrEE"


@pytest.mark.parametrize(
    ("command", "given", "message"),
    [
        ("insert_content", {}, "body.insert_content.content should be defined"),
        ("insert_content", {"content": "x", "after": "nowhere"}, "No match was found for: nowhere"),
        ("insert_content", {"content": "x", "after": "one", "position": {"type": "end"}}, "cannot be used together"),
        ("replace_content", {"new_str": 3}, "body.replace_content.new_str should be a string"),
        ("update_content", {}, "content_updates should be defined"),
        (
            "update_content",
            {"content_updates": [{"old_str": "e", "new_str": "E"}]},
            "Several matches were found for: e",
        ),
        ("update_content", {"content_updates": [{}] * 101}, "should be ≤ `100`, instead was `101`"),
        ("replace_content", {"new_str": '<page url="x">New</page>'}, "Cannot be made from markdown"),
        ("rewrite", {}, "body.type should be defined"),
    ],
)
def test_a_write_that_makes_no_sense_is_refused_and_nothing_is_done(
    client: Any, page: str, command: str, given: Any, message: str
) -> None:
    before = ids(client, page)

    with pytest.raises(APIResponseError) as refused:
        client.request(path=f"pages/{page}/markdown", method="PATCH", body={"type": command, command: given})

    assert message in str(refused.value)
    assert ids(client, page) == before


def test_child_pages_go_only_when_it_is_allowed(notion: Notion, client: Any) -> None:
    handbook = notion.id("handbook")

    with pytest.raises(APIResponseError, match="allow_deleting_content"):
        write(client, handbook, "replace_content", new_str="Nothing else")
    assert write(client, handbook, "replace_content", new_str="Nothing else", allow_deleting_content=True)

    assert client.pages.retrieve(notion.id("sub"))["in_trash"] is True
    assert client.databases.retrieve(notion.id("tasks"))["in_trash"] is True


@pytest.mark.parametrize("key", ["welcome", "tasks"])
def test_only_a_page_is_written(notion: Notion, client: Any, key: str) -> None:
    with pytest.raises(APIResponseError, match="Only the content of a page"):
        write(client, notion.id(key), "replace_content", new_str="")


@pytest.mark.parametrize("method", ["GET", "PATCH"])
def test_the_second_dialect_is_refused_rather_than_mistaken(client: Any, page: str, method: str) -> None:
    asked = {"GET": {"query": {"markdown_version": "v2"}}, "PATCH": {"body": {"markdown_version": "v2"}}}[method]

    with pytest.raises(APIResponseError) as refused:
        client.request(path=f"pages/{page}/markdown", method=method, **asked)

    assert (refused.value.status, refused.value.code) == (400, "invalid_request")


def test_a_page_is_made_from_markdown(notion: Notion, client: Any) -> None:
    about = {"parent": {"page_id": notion.id("sub")}, "properties": {"title": [{"text": {"content": "New"}}]}}

    made = client.pages.create(markdown="# One\n\ntwo", **about)

    assert read(client, made["id"]) == "# One\ntwo"
    with pytest.raises(APIResponseError, match="cannot be used together"):
        client.pages.create(markdown="x", children=[{"divider": {}}], **about)


def test_what_is_asked_for_later_is_found_by_its_task(notion: Notion, client: Any, page: str) -> None:
    body = {"type": "insert_content", "insert_content": {"content": "four"}, "allow_async": True}

    task = client.request(path=f"pages/{page}/markdown", method="PATCH", body=body)
    done = client.request(path=f"async_tasks/{task['id']}", method="GET")

    assert (task["status"], task["poll_after_seconds"]) == ("queued", 2)
    assert (done["status"], done["result"]["markdown"]) == ("succeeded", "# Plan\none\ntwo\nthree\nfour")
    with pytest.raises(APIResponseError, match="Could not find async_task"):
        client.request(path="async_tasks/task_1", method="GET")
