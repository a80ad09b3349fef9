"""A hosted installation refuses what is only for one machine. Each test starts real processes."""

import base64
import json
import os
import string
import subprocess
import sys
from pathlib import Path

import pytest
from pytest_django import Settings

from tests.people import Person

ROOT = Path(__file__).resolve().parents[2]
GOOD = {
    "DOCENT_ENV": "production",
    "SECRET_KEY": "s" * 50,
    "TOKEN_SIGNING_KEY": "t" * 50,
    "SEAL_KEYS": f"1:{base64.urlsafe_b64encode(b'k' * 32).decode()}",
    "PUBLIC_URL": "https://docent.example",
    "ALLOWED_HOSTS": "docent.example",
    "EMAIL_URL": "smtp+tls://user:pass%40word@mail.example:587",
    "CHROMA_URL": "http://chroma.internal:8000",
}
STARTS = {
    "check": ["manage.py", "check"],
    "web": ["-c", "import config.asgi"],
    "worker": ["-m", "celery", "-A", "config.celery", "worker", "-P", "solo", "-c", "1"],
    "threads": ["-m", "celery", "-A", "config.celery", "worker", "-P", "threads", "-c", "8"],
    "beat": ["-m", "celery", "-A", "config.beat", "beat"],
}
# Everything that could be wrong, with the variable that the message must name.
WRONG = {
    "SECRET_KEY": "only-for-one-machine-and-refused-in-production",
    "TOKEN_SIGNING_KEY": "",
    "SEAL_KEYS": "2:a2tra2tra2tra2tra2tra2tra2tra2tra2tra2tra2s=,1:b25seS1mb3Itb25lLW1hY2hpbmUtYW5kLXJlZnVzZWQ=",
    "PUBLIC_URL": "http://docent.example",
    "ALLOWED_HOSTS": "docent.example,*",
    "NOTION_API_URL": "http://127.0.0.1:9000",
    "EMAIL_URL": "",
    "EMAIL_VERIFICATION_REQUIRED": "0",
    "CHROMA_URL": "",
    # Let a run outlive its quota's hold of 900 s.
    "RUN_TIME_LIMIT": "840",
}


def start(what: str, *more: str, **changes: str) -> subprocess.CompletedProcess[str]:
    # Tests of a browser set the last one for themselves.
    kept = {name: value for name, value in os.environ.items() if name not in {*WRONG, "DJANGO_ALLOW_ASYNC_UNSAFE"}}
    environment = {**kept, **GOOD, **changes}
    return subprocess.run(
        [sys.executable, *STARTS[what], *more],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.mark.parametrize("what", ["check", "web"])
def test_a_complete_environment_starts(what: str) -> None:
    done = start(what)

    assert done.returncode == 0, done.stderr


def test_one_machine_starts_with_no_runs_that_outlive_their_holds_either() -> None:
    done = start("check", DOCENT_ENV="embedded", RUN_TIME_LIMIT="840", RUN_LEASE_SECONDS="30")

    assert done.returncode != 0
    assert "RUN_TIME_LIMIT and RUN_LEASE_SECONDS let a run outlive its quota's hold of 900 s" in done.stderr


def test_the_longest_run_that_its_hold_outlives_is_allowed() -> None:
    done = start("check", RUN_TIME_LIMIT="839", RUN_LEASE_SECONDS="30")

    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    ("what", "said"),
    [
        ("web", "DATABASE_POOL must be at least 9 here (THREADS, payments and the probe), not 7."),
        ("threads", "DATABASE_POOL must be at least 8 here (-c), not 7."),
    ],
)
def test_threads_that_would_wait_for_each_others_connections_do_not_start(what: str, said: str) -> None:
    done = start(what, DATABASE_POOL="7", THREADS="4")

    assert done.returncode != 0
    assert done.stderr.splitlines()[-1].endswith(said)


def test_a_connection_for_each_thread_is_enough() -> None:
    done = start("web", DATABASE_POOL="9", THREADS="4")

    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("what", ["check", "web", "worker", "beat"])
def test_everything_that_is_wrong_is_said_at_once(what: str) -> None:
    done = start(what, **WRONG)

    assert done.returncode != 0
    assert WRONG["SECRET_KEY"] not in done.stderr
    assert WRONG["SEAL_KEYS"] not in done.stderr
    lines = [line.removeprefix("?: (docent.E001) ").removeprefix("- ") for line in done.stderr.splitlines()]
    assert {name for name in WRONG if any(line.startswith(name) for line in lines)} == set(WRONG)


ONE_BY_ONE = """
import json, os, sys
from config import checks

for name, value in json.loads(sys.argv[1]).items():
    if os.fork() == 0:
        os.environ[name] = value
        print(name, *{problem.split()[0] for problem in checks.problems()}, flush=True)
        os._exit(0)
    os.wait()
"""


def test_one_wrong_variable_is_enough() -> None:
    environment = {**os.environ, **GOOD, "DJANGO_SETTINGS_MODULE": "config.settings"}
    for name in WRONG.keys() - GOOD.keys():
        environment.pop(name, None)

    done = subprocess.run(
        [sys.executable, "-c", ONE_BY_ONE, json.dumps(WRONG)], cwd=ROOT, env=environment, capture_output=True, text=True
    )

    assert done.stdout.splitlines() == [f"{name} {name}" for name in WRONG], done.stderr


def test_a_test_key_is_warned_of_at_the_start() -> None:
    ended = start(
        "web",
        BILLING_GATEWAY="stripe",
        STRIPE_SECRET_KEY="sk_test_1",
        STRIPE_WEBHOOK_SECRETS="whsec_1",
        STRIPE_API_URL="",
    )

    assert ended.returncode == 0, ended.stderr
    assert "STRIPE_SECRET_KEY is a test key" in ended.stderr


def test_djangos_own_list_for_who_deploys_finds_nothing() -> None:
    done = start(
        "check",
        *("--deploy", "--fail-level", "WARNING"),
        SECRET_KEY=string.ascii_letters,
        TRUSTED_PROXIES="1",
        BILLING_GATEWAY="stripe",
        STRIPE_SECRET_KEY="sk_live_1",
        STRIPE_WEBHOOK_SECRETS="whsec_1",
        STRIPE_API_URL="",
    )

    assert done.returncode == 0, done.stderr


def test_a_misspelt_environment_opens_no_doors() -> None:
    done = start("check", DOCENT_ENV="prod")

    assert done.returncode != 0
    assert "DOCENT_ENV is embedded, test or production" in done.stderr


def test_the_demo_is_not_there() -> None:
    look = (
        "from django.conf import settings as s; "
        "print('devkit' in s.INSTALLED_APPS, s.EMAIL_HOST, s.EMAIL_HOST_PASSWORD)"
    )
    environment = {**os.environ, **GOOD, "DJANGO_SETTINGS_MODULE": "config.settings"}

    done = subprocess.run([sys.executable, "-c", look], cwd=ROOT, env=environment, capture_output=True, text=True)

    assert done.stdout.split() == ["False", "mail.example", "pass@word"], done.stderr


def test_an_upgrade_waits_for_staff(alice: Person, settings: Settings) -> None:
    settings.IS_PRODUCTION = True

    answer = alice.api.post("/user/upgrade-subscription", {"tier": "pro"})

    assert answer.json()["status"] == "pending_approval"
    assert answer.json()["subscription"]["tier"] == "trial"


OVER_TLS = """
import django
django.setup()
from django.http import HttpResponse
from django.middleware.security import SecurityMiddleware
from django.test import RequestFactory

for said in ("https", "http"):
    request = RequestFactory(HTTP_HOST="docent.example").get("/", headers={"X-Forwarded-Proto": said})
    print("Strict-Transport-Security" in SecurityMiddleware(lambda request: HttpResponse())(request).headers)
"""


@pytest.mark.parametrize(("proxies", "sure"), [("1", ["True", "False"]), ("0", ["False", "False"])])
def test_only_a_trusted_proxy_says_that_a_client_came_over_tls(proxies: str, sure: list[str]) -> None:
    environment = {**os.environ, **GOOD, "DJANGO_SETTINGS_MODULE": "config.settings", "TRUSTED_PROXIES": proxies}

    done = subprocess.run([sys.executable, "-c", OVER_TLS], cwd=ROOT, env=environment, capture_output=True, text=True)

    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == sure


ANSWERS = """
import json
import django
from django.conf import settings
# Without a database for them; what a cookie is like does not depend on it.
settings.SESSION_ENGINE = "django.contrib.sessions.backends.signed_cookies"
django.setup()
from django.http import HttpResponse
from django.middleware.csrf import get_token
from django.test import Client
from django.urls import path
from config import urls

def page(request):
    request.session["is"] = "one"
    get_token(request)
    return HttpResponse("words")

urls.urlpatterns.append(path("a-page", page))
over = [Client(HTTP_HOST="docent.example", HTTP_X_FORWARDED_PROTO=said).get("/a-page") for said in ("https", "http")]
cookies = {name: {key: value for key, value in each.items() if value} for name, each in over[0].cookies.items()}
print(json.dumps([dict(over[0].headers), cookies, over[1].status_code, over[1].headers["Location"]]))
"""


def test_an_answer_tells_the_browser_to_be_strict() -> None:
    environment = {**os.environ, **GOOD, "DJANGO_SETTINGS_MODULE": "config.settings", "TRUSTED_PROXIES": "1"}

    done = subprocess.run([sys.executable, "-c", ANSWERS], cwd=ROOT, env=environment, capture_output=True, text=True)

    assert done.returncode == 0, done.stderr
    headers, cookies, without_tls, elsewhere = json.loads(done.stdout)
    assert headers["Strict-Transport-Security"] == "max-age=31536000; includeSubDomains"
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["X-Frame-Options"] == "DENY"
    assert headers["Referrer-Policy"] == headers["Cross-Origin-Opener-Policy"] == "same-origin"
    policy = dict(each.strip().split(" ", 1) for each in headers["Content-Security-Policy"].split(";"))
    assert {policy[name] for name in ("default-src", "object-src", "base-uri", "frame-ancestors")} == {"'none'"}
    assert policy["script-src"] == policy["style-src"] == "'self'"
    assert not [name for name in headers if name.startswith("Access-Control-")]
    assert set(cookies) == {"__Host-sessionid", "__Host-csrftoken"}
    for cookie in cookies.values():
        assert (cookie["path"], cookie["secure"], cookie["samesite"]) == ("/", True, "Lax")
        assert "domain" not in cookie
    assert cookies["__Host-sessionid"]["httponly"] is True
    assert (without_tls, elsewhere) == (301, "https://docent.example/a-page")
