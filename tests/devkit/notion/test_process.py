"""The program as such: starting, stopping, and the interface for tests."""

from __future__ import annotations

import signal
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import Any

import pytest
import yaml

from devkit.home import PROJECT, free_port
from devkit.notion.process import EmulatorProcess
from tests.devkit.machine import eventually

from .conftest import SEED, Notion


@pytest.fixture
def seed_file(tmp_path: Path) -> Path:
    file = tmp_path / "seed.yaml"
    file.write_text(yaml.safe_dump(SEED))
    return file


def test_it_starts_with_a_seed_from_a_file(seed_file: Path) -> None:
    with EmulatorProcess(seed_file) as emulator:
        state = emulator.control("state?workspace=acme")

    assert state["workspaces"][0]["name"] == "Acme"


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_ends_at_once_even_while_a_request_hangs(seed_file: Path, number: signal.Signals) -> None:
    with EmulatorProcess(seed_file) as emulator:
        emulator.fault("hang")
        hanging = subprocess.Popen(["curl", "-s", f"{emulator.url}/v1/users"])
        eventually(emulator.journal)

        emulator.process.send_signal(number)

        assert emulator.process.wait(timeout=30) == 0
        hanging.wait(timeout=30)


def test_it_ends_with_the_process_that_started_it() -> None:
    start = (
        "import sys; from devkit.notion.process import EmulatorProcess; "
        "print(EmulatorProcess(port=int(sys.argv[1])).process.pid, flush=True)"
    )
    ran = subprocess.run(
        [sys.executable, "-c", start, str(free_port())], cwd=PROJECT, stdout=subprocess.PIPE, timeout=30, check=True
    )

    # The pipe closes only when the emulator, which inherited it, is gone too.
    assert not running(int(ran.stdout))


def running(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def test_it_imports_nothing_of_the_product() -> None:
    script = "import sys, devkit.notion.__main__; print(*{name.partition('.')[0] for name in sys.modules})"
    ran = subprocess.run([sys.executable, "-c", script], cwd=PROJECT, stdout=subprocess.PIPE, text=True, check=True)

    folders = {path.name for path in PROJECT.iterdir() if path.is_dir()} - {"devkit"}
    assert not (folders | {"django"}) & set(ran.stdout.split())


def test_the_seed_in_the_readme_works(seeded: Any) -> None:
    readme = (PROJECT / "devkit" / "notion" / "README.md").read_text()
    example = readme.partition("## Seed")[2].partition("Any object takes")[0]

    notion = seeded(yaml.safe_load(textwrap.dedent(example)))

    answer: Any = notion.client().blocks.children.list(notion.id("handbook"))
    assert len(answer["results"]) == 20
    assert notion.client().data_sources.query(notion.id("tasks_main"))["has_more"]


def test_the_same_namespace_gives_the_same_ids(emulator: EmulatorProcess) -> None:
    once = emulator.seed(SEED, namespace="steady")["workspaces"]["acme"]
    again = emulator.seed(SEED, namespace="steady")["workspaces"]["acme"]

    assert once == again


def test_a_table_of_ten_thousand_rows_is_seeded_and_paged(seeded: Any) -> None:
    source = {"key": "big", "properties": {"Name": "title"}, "generate": {"rows": 10_001, "template": {"Name": "R{i}"}}}
    big = seeded(
        SEED
        | {
            "workspaces": [{"key": "acme", "databases": [{"key": "table", "title": "T", "sources": [source]}]}],
            "grants": [{"integration": "ours", "workspace": "acme"}],
        }
    )

    first = big.client().data_sources.query(big.id("big"))

    assert len(first["results"]) == 100
    assert first["has_more"]


def test_the_state_shows_everything_whole(notion: Notion) -> None:
    (space,) = notion.emulator.control(f"state?workspace={notion.workspace}")["workspaces"]

    handbook = space["objects"][notion.id("handbook")]
    assert [space["objects"][id]["object"] for id in handbook["children"]] == ["block", "block", "page", "database"]
    assert notion.id("secret") in space["objects"]


@pytest.mark.parametrize(
    "wrong", [{"op": "fly"}, {"op": "trash", "id": "nothing", "workspace": "acme"}, {"op": "set_text"}]
)
def test_a_wrong_edit_says_what_is_wrong(notion: Notion, wrong: Any) -> None:
    with pytest.raises(ValueError, match="SeedError"):
        notion.emulator.control("edit", wrong)


def test_edits_name_their_actor(notion: Notion) -> None:
    notion.edit("set_title", key="sub", title="Renamed", actor="bert")

    shown: Any = notion.client().pages.retrieve(notion.id("sub"))
    assert shown["last_edited_by"]["id"] == notion.id("bert")
    assert shown["properties"]["title"]["title"][0]["plain_text"] == "Renamed"
