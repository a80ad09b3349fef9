"""Postgres, Valkey, Chroma and workers are killed while a sync is at work and Notion is in trouble: nothing is lost.

Servers of its own, that keep what they confirm. DOCENT_SEED draws the same edits, faults and kills again.
"""

import json
import os
import random
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import httpx
import pytest

from devkit.home import PROJECT, Home
from devkit.notion.process import EmulatorProcess
from devkit.services import Services
from devkit.testing import erase
from tests.agent.sync.people_at_work import LONG_AGO, WORDS, calm, trouble
from tests.devkit.machine import kill, restart
from tests.outside import NotionWorkspace, seeded
from tests.stack import Program, Says
from tests.storm import ROUND, STORM

SEED = int(os.environ.get("DOCENT_SEED", f"{ROUND}"))
PAGES = min(500, 50 * STORM - 20)
KILLS = min(5, (STORM + 1) // 2)
# What a killed worker leaves is also shown by `tests/e2e/test_journey.py`.
KILLED = ["postgres", "valkey", "chroma", *(["worker"] if STORM > 1 else [])]
# So many pages are accounted for between two kills.
STEP = 3 if STORM == 1 else 15
MOST_SYNCS = 2
PATIENCE_SECONDS = 120.0 * STORM
LOOK_EVERY_SECONDS = 0.3
RUN = "import django, sys; django.setup(); from tests.agent.sync import customer; customer.main(*sys.argv[1:])"


def is_over(state: Any) -> bool:
    return state["status"] not in {"queued", "running"}


@pytest.fixture
def servers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Services]:
    for name in ("DATABASE_URL", "DATABASE_WEB_URL", "REDIS_URL", "CHROMA_URL"):
        monkeypatch.delenv(name, raising=False)
    home = Home(tmp_path / "home")
    with Services(home, with_emulator=False) as services:
        yield services
    erase(home)


class Killed:
    """The product over these servers: a worker for all of a sync, and a customer to talk to."""

    def __init__(self, servers: Services, folder: Path, token: str) -> None:
        lease = {"SYNC_LEASE_SECONDS": "3", "WARM_SCHEMAS": "1", "LOG_LEVEL": "INFO"}
        self.environment = {**os.environ, **servers.environment, **lease, "DJANGO_SETTINGS_MODULE": "config.settings"}
        self.servers = {child.name: child for child in servers.children}
        self.customer = subprocess.Popen(
            [sys.executable, "-c", RUN, token],
            cwd=PROJECT,
            env=self.environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self._answer()
        celery = ["celery", "-A", "config.celery", "worker", "-l", "INFO", "--without-gossip", "--without-mingle"]
        celery += ["-Q", "sync,default", "-P", "threads", "-c", "4", "-B", "-s", str(folder / "beat")]
        self.worker = Program(celery, folder / "worker.log", self.environment)
        self.start_worker()

    def start_worker(self) -> None:
        self.worker.log.unlink(missing_ok=True)
        self.worker.start()
        self.worker.wait_until(Says(" ready."))

    def _answer(self) -> Any:
        assert self.customer.stdout is not None
        line = self.customer.stdout.readline()
        assert line, "the customer's process has ended"
        return json.loads(line)

    def ask(self, *words: str) -> Any:
        assert self.customer.stdin is not None
        self.customer.stdin.write(json.dumps(words) + "\n")
        self.customer.stdin.flush()
        return self._answer()

    def kill(self, name: str) -> None:
        if name == "worker":
            self.worker.kill()
            self.start_worker()
        else:
            kill(self.servers[name])
            restart(self.servers[name])

    def get_on(self, run_id: str, pages: int) -> None:
        """Until so many more are accounted for, or the sync has ended."""
        wanted = self.ask("state", run_id)["accounted"] + pages
        self.watch(run_id, lambda state: is_over(state) or state["accounted"] >= wanted)

    def watch(self, run_id: str, is_enough: Callable[[Any], bool]) -> None:
        deadline = time.monotonic() + PATIENCE_SECONDS
        while not is_enough(state := self.ask("state", run_id)):
            if self.worker.process is not None and self.worker.process.poll() is not None:
                # As its supervisor does: one that loses the broker with a message in its hands may end itself.
                self.start_worker()
            assert time.monotonic() < deadline, f"the sync stands still: {state}"
            time.sleep(LOOK_EVERY_SECONDS)

    def end(self) -> None:
        assert self.customer.stdin is not None
        self.customer.stdin.close()
        self.customer.wait()
        self.worker.kill()


@pytest.fixture
def notion(emulator: EmulatorProcess) -> NotionWorkspace:
    """Half of it pages in pages, half of it rows."""
    pages = [
        {
            "key": f"page{n}",
            "title": f"Page {n}",
            "edited": LONG_AGO,
            "blocks": [{"p": f"Fact {n}."}, {"p": f"The {WORDS[n % 10]} of {n}."}],
        }
        for n in range(PAGES // 2)
    ]
    rows = [
        {"key": f"row{n}", "Name": f"Row {n}", "edited": LONG_AGO, "blocks": [{"p": f"Row fact {n}."}]}
        for n in range(PAGES // 2)
    ]
    sources = [{"key": "table", "properties": {"Name": "title"}, "rows": rows}]
    table = {"key": "list", "title": "List", "parent": "page0", "edited": LONG_AGO, "sources": sources}
    return seeded(emulator, {"pages": pages, "databases": [table]}, [page["key"] for page in pages])


def edit(notion: NotionWorkspace, keys: list[str], dice: random.Random) -> None:
    key, words = dice.choice(keys), " ".join(dice.choices(WORDS, k=5))
    way = dice.choice(["append", "append", "set_title", "add_page", "trash", "restore"])
    # It may be in the trash, or not.
    with suppress(ValueError):
        if way == "append":
            notion.edit(op=way, parent=key, blocks=[{"p": f"{words}."}])
        elif way == "set_title":
            notion.edit(op=way, id=key, title=words)
        elif way == "add_page":
            page = {"title": words, "blocks": [{"p": f"New {words}."}]}
            keys.append(notion.edit(op=way, parent=notion.page("page1"), page=page)["id"])
        elif key != notion.page("page1"):
            notion.edit(op=way, id=key)


def truth(notion: NotionWorkspace, keys: list[str]) -> dict[str, list[str]]:
    """What stands in the emulator, page by page: title, and text of the blocks that are no pages."""
    headers = {"Authorization": f"Bearer {notion.token}", "Notion-Version": "2025-09-03"}
    found = {}
    with httpx.Client(base_url=notion.emulator.url, headers=headers) as http:
        for key in keys:
            page = http.get(f"/v1/pages/{key}").json()
            if page["object"] == "error" or page["in_trash"]:
                continue
            (title,) = (each["title"] for each in page["properties"].values() if each["type"] == "title")
            blocks = http.get(f"/v1/blocks/{key}/children").json()["results"]
            texts = [each["paragraph"]["rich_text"] for each in blocks if each["type"] == "paragraph"]
            found[key] = [_plain(title), *map(_plain, texts)]
    return found


def _plain(rich_text: list[dict[str, Any]]) -> str:
    return "".join(part["plain_text"] for part in rich_text)


def text_of(title: str, markdown: str, chunks: list[str]) -> list[str]:
    """As `truth` says it. Every paragraph must be searchable too."""
    paragraphs = [each for each in markdown.split("\n\n") if not each.lstrip("- ").startswith("[")]
    assert [each for each in paragraphs if each not in "\n".join(chunks)] == []
    return [title, *paragraphs]


def test_what_is_killed_in_the_middle_of_a_sync_loses_nothing(
    servers: Services, notion: NotionWorkspace, tmp_path: Path
) -> None:
    print(f"DOCENT_SEED={SEED}")
    dice, keys = random.Random(SEED), list(notion.ids["pages"].values())
    killed = Killed(servers, tmp_path, notion.token)
    try:
        storm(killed, notion, keys, dice)
        calm(notion)
        held = settled(killed)
    finally:
        killed.end()
        print(killed.worker.log.read_text())
    found = {key: text_of(*page) for key, page in held.pop("pages").items()}

    assert held == {"not indexed": [], "wrong": [], "complete": True, "failed jobs": []}
    assert found == truth(notion, keys)


def storm(killed: Killed, notion: NotionWorkspace, keys: list[str], dice: random.Random) -> None:
    for _ in range(KILLS):
        print(trouble(notion, keys, dice))
        for name in dice.sample(KILLED, k=len(KILLED)):
            run_id = killed.ask("sync")
            killed.get_on(run_id, STEP)
            print(name, killed.ask("state", run_id))
            killed.kill(name)
            for _ in range(2 if STORM == 1 else PAGES // 30):
                edit(notion, keys, dice)
        calm(notion)


def settled(killed: Killed) -> Any:
    """After the sync that is open, which may have begun before the last edits, and after one that reads all of them."""
    killed.watch(killed.ask("sync"), is_over)
    for _ in range(MOST_SYNCS):
        run_id = killed.ask("sync")
        killed.watch(run_id, is_over)
        state = killed.ask("state", run_id)
        print(state)
        if state["status"] == "complete":
            break
    return killed.ask("held")
