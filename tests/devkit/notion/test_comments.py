"""Comments written, changed and deleted through the API."""

from __future__ import annotations

from typing import Any

import pytest
from notion_client import APIResponseError

from .conftest import SEED, Notion
from .recordings import RECORDED, interactions, needs_recordings

TEXT = [{"text": {"content": "Good"}}]


@pytest.fixture
def comment(notion: Notion, client: Any) -> Any:
    return client.comments.create(parent={"page_id": notion.id("handbook")}, rich_text=TEXT)


def listed(notion: Notion, client: Any) -> list[str]:
    return [one["id"] for one in client.comments.list(block_id=notion.id("handbook"))["results"]]


def told(notion: Notion, comment: Any) -> list[str]:
    events = notion.emulator.control(f"events?workspace={notion.workspace}")["events"]
    return [one["type"] for one in events if one["entity"]["id"] == comment["id"]]


def test_a_comment_is_added_and_answered_in_its_discussion(notion: Notion, client: Any) -> None:
    handbook = notion.id("handbook")

    first = client.comments.create(parent={"page_id": handbook}, rich_text=TEXT)
    second = client.comments.create(discussion_id=first["discussion_id"], rich_text=TEXT)

    assert second["discussion_id"] == first["discussion_id"]
    assert first["display_name"] == {"type": "integration", "resolved_name": "Docent"}
    assert len(client.comments.list(block_id=handbook)["results"]) == 3


def test_a_comment_is_changed_and_its_page_is_no_newer(notion: Notion, client: Any, comment: Any) -> None:
    before = client.pages.retrieve(notion.id("handbook"))["last_edited_time"]
    notion.emulator.control("clock", {"workspace": notion.workspace, "set": "2026-07-02T08:00:00Z"})

    changed = client.comments.update(comment["id"], rich_text=[{"text": {"content": "Better"}}])

    assert changed["rich_text"][0]["plain_text"] == "Better"
    assert changed["last_edited_time"] == "2026-07-02T08:00:00.000Z"
    assert client.comments.retrieve(comment["id"])["rich_text"] == changed["rich_text"]
    assert client.pages.retrieve(notion.id("handbook"))["last_edited_time"] == before
    assert told(notion, comment) == ["comment.created", "comment.updated"]


def test_a_deleted_comment_is_answered_once_more_and_gone(notion: Notion, client: Any, comment: Any) -> None:
    answer = client.comments.delete(comment["id"])

    assert answer["rich_text"] == comment["rich_text"]
    assert comment["id"] not in listed(notion, client)
    with pytest.raises(APIResponseError, match="Could not find comment"):
        client.comments.retrieve(comment["id"])
    assert told(notion, comment) == ["comment.created", "comment.deleted"]


def test_a_comment_that_a_person_deletes_is_no_longer_listed(notion: Notion, client: Any, comment: Any) -> None:
    notion.edit("delete", id=comment["id"])

    assert comment["id"] not in listed(notion, client)


@pytest.mark.parametrize(
    ("given", "shown"),
    [
        ({"type": "user"}, {"type": "user", "resolved_name": "Anna Berg"}),
        ({"type": "custom", "custom": {"name": "Robot"}}, {"type": "custom", "resolved_name": "Robot"}),
    ],
)
def test_a_comment_is_shown_under_the_name_it_asks_for(notion: Notion, client: Any, given: Any, shown: Any) -> None:
    made = client.comments.create(parent={"page_id": notion.id("sub")}, rich_text=TEXT, display_name=given)

    assert made["display_name"] == shown


def test_a_comment_is_written_in_markdown(notion: Notion, client: Any) -> None:
    made = client.comments.create(parent={"page_id": notion.id("sub")}, markdown="So be it")

    assert made["rich_text"][0]["plain_text"] == "So be it"


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ({}, "body.rich_text should be an array"),
        ({"markdown": "a", "rich_text": TEXT}, "body.markdown should be not present"),
        ({"markdown": 3}, "body.markdown should be a string"),
    ],
)
def test_a_change_that_makes_no_sense_is_refused(client: Any, comment: Any, body: Any, message: str) -> None:
    with pytest.raises(APIResponseError) as refused:
        client.comments.update(comment["id"], **body)

    assert message in str(refused.value)


def test_the_comment_of_another_is_not_changed(notion: Notion, client: Any) -> None:
    (theirs,) = listed(notion, client)

    for write in (client.comments.delete, lambda id: client.comments.update(id, rich_text=TEXT)):
        with pytest.raises(APIResponseError) as refused:
            write(theirs)
        assert (refused.value.status, refused.value.code) == (403, "restricted_resource")


def test_a_comment_in_the_trash_is_not_changed(notion: Notion, client: Any, comment: Any) -> None:
    client.pages.update(notion.id("handbook"), in_trash=True)

    with pytest.raises(APIResponseError, match="Can't edit block that is archived"):
        client.comments.update(comment["id"], rich_text=TEXT)


def test_without_the_capability_no_comment_is_changed(seeded: Any) -> None:
    reader = seeded(SEED | {"integrations": [SEED["integrations"][0] | {"capabilities": {"comments_insert": False}}]})
    (theirs,) = listed(reader, reader.client())

    with pytest.raises(APIResponseError) as refused:
        reader.client().comments.delete(theirs)

    assert refused.value.status == 403


@needs_recordings
def test_a_workspace_that_is_read_only_takes_no_comment(notion: Notion) -> None:
    token = f"recorded-{notion.workspace}"
    notion.emulator.control("seed", {"recorded": str(RECORDED), "token": token})
    (theirs,) = interactions("comments_crud_v2025")[1]["response"]["body"]["results"]
    reader: Any = notion.client(token=token)

    with pytest.raises(APIResponseError) as refused:
        reader.comments.delete(theirs["id"])

    assert refused.value.status == 403
