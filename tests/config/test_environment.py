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
