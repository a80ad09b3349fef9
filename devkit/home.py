"""Where one installation on this machine keeps its state: data, logs, ports and secrets below DOCENT_HOME."""

import base64
import fcntl
import hashlib
import json
import os
import secrets
import socket
import sys
import time
from dataclasses import dataclass
from pathlib import Path

PROJECT = Path(__file__).resolve().parent.parent
LEFTOVERS_END_WITHIN = 20.0


class Trouble(Exception):
    """Something the person at the keyboard can do something about; shown as one line."""


_held: list[socket.socket] = []


def free_port() -> int:
    """Kept until this process ends, so that nobody else is given it before a server listens there, or between two."""
    probe = socket.socket()
    # Linux lets a server listen where somebody else only keeps the place; elsewhere the place is left to chance.
    if sys.platform == "linux":
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        _held.append(probe)
    probe.bind(("127.0.0.1", 0))
    return int(probe.getsockname()[1])


def is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def take(fd: int) -> bool:
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


@dataclass
class Home:
    path: Path
    own_fd: int | None = None
    lock_fd: int | None = None

    @classmethod
    def from_environment(cls) -> "Home":
        return cls((PROJECT / os.environ.get("DOCENT_HOME", ".local")).resolve())

    @property
    def tag(self) -> str:
        """A short name for this home, for the few things that must live elsewhere."""
        return hashlib.sha256(str(self.path).encode()).hexdigest()[:12]

    @property
    def environment_file(self) -> Path:
        """What a run that goes on has given its programs; gone with it."""
        return self.path / "environment.json"

    def folder(self, name: str) -> Path:
        folder = self.path / name
        folder.mkdir(parents=True, exist_ok=True)
        return folder

    def log(self, name: str) -> Path:
        return self.folder("log") / f"{name}.log"

    def lock(self) -> None:
        """One run per home. Reapers share the second lock, so that a new run waits until a killed one is all gone."""
        try:
            self.path.mkdir(parents=True, exist_ok=True)
            self.own_fd = os.open(self.path / "running", os.O_RDWR | os.O_CREAT, 0o600)
            self.lock_fd = os.open(self.path / "lock", os.O_RDWR | os.O_CREAT, 0o600)
        except OSError as error:
            self.unlock()
            raise Trouble(f"{self.path} cannot hold the data ({error.strerror}); set DOCENT_HOME to another") from error
        if not take(self.own_fd):
            holder = os.pread(self.own_fd, 32, 0).decode()
            self.unlock()
            raise Trouble(f"Docent already runs over {self.path} (process {holder}); stop it, or set DOCENT_HOME")
        os.ftruncate(self.own_fd, 0)
        os.pwrite(self.own_fd, str(os.getpid()).encode(), 0)
        deadline = time.monotonic() + LEFTOVERS_END_WITHIN
        while not take(self.lock_fd):
            if time.monotonic() > deadline:
                self.unlock()
                raise Trouble(f"Processes of an earlier run over {self.path} do not end; end them, or set DOCENT_HOME")
            time.sleep(0.05)

    def unlock(self) -> None:
        for fd in (self.own_fd, self.lock_fd):
            if fd is not None:
                os.close(fd)
        self.own_fd = self.lock_fd = None

    def is_locked(self) -> bool:
        for name in ("running", "lock"):
            try:
                fd = os.open(self.path / name, os.O_RDWR)
            except (FileNotFoundError, NotADirectoryError):
                continue
            try:
                if not take(fd):
                    return True
            finally:
                os.close(fd)
        return False

    def port(self, name: str) -> int:
        """The same port at every start while it is free: addresses of the emulator are kept in the database."""
        file = self.path / "ports.json"
        ports: dict[str, int] = json.loads(file.read_text()) if file.exists() else {}
        if name not in ports or not is_free(ports[name]):
            ports[name] = free_port()
            self.path.mkdir(parents=True, exist_ok=True)
            file.write_text(json.dumps(ports, indent=1))
        return ports[name]

    def secrets(self) -> dict[str, str]:
        """SECRET_KEY and SEAL_KEYS, made once and then kept: data sealed with them must stay readable."""
        file = self.path / "secrets.env"
        if not file.exists():
            seal_key = base64.urlsafe_b64encode(secrets.token_bytes(32)).decode()
            text = f"SECRET_KEY={secrets.token_urlsafe(50)}\nSEAL_KEYS=1:{seal_key}\n"
            self.path.mkdir(parents=True, exist_ok=True)
            # Written aside and renamed, so that a kill leaves no half of it.
            draft = self.path / "secrets.env.new"
            draft.unlink(missing_ok=True)
            with open(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as out:
                out.write(text)
            draft.rename(file)
        return dict(line.split("=", 1) for line in file.read_text().splitlines() if "=" in line)
