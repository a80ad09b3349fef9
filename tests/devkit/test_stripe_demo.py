"""`make run STRIPE=demo`: a purchase from the sign-up to the plan, as a browser without script does it."""

import os
import re
import secrets
import signal
import subprocess
import sys
from collections.abc import Iterator
from html import unescape
from pathlib import Path

import httpx
import pytest

from devkit import supervisor
from devkit.home import PROJECT, Home, Trouble, free_port
from devkit.testing import erase
from tests.devkit.machine import eventually
from tests.people import PASSWORD

START = "import sys; from devkit import supervisor; sys.exit(supervisor.run())"
OURS = {"DATABASE_URL", "DATABASE_WEB_URL", "REDIS_URL", "CHROMA_URL", "NOTION_API_URL", "NOTION_CLIENT_ID"}
OURS |= {"DOCENT_ENV", "SECRET_KEY", "SEAL_KEYS", "PUBLIC_URL"}


class Product:
    def __init__(self, home: Path) -> None:
        self.port = free_port()
        kept = {name: value for name, value in os.environ.items() if name not in OURS}
        self.process = subprocess.Popen(
            [sys.executable, "-c", START],
            cwd=PROJECT,
            env=kept | {"STRIPE": "demo", "DOCENT_HOME": str(home), "PORT": str(self.port), "WARM_SCHEMAS": "2"},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        self.said = ""

    def until(self, words: str) -> str:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.said += line
            if words in line:
                return line
        raise AssertionError(f"ended without {words!r}:\n{self.said}")


@pytest.fixture
def product(tmp_path: Path) -> Iterator[Product]:
    home = tmp_path / "home"
    running = Product(home)
    yield running
    running.process.send_signal(signal.SIGINT)
    running.process.communicate(timeout=60)
    erase(Home(home))


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


def test_a_stranger_buys_a_plan_without_a_key(product: Product) -> None:
    stripe = product.until("Demo Stripe:").split()[2]
    product.until("all ready")
    visitor = Visitor(f"http://127.0.0.1:{product.port}")
    visitor.open("/accounts/signup/")
    email = f"nora-{secrets.token_hex(4)}@example.com"
    visitor.send("/accounts/signup/", email=email, password1=PASSWORD, name="Nora", workspace_name="Nora & Co")

    visitor.open("/app/plan?confirm=pro")
    checkout = visitor.send("/app/plan", action="upgrade", tier="pro", seats="")
    back = visitor.send(str(checkout.url), card="4242424242424242")

    assert str(checkout.url).startswith(stripe)
    assert str(back.url).endswith("/app/plan?bought=pro&was=trial")
    assert eventually(lambda: "You are on Pro now" in visitor.open("/app/plan?bought=pro&was=trial"))
    assert "Next invoice: $10" in visitor.open("/app/plan")
    assert "Here it is" in httpx.get(f"{stripe}/clock/").text


def test_another_word_is_one_line_that_says_what_is_allowed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCENT_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("STRIPE", "live")

    with pytest.raises(Trouble, match="STRIPE is demo or not set, not 'live'"):
        supervisor.run()
