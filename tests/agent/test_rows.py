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
        ("How many tasks are not done?", {"Legal review of new terms", "Pricing page", "Load test"}),
        ("Which tasks aren’t blocked?", {"Legal review of new terms", "Video"}),
        ("Which tasks are not assigned to Tom?", {"Legal review of new terms", "Load test", "Video"}),
        ("Which tasks are not assigned to anyone?", {"Load test"}),
        ("Which tasks do not have an owner?", {"Load test"}),
        ("Which tasks are not overdue?", {"Pricing page", "Load test", "Video"}),
        ("Which tasks are blocked but not urgent?", {"Pricing page"}),
        ("How many tasks are there?", {"Legal review of new terms", "Pricing page", "Load test", "Video"}),
        ("List all tasks", {"Legal review of new terms", "Pricing page", "Load test", "Video"}),
    ],
)
def test_all_tasks_that_a_property_picks_are_listed(tasks: Library, question: str, rows: set[str]) -> None:
    found = tasks.ask(question, today=TODAY)

    assert {each.page_id for each in found.citations} == rows
    assert all(title in found.text for title in rows)


@pytest.mark.parametrize(
    "question",
    [
        "How many tasks are done before 1 November?",
        "How many tasks are done in November?",
        "Which tasks are due after November?",
        "Which tasks have been done since October?",
        "How many tasks can be done?",
        "How many tasks are to be done?",
        "How many tasks are no longer blocked?",
        "Which tasks are never blocked?",
        "Which tasks are blocked except the urgent ones?",
        "Which tasks are blocked without Tom?",
        "Which tasks are neither done nor blocked?",
        "Which tasks are not done or blocked?",
        "Which tasks are not done and blocked?",
        "Which tasks are not without an owner?",
        "Which tasks are not cancelled?",
        "How many tasks are there before the launch?",
    ],
)
def test_a_word_that_turns_the_meaning_is_understood_or_nothing_is_said(tasks: Library, question: str) -> None:
    found = tasks.ask(question, today=TODAY)

    assert not found.grounded, found.text


@pytest.mark.parametrize(
    ("question", "rows"),
    [
        ("Which tasks are not started?", {"Two"}),
        ("Which tasks are to do?", {"One"}),
        ("Which tasks are started?", set()),
    ],
)
def test_states_are_called_with_small_words(embedder: Embedder, question: str, rows: set[str]) -> None:
    states: dict[str, Page] = {"One": ([], (("Status", "To do"),)), "Two": ([], (("Status", "Not started"),))}
    found = Library(embedder, states, place="Plan").ask(question)

    assert {each.page_id for each in found.citations} == rows


def test_a_denied_row_is_cited_by_what_it_has_instead(tasks: Library) -> None:
    assert "Pricing page – Status: Blocked" in tasks.ask("Which tasks are not done?").text


@pytest.mark.parametrize(
    ("question", "rows"),
    [
        ("Which customers are not on the Fleet plan?", {"Bay Cruises"}),
        ("Which customers are not lighthouses?", {"Delta Boats"}),
        ("How many customers do we have?", {"Bay Cruises", "Delta Boats"}),
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
