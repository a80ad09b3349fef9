"""The parties outside: a Notion of one's own for each test, on the emulator; Chroma for the whole test process."""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.utils import timezone

from accounts.models import Connection
from billing import reading
from devkit.chroma import ChromaProcess
from devkit.notion.process import EmulatorProcess
from tests.people import Person


@pytest.fixture(scope="session")
def emulator() -> Iterator[EmulatorProcess]:
    with EmulatorProcess() as process:
        # Processes that a test starts find it by the environment, this one by its settings.
        os.environ["NOTION_API_URL"] = settings.NOTION_API_URL = process.url
        os.environ["NOTION_CLIENT_ID"] = settings.NOTION_CLIENT_ID = CLIENT_ID
        os.environ["NOTION_CLIENT_SECRET"] = settings.NOTION_CLIENT_SECRET = CLIENT_SECRET
        os.environ["NOTION_REQUESTS_PER_SECOND"] = "500"
        settings.NOTION_REQUESTS_PER_SECOND = 500.0
        os.environ["NOTION_FIRST_PAUSE_SECONDS"] = "0.01"
        settings.NOTION_FIRST_PAUSE_SECONDS = 0.01
        yield process


@pytest.fixture(scope="session")
def chroma(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    if "CHROMA_URL" in os.environ:
        yield settings.CHROMA_URL
        return
    with ChromaProcess(Path(tmp_path_factory.mktemp("chroma"))) as process:
        os.environ["CHROMA_URL"] = settings.CHROMA_URL = process.url
        os.environ["CHROMA_FILES"] = settings.CHROMA_FILES = str(process.data)
        yield process.url
    del os.environ["CHROMA_URL"], os.environ["CHROMA_FILES"]


CLIENT_ID = "463558a3-725e-4f37-b6d3-0d1b3b7a6d11"
CLIENT_SECRET = "secret_of_the_tests"


@dataclass
class NotionWorkspace:
    """A seeded Notion workspace and a token that sees it."""

    emulator: EmulatorProcess
    token: str
    ids: dict[str, Any]
    # Whose webhooks tell of it.
    integration: str = ""

    def page(self, key: str) -> str:
        return str(self.ids["pages"][key])

    def source(self, key: str) -> str:
        return str(self.ids["data_sources"][key])

    def requests(self, since: int = 0) -> list[dict[str, Any]]:
        return self.emulator.journal(self.token, since)

    def fault(self, do: Any, **match: Any) -> int:
        return self.emulator.fault(do, token=self.token, **match)

    @contextmanager
    def held(self, **match: Any) -> Iterator[Callable[[], bool]]:
        """The next request that matches is answered when the block is left. Whether it has come."""
        fault = self.fault({"slow": {"ms": 60_000}}, times=1, **match)
        try:
            yield lambda: any(each["hits"] for each in self.emulator.control("faults")["faults"] if each["id"] == fault)
        finally:
            self.calm(fault)

    def calm(self, fault: int) -> None:
        """Also what waits by that fault goes on."""
        self.emulator.control(f"faults?id={fault}", method="DELETE")

    def edit(self, **what: Any) -> Any:
        return self.emulator.edit(**what)


def seeded(emulator: EmulatorProcess, workspace: dict[str, Any], roots: list[str]) -> NotionWorkspace:
    seed = {
        "workspaces": [{"key": "acme", "name": "Acme", "users": [{"key": "anna", "name": "Anna Berg"}], **workspace}],
        "integrations": [
            {
                "key": "ours",
                "kind": "public",
                "name": "Docent",
                "client_id": CLIENT_ID,
                "client_secret": CLIENT_SECRET,
                "redirect_uris": ["http://127.0.0.1:8000/app/connect/callback"],
                "any_loopback_port": True,
            }
        ],
        "grants": [{"integration": "ours", "workspace": "acme", "user": "anna", "roots": roots}],
    }
    answer = emulator.seed(seed)
    grant = answer["grants"][0]
    return NotionWorkspace(emulator, grant["access_token"], answer["workspaces"]["acme"], grant["integration_id"])


HANDBOOK = {
    "key": "handbook",
    "title": "Handbook",
    "blocks": [{"h1": "Time off"}, {"p": "Everybody has 28 days of paid holiday a year."}],
    "pages": [
        {"key": "travel", "title": "Travel", "blocks": [{"p": "Trains are booked second class, by the traveller."}]},
        {"key": "security", "title": "Security", "blocks": [{"p": "Laptops lock themselves after five minutes."}]},
    ],
}
TASKS = {
    "key": "tasks",
    "title": "Launch plan",
    "parent": "handbook",
    "sources": [
        {
            "key": "tasks_main",
            "properties": {
                "Task": "title",
                "Status": {"status": {"To-do": ["Not started"], "In progress": ["Doing"], "Complete": ["Done"]}},
                "Due": "date",
                "Owner": "people",
            },
            "rows": [
                {"Task": "Write the announcement", "Status": "Doing", "Due": "2026-11-20", "Owner": ["anna"]},
                {"Task": "Check the contract", "Status": "Done", "Due": "2026-11-02"},
                {"Task": "Choose a printer", "Status": "Not started"},
            ],
        }
    ],
}


@pytest.fixture
def acme(emulator: EmulatorProcess, chroma: str) -> NotionWorkspace:
    """Three pages and a database of three tasks."""
    return seeded(emulator, {"pages": [HANDBOOK], "databases": [TASKS]}, ["handbook"])


def connect(person: Person, notion: NotionWorkspace, *, is_shared: bool = False) -> Connection:
    return reading.connect_with_token(
        membership=person.membership, token=notion.token, is_shared=is_shared, now=timezone.now()
    )
