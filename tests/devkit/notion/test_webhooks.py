"""Webhooks: the handshake, what is told of which change to whom, and when."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from devkit.notion.process import EmulatorProcess

from .conftest import OLD, SEED, Notion
from .receiver import Receiver, receiver
from .recordings import SCHEMA, validator


@pytest.fixture
def hook() -> Iterator[Receiver]:
    with receiver() as kept:
        yield kept


@pytest.fixture
def subscribe(notion: Notion, hook: Receiver) -> Any:
    """A stopped clock sends at once when the window is 0; wider windows end when the clock is moved or flushed."""
    integration = notion.seeded["grants"][0]["integration_id"]

    def make(**options: Any) -> Any:
        return notion.emulator.subscribe(integration, hook.url, **options)

    return make


def schema_errors(payload: Any) -> list[str]:
    """None where the schema is absent: what a test says of the payload itself holds all the same."""
    if not SCHEMA.is_file():
        return []
    words = payload["type"].replace(".", "_").split("_")
    name = "".join(word.capitalize() for word in words) + "WebhookPayload"
    return [error.message for error in validator(name).iter_errors(payload)]


def told(hook: Receiver) -> list[tuple[str, str]]:
    return [(one["type"], one["entity"]["id"]) for one in hook.events]


def test_the_handshake_brings_the_token_and_is_signed_with_it(subscribe: Any, hook: Receiver) -> None:
    made = subscribe()

    assert made["handshake_status"] == 200
    assert made["active"]
    assert hook.got[0].payload == {"verification_token": made["verification_token"]}
    assert hook.got[0].signed_with(made["verification_token"])


def test_a_refused_handshake_leaves_the_subscription_silent(notion: Notion, subscribe: Any, hook: Receiver) -> None:
    hook.answers = [500]

    assert not subscribe()["active"]
    notion.edit("set_text", id=notion.id("welcome"), text="Changed")
    assert notion.emulator.flush_webhooks() == []


def test_a_subscription_may_wait_until_the_token_is_pasted(notion: Notion, subscribe: Any, hook: Receiver) -> None:
    made = subscribe(wait_for_token=True)
    whose = made["integration_id"]
    with pytest.raises(ValueError, match="not the verification token"):
        notion.emulator.control("webhooks/verify", {"integration": whose, "token": "secret_x"})

    pasted = notion.emulator.control("webhooks/verify", {"integration": whose, "token": made["verification_token"]})

    assert (made["active"], pasted["active"]) == (False, True)


def test_an_edit_is_told_signed_over_the_raw_body(notion: Notion, subscribe: Any, hook: Receiver) -> None:
    made = subscribe()

    notion.edit("set_text", id=notion.id("welcome"), text="Grüße 📘")

    event = hook.wait_for(1)[0]
    grant = notion.seeded["grants"][0]
    assert hook.got[-1].signed_with(made["verification_token"])
    assert schema_errors(event) == []
    assert event["entity"] == {"id": notion.id("handbook"), "type": "page"}
    assert event["data"]["updated_blocks"] == [{"id": notion.id("welcome"), "type": "block"}]
    assert event["authors"] == [{"id": notion.id("anna"), "type": "person"}]
    assert event["integration_id"] == grant["integration_id"]
    assert {"id": grant["bot_id"], "type": "bot"} in event["accessible_by"]
    assert (event["timestamp"], event["attempt_number"]) == ("2026-07-01T09:00:00.000Z", 1)


CHANGES: list[tuple[str, Any, str, str]] = [
    ("add_page", {"parent": "sub", "page": {"title": "New"}}, "page.created", ""),
    ("trash", {"id": "sub"}, "page.deleted", "sub"),
    ("move", {"id": "sub", "to": "secret"}, "", "sub"),
    ("move", {"id": "sub", "to": "one"}, "page.moved", "sub"),
    ("set_property", {"id": "one", "name": "Hours", "value": 5}, "page.properties_updated", "one"),
    ("set_title", {"id": "sub", "title": "Other"}, "page.content_updated", "sub"),
    ("add_row", {"source": "tasks_main", "row": {"Task": "Three"}}, "data_source.content_updated", "tasks_main"),
    (
        "add_property",
        {"id": "tasks_main", "source": "tasks_main", "name": "X", "type": "number"},
        "data_source.schema_updated",
        "tasks_main",
    ),
    ("trash", {"id": "tasks"}, "database.deleted", "tasks"),
    ("add_source", {"id": "tasks", "source": {"title": "More"}}, "data_source.created", ""),
    ("add_comment", {"id": "sub", "text": "Hm"}, "comment.created", ""),
]


@pytest.mark.parametrize(("op", "given", "type", "entity"), CHANGES)
def test_each_change_is_told(
    notion: Notion, subscribe: Any, hook: Receiver, op: str, given: Any, type: str, entity: str
) -> None:
    subscribe()
    where = ("id", "parent", "to", "source")
    notion.edit(op, **{k: notion.id(v) if k in where and isinstance(v, str) else v for k, v in given.items()})

    notion.emulator.flush_webhooks()

    assert [schema_errors(event) for event in hook.events] == [[] for _ in hook.events]
    found = [one for kind, one in told(hook) if kind == type]
    assert len(found) == bool(type)
    assert not entity or not type or found == [notion.id(entity)]


def test_restoring_is_told(notion: Notion, subscribe: Any, hook: Receiver) -> None:
    notion.edit("trash", id=notion.id("sub"))
    subscribe()

    notion.edit("restore", id=notion.id("sub"))

    assert ("page.undeleted", notion.id("sub")) in [(one["type"], one["entity"]["id"]) for one in hook.wait_for(2)]


def test_what_is_not_shared_is_not_told(notion: Notion, subscribe: Any, hook: Receiver) -> None:
    subscribe()

    notion.edit("set_title", id=notion.id("secret"), title="Even more so")
    notion.edit("unshare", token=notion.token, id=notion.id("sub"))
    notion.edit("set_title", id=notion.id("sub"), title="Out of sight")

    assert notion.emulator.flush_webhooks() == []
    assert hook.events == []


def test_our_own_writes_name_our_bot(notion: Notion, client: Any, subscribe: Any, hook: Receiver) -> None:
    subscribe()

    client.pages.update(notion.id("one"), properties={"Hours": {"number": 9}})

    event = hook.wait_for(1)[0]
    assert event["authors"] == [{"id": notion.seeded["grants"][0]["bot_id"], "type": "bot"}]
    assert event["data"]["parent"] == {
        "id": notion.id("tasks"),
        "type": "database",
        "data_source_id": notion.id("tasks_main"),
    }


def test_the_oldest_version_tells_of_the_database(notion: Notion, subscribe: Any, hook: Receiver) -> None:
    subscribe(api_version=OLD, event_types=["database.content_updated"])

    notion.edit("add_row", source=notion.id("tasks_main"), row={"Task": "Three"})

    event = hook.wait_for(1)[0]
    assert event["entity"] == {"id": notion.id("tasks"), "type": "database"}
    assert schema_errors(event) == []


def test_a_subscription_may_ask_for_some_types(notion: Notion, subscribe: Any, hook: Receiver) -> None:
    subscribe(event_types=["page.deleted"])

    notion.edit("set_title", id=notion.id("sub"), title="Other")
    notion.edit("trash", id=notion.id("sub"))

    assert [one["type"] for one in hook.wait_for(1)] == ["page.deleted"]


def test_two_connections_are_told_of_in_one_delivery(seeded: Any, hook: Receiver) -> None:
    grants = [
        {"integration": "ours", "workspace": "acme", "user": who, "roots": roots}
        for who, roots in [("anna", ["handbook"]), ("bert", ["handbook", "secret"])]
    ]
    notion = seeded(SEED | {"grants": grants})
    notion.emulator.subscribe(notion.seeded["grants"][0]["integration_id"], hook.url)

    notion.edit("set_title", id=notion.id("handbook"), title="Both")
    notion.edit("set_title", id=notion.id("secret"), title="One")

    bots = [grant["bot_id"] for grant in notion.seeded["grants"]]
    shown = [[one["id"] for one in event["accessible_by"] if one["type"] == "bot"] for event in hook.wait_for(2)]
    assert shown == [bots, bots[1:]]


def test_who_may_see_it_can_be_left_out(notion: Notion, subscribe: Any, hook: Receiver) -> None:
    subscribe(accessible_by=False)

    notion.edit("set_title", id=notion.id("sub"), title="Other")

    assert "accessible_by" not in hook.wait_for(1)[0]


def first_event(at: str) -> str:
    [workspace] = SEED["workspaces"]
    seed = {**SEED, "workspaces": [{**workspace, "clock": {"at": at, "frozen": True}}]}
    with EmulatorProcess() as process, receiver() as hook:
        seeded = process.seed(seed, namespace="kept")
        process.subscribe(seeded["grants"][0]["integration_id"], hook.url)
        process.edit(op="set_text", workspace="acme", id="welcome", text="Changed")
        [event] = hook.wait_for(1)
        return str(event["id"])


def test_what_is_told_after_a_new_start_is_no_repetition() -> None:
    assert first_event("2026-07-01T09:00:00Z") != first_event("2026-07-01T09:20:00Z")


def test_writes_through_the_api_are_told(notion: Notion, client: Any, subscribe: Any, hook: Receiver) -> None:
    text = [{"text": {"content": "Hm"}}]
    subscribe()
    table = client.databases.create(parent={"type": "page_id", "page_id": notion.id("sub")}, title=text)
    source = table["data_sources"][0]["id"]
    client.data_sources.update(source, properties={"Hours": {"number": {}}})
    client.databases.update(table["id"], in_trash=True)
    comment = client.comments.create(parent={"page_id": notion.id("sub")}, rich_text=text)
    client.comments.update(comment["id"], rich_text=text)
    client.comments.delete(comment["id"])
    upload = client.file_uploads.create(filename="a.txt")
    client.file_uploads.send(upload["id"], file=("a.txt", b"a", "text/plain"))
    lost = client.file_uploads.create(mode="external_url", filename="a", external_url="https://no.invalid/a")
    notion.emulator.control("clock", {"workspace": notion.workspace, "advance": 3600})
    client.file_uploads.list()

    notion.emulator.flush_webhooks()

    assert [schema_errors(event) for event in hook.events] == [[] for _ in hook.events]
    assert [type for type, id in told(hook) if id == table["id"]] == ["database.created", "database.deleted"]
    assert [type for type, id in told(hook) if id == source][:2] == [
        "data_source.created",
        "data_source.schema_updated",
    ]
    whats = [type for type, id in told(hook) if id == comment["id"]]
    assert whats == ["comment.created", "comment.updated", "comment.deleted"]
    whats = [type for type, id in told(hook) if id == upload["id"]]
    assert whats == ["file_upload.created", "file_upload.completed", "file_upload.expired"]
    whats = [type for type, id in told(hook) if id == lost["id"]]
    assert whats == ["file_upload.created", "file_upload.upload_failed"]
