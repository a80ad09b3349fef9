"""The product as it runs: a web process and its workers over this test process's own database, streams and index."""

import os
import signal
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from django.conf import settings
from django.db import connections

from accounts.models import Job, Mail
from billing.models import StripeEvent, Subscription
from config import valkey
from devkit.home import PROJECT, free_port
from devkit.supervisor import WORKERS, without_owner

START_SECONDS = 120
STOP_SECONDS = 15
QUEUES = ("runs", "default", "sync")


@dataclass
class Program:
    """A process group, so that what it forks ends with it."""

    arguments: list[str]
    log: Path
    environment: Mapping[str, str]
    process: subprocess.Popen[bytes] | None = field(default=None)

    def start(self) -> None:
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", *self.arguments],
                cwd=PROJECT,
                env={**os.environ, **self.environment},
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def wait_until(self, is_ready: "Readiness") -> None:
        deadline = time.monotonic() + START_SECONDS
        while not is_ready(self):
            ended = self.process is None or self.process.poll() is not None
            if ended or time.monotonic() > deadline:
                raise AssertionError(f"{self.arguments[0]} did not start:\n{self.log.read_text()[-4000:]}")
            time.sleep(0.05)

    def kill(self) -> None:
        """As when the machine's memory ran out: no process of the group gets to say anything."""
        self.signal(signal.SIGKILL)

    def end(self) -> None:
        """After SIGTERM; killed when it takes too long."""
        if self.process is not None:
            with suppress(subprocess.TimeoutExpired):
                self.process.wait(STOP_SECONDS)
        self.signal(signal.SIGKILL)

    def signal(self, number: int) -> None:
        """To the whole group."""
        if self.process is None:
            return
        try:
            os.killpg(self.process.pid, number)
        except ProcessLookupError:
            return
        if number == signal.SIGKILL:
            self.process.wait()


class Readiness:
    def __call__(self, program: Program) -> bool:
        raise NotImplementedError


@dataclass
class Answers(Readiness):
    url: str

    def __call__(self, program: Program) -> bool:
        try:
            with urllib.request.urlopen(self.url, timeout=2) as answer:
                return bool(answer.status == 200)
        except (urllib.error.URLError, OSError):
            return False


@dataclass
class Says(Readiness):
    words: str

    def __call__(self, program: Program) -> bool:
        return program.log.exists() and self.words in program.log.read_text()


class Stack:
    """`url` of the web process; `worker` for the queues runs and default, with a beat of its own; `sync` for syncs.

    As in production, but for the start of one process less; with `is_apart` the queue default has its own too.
    """

    def __init__(self, folder: Path, environment: Mapping[str, str], *, is_apart: bool = False) -> None:
        self.folder = folder
        self.port = free_port()
        self.environment = {"LOG_LEVEL": "INFO", "PUBLIC_URL": self.url, **environment}
        self.web = self._web()
        beat = ["-B", "-s", str(folder / "beat")]
        # Of an option that is given twice the last one holds.
        self.worker = self._worker("runs", *([] if is_apart else ["-Q", "runs,default", *beat]))
        self.sync = self._worker("sync")
        # Who works on the queue default.
        self.default = self._worker("default", *beat) if is_apart else self.worker
        self.programs = [self.web, self.worker, self.sync, *([self.default] if is_apart else [])]

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def _web(self) -> Program:
        granian = ["granian", "--interface", "asgi", "--workers", "1", "--host", "127.0.0.1", "--port", str(self.port)]
        granian += ["--backlog", "4096", "--workers-kill-timeout", "3"]
        if self.environment.get("LOG_FORMAT") == "json":
            granian += ["--log-config", "config/granian.json"]
        granian += ["config.asgi:application"]
        return Program(
            granian, self.folder / "web.log", without_owner({"SECRET_KEY": settings.SECRET_KEY, **self.environment})
        )

    def _worker(self, name: str, *more: str) -> Program:
        celery = [
            "celery",
            "--quiet",
            "-A",
            "config.celery",
            "worker",
            "-l",
            "INFO",
            "--without-gossip",
            "--without-mingle",
        ]
        celery += [*WORKERS[name], *more, "-n", f"{name}-{self.port}@test"]
        return Program(celery, self.folder / f"{name}.log", self.environment)

    def start(self) -> None:
        for program in self.programs:
            program.start()
        self.web.wait_until(Answers(f"{self.url}/readyz"))
        for program in self.programs[1:]:
            program.wait_until(Says(" ready."))

    def restart_worker(self) -> None:
        self._restart(self.worker)

    def restart_default(self) -> None:
        self._restart(self.default)

    def restart_sync(self) -> None:
        self._restart(self.sync)

    def _restart(self, program: Program) -> None:
        program.log.unlink(missing_ok=True)
        program.start()
        program.wait_until(Says(" ready."))

    def last_words(self) -> list[tuple[str, str]]:
        """The end of each log, with the log's name."""
        logs = [program.log for program in self.programs]
        return [(log.name, "".join(log.read_text().splitlines(keepends=True)[-80:])) for log in logs if log.exists()]

    def stop(self) -> None:
        for program in self.programs:
            program.signal(signal.SIGTERM)
        for program in self.programs:
            program.end()


def forget_what_waits() -> None:
    """Left behind by thousands of other tests: a worker would do it first, and with other settings than they had."""
    Subscription.objects.update(remind_at=None)
    StripeEvent.objects.filter(processed_at=None).delete()
    Job.objects.all().delete()
    Mail.objects.filter(sent_at=None).delete()
    valkey.client().delete(*QUEUES)


@contextmanager
def running(*, is_apart: bool = False, **environment: str) -> Iterator[Stack]:
    """With these variables besides those of this process."""
    # An earlier module may have seen them broken.
    connections.close_all()
    forget_what_waits()
    with tempfile.TemporaryDirectory() as folder:
        stack = Stack(Path(folder), environment, is_apart=is_apart)
        try:
            stack.start()
            yield stack
        finally:
            stack.stop()
