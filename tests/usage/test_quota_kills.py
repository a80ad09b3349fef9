"""Nothing confirmed is lost and nothing stays held when workers and Postgres itself are killed, again and again.

A server of its own, that may lose nothing: the one of the other tests does not wait for the disk.
"""

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from devkit.home import PROJECT, Home
from devkit.postgres import Postgres
from devkit.testing import erase
from tests.devkit.machine import kill, restart
from tests.storm import STORM
from tests.usage.kill_worker import LINE, PROCESSES

# How much work ends before Postgres is killed, each time anew.
WORK = 20
CRASHES = 2 * STORM
PATIENCE_SECONDS = 60.0
RUN = "import django, sys; django.setup(); from tests.usage import kill_worker; kill_worker.main(*sys.argv[1:])"


@pytest.fixture
def postgres(tmp_path: Path) -> Iterator[Postgres]:
    home = Home(tmp_path / "home")
    server = Postgres(home)
    server.start()
    server.wait()
    yield server
    server.stop()
    erase(home)


def start(postgres: Postgres, *arguments: str) -> "subprocess.Popen[str]":
    environment = os.environ | {"DATABASE_URL": postgres.url, "DJANGO_SETTINGS_MODULE": "config.settings"}
    command = [sys.executable, "-c", RUN, *arguments]
    return subprocess.Popen(
        command, cwd=PROJECT, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )


def run(postgres: Postgres, *arguments: str) -> str:
    with start(postgres, *arguments) as process:
        said = process.communicate(timeout=120)[0]
    assert process.returncode == 0
    return said.splitlines()[-1]


def await_work(journal: Path, amount: int) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    wanted = journal.stat().st_size + amount * LINE
    while journal.stat().st_size < wanted:
        assert time.monotonic() < deadline, "the workers stand still"
        time.sleep(0.02)


def test_killed_workers_and_a_killed_postgres_lose_and_leak_nothing(postgres: Postgres, tmp_path: Path) -> None:
    journal = tmp_path / "journal"
    journal.touch()
    member = run(postgres, "prepare")

    with start(postgres, "storm", member, str(journal)) as workers:
        for _ in range(CRASHES):
            await_work(journal, WORK)
            kill(postgres)
            restart(postgres)
        await_work(journal, WORK)
        killed = int(workers.communicate("end\n", timeout=60)[0])

    left: dict[str, Any] = json.loads(run(postgres, "verdict", member, str(journal)))
    assert left["confirmed"] >= WORK * (CRASHES + 1)
    assert killed >= CRASHES
    assert left["lost"] == 0
    # A worker may die after Postgres has confirmed and before it has written so.
    assert 0 <= left["unconfirmed"] <= killed + PROCESSES * (CRASHES + 1)
    assert left["held"] == [0, 0]
    assert left["differences"] == []
