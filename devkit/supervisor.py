"""Starts services and application in order, shows one log, restarts what dies, and leaves nothing behind.

The restarts need no judgement about why: every process of the application may be killed at any moment.
"""

import json
import os
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import FrameType
from typing import NoReturn

from django.core.exceptions import ImproperlyConfigured

from config import environment as env
from devkit import elsewhere, payments, prepared, reaper
from devkit.home import PROJECT, Home, Trouble, is_free
from devkit.processes import Child, Echo, signal_all
from devkit.services import Services, answers

STEADY_AFTER_SECONDS = 30.0
LONGEST_PAUSE_SECONDS = 30.0
LAST_PORT = 65_535
WORKERS = {
    "runs": ["-Q", "runs", "-c", "2", "--max-tasks-per-child", "500"],
    # Payments, mails, seats and sign-ups wait behind no question; a second process only while the first is busy.
    "default": ["-Q", "default", "--autoscale", "2,1", "--max-tasks-per-child", "500"],
    # Syncs wait for Notion's rate most of the time: threads wait for less than processes.
    "sync": ["-Q", "sync", "-P", "threads", "-c", "8"],
}
MANAGE = [sys.executable, str(PROJECT / "manage.py")]


class Stop(BaseException):
    """Somebody asked for the end (Ctrl-C, SIGTERM, the terminal closed)."""


class Program(Child):
    """A process of the application; ready when it says `ready_line`, or when `ready_url` answers."""

    def __init__(
        self,
        name: str,
        arguments: Sequence[str | Path],
        *,
        home: Home,
        environment: Mapping[str, str],
        echo: Echo | None = None,
        ready_line: str = "",
        ready_url: str = "",
    ) -> None:
        self.name = name
        super().__init__(home.log(name), echo=echo, lock_fd=home.lock_fd)
        self.arguments = arguments
        self.environment = environment
        self.directory = PROJECT
        self.ready_line = ready_line
        self.ready_url = ready_url

    def command(self) -> Sequence[str | Path]:
        return self.arguments

    def is_ready(self) -> bool:
        if self.ready_url:
            return answers(self.ready_url)
        return any(self.ready_line in line for line in list(self.said))

    def finish(self) -> list[str]:
        """Runs to its end and returns what it printed."""
        self.start()
        assert self.process is not None
        if code := self.process.wait():
            raise Trouble(f"{self.name} failed with code {code}:\n{self.last_words()}")
        self.clear_up()
        return self.said


class Supervisor:
    def __init__(self, services: Services) -> None:
        self.services = services
        self.programs: list[Program] = []
        self.failures: dict[Child, int] = {}
        self.restart_at: dict[Child, float] = {}
        self.stopping = False

    @property
    def children(self) -> list[Child]:
        return [*self.services.children, *self.programs]

    def catch_signals(self) -> None:
        reaper.prctl(reaper.PR_SET_CHILD_SUBREAPER, 1)
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, self._on_signal)

    def _on_signal(self, number: int, frame: FrameType | None) -> None:
        if not self.stopping:
            self.stopping = True
            raise Stop
        for child in self.children:
            child.kill()

    def add(self, program: Program) -> None:
        self.programs.append(program)
        program.start()

    def watch(self) -> NoReturn:
        while True:
            for child in self.children:
                self.look_after(child, time.monotonic())
            time.sleep(0.2)

    def look_after(self, child: Child, now: float) -> None:
        if child.exit_code is None:
            return
        if child not in self.restart_at:
            steady = now - child.started_at > STEADY_AFTER_SECONDS
            self.failures[child] = 1 if steady else self.failures.get(child, 0) + 1
            pause = min(LONGEST_PAUSE_SECONDS, 0.25 * 2 ** self.failures[child])
            self.restart_at[child] = now + pause
            say("docent", f"{child.name} ended with code {child.exit_code}; starting it again in {pause:.1f} s")
        if now >= self.restart_at[child]:
            del self.restart_at[child]
            child.clear_up()
            self.end_strays()
            try:
                child.start()
            except Trouble as trouble:
                say("docent", f"{child.name}: {trouble}")

    def end_strays(self) -> None:
        """When a reaper is killed, what had left its session becomes a child of ours."""
        reapers = {child.pid for child in self.children}
        for pid, parent, _, state in list(reaper.processes()):
            if parent == os.getpid() and pid not in reapers:
                if state != "Z":
                    signal_all({pid, *reaper.descendants(pid)}, signal.SIGKILL)
                os.waitpid(pid, 0)

    def stop(self) -> None:
        self.stopping = True
        for program in self.programs:
            program.begin_stop()
        for program in self.programs:
            program.stop()
        self.services.stop()
        self.end_strays()


def say(name: str, line: str) -> None:
    try:
        print(f"{name:<9}| {line}", flush=True)
    except OSError:
        # Nobody reads any more (`make run | head`); the files still have it all.
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)


def without_owner(environment: Mapping[str, str]) -> dict[str, str]:
    """Web and beat get the lesser login alone: they could not read the owner's even from their own environment."""
    known = {**os.environ, **environment}
    if env.flag("ALLOW_WEAK_ISOLATION"):
        return dict(environment)
    lesser = known.get("DATABASE_WEB_URL") or env.web_database_url(known["DATABASE_URL"], known["SECRET_KEY"])
    return {**environment, "DATABASE_URL": "", "DATABASE_WEB_URL": lesser}


def application(home: Home, environment: Mapping[str, str], port: int) -> list[Program]:
    python = sys.executable
    web = [python, "-m", "granian", "--interface", "asgi", "--workers", "1", "--host", "127.0.0.1"]
    # The backlog bounds open requests too, streams included.
    web += ["--port", str(port), "--backlog", "4096", "--workers-kill-timeout", "3", "config.asgi:application"]
    celery = [python, "-m", "celery", "--quiet", "-A"]
    worker = [*celery, "config.celery", "worker", "-l", "INFO", "--without-gossip", "--without-mingle"]
    beat = [*celery, "config.beat", "beat", "-l", "INFO", "--pidfile=", "-S", "celery.beat:Scheduler"]
    ready = f"http://127.0.0.1:{port}/readyz"

    def program(name: str, arguments: Sequence[str], known: Mapping[str, str], line: str) -> Program:
        return Program(name, arguments, home=home, environment=known, echo=say, ready_line=line)

    return [
        Program("web", web, home=home, environment=without_owner(environment), echo=say, ready_url=ready),
        program("runs", [*worker, *WORKERS["runs"], "-n", "runs@%h"], environment, " ready."),
        program("default", [*worker, *WORKERS["default"], "-n", "default@%h"], environment, " ready."),
        program("sync", [*worker, *WORKERS["sync"], "-n", "sync@%h"], environment, " ready."),
        program("beat", beat, without_owner(environment), "beat: Starting"),
    ]


def run() -> int:
    use_env_file()
    refuse_production()
    home = Home.from_environment()
    port = chosen_port()
    services = Services(home, web_port=port, with_payments=payments.is_demo(), echo=say)
    supervisor = Supervisor(services)
    supervisor.catch_signals()
    begun = time.monotonic()
    try:
        services.start()
        if not is_free(port):
            raise Trouble(f"Port {port} is taken: stop what uses it, or set PORT to another.")
        elsewhere.check()
        environment = {"PORT": str(port), "PUBLIC_URL": f"http://127.0.0.1:{port}", **elsewhere.addresses()}
        environment |= services.environment
        start_application(supervisor, environment, port)
        say("docent", f"all ready after {time.monotonic() - begun:.1f} s; Ctrl-C ends everything")
        supervisor.watch()
    except Stop:
        say("docent", "stopping; once more to stop at once")
        return 0
    finally:
        supervisor.stop()


def start_application(supervisor: Supervisor, environment: dict[str, str], port: int) -> None:
    home = supervisor.services.home
    environment["PUBLIC_URL"] = os.environ.get("PUBLIC_URL", environment["PUBLIC_URL"])
    refuse_wrong_values(environment)
    is_prepared = prepared.is_prepared(environment["DATABASE_URL"])
    if not is_prepared:
        prepare = [*MANAGE, "prepare_database"]
        Program("migrate", prepare, home=home, environment=environment, echo=say).finish()
        prepared.note(environment["DATABASE_URL"])
    # The programs take seconds to come up; the demo is loaded meanwhile.
    for program in application(home, environment, port):
        supervisor.add(program)
    if supervisor.services.with_payments:
        Program("stripe_setup", [*MANAGE, "stripe_setup"], home=home, environment=environment, echo=say).finish()
    demo = load_demo(home, environment, is_prepared=is_prepared)
    for program in supervisor.programs:
        program.wait(120)
    keep_environment(home, environment)
    announce(port, demo, environment)


def load_demo(home: Home, environment: dict[str, str], *, is_prepared: bool) -> dict[str, str]:
    """The demo's sign-in. A prepared database has the demo already, if what was said then was kept."""
    kept = home.path / "demo.json"
    if is_prepared and kept.exists():
        known: dict[str, str] = json.loads(kept.read_text())
        return known
    load = [*MANAGE, "load_demo", "--json"]
    said = Program("demo", load, home=home, environment=environment).finish()
    try:
        demo: dict[str, str] = json.loads(said[-1])
    except (IndexError, json.JSONDecodeError):
        raise Trouble(f"manage.py load_demo --json did not end with a line of JSON: {said[-1:]}") from None
    kept.write_text(json.dumps(demo))
    return demo


def announce(port: int, demo: Mapping[str, str], environment: Mapping[str, str]) -> None:
    print(f"Docent is ready at http://127.0.0.1:{port}")
    print(f"Demo sign-in: {demo['email']} {demo['password']}")
    print(f"Mails: http://127.0.0.1:{port}/mails")
    if url := environment.get("NOTION_API_URL"):
        print(f"Demo Notion token: {demo['notion_token']}")
        print(f"Demo Notion API: {url}")
    if environment.get("BILLING_GATEWAY") == "stripe" and (url := environment.get("STRIPE_API_URL")):
        print(f"Demo Stripe: {url} (card 4242 4242 4242 4242; its clock: {url}/clock/)")
    sys.stdout.flush()


def serve() -> int:
    """Only the services; their addresses as lines for a shell."""
    use_env_file()
    refuse_production()
    services = Services(Home.from_environment())
    supervisor = Supervisor(services)
    supervisor.catch_signals()
    try:
        services.start()
        keep_environment(services.home, services.environment)
        for name, value in services.environment.items():
            print(f"export {name}={shlex.quote(value)}", flush=True)
        supervisor.watch()
    except Stop:
        return 0
    finally:
        supervisor.stop()


def manage(arguments: Sequence[str]) -> int:
    use_env_file()
    refuse_production()
    home = Home.from_environment()
    file = home.environment_file
    if home.is_locked() and file.exists():
        return subprocess.run([*MANAGE, *arguments], env={**os.environ, **json.loads(file.read_text())}).returncode
    with Services(home) as services:
        return subprocess.run([*MANAGE, *arguments], env={**os.environ, **services.environment}).returncode


def keep_environment(home: Home, environment: Mapping[str, str]) -> None:
    file = home.environment_file
    file.unlink(missing_ok=True)
    with open(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as out:
        json.dump(dict(environment), out)


def refuse_production() -> None:
    """These services and the demo are for one machine, and must not stand in silently for hosted ones."""
    try:
        kind = env.kind()
    except ImproperlyConfigured as error:
        raise Trouble(str(error)) from error
    if kind == env.PRODUCTION:
        raise Trouble("DOCENT_ENV=production is not for this command; docs/operations.md says how to run it hosted.")


def refuse_wrong_values(environment: Mapping[str, str]) -> None:
    """In one line, which every program of the product would say at the end of a long traceback."""
    read = [sys.executable, "-c", "import config.settings"]
    done = subprocess.run(read, cwd=PROJECT, env={**os.environ, **environment}, stderr=subprocess.PIPE, text=True)
    if done.returncode:
        raise Trouble(done.stderr.strip().rpartition("ImproperlyConfigured: ")[2])


def chosen_port() -> int:
    said = os.environ.get("PORT", "").strip() or "8000"
    if not (said.isascii() and said.isdigit() and 0 < int(said) <= LAST_PORT):
        raise Trouble(f"PORT must be a number from 1 to {LAST_PORT}, not {said!r}.")
    return int(said)


def use_env_file() -> None:
    """`.env`, one NAME=value a line; what is already in the environment wins."""
    file = PROJECT / ".env"
    if not file.exists():
        return
    for line in file.read_text().splitlines():
        name, sign, value = line.partition("=")
        if sign and not line.lstrip().startswith("#"):
            os.environ.setdefault(name.strip(), value.partition(" #")[0].strip().strip("\"'"))
