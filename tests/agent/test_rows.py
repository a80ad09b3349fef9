"""Questions about rows are answered by their properties, or not at all."""

from datetime import date

import pytest

from agent.passages import Passage
from integrations.embedder import Embedder
from tests.agent.library import Library, Page

TODAY = date(2026, 11, 22)
NOTE = [Passage("n", "paragraph", "What waits three weeks becomes a task. The launch tasks are in a plan.", ())]
TASKS: dict[str, Page] = {
    "Legal review of new terms": (
        [], (("Status", "In review"), ("Owner", "Priya Shah"), ("Due", "2026-11-20"), ("Labels", "legal"))),
    "Pricing page": ([], (("Status", "Blocked"), ("Owner", "Tom Reyes"), ("Blocked by", "Legal review of new terms"))),
    "Load test": ([], (("Status", "Blocked"), ("Due", "2026-11-26"), ("Priority", "Urgent"))),
    "Video": ([], (("Status", "Done"), ("Owner", "Priya Shah"), ("Due", "2026-11-01"))),
    "Notes": (NOTE, ()),
}  # fmt: skip
CUSTOMERS: dict[str, Page] = {
    "Bay Cruises": ([], (("Plan", "Fleet Plus"), ("Renewal", "2027-01-15"), ("Lighthouse", "yes"))),
    "Delta Boats": ([], (("Plan", "Fleet"), ("Renewal", "2026-12-31"), ("Lighthouse", "no"))),
}


@pytest.fixture(scope="module")
def tasks(embedder: Embedder) -> Library:
    return Library(embedder, TASKS, place="Launch plan")


@pytest.fixture(scope="module")
def customers(embedder: Embedder) -> Library:
    return Library(embedder, CUSTOMERS, place="Customers")


@pytest.mark.parametrize(
    ("question", "rows"),
    [
        ("Which launch tasks are blocked?", {"Pricing page", "Load test"}),
        ("Which tasks are overdue?", {"Legal review of new terms"}),
        ("Which tasks are in review?", {"Legal review of new terms"}),
        ("Which tasks are assigned to Tom?", {"Pricing page"}),
        ("Which tasks are urgent?", {"Load test"}),
        ("Which tasks have no owner?", {"Load test"}),
        ("How many launch tasks are done?", {"Video"}),
    ],
)
def test_all_tasks_that_a_property_picks_are_listed(tasks: Library, question: str, rows: set[str]) -> None:
    found = tasks.ask(question, today=TODAY)

    assert {each.page_id for each in found.citations} == rows
    assert all(title in found.text for title in rows)


@pytest.mark.parametrize(
    ("question", "rows"),
    [
        ("Which customers renew in January?", {"Bay Cruises"}),
        ("Which customers are on the Fleet Plus plan?", {"Bay Cruises"}),
        ("Which customers are lighthouses?", {"Bay Cruises"}),
        ("Which customers renew in March?", set()),
        ("Which customers are blocked?", set()),
    ],
)
def test_customers_are_picked_by_dates_and_values(customers: Library, question: str, rows: set[str]) -> None:
    assert {each.page_id for each in customers.ask(question, today=TODAY).citations} == rows


@pytest.mark.parametrize(
    ("question", "text"),
    [
        ("Who is assigned to Legal review?", "Legal review of new terms – Owner: Priya Shah [1]"),
        ("Who is the assignee of the Pricing page?", "Pricing page – Owner: Tom Reyes [1]"),
        ("What is the status of the Load test?", "Load test – Status: Blocked [1]"),
        ("What is the deadline of the Load test?", "Load test – Due: 2026-11-26 [1]"),
    ],
)
def test_a_property_goes_by_several_names(tasks: Library, question: str, text: str) -> None:
    assert tasks.ask(question).text == text


def test_a_count_is_said(tasks: Library) -> None:
    assert tasks.ask("How many launch tasks are blocked?").text.startswith("2 found:")


def test_a_row_that_does_not_name_the_item_is_not_quoted(tasks: Library) -> None:
    assert not tasks.ask("Who is the owner of the Price sheet?").grounded
