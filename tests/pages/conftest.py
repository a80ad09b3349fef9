import os
import shutil
from collections.abc import Iterator
from typing import Any

import pytest

from tests.pages.gallery import Gallery, gallery, prepare, served

# Playwright keeps an event loop in this thread, which Django would take for asynchronous code.
os.environ.setdefault("DJANGO_ALLOW_ASYNC_UNSAFE", "true")

prepare()

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
QUIET = ("gpu", "quic", "background-networking", "component-update", "sync", "dev-shm-usage")


@pytest.fixture(scope="session")
def browser_type_launch_args(browser_type_launch_args: dict[str, Any]) -> dict[str, Any]:
    quiet = ["--no-sandbox", "--no-first-run", *(f"--disable-{name}" for name in QUIET)]
    return browser_type_launch_args | {"executable_path": CHROMIUM, "args": quiet}


@pytest.fixture(scope="session")
def shown() -> Gallery:
    return gallery()


@pytest.fixture(scope="session")
def site() -> Iterator[str]:
    with served() as url:
        yield url
