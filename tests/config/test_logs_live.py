"""The log of web and workers as production has it."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import pytest

from accounts import background, tokens
from agent.jobs import run
from devkit.notion.process import EmulatorProcess
from tests.devkit.machine import eventually
from tests.people import Person
from tests.stack import Stack, running
from tests.threads import at_once


@pytest.fixture(scope="module")
def stack(_database: None, emulator: EmulatorProcess, chroma: str) -> Iterator[Stack]:
    # Celery says it before it has read the settings.
    as_root = "ignore:You're running the worker with superuser privileges"
    with running(CHROMA_URL=chroma, LOG_FORMAT="json", PYTHONWARNINGS=as_root) as stack:
        yield stack


def objects(log: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in log.read_text().splitlines()]


def test_every_line_is_an_object_and_names_request_workspace_and_run(
    stack: Stack, alice: Person, charlie: Person
) -> None:
    access = {str(person.workspace.pk): tokens.issue(person.membership).access for person in (alice, charlie)}
    named: dict[str, str] = {}

    def ask() -> None:
        for workspace_id, token in access.items():
            headers = {"Authorization": f"Bearer {token}", "X-Request-ID": f"edge-{uuid4()}"}
            answer = httpx.get(f"{stack.url}/tasks/{uuid4()}", headers=headers, timeout=30)
            assert (answer.status_code, answer.headers["X-Request-ID"]) == (404, headers["X-Request-ID"])
            named[headers["X-Request-ID"]] = workspace_id

    at_once(ask, times=6)
    for address in ("/healthz", "/static/nowhere.css", "/auth/login"):
        names = httpx.get(f"{stack.url}{address}", headers={"X-Request-ID": "no good"}, timeout=30).headers.get_list(
            "X-Request-ID"
        )
        assert len(names) == 1
        assert len(names[0]) == 16
    background.enqueue(run, workspace_id=alice.workspace.pk, run_id="no run")
    eventually(lambda: "no run" in stack.worker.log.read_text())

    refused = [line for line in objects(stack.web.log) if line["logger"] == "django.request"]
    assert {line["request_id"]: line.get("workspace_id") for line in refused}.items() >= named.items()
    failed = [line for line in objects(stack.worker.log) if line.get("run_id") == "no run"]
    assert failed[0]["workspace_id"] == str(alice.workspace.pk)
    assert failed[0]["job"] == run.name
    loggers = {line["logger"] for log in (stack.web.log, stack.worker.log, stack.sync.log) for line in objects(log)}
    assert {"_granian", "celery.apps.worker"} <= loggers
