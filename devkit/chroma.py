"""The Chroma server of one machine: run from `.venv/chroma-server`, beside the thin client that the program uses.

Server and client share the module name `chromadb`, so the server lives in a folder of its own and is started through
its Rust command line, which takes a third of the memory and a tenth of the time of the console script.
"""

import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
import uuid
from contextlib import closing
from pathlib import Path
from types import TracebackType
from typing import Self
from urllib.error import URLError
from urllib.request import urlopen

from devkit.home import free_port

SERVER_PACKAGES = Path(sys.prefix) / "chroma-server"
# At INFO it writes a line of every request, and what the start says would scroll away.
ENVIRONMENT = {"NO_COLOR": "1", "RUST_LOG": "warn"}
START_SECONDS = 30
STOP_SECONDS = 10

# About six files are open for every collection in use, so the soft limit is raised to the hard one.
_START = """
import resource, sys
sys.path.insert(0, sys.argv[1])
hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
wanted = 65536 if hard == resource.RLIM_INFINITY else min(hard, 65536)
resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
import chromadb_rust_bindings
chromadb_rust_bindings.cli(["chroma", "run", "--path", sys.argv[2], "--host", "127.0.0.1", "--port", sys.argv[3]])
"""


class DidNotStart(Exception):
    """Chroma ended or did not answer in time."""


def command(data: Path, port: int) -> list[str]:
    return [sys.executable, "-c", _START, str(SERVER_PACKAGES), str(data), str(port)]


def sweep(data: Path) -> int:
    """Only while the server is stopped: the files of collections that were dropped, which it leaves there for ever.

    Answers how many it removed.
    """
    known = data / "chroma.sqlite3"
    # What is damaged the server itself complains of.
    if not known.is_file():
        return 0
    with closing(sqlite3.connect(known)) as database:
        kept = {name for (name,) in database.execute("SELECT id FROM segments")}
        dead = [each for each in data.iterdir() if each.is_dir() and is_id(each.name) and each.name not in kept]
        for folder in dead:
            shutil.rmtree(folder)
        if dead:
            # What was deleted stands in free pages until then.
            database.execute("VACUUM")
    return len(dead)


def is_id(name: str) -> bool:
    try:
        return str(uuid.UUID(name)) == name
    except ValueError:
        return False


def is_healthy(port: int) -> bool:
    try:
        with urlopen(f"http://127.0.0.1:{port}/api/v2/heartbeat", timeout=2) as answer:
            return bool(answer.status == 200)
    except (URLError, OSError):
        return False


class ChromaProcess:
    """A server of one's own, for tests and tools: `with ChromaProcess(folder) as chroma: chroma.url`."""

    def __init__(self, data: Path, *, port: int | None = None) -> None:
        self.data = data
        self.port = port or free_port()
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> Self:
        self.data.mkdir(parents=True, exist_ok=True)
        with (self.data / "chroma.log").open("ab") as log:
            self._process = subprocess.Popen(
                command(self.data, self.port), cwd=self.data, env=os.environ | ENVIRONMENT, stdout=log, stderr=log
            )
        deadline = time.monotonic() + START_SECONDS
        while not is_healthy(self.port):
            if self._process.poll() is not None or time.monotonic() > deadline:
                self.stop()
                raise DidNotStart(f"Chroma did not start; see {self.data / 'chroma.log'}")
            time.sleep(0.02)
        return self

    def stop(self) -> None:
        if self._process is None:
            return
        # A frozen process would not see the request to end.
        self._process.send_signal(signal.SIGCONT)
        self._process.terminate()
        try:
            self._process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._process = None

    def freeze(self) -> None:
        """Returns when every thread stands: until then it could still answer."""
        if self._process is not None:
            self._process.send_signal(signal.SIGSTOP)
            os.waitid(os.P_PID, self._process.pid, os.WSTOPPED)

    def thaw(self) -> None:
        if self._process is not None:
            self._process.send_signal(signal.SIGCONT)

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()
