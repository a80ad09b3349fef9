"""Chromium for the tests: the one that set-up found, quiet on the network."""

import os
import shutil
from typing import Any, Literal

import pytest
from axe_playwright_python.base import AXE_SCRIPT
from playwright.sync_api import Page, expect

# Playwright keeps an event loop in this thread, which Django would take for asynchronous code.
os.environ.setdefault("DJANGO_ALLOW_ASYNC_UNSAFE", "true")

# As long as a page waits for its own buttons: five seconds, Playwright's own, are not enough for a busy machine.
expect.set_options(timeout=30_000)

CHROMIUM = os.environ.get("DOCENT_BROWSER") or next(
    filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None
)
# What passed is not described: to name every element of a page takes longer than to judge it.
RULES = {
    "runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"],
    "resultTypes": ["violations"],
}
QUIET = ("gpu", "quic", "background-networking", "component-update", "sync", "dev-shm-usage")


@pytest.fixture(scope="session")
def browser_type_launch_args(browser_type_launch_args: dict[str, Any]) -> dict[str, Any]:
    quiet = ["--no-sandbox", "--no-first-run", *(f"--disable-{name}" for name in QUIET)]
    return browser_type_launch_args | {"executable_path": CHROMIUM, "args": quiet}


LOOKS: list[tuple[Literal["light", "dark"], int]] = [("light", 1440), ("dark", 390)]


def faults_in_each_look(page: Page) -> list[str]:
    """Of an open page, which takes on one theme and width after another."""
    found = []
    for theme, width in LOOKS:
        page.emulate_media(color_scheme=theme)
        page.set_viewport_size({"width": width, "height": 900})
        found += [f"{theme}, {width}: {fault}" for fault in faults(page)]
    return found


def faults(page: Page) -> list[str]:
    """What of an open page not everybody can use, and whether it is wider than its window."""
    wide = spill(page)
    if not page.evaluate("'axe' in window"):
        page.evaluate(AXE_SCRIPT)
    found = page.evaluate("options => axe.run(options).then(told => told.violations)", RULES)
    return wide + [f"{page.url}: {each['id']} at {[node['target'] for node in each['nodes']]}" for each in found]


def spill(page: Page) -> list[str]:
    # Under load the first frames may still be without the whole stylesheet.
    page.evaluate("() => new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))")
    is_wider = page.evaluate("document.documentElement.scrollWidth > document.documentElement.clientWidth")
    return [f"{page.url} is wider than its window"] * is_wider
