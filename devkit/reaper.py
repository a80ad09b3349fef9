"""Runs one command so that nothing it started outlives the command, this process or the parent.

    reaper.py STOP_SIGNAL GRACE_SECONDS USER COMMAND...

The parent holds the other end of standard input: end of file there means that it wants a stop, or is gone. Then the
command gets STOP_SIGNAL, and whatever is left of it after GRACE_SECONDS is killed. Standard library only, run by path.
"""

import contextlib
import ctypes
import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

PR_SET_PDEATHSIG = 1
PR_SET_CHILD_SUBREAPER = 36
ON_LINUX = sys.platform.startswith("linux")


def prctl(option: int, value: int) -> None:
    if ON_LINUX:
        ctypes.CDLL(None).prctl(option, value, 0, 0, 0)


def processes() -> Iterator[tuple[int, int, int, str]]:
    """(pid, parent, session, state) of every process; nothing where there is no /proc."""
    for entry in Path("/proc").glob("[0-9]*/stat"):
        # A process may end while it is looked at.
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):
            state, parent, _group, session, *_ = entry.read_text(errors="replace").rpartition(")")[2].split()
            yield int(entry.parent.name), int(parent), int(session), state


def descendants(root: int) -> set[int]:
    parents = {pid: parent for pid, parent, _session, _state in processes()}
    found = {root}
    while more := {pid for pid, parent in parents.items() if parent in found} - found:
        found |= more
    return found - {root}


class Reaper:
    def __init__(self, stop_signal: int, grace: float, user: str, command: list[str]) -> None:
        self.stop_signal = stop_signal
        self.grace = grace
        self.user = user
        self.command = command
        self.deadline: float | None = None
        self.exit_code: int | None = None
        self.child = 0

    def start(self) -> None:
        mine = os.getpid()

        def follow_reaper() -> None:
            prctl(PR_SET_PDEATHSIG, self.stop_signal)
            if os.getppid() != mine:
                os._exit(1)

        identity = {"user": self.user, "group": self.user, "extra_groups": []} if self.user else {}
        process = subprocess.Popen(
            self.command,
            stdin=subprocess.DEVNULL,
            process_group=0,
            preexec_fn=follow_reaper,
            **identity,  # type: ignore[call-overload]  # the three belong together or not at all
        )
        self.child = process.pid
        process.returncode = 0  # reaped below, together with what it leaves behind

    def stop(self) -> None:
        if self.deadline is None:
            self.deadline = time.monotonic() + self.grace
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.child, self.stop_signal)

    def reap(self) -> bool:
        """Collect the dead; True when there is no child left at all."""
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return True
            if pid == 0:
                return False
            if pid == self.child:
                code = os.waitstatus_to_exitcode(status)
                self.exit_code = code if code >= 0 else 128 - code

    def kill_the_rest(self) -> None:
        # Orphans among them become our children (subreaper), so that the loop ends only when none is left.
        while not self.reap():
            for pid in descendants(os.getpid()):
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            if not ON_LINUX:
                with contextlib.suppress(ProcessLookupError, PermissionError):
                    os.killpg(self.child, signal.SIGKILL)
            time.sleep(0.01)

    def run(self) -> int:
        wakeups, waker = os.pipe()
        os.set_blocking(waker, False)
        signal.set_wakeup_fd(waker)
        for number in (signal.SIGCHLD, signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGQUIT):
            signal.signal(number, lambda *_: None)
        prctl(PR_SET_CHILD_SUBREAPER, 1)
        self.start()
        sources = [wakeups, sys.stdin.fileno()]
        while self.exit_code is None:
            left = None if self.deadline is None else self.deadline - time.monotonic()
            if left is not None and left <= 0:
                break
            ready, _, _ = select.select(sources, [], [], left)
            if sys.stdin.fileno() in ready and not os.read(sys.stdin.fileno(), 1024):
                sources = [wakeups]
                self.stop()
            if wakeups in ready:
                signals = set(os.read(wakeups, 1024))
                if signal.SIGQUIT in signals:
                    break
                if signals & {signal.SIGTERM, signal.SIGINT, signal.SIGHUP}:
                    self.stop()
            self.reap()
        self.kill_the_rest()
        return 128 + signal.SIGKILL if self.exit_code is None else self.exit_code


if __name__ == "__main__":
    raise SystemExit(Reaper(int(sys.argv[1]), float(sys.argv[2]), sys.argv[3], sys.argv[4:]).run())
