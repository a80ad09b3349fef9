from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

import httpx
import pytest
from notion_client import Client

from devkit.notion.process import EmulatorProcess
from tests.devkit.notion import recordings

Json = dict[str, Any]
OLD, V2025, V2026 = "2022-06-28", "2025-09-03", "2026-03-11"

SEED: Json = {
    "workspaces": [
        {
            "key": "acme",
            "name": "Acme",
            "clock": {"at": "2026-07-01T09:00:00Z", "frozen": True},
            "users": [
                {"key": "anna", "name": "Anna Berg", "email": "anna@acme.example"},
                {"key": "bert", "name": "Bert", "email": "bert@acme.example"},
                {"key": "gast", "kind": "guest", "name": None},
            ],
            "pages": [
                {
                    "key": "handbook",
                    "title": "Handbook",
                    "icon": "📘",
                    "edited": "2026-06-30T10:15:42Z",
                    "blocks": [{"h1": "Onboarding"}, {"p": "Welcome", "key": "welcome"}],
                    "pages": [{"key": "sub", "title": "Sub page"}],
                    "comments": ["Well done"],
                },
                {
                    "key": "secret",
                    "title": "Secret",
                    "blocks": [{"synced": {"key": "hidden", "blocks": ["hidden text"]}}],
                },
            ],
            "databases": [
                {
                    "key": "tasks",
                    "title": "Tasks",
                    "parent": "handbook",
                    "sources": [
                        {
                            "key": "tasks_main",
                            "properties": {
                                "Task": "title",
                                "Status": "status",
                                "Due": "date",
                                "Owner": "people",
                                "Tags": {"multi_select": ["red", "blue"]},
                                "Hours": "number",
                                "Blocks": {"relation": {"to": "tasks_main", "synced": "Blocked by"}},
                                "Sum": {"rollup": {"relation": "Blocks", "property": "Hours", "function": "sum"}},
                            },
                            "rows": [
                                {"key": "one", "Task": "One", "Hours": 3, "Owner": ["anna"], "Due": "2026-07-10"},
                                {"key": "two", "Task": "Two", "Hours": 4, "Status": "Done", "Blocks": ["one"]},
                            ],
                        }
                    ],
                }
            ],
        }
    ],
    "integrations": [
        {
            "key": "ours",
            "name": "Docent",
            "client_id": "client",
            "client_secret": "secret",
            "redirect_uris": ["http://localhost:8000/back"],
        }
    ],
    "grants": [{"integration": "ours", "workspace": "acme", "user": "anna", "roots": ["handbook"]}],
}


@pytest.fixture(scope="session")
def emulator() -> Iterator[EmulatorProcess]:
    with EmulatorProcess() as process:
        yield process


@dataclass
class Notion:
    """A seeded copy of the workspace, the ids by key, and clients whose every 2xx answer is checked by the schema."""

    emulator: EmulatorProcess
    seeded: Json
    http: Callable[[], httpx.Client]

    @property
    def token(self) -> str:
        return str(self.seeded["grants"][0]["access_token"])

    @property
    def workspace(self) -> str:
        return str(self.space["id"])

    @property
    def space(self) -> Json:
        return next(iter(self.seeded["workspaces"].values()))

    def id(self, key: str) -> str:
        return next(str(ids[key]) for kind, ids in self.space.items() if isinstance(ids, dict) and key in ids)

    def client(self, version: str = V2026, token: str | None = None) -> Client:
        return Client(
            auth=token or self.token,
            base_url=self.emulator.url,
            notion_version=version,
            retry=False,
            client=self.http(),
            logger=logging.getLogger("tests.notion"),
        )

    def fault(self, do: Any, **match: Any) -> int:
        return self.emulator.fault(do, token=self.token, **match)

    def edit(self, op: str, **what: Any) -> Any:
        return self.emulator.edit(op=op, **({"workspace": self.workspace} | what))


@pytest.fixture
def http() -> Iterator[Callable[[], httpx.Client]]:
    def check(response: httpx.Response) -> None:
        asked = response.request
        if response.is_success and asked.url.path.startswith("/v1/") and asked.url.path != "/v1/oauth/authorize":
            response.read()
            version = asked.headers.get("notion-version", "")
            recordings.check(asked.method, asked.url.path, response.json(), version=version)

    with ExitStack() as clients:
        yield lambda: clients.enter_context(httpx.Client(event_hooks={"response": [check]}))


@pytest.fixture
def seeded(emulator: EmulatorProcess, http: Any) -> Any:
    def seed(given: Json) -> Notion:
        return Notion(emulator, emulator.seed(given), http)

    return seed


@pytest.fixture
def notion(seeded: Any) -> Notion:
    found: Notion = seeded(SEED)
    return found


@pytest.fixture
def client(notion: Notion) -> Client:
    return notion.client()
