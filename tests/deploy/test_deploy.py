"""The image and the compose file, line by line, as far as that goes without a container engine."""

import hashlib
import hmac
import json
import os
import re
import secrets
import shlex
import shutil
import subprocess
import sys
from base64 import b64decode, urlsafe_b64encode
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import psycopg
import pytest
import yaml
from django.conf import settings

from devkit.home import PROJECT, Home, free_port
from devkit.services import Services
from devkit.supervisor import WORKERS
from devkit.testing import erase
from tests.stack import Answers, Program, Says

DEPLOY = PROJECT / "deploy"
COMPOSE: dict[str, Any] = yaml.safe_load((DEPLOY / "compose.yaml").read_text())
OURS = {name: each for name, each in COMPOSE["services"].items() if each["image"] == "docent"}
DOCKERFILE = [
    line.split(maxsplit=1)
    for line in (DEPLOY / "Dockerfile").read_text().splitlines()
    if line and not line.startswith("#")
]
PASSWORDS = {"OWNER_PASSWORD": "owner-words", "WEB_PASSWORD": "web-words", "VALKEY_PASSWORD": "valkey-words"}
SECRETS = {
    "SECRET_KEY": secrets.token_hex(32),
    "TOKEN_SIGNING_KEY": secrets.token_hex(32),
    "SEAL_KEYS": f"1:{urlsafe_b64encode(b'k' * 32).decode()}",
}
# What each says when it works; web is asked.
READY = {"runs": " ready.", "default": " ready.", "sync": " ready.", "beat": "beat: Starting"}


def of(instruction: str) -> list[str]:
    return [rest for word, rest in DOCKERFILE if word == instruction]


def example(name: str) -> dict[str, str]:
    lines = (DEPLOY / name).read_text().splitlines()
    return dict(line.split("=", 1) for line in lines if line and not line.startswith("#"))


def filled(value: str) -> str:
    return re.sub(r"\$\{(\w+):\?\}", lambda found: PASSWORDS[found[1]], value)


def test_only_the_passwords_between_the_services_are_filled_in_by_compose() -> None:
    wanted = set(re.findall(r"\$\{(\w+)", (DEPLOY / "compose.yaml").read_text()))

    assert wanted == set(PASSWORDS) == set(example(".env.example"))


def test_every_setting_of_the_example_is_one() -> None:
    known = set(re.findall(r"^#?([A-Z_]+)=", (PROJECT / ".env.example").read_text(), re.MULTILINE))

    assert set(example("docent.env.example")) <= known


def test_workers_are_those_of_one_machine() -> None:
    for name, options in WORKERS.items():
        assert OURS[name]["command"][-len(options) - 2 :] == [*options, "-n", f"{name}@%h"]


def test_who_serves_is_not_given_the_owners_password() -> None:
    given = {name: json.dumps(each.get("environment")) for name, each in OURS.items()}

    assert {name for name in given if "OWNER_PASSWORD" in given[name]} == {"prepare", "runs", "default", "sync"}
    assert set(PASSWORDS).isdisjoint(example("docent.env.example"))


def test_no_process_of_ours_may_write_or_become_more() -> None:
    for each in OURS.values():
        assert (each["read_only"], each["cap_drop"], each["security_opt"]) == (
            True,
            ["ALL"],
            ["no-new-privileges:true"],
        )
    [user] = of("USER")
    assert int(user) > 0
    published = {name: each["ports"] for name, each in COMPOSE["services"].items() if "ports" in each}
    assert published == {"web": ["127.0.0.1:8000:8000"]}


def test_whatever_is_copied_into_the_image_is_there() -> None:
    kept = {line[1:].rstrip("/") for line in (PROJECT / ".dockerignore").read_text().splitlines() if line[:1] == "!"}

    for pattern in kept:
        assert list(PROJECT.glob(pattern)), pattern
    for line in of("COPY"):
        *sources, _ = line.split()
        assert "--from=build" in sources or all(
            each == "." or each in kept or "requirements" in each for each in sources
        )


def test_the_same_is_installed_as_on_one_machine() -> None:
    installs = [line for line in of("RUN") if "pip install" in line]

    assert all("-c constraints.txt" in line or "--no-deps --require-hashes" in line for line in installs)
    named = {PROJECT / name for line in installs for name in re.findall(r"requirements\S*txt", line)}
    assert named == set(PROJECT.glob("requirements*.txt")) - {
        PROJECT / f"requirements-{no}.txt" for no in ("dev", "chroma")
    }


@pytest.fixture(scope="module")
def image(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The project's files as the image has them: what is not ignored, after the commands of the build."""
    tree = tmp_path_factory.mktemp("image") / "docent"
    tree.mkdir()
    for line in (PROJECT / ".dockerignore").read_text().splitlines():
        for path in PROJECT.glob(line[1:]) if line.startswith("!") else ():
            if path.is_dir():
                shutil.copytree(path, tree / path.name, ignore=shutil.ignore_patterns("__pycache__"))
            else:
                shutil.copyfile(path, tree / path.name)
    for command in of("RUN"):
        if "collectstatic" in command:
            line = command.replace("/venv/bin/python", shlex.quote(sys.executable))
            subprocess.run(line, shell=True, cwd=tree, env=bare(), check=True, capture_output=True)
    assert any(command.startswith("rm -r devkit ") for command in of("RUN"))
    shutil.rmtree(tree / "devkit")
    return tree


def bare(**more: str) -> dict[str, str]:
    return {"PATH": os.environ["PATH"], "PYTHONDONTWRITEBYTECODE": "1", **more}


@pytest.fixture(scope="module")
def services(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mapping[str, str]]:
    home = Home(tmp_path_factory.mktemp("services") / "home")
    with pytest.MonkeyPatch.context() as patch:
        for name in ("DATABASE_URL", "DATABASE_WEB_URL", "REDIS_URL", "CHROMA_URL"):
            patch.delenv(name, raising=False)
        running = Services(home, tests=True, with_emulator=False)
        running.start()
    yield running.environment
    running.stop()
    erase(home)


def environment(name: str, services: Mapping[str, str], home: Path) -> dict[str, str]:
    """As compose gives it, but for where the services are, and a home that root cannot make by the way."""
    given = {key: filled(value) for key, value in OURS[name]["environment"].items()}
    owner = urlsplit(services["DATABASE_URL"])
    for key in ("DATABASE_URL", "DATABASE_WEB_URL"):
        if given[key]:
            login = given[key].partition("//")[2].partition("@")[0]
            given[key] = owner._replace(netloc=f"{login}@").geturl()
    given |= {key: services[key] for key in ("REDIS_URL", "CHROMA_URL")}
    given |= {
        "HOME": str(home),
        "WARM_SCHEMAS": "1",
        "DOCENT_ENV": "production",
        "EMBEDDER_DIR": str(settings.EMBEDDER_DIR),
    }
    return bare(**{**example("docent.env.example"), **given, **SECRETS})


def command(name: str, port: int) -> list[str]:
    [of_the_image] = of("CMD")
    words = OURS[name].get("command") or json.loads(of_the_image)
    assert words[0] == "python"
    return [str(port) if word == "8000" else word for word in words[1:]]


def listing(tree: Path) -> set[Path]:
    return set(tree.rglob("*"))


def test_an_installation_of_the_image_works_and_writes_nothing_beside_its_services(
    image: Path, services: Mapping[str, str], tmp_path: Path
) -> None:
    before, port, home = listing(image), free_port(), tmp_path / "home"
    home.mkdir()
    prepared = run(image, command("prepare", port), environment("prepare", services, home))
    assert prepared.returncode == 0, prepared.stderr

    programs: dict[str, Program] = {}
    with ExitStack() as ended:
        for name in OURS.keys() - {"prepare"}:
            words = [sys.executable, *command(name, port)]
            programs[name] = OfCompose(words, tmp_path / name, environment(name, services, home), image)
            programs[name].start()
            ended.callback(programs[name].end)
            ended.callback(programs[name].signal, 15)
        programs["web"].wait_until(Answers(f"http://127.0.0.1:{port}/readyz"))
        for name, words in READY.items():
            programs[name].wait_until(Says(words))
        proxied = {"Host": "docent.example", "X-Forwarded-Proto": "https", "X-Forwarded-For": "192.0.2.1"}
        page = httpx.get(f"http://127.0.0.1:{port}/accounts/login/", headers=proxied)
        style = re.findall(r'href="(/static/[^"]+\.css)"', page.text)[0]
        sheet = httpx.get(f"http://127.0.0.1:{port}{style}", headers=proxied)
        examined = run(image, ["manage.py", "doctor", "--json"], environment("runs", services, home))

    assert (page.status_code, sheet.status_code) == (200, 200)
    assert "immutable" in sheet.headers["Cache-Control"]
    levels = {check["check"]: check["level"] for check in json.loads(examined.stdout)}
    # The example's own host and mail server are not there.
    assert {name for name, level in levels.items() if level == "bad"} == {"mail server"}, examined.stdout
    assert (listing(image), list(home.iterdir())) == (before, [])


def test_the_web_login_has_the_password_of_its_address(image: Path, services: Mapping[str, str]) -> None:
    with psycopg.connect(services["DATABASE_URL"]) as database:
        [(kept,)] = database.execute("SELECT rolpassword FROM pg_authid WHERE rolname = 'docent_web'").fetchall()

    rounds, salt, _, server_key = re.split(r"[$:]", kept.removeprefix("SCRAM-SHA-256$"))
    salted = hashlib.pbkdf2_hmac("sha256", PASSWORDS["WEB_PASSWORD"].encode(), b64decode(salt), int(rounds))
    assert hmac.digest(salted, b"Server Key", "sha256") == b64decode(server_key)


class OfCompose(Program):
    def __init__(self, words: list[str], log: Path, environment: Mapping[str, str], tree: Path) -> None:
        super().__init__(words, log, environment)
        self.tree = tree

    def start(self) -> None:
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                self.arguments, cwd=self.tree, env=self.environment, stdout=log, stderr=log, start_new_session=True
            )


def run(tree: Path, words: list[str], given: Mapping[str, str]) -> "subprocess.CompletedProcess[str]":
    return subprocess.run([sys.executable, *words], cwd=tree, env=given, capture_output=True, text=True)
