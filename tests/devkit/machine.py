"""Looking at real processes, and a small installation to do things to."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from devkit import reaper
from devkit.home import PROJECT
from devkit.processes import Child
from tests.devkit.account import Account

T = TypeVar("T")
PATIENCE_SECONDS = 60.0

# A child with two grandchildren, one of which has left the session as a daemon would.
FAMILY = """
import os, subprocess, sys, time
sleep = [sys.executable, '-c', 'import time; time.sleep(600)', sys.argv[1]]
subprocess.Popen(sleep); subprocess.Popen(sleep, start_new_session=True)
print('family complete', flush=True)
time.sleep(600)
"""
# The same, deaf to every request to end.
STUBBORN = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN)\n" + FAMILY

INSTALLATION = """
import sys
from pathlib import Path
from devkit.home import Home
from devkit.services import Services
from devkit.supervisor import Program, Stop, Supervisor, say

tag, folder, grace, *codes = sys.argv[1:]
Program.grace_seconds = float(grace)
home = Home(Path(folder))
supervisor = Supervisor(Services(home, echo=say))
supervisor.catch_signals()
try:
    supervisor.services.start()
    for number, code in enumerate(codes):
        command = [sys.executable, '-c', code, f'{tag}-{number}']
        supervisor.add(Program(f'program{number}', command, home=home, environment={}, echo=say, ready_line='complete'))
    for program in supervisor.programs:
        program.wait()
    print('INSTALLATION READY', flush=True)
    supervisor.watch()
except Stop:
    print('STOPPING', flush=True)
finally:
    supervisor.stop()
"""


def eventually(question: Callable[[], T]) -> T:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not (answer := question()):
        assert time.monotonic() < deadline, "it never came"
        time.sleep(0.02)
    return answer


def kill(child: Child) -> None:
    """The server itself, not the reaper above it; and everything of it is gone afterwards."""
    family = reaper.descendants(child.pid)
    server = min(pid for pid, parent, *_ in reaper.processes() if parent == child.pid)
    os.kill(server, signal.SIGKILL)
    eventually(lambda: child.exit_code)
    child.clear_up()
    assert not family & {pid for pid, *_, state in reaper.processes() if state != "Z"}


def restart(child: Child) -> None:
    child.start()
    child.wait()


def running(tag: str, kind: str = "") -> list[int]:
    """Every live process with `tag` among its arguments: supervisor, reaper, head of a family, or grandchild."""
    found = []
    for file in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            arguments = file.read_text(errors="replace").split("\0")
        except (FileNotFoundError, ProcessLookupError):
            continue
        if any(argument.startswith(tag) for argument in arguments) and kind in ("", kind_of(str(arguments))):
            found.append(int(file.parent.name))
    return found


def kind_of(arguments: str) -> str:
    signs = {"Supervisor(": "supervisor", "reaper.py": "reaper", "Popen": "head"}
    return next((kind for sign, kind in signs.items() if sign in arguments), "grandchild")


class Installation:
    """A supervisor in its own process over programs given as Python code, with services from elsewhere.

    `of` starts the services too, as that account and in its home.
    """

    def __init__(
        self, tag: str, folder: Path, *codes: str, of: Account | None = None, grace_seconds: float = Child.grace_seconds
    ) -> None:
        self.said: list[str] = []
        if of is None:
            elsewhere = dict.fromkeys(("DATABASE_URL", "REDIS_URL", "CHROMA_URL", "NOTION_API_URL"), "elsewhere://")
            of = Account(os.geteuid(), folder, Path(sys.executable), PROJECT, {**os.environ, **elsewhere}, {})
        self.process = subprocess.Popen(
            [of.python, "-c", INSTALLATION, tag, folder, str(grace_seconds), *codes],
            cwd=of.project,
            env=of.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
            **of.identity,
        )

    def until(self, words: str) -> "Installation":
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.said.append(line)
            if words in line:
                return self
        raise AssertionError(f"ended without {words!r}:\n{''.join(self.said)}")

    def end(self, *signals: signal.Signals) -> int:
        for number in signals:
            self.process.send_signal(number)
        assert self.process.stdout is not None
        self.said += self.process.stdout.readlines()
        return self.process.wait(PATIENCE_SECONDS)
