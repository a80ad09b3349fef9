"""Connecting Notion in a browser: the wizard with a look at tasks, a sync as it happens, its gaps, its end."""

import re

import pytest
from playwright.sync_api import Browser, Page, expect

from accounts import tenancy
from agent.models import Disconnection, Source
from devkit.notion.process import EmulatorProcess
from tests.agent.sync.working import REFUSAL
from tests.browser import CHROMIUM
from tests.devkit.machine import eventually
from tests.e2e.test_pages import listen, look, opened
from tests.outside import HANDBOOK, TASKS, NotionWorkspace, connect, seeded
from tests.people import Person, put_on_plan, sign_up
from tests.stack import Answers, Stack

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine")
MANY = [{"key": f"p{n}", "title": f"Page {n}", "blocks": [{"p": f"Words of page {n}."}]} for n in range(40)]


def customer() -> Person:
    person = sign_up("Nora")
    put_on_plan(person, "plus")
    return person


def a_notion(emulator: EmulatorProcess, *, pages: list[dict[str, object]] | None = None) -> NotionWorkspace:
    handbook = HANDBOOK | {"pages": pages or HANDBOOK["pages"]}
    return seeded(emulator, {"pages": [handbook], "databases": [TASKS]}, ["handbook"])


def test_the_wizard_leads_from_a_token_to_tasks(browser: Browser, stack: Stack, emulator: EmulatorProcess) -> None:
    nora, notion = customer(), a_notion(emulator)
    with opened(browser, stack, nora) as page:
        said = listen(page, stack)
        page.goto(f"{stack.url}/app/connect")
        page.locator("details summary", has_text="token").click()
        page.get_by_label("Integration token").fill(notion.token)
        page.get_by_role("button", name=re.compile("Check|Connect")).last.click()

        # Three rows as they would be as tasks, before anything is read.
        preview = page.get_by_role("group", name="Preview")
        expect(preview.get_by_role("row", name=re.compile("Write the announcement.*Doing.*20.Nov"))).to_be_visible()
        page.get_by_label("Due date").focus()
        page.get_by_label("Due date").select_option("")
        expect(preview).not_to_contain_text("20")
        expect(page.get_by_label("Due date")).to_be_focused()
        page.get_by_label("Which database holds your tasks?").select_option("")
        expect(preview).to_have_count(0)
        page.get_by_label("Which database holds your tasks?").select_option(label="Launch plan")
        expect(preview).to_contain_text("20")
        # What was put in listens some milliseconds later, which a person cannot outrun.
        expect(page.locator(".htmx-added, .htmx-settling")).to_have_count(0)
        page.get_by_label("Due date").select_option("")
        expect(preview).not_to_contain_text("20")
        page.get_by_role("button", name=re.compile("Start sync of 2")).click()

        expect(page.get_by_role("heading", name="Everything is synced")).to_be_visible()
        page.goto(f"{stack.url}/app/tasks")
        expect(page.get_by_role("heading", name="No date")).to_be_visible()
        expect(page.get_by_role("link", name="Write the announcement", exact=True)).to_be_visible()
    assert said == []


@pytest.fixture
def slow(emulator: EmulatorProcess, stack: Stack) -> tuple[Person, NotionWorkspace, str]:
    """Nora's sync of forty pages that each take their time, which has begun."""
    nora, notion = customer(), a_notion(emulator, pages=MANY)
    notion.fault({"slow": {"ms": 300}}, path_regex="/children")
    connection = connect(nora, notion)
    nora.api.post("/agent/sync")
    return nora, notion, f"/app/connect/{connection.pk}/sync"


def shown_done(page: Page) -> int:
    words = page.locator("#live .big b").inner_text()
    return int(words)


def test_a_sync_is_followed_paused_resumed_and_cancelled(
    browser: Browser, stack: Stack, slow: tuple[Person, NotionWorkspace, str]
) -> None:
    nora, _, address = slow
    with opened(browser, stack, nora) as page, opened(browser, stack, nora, width=390) as other:
        said = listen(page, stack) + listen(other, stack)
        for each in (page, other):
            each.goto(f"{stack.url}{address}")
            each.evaluate("window.isSamePage = true")
        expect(page.get_by_role("heading", name=re.compile("Syncing"))).to_be_visible()
        first = shown_done(page)
        page.wait_for_function("first => Number(document.querySelector('#live .big b').textContent) > first", arg=first)
        expect(page.locator("#live .facts")).to_contain_text("passages")
        assert page.evaluate("window.isSamePage")

        # Who looks on elsewhere sees it without asking.
        page.get_by_role("button", name="Pause").click()
        for each in (page, other):
            expect(each.get_by_role("heading", name="Sync paused")).to_be_visible()
        expect(other.get_by_text("Paused by Nora")).to_be_visible()
        other.get_by_role("button", name="Resume").click()
        for each in (page, other):
            expect(each.get_by_role("heading", name=re.compile("Syncing"))).to_be_visible()
        page.get_by_role("button", name="Cancel").click()
        for each in (page, other):
            expect(each.get_by_role("heading", name="Sync stopped")).to_be_visible()
        page.get_by_role("button", name="Sync again").click()
        expect(page.get_by_role("heading", name=re.compile("Syncing"))).to_be_visible()
    assert said == []


def test_a_stream_that_breaks_says_so_and_goes_on(
    browser: Browser, stack: Stack, slow: tuple[Person, NotionWorkspace, str]
) -> None:
    nora, _, address = slow
    with opened(browser, stack, nora) as page:
        page.goto(f"{stack.url}{address}")
        expect(page.get_by_role("heading", name=re.compile("Syncing"))).to_be_visible()
        stack.web.kill()
        expect(page.get_by_text("Not live – reconnecting")).to_be_visible()
        stack.web.start()
        stack.web.wait_until(Answers(f"{stack.url}/readyz"))

        expect(page.get_by_text("Not live – reconnecting")).to_be_hidden()
        first = shown_done(page)
        page.wait_for_function("first => Number(document.querySelector('#live .big b').textContent) > first", arg=first)


def test_without_a_script_the_page_reloads_itself(
    browser: Browser, stack: Stack, slow: tuple[Person, NotionWorkspace, str]
) -> None:
    nora, _, address = slow
    context = browser.new_context(java_script_enabled=False)
    context.add_cookies([{"name": "sessionid", "value": nora.web.cookies["sessionid"].value, "url": stack.url}])
    page = context.new_page()
    page.goto(f"{stack.url}{address}")

    assert page.locator("noscript meta[http-equiv=refresh]").count() or 'http-equiv="refresh"' in page.content()
    expect(page.locator("#live .big")).to_contain_text("pages")
    page.get_by_role("button", name="Pause").click()
    expect(page.get_by_role("heading", name="Sync paused")).to_be_visible()
    context.close()


@pytest.fixture(scope="module")
def gaps(stack: Stack, emulator: EmulatorProcess) -> tuple[Person, NotionWorkspace]:
    """Nora's Notion, of which one page could not be read."""
    nora, notion = customer(), a_notion(emulator)
    notion.fault(REFUSAL, path_regex=f"/{notion.page('travel')}/children")
    connect(nora, notion)
    run = nora.api.post("/agent/sync").json()["id"]
    eventually(lambda: nora.api.get(f"/agent/sync/{run}").json()["status"] == "partial")
    return nora, notion


def source_of(person: Person, kind: str) -> str:
    with tenancy.within(person.workspace):
        return str(Source.objects.get(kind=kind).pk)


def test_what_could_not_be_read_is_listed_with_its_reason(
    browser: Browser, stack: Stack, gaps: tuple[Person, NotionWorkspace]
) -> None:
    nora, _ = gaps
    with opened(browser, stack, nora) as page:
        said = listen(page, stack)
        page.goto(f"{stack.url}/app/sources")
        expect(page.get_by_text("Looked through, with gaps")).to_be_visible()
        expect(page.get_by_text(re.compile(r"1 failed, next try \d\d:\d\d"))).to_be_visible()
        row = page.get_by_role("row", name=re.compile("Travel"))
        expect(row).to_contain_text("ai_block")
        expect(row).to_contain_text(re.compile(r"\d\d:\d\d"))
        assert row.get_by_role("link", name="Travel").get_attribute("href")

        page.get_by_role("link", name="Handbook", exact=True).click()
        history = page.get_by_role("group", name="Last syncs")
        expect(history.get_by_role("row", name=re.compile("Partial"))).to_be_visible()
        expect(page.get_by_role("row", name=re.compile("Travel"))).to_contain_text("ai_block")
    assert said == []


def test_pages_of_sources_and_syncs_are_accessible_and_quiet(
    browser: Browser, stack: Stack, gaps: tuple[Person, NotionWorkspace]
) -> None:
    nora, _ = gaps
    connection = nora.api.get("/agent/coverage").json()["connections"][0]["id"]
    database = source_of(nora, "database")
    paths = [
        "app/sources",
        f"app/sources/{source_of(nora, 'page')}",
        f"app/sources/{database}",
        f"app/connect/{connection}/choose",
        f"app/connect/{connection}/choose?tasks_source={database}&columns_of={database}",
        f"app/connect/{connection}/sync",
        "app/settings",
    ]
    with opened(browser, stack, nora) as page:
        said = listen(page, stack)
        found = [fault for path in paths for fault in look(page, stack, path)]
    assert found == []
    assert said == []


def test_a_sync_at_work_is_accessible_and_quiet(
    browser: Browser, stack: Stack, slow: tuple[Person, NotionWorkspace, str]
) -> None:
    nora, _, address = slow
    with opened(browser, stack, nora) as page:
        said = listen(page, stack)
        page.goto(f"{stack.url}{address}")
        expect(page.get_by_role("heading", name=re.compile("Syncing"))).to_be_visible()
        at_work = look(page, stack, address[1:])
        page.get_by_role("button", name="Pause").click()
        expect(page.get_by_role("heading", name="Sync paused")).to_be_visible()
        paused = look(page, stack, address[1:])
    assert (at_work, paused) == ([], [])
    assert said == []


def test_disconnecting_says_when_nothing_is_left(browser: Browser, stack: Stack, emulator: EmulatorProcess) -> None:
    nora = customer()
    connect(nora, a_notion(emulator))
    run = nora.api.post("/agent/sync").json()["id"]
    eventually(lambda: nora.api.get(f"/agent/sync/{run}").json()["status"] == "complete")
    with opened(browser, stack, nora) as page:
        said = listen(page, stack)
        page.goto(f"{stack.url}/app/sources")
        page.get_by_role("link", name=re.compile("Share or disconnect")).click()
        page.get_by_role("link", name=re.compile("^Disconnect")).click()
        expect(page.get_by_role("dialog")).to_contain_text("6 pages")
        page.get_by_role("button", name="Disconnect Notion").click()

        # It comes by itself when the worker is through.
        expect(page.get_by_text("Erased: 6 pages")).to_be_visible()
        expect(page.get_by_text("Nothing left")).to_be_visible()
        assert look(page, stack, "app/settings") == []
    with tenancy.within(nora.workspace):
        assert Disconnection.objects.get().erased_at is not None
    assert said == []
