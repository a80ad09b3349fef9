"""The main job, as a stranger does it in a browser and as a program does it over JSON."""

import re
import secrets
import time
from typing import Any

import httpx
import pytest
from playwright.sync_api import ConsoleMessage, Page, expect

from accounts import schemas, tenancy
from accounts.models import Membership, User
from agent.models import Chunk, SyncRun
from agent.models import Page as NotionPage
from config import valkey
from devkit.notion.process import EmulatorProcess
from integrations import vectors
from tests.browser import CHROMIUM
from tests.outside import HANDBOOK, TASKS, NotionWorkspace, seeded
from tests.people import PASSWORD
from tests.stack import Stack
from tests.storm import STORM

PAGES = 30 * STORM
QUESTION = "How many days of paid holiday does everybody have?"


@pytest.fixture
def notion(emulator: EmulatorProcess) -> NotionWorkspace:
    return seeded(emulator, {"pages": [HANDBOOK], "databases": [TASKS]}, ["handbook"])


@pytest.fixture
def browser_context_args(browser_context_args: dict[str, Any]) -> dict[str, Any]:
    return browser_context_args | {"timezone_id": "Asia/Tokyo"}


@pytest.fixture
def complaints(page: Page, stack: Stack) -> list[str]:
    """What the browser's console had to say about our pages; a good page says nothing."""
    said: list[str] = []

    def note(message: ConsoleMessage) -> None:
        if message.type in {"error", "warning"} and message.location["url"].startswith(stack.url):
            said.append(f"{message.text} {message.location['url']}")

    page.on("console", note)
    page.on("pageerror", lambda error: said.append(str(error)))
    return said


@pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine")
def test_a_stranger_connects_notion_asks_and_sees_what_it_cost(
    page: Page, stack: Stack, notion: NotionWorkspace, complaints: list[str]
) -> None:
    email = f"nora-{secrets.token_hex(4)}@example.com"
    page.goto(stack.url)
    page.get_by_role("link", name=re.compile("sign up|create an account", re.I)).first.click()
    page.get_by_label("E-mail").fill(email)
    page.get_by_label("Your name").or_(page.get_by_label("Name")).first.fill("Nora")
    page.locator("input[name=workspace_name]").fill("Nora's studio")
    page.locator("input[name=password1]").fill(PASSWORD)
    page.get_by_role("button", name=re.compile("create|sign up|start", re.I)).first.click()

    # Connect through Notion's own consent page.
    page.goto(f"{stack.url}/app/connect")
    page.get_by_role("link", name="Connect Notion").click()
    page.get_by_role("button", name="Allow").click()

    # Choose: everything found is chosen already.
    expect(page.get_by_text("Launch plan").first).to_be_visible()
    page.get_by_role("button", name=re.compile("Start sync")).click()

    # Watch it end.
    expect(page.get_by_text("Everything is synced")).to_be_visible(timeout=40_000)
    page.get_by_role("link", name="Ask a question").first.click()

    # Ask, and read an answer with its source.
    page.locator("textarea[name=prompt]").fill(QUESTION)
    page.locator("textarea[name=prompt]").press("Enter")
    expect(page.get_by_text("28 days of paid holiday").first).to_be_visible()
    source = page.locator("a[href*='notion']", has_text="Handbook").first
    expect(source).to_be_visible()

    # See what it cost, beside the answer and in full.
    expect(page.locator("#allowance")).to_contain_text(re.compile(r"[1-9]\d* of 50,000 tokens"))
    page.goto(f"{stack.url}/app/usage")
    expect(page.get_by_text("1 of 120").first).to_be_visible()

    # The time is that of the browser, until another one is chosen.
    page.goto(f"{stack.url}/app/settings")
    expect(page.get_by_label("Time zone")).to_have_value("Asia/Tokyo")
    page.get_by_label("Time zone").select_option(label="Lisbon")
    page.get_by_role("button", name="Save profile").click()
    expect(page.get_by_text("Saved.")).to_be_visible()
    expect(page.get_by_label("Time zone")).to_have_value("Europe/Lisbon")
    assert complaints == []


class Program:
    """A client of the JSON API that signed up by itself."""

    def __init__(self, stack: Stack) -> None:
        self.http = httpx.Client(base_url=stack.url, timeout=60)
        self.email = f"robot-{secrets.token_hex(4)}@example.com"
        schemas.fill(4)
        answer = self.post("/auth/register", email=self.email, password=PASSWORD)
        self.http.headers["Authorization"] = f"Bearer {answer['access']}"

    def post(self, path: str, **body: Any) -> dict[str, Any]:
        answer = self.http.post(path, json=body)
        assert answer.is_success, answer.text
        found: dict[str, Any] = answer.json()
        return found

    def get(self, path: str) -> dict[str, Any]:
        answer = self.http.get(path)
        assert answer.is_success, answer.text
        found: dict[str, Any] = answer.json()
        return found

    def until_synced(self, sync_id: str, *, seconds: float = 60) -> dict[str, Any]:
        deadline = time.monotonic() + seconds
        while True:
            sync = self.get(f"/agent/sync/{sync_id}")
            if sync["status"] not in {"queued", "running"}:
                return sync
            assert time.monotonic() < deadline, sync
            time.sleep(0.1)

    @property
    def membership(self) -> Membership:
        return Membership.objects.select_related("workspace").get(user=User.objects.get(email=self.email))


def test_a_program_does_the_same_over_json(stack: Stack, notion: NotionWorkspace) -> None:
    program = Program(stack)

    program.post("/user/notion-integration", token=notion.token)
    sync = program.until_synced(program.post("/agent/sync")["id"])
    run = program.post("/agent/run", prompt=QUESTION)
    quota = program.get("/usage/quota")

    assert sync["status"] == "complete"
    assert run["grounded"]
    assert "28 days of paid holiday" in run["answer"]
    assert run["citations"][0]["page_id"] == notion.page("handbook")
    assert run["citations"][0]["quote"] in HANDBOOK["blocks"][1]["p"]
    assert (quota["requests"]["used"], quota["tokens"]["used"]) == (1, run["usage"]["total_tokens"])
    assert program.get("/usage/logs")["results"][0]["run_id"] == run["id"]


def test_a_sync_whose_worker_is_killed_and_broker_wiped_ends_the_same(stack: Stack, emulator: EmulatorProcess) -> None:
    pages = [{"key": f"p{n}", "title": f"Page {n}", "blocks": [{"p": f"Fact {n} is kept."}]} for n in range(PAGES)]
    notion = seeded(emulator, {"pages": pages}, [f"p{n}" for n in range(PAGES)])
    notion.fault({"slow": {"ms": 60}}, path_regex="children")
    program = Program(stack)
    program.post("/user/notion-integration", token=notion.token)
    sync_id = program.post("/agent/sync")["id"]
    while program.get(f"/agent/sync/{sync_id}")["pages"]["indexed"] < 5:
        time.sleep(0.02)

    valkey.client().flushdb()
    while program.get(f"/agent/sync/{sync_id}")["pages"]["indexed"] < 10:
        time.sleep(0.02)
    stack.sync.kill()
    valkey.client().flushdb()
    before = program.get(f"/agent/sync/{sync_id}")
    stack.restart_sync()
    sync = program.until_synced(sync_id, seconds=150 * STORM)

    assert before["status"] == "running"
    assert sync["status"] == "complete"
    others = dict.fromkeys(("unchanged", "skipped", "failed", "kept", "trashed"), 0)
    assert sync["pages"] == {"known": PAGES, "indexed": PAGES, **others}
    workspace = program.membership.workspace
    with tenancy.within(workspace):
        assert NotionPage.objects.filter(state="indexed").count() == Chunk.objects.count() == PAGES
        assert SyncRun.objects.count() == 1
        assert sorted(NotionPage.objects.values_list("markdown", flat=True)) == sorted(
            f"Fact {n} is kept." for n in range(PAGES)
        )
        chunks = {str(key) for key in Chunk.objects.values_list("id", flat=True)}
        connection_id = NotionPage.objects.values_list("connection_id", flat=True)[0]
    assert set(vectors.workspace(workspace.pk).collection(connection_id).ids()) == chunks
    reads = [each["path"] for each in notion.requests() if each["path"].endswith("/children")]
    assert len(reads) <= PAGES + 2, "at most the page in hand is read again"
