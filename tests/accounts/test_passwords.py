"""A new password ends what the old one had opened, however it was set."""

import re
import secrets
import subprocess
import sys
from typing import Any
from urllib.parse import urlsplit

import pytest
from django.test import Client
from rest_framework.test import APIClient

from accounts import tokens
from accounts.models import Mail
from devkit.home import PROJECT
from tests.people import PASSWORD, Person

NEW = "a longer and quite other phrase"
RESET = "/accounts/password/reset/"


@pytest.fixture
def stranger() -> Client:
    """A browser from an address of its own, so that the limits of one test are not those of the next."""
    return Client(REMOTE_ADDR=f"10.{secrets.randbelow(256)}.{secrets.randbelow(256)}.{secrets.randbelow(256)}")


def change(person: Person) -> None:
    form = {"oldpassword": PASSWORD, "password1": NEW, "password2": NEW}
    assert person.web.post("/accounts/password/change/", form).status_code == 302


def link(email: str) -> str:
    """Of the newest mail to this address."""
    text = Mail.objects.filter(to=email).latest("created_at").text
    found = re.search(r"https?://\S+", text)
    assert found is not None, text
    return urlsplit(found[0]).path


def reset(browser: Client, email: str) -> None:
    browser.post(RESET, {"email": email})
    opened = browser.get(link(email), follow=True)
    form = {"password1": NEW, "password2": NEW}
    assert browser.post(opened.request["PATH_INFO"], form).status_code == 302


def without_token(page: Any) -> str:
    """The page's words; the token against forgery is another at each look."""
    return re.sub(r"[A-Za-z0-9]{64}", "", page.content.decode())


def test_a_changed_password_ends_every_token(alice: Person) -> None:
    pair = tokens.issue(alice.membership)

    change(alice)

    api = APIClient(headers={"Authorization": f"Bearer {pair.access}"})
    assert api.get("/user/config").status_code == 401
    assert APIClient().post("/auth/refresh", {"refresh": pair.refresh}).status_code == 401


def test_a_changed_password_ends_the_other_browsers(alice: Person) -> None:
    elsewhere = Client()
    elsewhere.force_login(alice.user)

    change(alice)

    assert alice.web.get("/app/settings").status_code == 200
    assert elsewhere.get("/app/settings").status_code == 302


def test_a_reset_by_mail_ends_tokens_and_browsers_and_opens_the_door(stranger: Client, alice: Person) -> None:
    pair = tokens.issue(alice.membership)
    assert alice.web.get("/app/settings").status_code == 200

    reset(stranger, alice.email)

    api = APIClient(headers={"Authorization": f"Bearer {pair.access}"})
    assert api.get("/user/config").status_code == 401
    assert alice.web.get("/app/settings").status_code == 302
    signed_in = APIClient().post("/auth/login", {"email": alice.email, "password": NEW})
    assert signed_in.status_code == 200


def test_a_link_to_reset_opens_once(stranger: Client, alice: Person) -> None:
    reset(stranger, alice.email)

    again = stranger.get(link(alice.email), follow=True)

    assert "password1" not in again.content.decode()


def test_an_unknown_address_is_answered_like_a_known_one(stranger: Client, alice: Person) -> None:
    known = stranger.post(RESET, {"email": alice.email}, follow=True)
    unknown = stranger.post(RESET, {"email": f"nobody-{alice.email}"}, follow=True)

    assert known.redirect_chain == unknown.redirect_chain == [(f"{RESET}done/", 302)]
    assert without_token(known) == without_token(unknown)
    assert list(Mail.objects.filter(to__endswith=alice.email).values_list("to", flat=True)) == [alice.email]


def test_a_password_set_by_command_ends_every_token(alice: Person) -> None:
    pair = tokens.issue(alice.membership)

    alice.user.set_password(NEW)
    alice.user.save()

    assert APIClient().post("/auth/refresh", {"refresh": pair.refresh}).status_code == 401


def test_signing_in_ends_no_token(alice: Person) -> None:
    pair = tokens.issue(alice.membership)

    APIClient().post("/auth/login", {"email": alice.email, "password": PASSWORD})

    assert APIClient().post("/auth/refresh", {"refresh": pair.refresh}).status_code == 200


def test_signing_in_makes_a_new_session_and_the_one_before_opens_nothing(stranger: Client, alice: Person) -> None:
    stranger.get("/accounts/login/")
    session = stranger.session
    session["planted"] = "by somebody else"
    session.save()
    before = str(session.session_key)
    stranger.cookies["sessionid"] = before

    stranger.post("/accounts/login/", {"login": alice.email, "password": PASSWORD})

    assert stranger.cookies["sessionid"].value != before
    stranger.cookies["sessionid"] = before
    assert stranger.get("/app").status_code == 302


@pytest.mark.parametrize(
    "place", ["https://evil.example/", "//evil.example/", "/\\evil.example", "javascript:alert(1)"]
)
def test_signing_in_never_leads_to_another_site(stranger: Client, alice: Person, place: str) -> None:
    form = {"login": alice.email, "password": PASSWORD, "next": place}

    answer = stranger.post("/accounts/login/", form)

    assert (answer.status_code, answer.headers["Location"]) == (302, "/app")


def test_a_password_is_kept_as_costly_to_guess_as_is_advised() -> None:
    """In a process of its own: the tests' has made it cheap. Figures of OWASP's sheet on storing passwords."""
    look = (
        "import django; django.setup(); from django.contrib.auth.hashers import make_password as make; print(make('x'))"
    )

    done = subprocess.run([sys.executable, "-c", look], capture_output=True, text=True, check=True, cwd=PROJECT)

    assert done.stdout.startswith("argon2$argon2id$v=19$m=19456,t=2,p=1$")
