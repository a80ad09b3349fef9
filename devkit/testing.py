"""`make test`: services of its own, every check, every test, and nothing left afterwards."""

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

import certifi

from devkit.home import PROJECT, Home
from devkit.postgres import SYSTEM_FOLDER
from devkit.processes import REAPER
from devkit.services import Services

MEASURING = PROJECT / "tests" / "measuring"
LEAST_COVERAGE = 90  # percent of lines and branches
# Three on two cores, since some wait for servers that start, leases that run out and clocks.
WHOLE_RUN = ["-n", "3", "--dist", "loadscope", "--no-loadscope-reorder", "--durations=20"]
CHECKS = ["python", "-m", "devkit.checks"]
# First, since pytest keeps the result, and its processes would each compile all again.
COMPILE_TESTS = ["python", "-m", "pytest", "--collect-only", "-qq"]
BIN = Path(sys.executable).parent


class TestServices(Services):
    """In a folder of their own, so that several runs go side by side, and gone with it."""

    __test__ = False

    def __init__(self) -> None:
        folder = PROJECT / ".test"
        folder.mkdir(exist_ok=True)
        for leftover in folder.iterdir():
            home = Home(leftover)
            if leftover.is_dir() and not home.is_locked():
                erase(home)
        super().__init__(Home(Path(tempfile.mkdtemp(dir=folder))), tests=True, with_emulator=False)
        # The database's system user must be able to pass through.
        self.home.path.chmod(0o755)

    def start(self) -> None:
        super().start()
        if not os.environ.get("DATABASE_URL"):
            # Dropping thousands of schemas takes over a minute, and this server's files are erased anyway.
            self.environment["DOCENT_LEAVES_DATABASES"] = "1"
        # The tests start our modules in a hundred processes: they are compiled once, also where files should be few.
        self.environment["PYTHONDONTWRITEBYTECODE"] = ""
        # Nobody here speaks TLS, and each of a thousand clients of httpx reads the list of authorities: here, of one.
        self.environment["SSL_CERT_FILE"] = str(one_authority(self.home.path))

    def stop(self) -> None:
        super().stop()
        erase(self.home)


def one_authority(folder: Path) -> Path:
    end = "-----END CERTIFICATE-----\n"
    first, _, _ = certifi.contents().partition(end)
    file = folder / "authority.pem"
    file.write_text(first + end)
    return file


def erase(home: Home) -> None:
    """Also while another run that ends or begins erases the same."""
    for folder in (home.path, SYSTEM_FOLDER / home.tag):
        while folder.exists():
            with suppress(FileNotFoundError):
                shutil.rmtree(folder)


@contextmanager
def started(
    command: Sequence[str], environment: Mapping[str, str], output: int | None = None
) -> Iterator["subprocess.Popen[bytes]"]:
    """What still runs at the end of the block is stopped."""
    print(f"$ {' '.join(command)}", flush=True)
    # Below a reaper, so that a killed `make test` leaves no test process; SIGINT lets pytest clear up after itself.
    reaping = [sys.executable, "-I", "-S", str(REAPER), str(int(signal.SIGINT)), "15", ""]
    with subprocess.Popen(
        [*reaping, str(BIN / command[0]), *command[1:]],
        cwd=PROJECT,
        env={**os.environ, **environment},
        stdin=subprocess.PIPE,
        stdout=output,
        start_new_session=True,
    ) as process:
        try:
            yield process
        finally:
            assert process.stdin is not None
            process.stdin.close()


def call(command: Sequence[str], environment: Mapping[str, str], output: int | None = None) -> int:
    with started(command, environment, output) as process:
        return process.wait()


def lint() -> int:
    with TestServices() as services:
        return call(CHECKS, services.environment)


def test(arguments: Sequence[str]) -> int:
    chosen = [argument for argument in arguments if argument != "--require-browser"]
    with TestServices() as services:
        if chosen:
            return call(["python", "-m", "pytest", *chosen], services.environment)
        counted = services.home.path / "coverage"
        counted.mkdir()
        environment = {**services.environment, "PYTHONPATH": str(MEASURING), "DOCENT_COVERAGE": str(counted)}
        with started(CHECKS, services.environment) as checks:
            call(COMPILE_TESTS, services.environment, subprocess.DEVNULL)
            with started(["python", "-m", "pytest", *WHOLE_RUN], {**environment, "DOCENT_COVERAGE_ALL": "1"}) as tests:
                failed = first_failure(checks, tests)
        return failed or judge_coverage(counted)


def first_failure(*processes: "subprocess.Popen[bytes]") -> int:
    """The code of the one that has failed, as soon as it has; 0 when all have ended well."""
    while True:
        codes = [process.poll() for process in processes]
        if None not in codes or any(codes):
            return next(filter(None, codes), 0)
        time.sleep(0.2)


def judge_coverage(folder: Path) -> int:
    """1 when too few lines and branches were executed by all processes together."""
    files = map(str, folder.glob("*.json"))
    merge = ["--skip-covered", "--fail-under", str(LEAST_COVERAGE), "--out", os.devnull, "--merge", *files]
    return call(["python", "-m", "slipcover", *merge], {})


def measure(module: str, arguments: Sequence[str]) -> int:
    with TestServices() as services:
        return call(["python", "-m", module, *arguments], services.environment)
