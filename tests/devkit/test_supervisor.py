import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from uuid import uuid4

import pytest

from devkit import supervisor
from devkit.home import PROJECT, Home, Trouble
from tests.devkit.machine import FAMILY, STUBBORN, Installation, eventually, running

Install = Callable[..., Installation]


@pytest.fixture
def tag() -> str:
    return f"family-{uuid4().hex}"


@pytest.fixture
def install(tag: str, tmp_path: Path) -> Iterator[Install]:
    made: list[Installation] = []

    def start(*codes: str, **more: float) -> Installation:
        made.append(Installation(tag, tmp_path, *codes, **more))
        return made[-1].until("INSTALLATION READY")

    yield start
    for installation in made:
        installation.process.kill()
        installation.process.wait()
    eventually(lambda: not running(tag))


def test_all_programs_run_and_sigterm_ends_every_process(install: Install, tag: str) -> None:
    installation = install(FAMILY, FAMILY)
    assert len(running(tag, "grandchild")) == 4

    code = installation.end(signal.SIGTERM)

    assert code == 0
    assert running(tag) == []


def test_ctrl_c_ends_every_process(install: Install, tag: str) -> None:
    installation = install(FAMILY)

    installation.end(signal.SIGINT)

    assert running(tag) == []


def test_a_second_ctrl_c_does_not_wait_for_a_deaf_program(install: Install, tag: str) -> None:
    installation = install(STUBBORN, grace_seconds=60.0)
    begun = time.monotonic()
    installation.process.send_signal(signal.SIGINT)
    installation.until("STOPPING")

    installation.end(signal.SIGINT)

    assert time.monotonic() - begun < 45  # the first alone would wait 60 s
    assert running(tag) == []


def test_a_killed_program_is_started_again_and_its_children_are_gone(install: Install, tag: str) -> None:
    installation = install(FAMILY)
    head, before = running(tag, "head")[0], running(tag, "grandchild")

    os.kill(head, signal.SIGKILL)
    installation.until("ended with code 137")
    installation.until("family complete")

    assert len(running(tag, "grandchild")) == 2
    assert not {head, *before} & set(running(tag))


def test_a_killed_reaper_takes_its_program_along_and_is_started_again(install: Install, tag: str) -> None:
    installation = install(FAMILY)
    head = running(tag, "head")[0]

    os.kill(running(tag, "reaper")[0], signal.SIGKILL)
    installation.until("family complete")

    assert head not in running(tag)
    assert len(running(tag, "head")) == 1


def test_killing_one_program_leaves_the_other_alone(install: Install, tag: str) -> None:
    installation = install(FAMILY, FAMILY)
    first, second = running(tag, "head")

    os.kill(first, signal.SIGKILL)
    installation.until("family complete")

    assert second in running(tag, "head")


def test_nothing_survives_a_killed_supervisor(install: Install, tag: str) -> None:
    installation = install(FAMILY, STUBBORN)
    assert len(running(tag)) == 1 + 2 + 2 + 4

    installation.process.kill()

    eventually(lambda: not running(tag))


def test_a_new_start_waits_until_a_killed_one_has_left_nothing(install: Install, tag: str) -> None:
    installation = install(STUBBORN)
    before = set(running(tag))
    installation.process.kill()

    install(FAMILY)

    assert not before & set(running(tag))


def test_a_second_start_over_a_running_one_is_refused_in_one_line(install: Install, tmp_path: Path) -> None:
    installation = install(FAMILY)

    with pytest.raises(Trouble, match=rf"already runs .* \(process {installation.process.pid}\)"):
        Home(tmp_path).lock()


def test_a_refused_start_takes_nothing_from_the_running_one(install: Install, tmp_path: Path) -> None:
    install(FAMILY)
    Home(tmp_path).environment_file.write_text("{}")
    start = "from devkit import supervisor; supervisor.serve()"

    refused = subprocess.run(
        [sys.executable, "-c", start],
        cwd=PROJECT,
        env=os.environ | {"DOCENT_HOME": str(tmp_path)},
        capture_output=True,
        text=True,
    )

    assert "already runs" in refused.stderr
    assert Home(tmp_path).environment_file.exists()


def test_the_log_is_kept_in_a_file_for_each_program(install: Install, tmp_path: Path) -> None:
    installation = install(FAMILY, FAMILY)

    installation.end(signal.SIGTERM)

    assert Home(tmp_path).log("program1").read_text() == "family complete\n"
    assert "program1 | family complete\n" in installation.said


def test_a_program_that_keeps_failing_is_started_with_growing_pauses(tag: str, tmp_path: Path) -> None:
    installation = Installation(
        tag, tmp_path, "print('complete', flush=True); import time; time.sleep(1); raise SystemExit(3)"
    )

    installation.until("code 3; starting it again in 0.5 s").until("code 3; starting it again in 1.0 s")

    assert installation.end(signal.SIGTERM) == 0


def test_a_program_that_cannot_start_says_why(tag: str, tmp_path: Path) -> None:
    installation = Installation(tag, tmp_path, "raise SystemExit('the disk is full')")

    installation.until("program0 ended with code 1 while starting").until("the disk is full")

    assert installation.end() == 1


def test_a_taken_port_is_one_clear_line(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        elsewhere = dict.fromkeys(("DATABASE_URL", "REDIS_URL", "CHROMA_URL", "NOTION_API_URL"), "elsewhere://")
        start = "import sys; from devkit import supervisor; sys.exit(supervisor.run())"
        environment = {**os.environ, **elsewhere, "PORT": port, "DOCENT_HOME": str(tmp_path)}
        answer = subprocess.run(
            [sys.executable, "-c", start], cwd=PROJECT, env=environment, capture_output=True, text=True
        )

    assert f"Port {port} is taken" in answer.stderr


@pytest.mark.parametrize("port", ["abc", "99999", "0", "-1"])
def test_a_wrong_port_is_one_clear_line(port: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCENT_HOME", str(tmp_path))
    monkeypatch.setenv("PORT", port)

    with pytest.raises(Trouble, match=f"PORT must be a number from 1 to 65535, not '{port}'"):
        supervisor.run()


def test_a_home_that_cannot_be_made_is_one_clear_line(tmp_path: Path) -> None:
    (tmp_path / "file").touch()

    with pytest.raises(Trouble, match=r"cannot hold the data .* set DOCENT_HOME"):
        Home(tmp_path / "file" / "home").lock()


def test_a_home_that_is_a_file_is_one_clear_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("DOCENT_HOME", str(tmp_path / "file"))
    start = "import sys; from devkit import commands; sys.exit(commands.main(['run']))"

    refused = subprocess.run([sys.executable, "-c", start], cwd=PROJECT, capture_output=True, text=True)

    assert "Traceback" not in refused.stderr
    assert "cannot hold the data" in refused.stderr


def test_a_wrong_value_is_one_clear_line_before_anything_of_the_product_starts() -> None:
    with pytest.raises(Trouble, match=r"^TRIAL_DAYS must be a whole number, not 'x'\.$"):
        supervisor.refuse_wrong_values({"TRIAL_DAYS": "x"})


def test_a_misspelt_kind_of_installation_opens_no_demo(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCENT_ENV", "prod")

    with pytest.raises(Trouble, match="DOCENT_ENV is embedded, test or production, not 'prod'"):
        supervisor.run()


@pytest.mark.parametrize("command", ["run", "serve", "manage"])
def test_what_is_for_one_machine_refuses_production(
    command: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DOCENT_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("DOCENT_ENV", "production")
    commands = {"run": supervisor.run, "serve": supervisor.serve, "manage": lambda: supervisor.manage(["check"])}

    with pytest.raises(Trouble, match="DOCENT_ENV=production is not for this command"):
        commands[command]()

    assert not (tmp_path / "home").exists()


def test_web_and_beat_go_without_the_owners_address(tmp_path: Path) -> None:
    owner = "postgresql://owner:word@db/docent"

    programs = supervisor.application(Home(tmp_path), {"DATABASE_URL": owner, "SECRET_KEY": "s" * 50}, 8000)

    with_it = {program.name for program in programs if owner in program.environment.values()}
    lesser = [program.environment["DATABASE_WEB_URL"] for program in programs if program.name not in with_it]
    assert with_it == {"runs", "default", "sync"}
    assert all(url.startswith("postgresql://docent_web:") for url in lesser)
