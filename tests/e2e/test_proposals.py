"""A change that was asked for in words: its card, approved, in Notion, and taken back."""

from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from accounts import tenancy
from devkit.notion.process import EmulatorProcess
from tests.agent.sync.working import sync
from tests.browser import CHROMIUM, faults
from tests.devkit.machine import eventually
from tests.e2e.test_pages import listen, opened
from tests.outside import HANDBOOK, TASKS, NotionWorkspace, connect, seeded
from tests.people import Person, put_on_plan, sign_up
from tests.stack import Stack
from tests.tasks.test_both_ways import TITLE, in_notion

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine")


@pytest.fixture(scope="module")
def notion(emulator: EmulatorProcess, stack: Stack) -> NotionWorkspace:
    return seeded(emulator, {"pages": [HANDBOOK], "databases": [TASKS]}, ["handbook"])


@pytest.fixture(scope="module")
def nora(notion: NotionWorkspace) -> Person:
    person = sign_up("Nora")
    put_on_plan(person, "plus")
    connect(person, notion)
    with tenancy.within(person.workspace):
        sync(person)
    # This process or the worker has taken it.
    eventually(lambda: TITLE in [row["title"] for row in person.api.get("/tasks").json()["results"]])
    return person


@pytest.fixture
def page(browser: Browser, stack: Stack, nora: Person) -> Iterator[Page]:
    with opened(browser, stack, nora) as page:
        yield page


def row(notion: NotionWorkspace) -> dict[str, Any]:
    return dict(in_notion(notion)[TITLE]["properties"])


def test_a_change_is_asked_for_seen_approved_and_undone(page: Page, stack: Stack, notion: NotionWorkspace) -> None:
    said, before = listen(page, stack), row(notion)
    page.goto(f"{stack.url}/app/ask")

    page.get_by_role("textbox").fill(f"move {TITLE} to 4 December 2028")
    page.keyboard.press("Enter")
    card = page.get_by_role("article")
    expect(card).to_contain_text("Waiting for you")
    expect(card).to_contain_text("Monday, 4 December 2028")
    assert row(notion) == before
    found = faults(page)

    card.get_by_role("button", name="Approve").click()
    expect(card).to_contain_text("Done, checked in Notion")
    due = row(notion)["Due"]["date"]["start"]
    card.get_by_role("button", name="Undo").click()
    expect(card).to_contain_text("Undone, checked in Notion")

    assert (due, row(notion)) == ("2028-12-04", before)
    assert (found, said) == ([], [])
