"""When webhooks come: windows, retries, and everything that goes wrong on the way."""

from __future__ import annotations

from typing import Any

import pytest

from .conftest import Notion
from .receiver import Receiver
from .test_webhooks import hook, subscribe

__all__ = ["hook", "subscribe"]


def write(notion: Notion, text: str) -> None:
    notion.edit("set_text", id=notion.id("welcome"), text=text)


def retitle(notion: Notion, key: str) -> None:
    notion.edit("set_title", id=notion.id(key), title="Changed")


def advance(notion: Notion, seconds: float) -> None:
    notion.emulator.control("clock", {"workspace": notion.workspace, "advance": seconds})


def spoil(notion: Notion, do: Any, **match: Any) -> None:
    notion.emulator.webhook_fault(do, integration=notion.seeded["grants"][0]["integration_id"], **match)


def test_edits_within_the_window_are_one_delivery(notion: Notion, subscribe: Any, hook: Receiver) -> None:
    subscribe(window=60)
    write(notion, "one")
    advance(notion, 30)
    notion.edit("append", actor="bert", parent=notion.id("handbook"), blocks=["more"])

    advance(notion, 30)

    event = hook.wait_for(1)[0]
    assert event["timestamp"] == "2026-07-01T09:00:30.000Z"
    assert [author["id"] for author in event["authors"]] == [notion.id("anna"), notion.id("bert")]
    assert len(event["data"]["updated_blocks"]) == 2
    write(notion, "after the window")
    assert len(notion.emulator.flush_webhooks()) == 1


def test_made_and_deleted_within_the_window_is_not_told(notion: Notion, subscribe: Any, hook: Receiver) -> None:
    subscribe(window=60, event_types=["page.created", "page.deleted"])

    made = notion.edit("add_page", parent=notion.id("sub"), page={"title": "Short"})
    notion.edit("trash", id=made["id"])

    assert notion.emulator.flush_webhooks() == []


def test_a_lock_is_told_at_once(notion: Notion, client: Any, subscribe: Any, hook: Receiver) -> None:
    subscribe(window=60, event_types=["page.locked"])

    client.pages.update(notion.id("sub"), is_locked=True)

    assert hook.wait_for(1)[0]["type"] == "page.locked"


def test_a_delay_passes_on_the_workspaces_clock(notion: Notion, subscribe: Any, hook: Receiver) -> None:
    subscribe(delay=45)
    write(notion, "late")
    waiting = notion.emulator.control(f"webhooks/deliveries?workspace={notion.workspace}")["waiting"]

    advance(notion, 45)

    assert [one["due"] for one in waiting] == ["2026-07-01T09:00:45+00:00"]
    hook.wait_for(1)


def test_a_failed_delivery_is_tried_eight_times_with_growing_pauses(
    notion: Notion, subscribe: Any, hook: Receiver
) -> None:
    subscribe()
    hook.answers = [500] * 20
    write(notion, "again and again")

    hook.wait_for(1)
    pauses = [60, 300, 900, 3600, 10_800, 21_600, 46_800]
    for count, pause in enumerate(pauses, start=2):
        notion.emulator.flush_webhooks()
        assert len(hook.events) == count - 1
        advance(notion, pause)
        hook.wait_for(count)
    advance(notion, 1_000_000)

    assert notion.emulator.flush_webhooks(retries=True) == []
    assert [one["attempt_number"] for one in hook.events] == [1, 2, 3, 4, 5, 6, 7, 8]
    assert len({one["id"] for one in hook.events}) == 1


def test_a_receiver_that_is_down_gets_it_later(notion: Notion, subscribe: Any, hook: Receiver) -> None:
    subscribe()
    hook.answers = [503]
    write(notion, "once more")
    hook.wait_for(1)

    notion.emulator.flush_webhooks(retries=True)

    assert [one["attempt_number"] for one in hook.wait_for(2)] == [1, 2]


def test_a_delivery_may_come_twice(notion: Notion, subscribe: Any, hook: Receiver) -> None:
    subscribe()
    spoil(notion, {"duplicate": {"times": 2}}, nth=1)

    write(notion, "thrice")

    ids = [one["id"] for one in hook.wait_for(3)]
    assert len(set(ids)) == 1


def test_deliveries_may_change_places(notion: Notion, subscribe: Any, hook: Receiver) -> None:
    subscribe()
    spoil(notion, "reorder", nth=1)

    retitle(notion, "sub")
    retitle(notion, "handbook")

    assert [one["entity"]["id"] for one in hook.wait_for(2)] == [notion.id("handbook"), notion.id("sub")]


def test_a_held_delivery_comes_with_the_next_flush(notion: Notion, subscribe: Any, hook: Receiver) -> None:
    subscribe()
    spoil(notion, "reorder")
    retitle(notion, "sub")

    notion.emulator.flush_webhooks()

    assert [one["entity"]["id"] for one in hook.events] == [notion.id("sub")]


def test_a_delivery_may_be_lost_for_ever(notion: Notion, subscribe: Any, hook: Receiver) -> None:
    subscribe()
    spoil(notion, "drop", nth=1)

    write(notion, "lost")
    notion.emulator.flush_webhooks(retries=True)
    retitle(notion, "sub")
    notion.emulator.flush_webhooks()

    assert [one["entity"]["id"] for one in hook.events] == [notion.id("sub")]
    log = notion.emulator.control(f"webhooks/deliveries?workspace={notion.workspace}")["deliveries"]
    assert [one["faults"] for one in log] == [["drop"], []]


@pytest.mark.parametrize("do", ["tamper", "wrong_token"])
def test_a_delivery_may_be_forged(notion: Notion, subscribe: Any, hook: Receiver, do: str) -> None:
    token = subscribe()["verification_token"]
    spoil(notion, do, nth=1)

    write(notion, "forged")
    hook.wait_for(1)
    retitle(notion, "sub")
    hook.wait_for(2)

    assert [one.signed_with(token) for one in hook.got[1:]] == [False, True]


def test_an_answer_may_get_lost(notion: Notion, subscribe: Any, hook: Receiver) -> None:
    subscribe()
    spoil(notion, "ignore_answer", nth=1)
    write(notion, "twice")
    hook.wait_for(1)

    advance(notion, 60)

    assert [one["attempt_number"] for one in hook.wait_for(2)] == [1, 2]


def test_one_kind_of_event_may_be_late(notion: Notion, subscribe: Any, hook: Receiver) -> None:
    subscribe()
    spoil(notion, {"delay": {"seconds": 120}}, path_regex="^page.deleted$")
    notion.edit("trash", id=notion.id("sub"))
    assert [one["type"] for one in hook.wait_for(1)] == ["page.content_updated"]

    advance(notion, 120)

    assert hook.wait_for(2)[1]["type"] == "page.deleted"


def test_trouble_by_chance_repeats_with_its_seed(notion: Notion, subscribe: Any, hook: Receiver) -> None:
    lost = []
    for _ in range(2):
        subscribe(event_types=["page.content_updated"])
        spoil(notion, "drop", probability=0.5, seed=7)
        before = len(hook.events)
        for number in range(12):
            write(notion, f"{number}")
            notion.emulator.flush_webhooks()
        lost.append(len(hook.events) - before)
        notion.emulator.control("webhooks/faults", method="DELETE")

    assert lost[0] == lost[1]
    assert 0 < lost[0] < 12
