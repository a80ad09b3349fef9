"""A small company in the emulated Notion."""

from typing import Any

from agent.fetch import fetch_blocks
from agent.markdown import passages_of, to_markdown
from devkit.notion.process import EmulatorProcess
from integrations.notion import Notion, Unmetered

APP = {"client_id": "docent", "client_secret": "secret"}
BACK = "http://localhost:8000/back"

SEED: dict[str, Any] = {
    "workspaces": [
        {
            "key": "acme",
            "name": "Acme",
            "users": [{"key": "anna", "name": "Anna Berg", "email": "anna@acme.example"}],
            "pages": [
                {
                    "key": "handbook",
                    "title": "Handbook",
                    "blocks": [
                        {"h1": "Onboarding"},
                        {"p": ["See ", {"mention_user": "anna"}, " now"]},
                        {"toggle": {"text": "Details", "blocks": ["nested"]}},
                        {"table": {"header": True, "rows": [["Role", "Person"], ["Lead", "Anna"]]}},
                        {"tabs": [{"label": "One", "blocks": ["inside"]}]},
                        {"synced_copy": "hidden"},
                        {"unsupported": {"block_type": "ai_block"}},
                        "the end",
                    ],
                    "pages": [{"key": "long", "title": "Long", "generate": {"blocks": 250, "text": "Line {i}"}}],
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
                                "Status": {
                                    "status": {"To-do": ["New"], "In progress": ["Doing"], "Complete": ["Done"]}
                                },
                                "Owner": "people",
                                "Blocks": {"relation": "tasks_main"},
                            },
                            "rows": [
                                {"key": f"row{n}", "Task": f"Row {n}", "Status": "Done", "Owner": ["anna"]}
                                for n in range(120)
                            ],
                        }
                    ],
                }
            ],
        }
    ],
    "integrations": [{"key": "ours", "name": "Docent", **APP, "redirect_uris": [BACK]}],
    "grants": [{"integration": "ours", "workspace": "acme", "user": "anna", "roots": ["handbook"]}],
}


class Acme:
    """A workspace of its own for one test, and a client connected to it. Nobody really waits."""

    def __init__(self, emulator: EmulatorProcess) -> None:
        self.emulator = emulator
        seeded = emulator.seed(SEED)
        self.ids: dict[str, Any] = seeded["workspaces"]["acme"]
        self.token: str = seeded["grants"][0]["access_token"]
        self.now = 0.0
        self.notion = Notion(self.token, emulator.url, budget=Unmetered(lambda: self.now), wait=self.wait)

    def wait(self, seconds: float) -> None:
        self.now += seconds

    def fault(self, do: Any, **match: Any) -> None:
        self.emulator.fault(do, token=self.token, **match)

    @property
    def source(self) -> str:
        source: str = self.notion.database(self.ids["databases"]["tasks"])["data_sources"][0]["id"]
        return source

    def words(self, page: str) -> str:
        return to_markdown(passages_of(fetch_blocks(self.notion, self.ids["pages"][page])[0]).passages)
