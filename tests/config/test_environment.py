import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

PROJECT = Path(__file__).resolve().parents[2]


def test_every_setting_from_the_environment_is_in_the_example() -> None:
    read = set(re.findall(r'env\.\w+\(\s*"([A-Z_]+)"', (PROJECT / "config" / "settings.py").read_text()))
    example = set(re.findall(r"^#?([A-Z_]+)=", (PROJECT / ".env.example").read_text(), re.MULTILINE))

    assert len(read) > 20
    assert read <= example


@pytest.mark.parametrize(
    ("said", "pages"),
    [
        ({}, ["'self'"]),
        ({"BILLING_GATEWAY": "stripe"}, ["'self'", "https://checkout.stripe.com", "https://billing.stripe.com"]),
        (
            {"BILLING_GATEWAY": "stripe", "STRIPE_API_URL": "http://127.0.0.1:1"},
            ["'self'", "http://127.0.0.1:1"],
        ),
        (
            {"BILLING_GATEWAY": "stripe", "STRIPE_API_URL": "http://127.0.0.1:1", "DOCENT_ENV": "production"},
            ["'self'", "https://checkout.stripe.com", "https://billing.stripe.com"],
        ),
    ],
)
def test_forms_lead_to_where_one_pays_and_nowhere_else(said: dict[str, str], pages: list[str]) -> None:
    code = "import json; from config import settings as s; "
    code += "print(json.dumps(s.CONTENT_SECURITY_POLICY['DIRECTIVES']['form-action']))"
    known = {name: value for name, value in os.environ.items() if "STRIPE" not in name and name != "BILLING_GATEWAY"}

    done = subprocess.run([sys.executable, "-c", code], env=known | said, cwd=PROJECT, capture_output=True, check=True)

    assert json.loads(done.stdout) == pages


WRONG = {
    "PORT": "99999",
    "DATABASE_POOL": "0",
    "REDIS_URL": "127.0.0.1:6379",
    "WARM_SCHEMAS": "0",
    "NOTION_REQUESTS_PER_SECOND": "fast",
    "NOTION_FIRST_PAUSE_SECONDS": "nan",
    "LIMIT_SIGNUP": "lots",
    "LIMIT_LOGIN_FAILED": "10/m/ip,5/5m",
    "LIMIT_SIGNUP_NETWORK": "20/0d/key",
    "TRUSTED_PROXIES": "one",
    "TRIAL_DAYS": "1000000",
    "TRIAL_REQUESTS": "1_0",
    "STREAM_CLIENTS": "5.5",
    "SYNC_LEASE_SECONDS": "٩",
    "RETRIEVAL_DENSE_WEIGHT": "7",
    "RUN_TIME_LIMIT": "-5",
    "RUN_LEASE_SECONDS": "0",
    "THREADS": "x",
    "LOG_LEVEL": "NOPE",
    "LOG_FORMAT": "xml",
    "EMBEDDER_DIR": "/nonexistent",
    "PUBLIC_URL": "docent.example.com",
}
ONE_BY_ONE = """
import json, os, sys
from django.core.exceptions import ImproperlyConfigured

for name, value in json.loads(sys.argv[1]).items():
    if os.fork() == 0:
        os.environ[name] = value
        try:
            from config import settings
        except ImproperlyConfigured as error:
            print(name, error, sep="\\t", flush=True)
        os._exit(0)
    os.wait()
"""


def test_a_wrong_value_stops_the_start_and_is_named() -> None:
    known = {name: value for name, value in os.environ.items() if name not in WRONG} | {"PUBLIC_URL": ""}

    done = subprocess.run(
        [sys.executable, "-c", ONE_BY_ONE, json.dumps(WRONG)], env=known, cwd=PROJECT, capture_output=True, text=True
    )

    said = dict(line.split("\t") for line in done.stdout.splitlines())
    assert list(said) == list(WRONG), done.stderr
    for name, words in said.items():
        assert words.startswith((f"{name} must be ", f"{name} looks like ")), words
