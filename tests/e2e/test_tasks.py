"""Tasks in a browser, both ways: what is edited on the page is in Notion, what is edited in Notion is on the page."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from accounts import tenancy
from devkit.notion.process import EmulatorProcess
from tasks.models import Outgoing, Task
from tests.agent.sync.working import sync
from tests.browser import CHROMIUM, faults
from tests.devkit.machine import eventually
from tests.e2e.test_pages import listen, look, opened
from tests.outside import HANDBOOK, TASKS, NotionWorkspace, connect, seeded
from tests.people import Person, put_on_plan, sign_up
from tests.stack import Stack
from tests.tasks.test_both_ways import in_notion

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
    eventually(lambda: "Choose a printer" in titles(person))
    return person


@pytest.fixture
def page(browser: Browser, stack: Stack, nora: Person) -> Iterator[Page]:
    with opened(browser, stack, nora) as page:
        yield page


def test_a_task_goes_to_notion_and_comes_back(page: Page, stack: Stack, nora: Person, notion: NotionWorkspace) -> None:
    said = listen(page, stack)
    page.goto(f"{stack.url}/app/tasks")

    # Edited here, it is in Notion.
    page.get_by_role("link", name="Edit Choose a printer").click()
    page.get_by_label("Title").fill("")
    page.get_by_label("Title").evaluate("box => box.removeAttribute('required')")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_text("Say what is to be done.")).to_be_visible()
    page.get_by_label("Title").fill("Buy a printer")
    page.locator("input[name=due_on]").last.fill("2026-12-03")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("link", name="Buy a printer", exact=True)).to_be_visible()
    eventually(lambda: "Buy a printer" in in_notion(notion))
    assert in_notion(notion)["Buy a printer"]["properties"]["Due"]["date"]["start"] == "2026-12-03"

    # Edited there, it is here after a sync.
    row = in_notion(notion)["Write the announcement"]
    notion.edit(op="set_title", id=row["id"], title="Send the announcement")
    with tenancy.within(nora.workspace):
        sync(nora)
    # This process or the worker has taken it.
    eventually(lambda: "Send the announcement" in titles(nora))
    page.reload()
    expect(page.get_by_role("link", name="Send the announcement", exact=True)).to_be_visible()

    # Made here, chosen for Notion, it is a row there.
    page.get_by_placeholder("New task").fill("Order paper")
    page.get_by_label("Where").select_option(label="In Notion: Launch plan")
    page.get_by_role("button", name="Add task").click()
    eventually(lambda: "Order paper" in in_notion(notion))
    assert [words for words in said if "422" not in words] == []


def titles(person: Person) -> list[str]:
    return [row["title"] for row in person.api.get("/tasks").json()["results"]]


@pytest.fixture(scope="module")
def torn(stack: Stack, nora: Person, notion: NotionWorkspace) -> dict[str, str]:
    """Tasks in every state that the page has words for, by state."""
    with tenancy.within(nora.workspace):
        ids = {task.notion_page_id: str(task.pk) for task in Task.objects.exclude(notion_page_id="")}
    row = in_notion(notion)["Check the contract"]["id"]
    fault = notion.fault("503", path_regex=f"/v1/pages/{row}")
    nora.api.patch(f"/tasks/{ids[row]}", {"due_on": "2026-12-03", "done": False, "status": "Doing"})
    eventually(lambda: waits(nora, ids[row]))
    notion.edit(op="set_property", id=row, name="Due", value="2026-12-24")
    notion.emulator.control(f"faults?id={fault}", method="DELETE")
    return {"conflict": ids[row]}


def waits(person: Person, task_id: str) -> bool:
    with tenancy.within(person.workspace):
        return Outgoing.objects.filter(task_id=task_id).exclude(reason="").exists()


def test_a_conflict_is_shown_and_settled(page: Page, stack: Stack, nora: Person, torn: dict[str, str]) -> None:
    task_id = torn["conflict"]
    page.goto(f"{stack.url}/app/tasks")
    row = page.locator(f"#task-{task_id}")
    expect(row).to_contain_text("Waiting for Notion")

    row.get_by_role("button", name="Try again").click()
    eventually(lambda: nora.api.get(f"/tasks/{task_id}").json()["sync_state"] == "conflict")
    page.reload()
    expect(row).to_contain_text("Changed on both sides")
    row.get_by_role("link", name="Check the contract", exact=True).click()

    expect(page.get_by_role("heading", name="History")).to_be_visible()
    expect(page.locator("s")).to_have_text("2026-12-03")


def test_on_a_phone_the_filters_are_a_sheet(browser: Browser, stack: Stack, nora: Person) -> None:
    with opened(browser, stack, nora, width=390) as page:
        said = listen(page, stack)
        page.goto(f"{stack.url}/app/tasks")
        search = page.get_by_label("Search tasks")
        expect(search).to_be_hidden()

        page.get_by_role("button", name="Filters").click()
        search.fill("printer")
        found = faults(page)
        search.press("Enter")

        expect(page.get_by_role("button", name="Filters: 1 active")).to_be_visible()
        expect(page.get_by_role("link", name="Check the contract", exact=True)).to_have_count(0)
    assert found == []
    assert said == []


def test_task_pages_are_accessible_and_quiet(
    browser: Browser, stack: Stack, nora: Person, torn: dict[str, str]
) -> None:
    task_id = torn["conflict"]
    with opened(browser, stack, nora) as page:
        said = listen(page, stack)

        paths = ("app/tasks", f"app/tasks?edit={task_id}", f"app/tasks/{task_id}")
        found = [fault for path in paths for fault in look(page, stack, path)]

    assert found == []
    assert said == []
