"""The supervisor and the embedded services in the hands of somebody who is not root."""

import os
import signal
import tempfile
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pytest

from devkit import reaper
from devkit.home import Home
from devkit.postgres import SYSTEM_FOLDER
from tests.devkit.account import Account, ordinary
from tests.devkit.machine import FAMILY, Installation, eventually, running

SERVERS = ("postgres", "valkey-server", "chroma", "devkit.notion")


@pytest.fixture(scope="module")
def account() -> Iterator[Account]:
    before = os.umask(0o022)
    try:
        with tempfile.TemporaryDirectory() as folder:
            Path(folder).chmod(0o755)
            yield ordinary(Path(folder))
    finally:
        os.umask(before)


@pytest.fixture
def tag() -> str:
    return f"family-{uuid4().hex}"


@pytest.fixture
def installation(account: Account, tag: str) -> Iterator[Installation]:
    installation = Installation(tag, account.home, FAMILY, of=account)
    try:
        yield installation.until("INSTALLATION READY")
    finally:
        installation.process.kill()
        installation.process.wait()
        eventually(lambda: not Home(account.home).is_locked())


def family(installation: Installation) -> set[int]:
    return {installation.process.pid, *reaper.descendants(installation.process.pid)}


def alive() -> set[int]:
    return {pid for pid, *_, state in reaper.processes() if state != "Z"}


def test_all_services_run_as_an_ordinary_user(installation: Installation, account: Account) -> None:
    commands = {pid: Path(f"/proc/{pid}/cmdline").read_text(errors="replace") for pid in family(installation)}
    owners = {Path(f"/proc/{pid}").stat().st_uid for pid in commands}

    assert [name for name in SERVERS if not any(name in command for command in commands.values())] == []
    assert owners == {account.uid}
    assert account.uid != 0


def test_ctrl_c_leaves_nothing_of_an_ordinary_users_services(
    installation: Installation, account: Account, tag: str
) -> None:
    before = family(installation)

    code = installation.end(signal.SIGINT)

    assert code == 0
    assert not before & alive()
    assert running(tag) == []
    assert not (SYSTEM_FOLDER / Home(account.home).tag).exists()


def test_nothing_survives_an_ordinary_users_killed_supervisor(installation: Installation, tag: str) -> None:
    before = family(installation)

    installation.process.kill()
    installation.process.wait()

    eventually(lambda: not before & alive())
    assert running(tag) == []
