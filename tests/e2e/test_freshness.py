"""Web and worker as they run, and Notion's emulator delivering its events itself."""

import time
from collections.abc import Callable
from typing import Any

import httpx
import pytest
from django.utils import timezone

from accounts import tenancy, tokens
from accounts.models import NotionHook
from agent.composing import NOT_FOUND
from agent.live import hook
from agent.models import Chunk, Page, SyncRun
from agent.sync import services
from tests.outside import NotionWorkspace, connect
from tests.people import Person, put_on_plan
from tests.stack import Stack

PATIENCE_SECONDS = 90


def until(person: Person, is_so: Callable[[], bool]) -> float:
    """Seconds until the worker has brought it about."""
    began = time.monotonic()
    while True:
        with tenancy.within(person.workspace):
            if is_so():
                return time.monotonic() - began
        assert time.monotonic() - began < PATIENCE_SECONDS
        time.sleep(0.1)


def ask(stack: Stack, person: Person, prompt: str) -> Any:
    headers = {"Authorization": f"Bearer {tokens.issue(person.membership).access}"}
    with httpx.Client(base_url=stack.url, headers=headers, timeout=60) as http:
        answered = http.post("/agent/run", json={"prompt": prompt})
        assert answered.status_code == 200, answered.text
        return answered.json()


def test_an_edit_is_answered_and_a_deletion_no_longer(
    stack: Stack, alice: Person, acme: NotionWorkspace, capsys: pytest.CaptureFixture[str]
) -> None:
    NotionHook.objects.all().delete()
    put_on_plan(alice, "plus")
    connection = connect(alice, acme)
    with tenancy.within(alice.workspace):
        services.start(membership=alice.membership)
    until(alice, lambda: SyncRun.objects.filter(connection_id=connection.pk, status="complete").exists())
    hook.open_window(now=timezone.now(), replaces=True)
    made = acme.emulator.subscribe(acme.integration, f"{stack.url}/webhooks/notion")
    assert (made["handshake_status"], made["active"]) == (200, True)
    assert hook.token() == made["verification_token"]

    acme.edit(op="append", parent=acme.page("travel"), blocks=[{"p": "Planes are booked by Bea alone."}])
    edit = until(alice, lambda: Chunk.objects.filter(text__contains="booked by Bea").exists())
    assert "booked by Bea" in ask(stack, alice, "Who books planes?")["answer"]

    acme.edit(op="trash", id=acme.page("travel"))
    deletion = until(alice, lambda: not Page.objects.searchable().filter(notion_id=acme.page("travel")).exists())
    assert ask(stack, alice, "Who books planes?")["answer"].startswith(NOT_FOUND)

    told = alice.api.get("/agent/coverage").json()["connections"][0]
    assert told["kept_fresh"] == "live"
    assert told["lag_ms"]["changes"] >= 2
    with capsys.disabled():
        print(f"\nedit searchable after {edit:.1f} s, deletion after {deletion:.1f} s; lag {told['lag_ms']}")
