import os
import subprocess
import sys
from pathlib import Path

import pytest

from devkit import bootstrap
from devkit.bootstrap import Environment
from devkit.home import PROJECT, Trouble

ON_OLD_PYTHON = """
import runpy, sys
sys.version_info = (3, 9, 2)
sys.argv = ['devkit', 'run']
runpy.run_module('devkit', run_name='__main__')
"""
WITHOUT_ENSUREPIP = """
import sys
sys.modules['ensurepip'] = None
from devkit import bootstrap
try:
    bootstrap.require_venv()
except bootstrap.Trouble as trouble:
    print(trouble)
"""


def python(code: str, **environment: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-c", code], cwd=PROJECT, env={**os.environ, **environment}, capture_output=True, text=True
    )


def program(folder: Path, name: str, script: str) -> Path:
    file = folder / name
    file.write_text(f"#!/bin/sh\n{script}\n")
    file.chmod(0o755)
    return file


def test_an_old_python_is_told_in_one_line(tmp_path: Path) -> None:
    answer = python(ON_OLD_PYTHON, PATH=str(tmp_path))

    assert answer.returncode == 1
    assert answer.stderr == f"Docent needs Python 3.11, 3.12 or 3.13; this is 3.9 ({sys.executable}).\n"


def test_an_old_python_hands_over_to_a_fitting_one(tmp_path: Path) -> None:
    program(tmp_path, "python3.12", 'echo "3.12 got $*"')

    answer = python(ON_OLD_PYTHON, PATH=str(tmp_path))

    assert answer.stdout == "3.12 got -m devkit run\n"


def test_a_missing_ensurepip_is_told_with_what_to_type(tmp_path: Path) -> None:
    answer = python(WITHOUT_ENSUREPIP, PATH=str(tmp_path))

    assert f"Type: sudo apt-get install -y python3.{sys.version_info.minor}-venv" in answer.stdout


def test_a_broken_environment_is_made_again_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/usr/bin:/bin")
    environment = Environment(tmp_path / ".venv")
    environment.python.parent.mkdir(parents=True)
    environment.python.symlink_to("/nowhere/python")
    environment.make()
    assert environment.works()

    made = environment.python.lstat().st_mtime_ns
    environment.make()

    assert environment.python.lstat().st_mtime_ns == made


def test_what_is_installed_is_remembered(tmp_path: Path) -> None:
    environment = Environment(tmp_path)

    environment.note("requirements.txt", "one")
    environment.note("requirements-dev.txt", "two")

    assert environment.installed() == {"requirements.txt": "one", "requirements-dev.txt": "two"}


def test_a_cut_off_note_means_nothing_is_installed(tmp_path: Path) -> None:
    environment = Environment(tmp_path)

    environment.notes.write_text('{"requirements.txt": "o')

    assert environment.installed() == {}


def test_a_failed_step_shows_what_was_said(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(Trouble, match="failed with code 3:\nno space left"):
        bootstrap.step("Installing", ["/bin/sh", "-c", "echo no space left; exit 3"])

    assert capsys.readouterr().out == "Installing … failed\n"


def test_an_unreachable_index_is_named_as_such(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))  # pip, whether or not uv is here
    nowhere = ["--index-url", "http://127.0.0.1:9/simple", "--retries", "1", "--target", str(tmp_path), "some-package"]

    with pytest.raises(Trouble, match="could not be reached"):
        Environment(Path(sys.prefix)).install("Installing", nowhere)


def test_a_browser_on_the_path_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    browser = program(tmp_path, "chromium", "echo Chromium 150.0.1")
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("DOCENT_BROWSER", raising=False)

    assert bootstrap.find_browser() == str(browser)


def test_a_script_that_only_asks_for_snap_is_no_browser(tmp_path: Path) -> None:
    script = program(tmp_path, "chromium-browser", "echo 'Command requires the chromium snap'; exit 1")

    assert not bootstrap.is_browser(str(script))


def test_cleaning_removes_a_linked_environment_and_not_what_it_leads_to(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    project, elsewhere = tmp_path / "project", tmp_path / "elsewhere"
    for folder in (project / ".mypy_cache", elsewhere):
        folder.mkdir(parents=True)
    (project / ".venv").symlink_to(elsewhere)
    (project / ".test").symlink_to(project / ".test")
    monkeypatch.setattr(bootstrap, "PROJECT", project)
    monkeypatch.setenv("DOCENT_HOME", str(tmp_path / "home"))

    assert bootstrap.clean() == 0

    assert (list(project.iterdir()), elsewhere.exists()) == ([], True)


def test_every_package_is_pinned_and_says_what_for() -> None:
    lines = [line for file in ("", "-dev", "-embedded", "-chroma") for line in requirements(f"requirements{file}.txt")]

    assert [line for line in lines if "==" not in line or "  # " not in line] == []


def test_constraints_agree_with_the_requirements() -> None:
    pinned = dict(line.split(" ;")[0].split("==") for line in requirements("constraints.txt"))
    named = [line for file in ("", "-dev", "-embedded") for line in requirements(f"requirements{file}.txt")]

    for line in named:
        name, version = line.split("  #")[0].split("==")
        assert pinned[name.partition("[")[0]] == version


def requirements(name: str) -> list[str]:
    return [line for line in (PROJECT / name).read_text().splitlines() if line and not line.startswith("#")]
