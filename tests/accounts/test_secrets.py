"""A token of Notion is kept sealed and said nowhere."""

import logging
from typing import Any

import pytest
from django.contrib import admin
from pytest_django import Settings

from accounts import connections
from accounts.models import Connection
from config.staff import site
from devkit.notion.process import EmulatorProcess
from tests.outside import HANDBOOK, NotionWorkspace, seeded
from tests.people import Person


@pytest.fixture
def notion(emulator: EmulatorProcess) -> NotionWorkspace:
    return seeded(emulator, {"pages": [HANDBOOK]}, ["handbook"])


def said(answer: Any, caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]) -> str:
    heads = "\n".join(f"{name}: {value}" for name, value in answer.headers.items())
    return f"{heads}\n{answer.content.decode()}\n{caplog.text}\n{''.join(capsys.readouterr())}"


def test_a_token_is_sealed_and_in_no_answer_log_or_repr(
    alice: Person, notion: NotionWorkspace, caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    caplog.set_level(logging.DEBUG)

    answer = alice.api.post("/user/notion-integration", {"token": notion.token})
    held = Connection.objects.get(workspace=alice.workspace)
    shown = alice.api.get("/user/profile").content + alice.api.get("/user/notion-integration").content

    assert answer.status_code == 201
    assert connections.access_token(held) == notion.token
    assert notion.token not in str(Connection.objects.filter(pk=held.pk).values().get())
    everything = said(answer, caplog, capsys) + shown.decode() + repr(held) + str(held)
    for secret in (notion.token, held.sealed_access_token):
        assert secret not in everything


@pytest.mark.parametrize("trouble", ["401", "403", "500", "reset"])
def test_a_token_that_could_not_be_checked_is_not_said_either(
    alice: Person,
    notion: NotionWorkspace,
    caplog: pytest.LogCaptureFixture,
    capsys: pytest.CaptureFixture[str],
    trouble: str,
) -> None:
    caplog.set_level(logging.DEBUG)
    notion.fault(trouble)

    answer = alice.api.post("/user/notion-integration", {"token": notion.token})

    assert answer.status_code in {400, 503}
    assert notion.token not in said(answer, caplog, capsys)
    assert not Connection.objects.filter(workspace=alice.workspace).exists()


def test_a_fault_of_ours_does_not_say_it(
    alice: Person,
    notion: NotionWorkspace,
    settings: Settings,
    caplog: pytest.LogCaptureFixture,
    capsys: pytest.CaptureFixture[str],
) -> None:
    caplog.set_level(logging.DEBUG)
    settings.SEAL_KEYS = {}  # sealing fails in a way that nobody foresaw
    alice.api.raise_request_exception = False

    answer = alice.api.post("/user/notion-integration", {"token": notion.token})

    assert answer.status_code == 500
    assert "Traceback" in caplog.text
    assert notion.token not in said(answer, caplog, capsys)


def test_no_administration_shows_tokens() -> None:
    """Staff see states and numbers of connections, in a list without pages of their own."""
    listed = site._registry[Connection]

    assert not [name for name in listed.list_display if "token" in str(name) or "name" in str(name)]
    assert listed.list_display_links is None
    assert Connection not in admin.site._registry
