"""A child process with a log, a readiness question and an end that leaves nothing behind."""

import contextlib
import math
import os
import resource
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path

from devkit import reaper
from devkit.home import Trouble

REAPER = Path(reaper.__file__)
ENOUGH_FILES = 65_536

Echo = Callable[[str, str], None]


def raise_file_limit() -> None:
    """Chroma keeps about six files open per collection in use."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = ENOUGH_FILES if hard == resource.RLIM_INFINITY else min(hard, ENOUGH_FILES)
    if soft == resource.RLIM_INFINITY or soft >= wanted:
        return
    # macOS refuses more than its own maximum although it reports no hard limit.
    with contextlib.suppress(ValueError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def signal_all(pids: Iterable[int], number: signal.Signals) -> None:
    for pid in pids:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, number)


class Child:
    """Subclasses fill in `name`, `command`, `is_ready` and, where something must exist first, `prepare`."""

    name = "child"
    stop_signal = signal.SIGTERM
    grace_seconds = 5.0
    user = ""

    def __init__(self, log: Path, *, echo: Echo | None = None, lock_fd: int | None = None) -> None:
        self.log = log
        self.echo = echo
        self.lock_fd = lock_fd
        self.environment: Mapping[str, str] = {}
        self.directory: Path = Path("/")
        self.started_at = 0.0
        self.process: subprocess.Popen[bytes] | None = None
        self.pump: threading.Thread | None = None
        self.said: list[str] = []

    def command(self) -> Sequence[str | Path]:
        raise NotImplementedError

    def prepare(self) -> None:
        pass

    def is_ready(self) -> bool:
        return True

    @property
    def pid(self) -> int:
        """The reaper's pid; the command is its only child."""
        return self.process.pid if self.process else 0

    @property
    def exit_code(self) -> int | None:
        """Not by `Popen.poll` or `wait`: those hold a lock, and a second Ctrl-C in that moment would wait for it for
        ever in the handler of its signal. Only the main thread asks, so that none is needed."""
        if self.process and self.process.returncode is None:
            try:
                pid, status = os.waitpid(self.process.pid, os.WNOHANG)
            except ChildProcessError:
                # The answer was lost with the exception of the first Ctrl-C.
                self.process.returncode = 0
            else:
                if pid:
                    self.process.returncode = os.waitstatus_to_exitcode(status)
        return self.process.returncode if self.process else None

    def _has_ended(self, within: float) -> bool:
        deadline = time.monotonic() + within
        while self.exit_code is None:
            if time.monotonic() > deadline:
                return False
            time.sleep(0.01)
        return True

    def start(self) -> None:
        self.prepare()
        self.said = []
        self.started_at = time.monotonic()
        reaping: list[str | Path] = [
            sys.executable,
            "-I",
            "-S",
            REAPER,
            str(int(self.stop_signal)),
            str(self.grace_seconds),
            self.user,
        ]
        self.process = subprocess.Popen(
            [*reaping, *self.command()],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env={**os.environ, **self.environment},
            cwd=self.directory,
            start_new_session=True,
            pass_fds=() if self.lock_fd is None else (self.lock_fd,),
        )
        self.pump = threading.Thread(target=self._copy_output, args=(self.process,), daemon=True)
        self.pump.start()

    def wait(self, timeout: float = 60.0) -> None:
        deadline = time.monotonic() + timeout
        pause = 0.02
        while not self.is_ready():
            if self.exit_code is not None:
                raise Trouble(f"{self.name} ended with code {self.exit_code} while starting:\n{self.last_words()}")
            if time.monotonic() > deadline:
                raise Trouble(f"{self.name} was not ready after {timeout:.0f} s:\n{self.last_words()}")
            time.sleep(pause)
            pause = min(pause * 1.3, 0.25)

    def begin_stop(self) -> None:
        if self.process and self.process.stdin and not self.process.stdin.closed:
            self.process.stdin.close()

    def stop(self) -> None:
        self.begin_stop()
        if self.process:
            if not self._has_ended(within=self.grace_seconds + 5):
                self.kill()
            self.clear_up()

    def kill(self) -> None:
        """At once, with all descendants."""
        if self.process and self.exit_code is None:
            signal_all([self.pid], signal.SIGQUIT)
            if not self._has_ended(within=5):
                signal_all([self.pid], signal.SIGKILL)
                self._has_ended(within=math.inf)

    def clear_up(self) -> None:
        """After the reaper has ended: had it been killed itself, what it held is told to end, and then made to."""
        self.begin_stop()
        signal_all(self._session(), self.stop_signal)
        deadline = time.monotonic() + self.grace_seconds
        while left := self._session():
            if time.monotonic() > deadline:
                signal_all(left, signal.SIGKILL)
            time.sleep(0.02)
        if self.pump:
            self.pump.join(2)

    def _session(self) -> list[int]:
        return [pid for pid, _, session, state in reaper.processes() if session == self.pid and state != "Z"]

    def last_words(self) -> str:
        if self.pump and self.exit_code is not None:
            self.pump.join(2)
        return "\n".join(self.said[-25:])

    def _copy_output(self, process: "subprocess.Popen[bytes]") -> None:
        assert process.stdout is not None
        self.log.parent.mkdir(parents=True, exist_ok=True)
        with self.log.open("a", encoding="utf-8") as file:
            for raw in process.stdout:
                line = raw.decode(errors="replace").rstrip("\r\n")
                self.said.append(line)
                del self.said[:-200]
                print(line, file=file, flush=True)
                if self.echo:
                    self.echo(self.name, line)
