"""The product over a database, streams and an index that were there before it, with a Stripe of its own."""

import os
import re
import secrets
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from html import unescape
from pathlib import Path

import httpx
import psycopg
import pytest

from devkit import elsewhere, supervisor
from devkit.home import PROJECT, Home, Trouble, free_port
from devkit.services import Services
from devkit.testing import erase
from tests.devkit.machine import eventually
from tests.people import PASSWORD

URLS = ("DATABASE_URL", "REDIS_URL", "CHROMA_URL")
# Those that this test process was given; a product that is started by hand has none of them.
OURS = {*URLS, "DATABASE_WEB_URL", "NOTION_API_URL", "NOTION_CLIENT_ID"}
OURS |= {"DOCENT_ENV", "SECRET_KEY", "SEAL_KEYS", "PUBLIC_URL"}
START = (
    "import sys; from devkit.commands import main; from devkit import bootstrap; bootstrap.prepare = lambda *_: None; "
)
START += "sys.exit(main(['run']))"


@dataclass
class Product:
    process: "subprocess.Popen[str]"
    home: Path
    services: dict[str, str]
    said: str

    @property
    def url(self) -> str:
        return re.findall(r"ready at (\S+)", self.said)[0]


def start(home: Path, **environment: str) -> "subprocess.Popen[str]":
    kept = {name: value for name, value in os.environ.items() if name not in OURS}
    return subprocess.Popen(
        [sys.executable, "-c", START],
        cwd=PROJECT,
        env={**kept, "DOCENT_HOME": str(home), "PORT": str(free_port()), "WARM_SCHEMAS": "2", **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )


@pytest.fixture(scope="module")
def services(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    home = Home(tmp_path_factory.mktemp("elsewhere") / "services")
    with pytest.MonkeyPatch.context() as patch:
        for name in OURS:
            patch.delenv(name, raising=False)
        services = Services(home, tests=True, with_emulator=False)
        services.start()
    yield {name: services.environment[name] for name in URLS}
    services.stop()
    erase(home)


@pytest.fixture(scope="module")
def product(services: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Product]:
    home = tmp_path_factory.mktemp("product") / "home"
    process = start(home, STRIPE="demo", **services)
    product = Product(process, home, services, until("all ready after", process))
    yield product
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=60)
    assert process.returncode == 0


def until(words: str, process: "subprocess.Popen[str]") -> str:
    said = ""
    assert process.stdout is not None
    for line in process.stdout:
        said += line
        if words in line:
            return said
    raise AssertionError(f"ended without {words!r}:\n{said}")


class Visitor:
    """Reads pages and sends their forms."""

    def __init__(self, url: str) -> None:
        self.http = httpx.Client(base_url=url, follow_redirects=True, timeout=60)
        self.page = ""

    def open(self, address: str) -> str:
        self.page = unescape(self.http.get(address).text)
        return self.page

    def send(self, address: str, **form: str) -> httpx.Response:
        hidden = dict(re.findall(r'type="hidden" name="(csrfmiddlewaretoken|workspace)" value="([^"]*)"', self.page))
        answer = self.http.post(address, data=hidden | form, headers={"Referer": str(self.http.base_url)})
        self.page = unescape(answer.text)
        return answer


def test_the_product_runs_over_services_from_elsewhere(product: Product) -> None:
    [(email, password)] = re.findall(r"Demo sign-in: (\S+) (.+)", product.said)

    signed_in = httpx.post(f"{product.url}/auth/login", json={"email": email, "password": password}, timeout=30)

    with psycopg.connect(product.services["DATABASE_URL"]) as database:
        assert database.execute("SELECT 1 FROM accounts_user WHERE email = %s", [email]).fetchone()
    assert signed_in.status_code == 200
    assert not (product.home / "postgres").exists()
    kept = (product.home / "environment.json").read_text()
    assert all(url in kept for url in product.services.values())


def test_the_demos_notion_tells_of_edits(product: Product) -> None:
    [(email, password)] = re.findall(r"Demo sign-in: (\S+) (.+)", product.said)
    [emulated] = re.findall(r"Demo Notion API: (\S+)", product.said)
    signed_in = httpx.post(f"{product.url}/auth/login", json={"email": email, "password": password}, timeout=30)
    headers = {"Authorization": f"Bearer {signed_in.json()['access']}"}
    edit = {"op": "append", "workspace": "northwind", "parent": "time_off", "blocks": [{"p": "Ask Maya."}]}

    httpx.post(f"{emulated}/__emulator/edit", json=edit, timeout=30).raise_for_status()

    def heard() -> str | None:
        coverage = httpx.get(f"{product.url}/agent/coverage", headers=headers, timeout=30).json()
        said: str | None = coverage["connections"][0]["last_event_at"]
        return said

    assert eventually(heard)


def test_a_stranger_buys_a_plan_without_a_key(product: Product) -> None:
    [stripe] = re.findall(r"Demo Stripe: (\S+)", product.said)
    visitor = Visitor(product.url)
    visitor.open("/accounts/signup/")
    email = f"nora-{secrets.token_hex(4)}@example.com"
    visitor.send("/accounts/signup/", email=email, password1=PASSWORD, name="Nora", workspace_name="Nora & Co")

    visitor.open("/app/plan?confirm=pro")
    checkout = visitor.send("/app/plan", action="upgrade", tier="pro", seats="")
    back = visitor.send(str(checkout.url), card="4242424242424242")

    assert str(checkout.url).startswith(stripe)
    assert str(back.url).endswith("&bought=pro&was=trial")
    assert eventually(lambda: "You are on Pro now" in visitor.open("/app/plan?bought=pro&was=trial"))
    assert "Next invoice: $10" in visitor.open("/app/plan")
    assert "Here it is" in httpx.get(f"{stripe}/clock/").text


def test_another_word_is_one_line_that_says_what_is_allowed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCENT_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("STRIPE", "live")

    with pytest.raises(Trouble, match="STRIPE is demo or not set, not 'live'"):
        supervisor.run()


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
def test_an_address_that_does_not_answer_is_named(
    name: str, url: str, words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(name, url)

    with pytest.raises(Trouble) as trouble:
        elsewhere.check()

    assert str(trouble.value).startswith(f"{name} cannot be used: ")
    assert words in str(trouble.value)
    assert "hidden" not in str(trouble.value)


def test_a_start_without_one_of_them_ends_with_one_line(tmp_path: Path) -> None:
    named = {name: os.environ[name] for name in URLS}

    process = start(tmp_path / "home", **named | {"NOTION_API_URL": "http://127.0.0.1:9", "CHROMA_URL": "127.0.0.1:1"})
    said, _ = process.communicate(timeout=60)

    assert process.returncode == 1
    assert "Traceback" not in said
    assert said.splitlines()[-1].startswith("CHROMA_URL cannot be used: ")
