"""Chromium for the tests: the one that set-up found, quiet on the network."""

import os
import shutil
from typing import Any

import pytest

# Playwright keeps an event loop in this thread, which Django would take for asynchronous code.
os.environ.setdefault("DJANGO_ALLOW_ASYNC_UNSAFE", "true")

CHROMIUM = os.environ.get("DOCENT_BROWSER") or next(
    filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None
)
QUIET = ("gpu", "quic", "background-networking", "component-update", "sync", "dev-shm-usage")


@pytest.fixture(scope="session")
def browser_type_launch_args(browser_type_launch_args: dict[str, Any]) -> dict[str, Any]:
    quiet = ["--no-sandbox", "--no-first-run", *(f"--disable-{name}" for name in QUIET)]
    return browser_type_launch_args | {"executable_path": CHROMIUM, "args": quiet}
