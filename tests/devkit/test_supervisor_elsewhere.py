"""The product over a database, streams and an index that were there before it."""

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import psycopg
import pytest

from devkit.home import PROJECT, Home, free_port
from devkit.services import Services
from devkit.testing import erase

URLS = ("DATABASE_URL", "REDIS_URL", "CHROMA_URL")
START = (
    "import sys; from devkit.commands import main; from devkit import bootstrap; bootstrap.prepare = lambda *_: None; "
)
START += "sys.exit(main(['run']))"


@pytest.fixture
def services(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Services]:
    for name in (*URLS, "NOTION_API_URL", "NOTION_CLIENT_ID"):
        monkeypatch.delenv(name, raising=False)
    home = Home(tmp_path / "services")
    with Services(home, tests=True, with_emulator=False) as services:
        yield services
    erase(home)


def product(home: Path, **environment: str) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, "-c", START],
        cwd=PROJECT,
        env={**os.environ, "DOCENT_HOME": str(home), "PORT": str(free_port()), **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )


def until(words: str, process: "subprocess.Popen[str]") -> str:
    said = ""
    assert process.stdout is not None
    for line in process.stdout:
        said += line
        if words in line:
            return said
    raise AssertionError(f"ended without {words!r}:\n{said}")


def test_the_product_runs_over_services_from_elsewhere(services: Services, tmp_path: Path) -> None:
    urls = {name: services.environment[name] for name in URLS}

    process = product(tmp_path / "home", **urls)
    try:
        said = until("all ready after", process)
        url, email, password = re.findall(r"ready at (\S+)\nDemo sign-in: (\S+) (.+)", said)[0]
        signed_in = httpx.post(f"{url}/auth/login", json={"email": email, "password": password}, timeout=30)
        kept = (tmp_path / "home" / "environment.json").read_text()
    finally:
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=60)

    with psycopg.connect(urls["DATABASE_URL"]) as database:
        assert database.execute("SELECT 1 FROM accounts_user WHERE email = %s", [email]).fetchone()
    assert (signed_in.status_code, process.returncode) == (200, 0)
    assert not (tmp_path / "home" / "postgres").exists()
    assert all(url in kept for url in urls.values())


@pytest.mark.parametrize(
    ("name", "url", "words"),
    [
        ("DATABASE_URL", "postgresql://someone:hidden@127.0.0.1:9/docent", "Connection refused"),
        ("DATABASE_URL", "postgresql:///docent?hots=/tmp", 'invalid URI query parameter: "hots"'),
        ("DATABASE_URL", "mysql://127.0.0.1/docent", "A database URL looks like"),
        ("REDIS_URL", "redis://:hidden@127.0.0.1:9/0", "Connection refused"),
        ("REDIS_URL", "rediss:/127.0.0.1", "must specify one of the following schemes"),
        ("REDIS_URL", "redis://127.0.0.1:port/0", "Port could not be cast"),
        ("CHROMA_URL", "http://127.0.0.1:9", "Connection refused"),
        ("CHROMA_URL", "127.0.0.1:8000", "An address of Chroma looks like"),
    ],
)
def test_an_address_that_does_not_answer_is_one_line(name: str, url: str, words: str, tmp_path: Path) -> None:
    named = {other: os.environ[other] for other in URLS if other in os.environ}

    process = product(tmp_path / "home", **{**named, "NOTION_API_URL": "http://127.0.0.1:9", name: url})
    said, _ = process.communicate(timeout=60)

    assert process.returncode == 1
    assert "Traceback" not in said
    last = said.splitlines()[-1]
    assert last.startswith(f"{name} cannot be used: ")
    assert words in last
    assert "hidden" not in said
