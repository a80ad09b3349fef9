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
        [],
        (
            ("Status", "In review"), ("Owner", "Priya Shah"), ("Due", "2026-11-20"), ("Labels", "legal"),
            ("Customer", "Bay"),
        ),
    ),
    "Pricing page": ([], (("Status", "Blocked"), ("Owner", "Tom Reyes"), ("Blocked by", "Legal review of new terms"))),
    "Load test": ([], (("Status", "Blocked"), ("Due", "2026-11-26"), ("Priority", "Urgent"))),
    "Video": ([], (("Status", "Done"), ("Owner", "Priya Shah"), ("Due", "2026-11-01"))),
    "Notes": (NOTE, ()),
}  # fmt: skip
CUSTOMERS: dict[str, Page] = {
    "Bay Cruises": (
        [],
        (("Plan", "Fleet Plus"), ("Country", "Norway"), ("Renewal", "2027-01-15"), ("Lighthouse", "yes")),
    ),
    "Delta Boats": ([], (("Plan", "Fleet"), ("Renewal", "2026-12-31"), ("Lighthouse", "no"))),
}


@pytest.fixture(scope="module")
def tasks(embedder: Embedder) -> Library:
    return Library(embedder, TASKS, place="Launch plan")


MEETINGS: dict[str, Page] = {
    f"{kind}, {number} Nov": (
        [Passage(f"m{number}", "paragraph", f"{number} pages are ready.", ())],
        (("Kind", kind), ("Date", f"2026-11-{number:02}"), ("Attendees", who)),
    )
    for number, kind, who in [
        *((number, "Launch sync", "Tom Reyes, Ana Lind") for number in range(1, 6)),
        (6, "Other", "Tom Reyes, Ana Lind"),
        (7, "Other", "Ana Lind"),
    ]
}


@pytest.fixture(scope="module")
def everything(embedder: Embedder) -> Library:
    """Three databases, whose names share words with what their rows are not."""
    library = Library(embedder, TASKS, place="Launch plan")
    for place, pages in (("Customers", CUSTOMERS), ("Meeting notes", MEETINGS)):
        library.add(Library(embedder, pages, place=place))
    return library


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
        ("Tell me the tasks that are blocked", {"Pricing page", "Load test"}),
        ("Which tasks are not yet done?", {"Legal review of new terms", "Pricing page", "Load test"}),
        ("Which tasks arent done", {"Legal review of new terms", "Pricing page", "Load test"}),
        ("Which tasks' status isn't done?", {"Legal review of new terms", "Pricing page", "Load test"}),
        ("How many tasks are open?", {"Legal review of new terms", "Pricing page", "Load test"}),
        ("How many tasks are incomplete?", {"Legal review of new terms", "Pricing page", "Load test"}),
        ("Which tasks are due on 26 November?", {"Load test"}),
        ("Which tasks are due on 26 Nov?", {"Load test"}),
        ("Which tasks are due today?", set()),
        ("Which tasks were due on Friday?", {"Legal review of new terms"}),
        ("Which tasks are assigned to nobody?", {"Load test"}),
        ("Are any tasks overdue?", {"Legal review of new terms"}),
        ("What is due next week?", {"Load test"}),
        ("What is blocked?", {"Pricing page", "Load test"}),
        ("Which tasks are not done and owned by Priya?", {"Legal review of new terms"}),
        ("Which tasks does nobody own?", {"Load test"}),
        ("Which tasks are due in Nov 2026?", {"Legal review of new terms", "Load test", "Video"}),
        ("Which tasks are due on November 26th, 2026?", {"Load test"}),
        ("Which tasks are due in November 2026?", {"Legal review of new terms", "Load test", "Video"}),
        ("Which tasks are due this week?", {"Legal review of new terms"}),
        ("Which tasks are due next week?", {"Load test"}),
        ("Which tasks are due this month?", {"Legal review of new terms", "Load test", "Video"}),
        ("Are there any blocked tasks?", {"Pricing page", "Load test"}),
        ("Which tasks are Tom's?", {"Pricing page"}),
        ("How many tasks have status = Done?", {"Video"}),
        ("How many tasks have status != Done?", {"Legal review of new terms", "Pricing page", "Load test"}),
        ("How many tasks have status <> Done?", {"Legal review of new terms", "Pricing page", "Load test"}),
        ("How many tasks have priority ≠ Urgent?", {"Legal review of new terms", "Pricing page", "Video"}),
        ("Which tasks are blocked by Legal review of new terms?", {"Pricing page"}),
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
        "How many tasks have status ~Done?",
        "How many tasks have priority !Urgent?",
        "How many tasks have -Done?",
        "How many tasks are non-done?",
        "How many tasks are done/blocked?",
        "How many tasks are due < 2026-11-26?",
        "Which tasks are due ≤ 2026-11-26?",
        "Which tasks are due >= 2026-11-26?",
        "Which tasks are due on 2026-11-26+?",
        "How many tasks have status != Done and priority = Urgent?",
        "How many tasks have status !== Done?",
        "How many tasks are d̶one̶ done̶?",
        "Which tasks have priority X urgent?",
        "Which tasks are due on 26 November 2025?",
        "Which tasks are due on 2026-26-11?",
        "Are there no blocked tasks?",
        "Aren't there blocked tasks?",
        "Which tasks have no owner and no due date?",
        "Which tasks have no owner and urgent priority?",
    ],
)
def test_a_word_that_turns_the_meaning_is_understood_or_nothing_is_said(tasks: Library, question: str) -> None:
    found = tasks.ask(question, today=TODAY)

    assert not found.grounded, found.text


@pytest.mark.parametrize(
    "question",
    [
        "Which tasks are blocking the launch?",
        "Which tasks are blockers?",
        "Which tasks block Tom?",
        "Which tasks block the Legal review of new terms?",
        "Which tasks are blocked by Tom?",
        "How many tasks has Tom blocked?",
        "Which tasks are not blocking the launch?",
        "Which tasks are reviewed?",
        "Which tasks are reviewing?",
        "Which tasks are legally blocked?",
        "How many launched tasks are there?",
    ],
)
def test_another_form_of_a_word_is_another_word(tasks: Library, question: str) -> None:
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
        ("Who are the lighthouse customers?", {"Bay Cruises"}),
        ("Which customers renew in March?", set()),
        ("Which customers are blocked?", set()),
    ],
)
def test_customers_are_picked_by_dates_and_values(customers: Library, question: str, rows: set[str]) -> None:
    assert {each.page_id for each in customers.ask(question, today=TODAY).citations} == rows


@pytest.mark.parametrize(
    ("question", "number"),
    [
        ("How many launch tasks are there?", 4),
        ("How many rows are in Launch plan?", 4),
        ("How many customers are there?", 2),
        ("How many meeting notes are there?", 7),
        ("How many meetings are there?", 7),
        ("How many meetings are launch syncs?", 5),
        ("Which meetings did Tom attend?", 6),
        ("Which meetings were attended by Tom?", 6),
        ("Which meetings took place in November?", 7),
        ("Which meetings were launch syncs?", 5),
        ("Which customers are from Norway?", 1),
        ("Which tasks have no customer?", 3),
        ("Which tasks are assigned to Tom?", 1),
        ("How many launch meetings are there?", 0),
        ("Which launch meetings are there?", 0),
        ("How many launches are there?", 0),
        ("How many plans are there?", 0),
        ("How many customer meetings are there?", 0),
        ("How many customer notes are there?", 0),
        ("How many launch customers are there?", 0),
        ("How many customer tasks are there?", 0),
        ("Which launch syncs did Tom attend?", 5),
        ("How many launch syncs were there?", 5),
        ("In which launch syncs was Tom?", 0),
        ("Which syncs did Tom Reyes go to?", 0),
        ("At which meetings was Tom?", 0),
    ],
)
def test_rows_of_the_database_that_is_named_are_counted_or_none(
    everything: Library, question: str, number: int
) -> None:
    found = everything.ask(question, today=TODAY)

    assert len(found.citations) == number, found.text
    assert found.grounded == bool(number)


def test_who_asks_for_two_values_of_a_property_may_want_either(embedder: Embedder) -> None:
    rows: dict[str, Page] = {
        "One": ([], (("Status", "Done"), ("Labels", "legal, billing"), ("Owner", "Tom Reyes, Jonas Weber"))),
        "Two": ([], (("Status", "Done"), ("Labels", "legal"))),
    }
    library = Library(embedder, rows, place="Plan")

    assert not library.ask("Which tasks are labelled legal and billing?").grounded
    assert not library.ask("Which tasks are assigned to Tom Weber?").grounded
    assert len(library.ask("Which tasks are labelled legal?").citations) == 2


def test_a_date_is_not_its_digits_in_another_order(embedder: Embedder) -> None:
    rows: dict[str, Page] = {
        "One": ([], (("Status", "Open"), ("Due", "2026-12-11"))),
        "Two": ([], (("Status", "Open"), ("Due", "2026-11-12"))),
    }
    found = Library(embedder, rows, place="Plan").ask("Which tasks are due on 2026-11-12?")

    assert {each.page_id for each in found.citations} == {"Two"}


def test_a_sign_of_a_value_is_read_as_it(embedder: Embedder) -> None:
    rows: dict[str, Page] = {
        "One": ([], (("Status", "Done"), ("Ticket", "NW-41"))),
        "Two": ([], (("Status", "Done"), ("Ticket", "NW-42"))),
    }
    found = Library(embedder, rows, place="Plan").ask("Which tasks have ticket NW-41?")

    assert {each.page_id for each in found.citations} == {"One"}


@pytest.mark.parametrize(
    ("question", "text"),
    [
        ("Who is assigned to Legal review?", "Legal review of new terms – Owner: Priya Shah [1]"),
        ("Who is the assignee of the Pricing page?", "Pricing page – Owner: Tom Reyes [1]"),
        ("What is the status of the Load test?", "Load test – Status: Blocked [1]"),
        ("What is the deadline of the Load test?", "Load test – Due: 2026-11-26 [1]"),
        ("Does Maya own the Video?", "Video – Owner: Priya Shah [1]"),
        ("Is the legal review done?", "Legal review of new terms – Status: In review [1]"),
    ],
)
def test_a_property_goes_by_several_names(tasks: Library, question: str, text: str) -> None:
    assert tasks.ask(question).text == text


@pytest.mark.parametrize("question", ["What is the status of NW-42?", "Status of NW-42", "Is NW-42 done?"])
def test_a_row_is_called_by_its_code(embedder: Embedder, question: str) -> None:
    rows: dict[str, Page] = {
        "One": ([], (("Status", "Open"), ("Ticket", "NW-41"))),
        "Two": ([], (("Status", "Done"), ("Ticket", "NW-42"))),
    }

    assert Library(embedder, rows, place="Plan").ask(question).text == "Two – Status: Done [1]"


def test_accents_may_be_left_out(embedder: Embedder) -> None:
    rows: dict[str, Page] = {
        "One": ([], (("Status", "Open"), ("Owner", "Lucía Marín"))),
        "Two": ([], (("Status", "Open"), ("Owner", "Luc Martin"))),
    }
    library = Library(embedder, rows, place="Plan")

    for name in ("Lucia Marin", "Lucía Marín", "lucia"):
        found = library.ask(f"Which tasks are assigned to {name}?")
        assert {each.page_id for each in found.citations} == {"One"}


@pytest.mark.parametrize("question", ["How many launch tasks are blocked?", "What is the number of blocked tasks?"])
def test_a_count_says_what_was_counted(tasks: Library, question: str) -> None:
    assert tasks.ask(question).text.startswith("2 found in “Launch plan”:")


def test_a_row_that_does_not_name_the_item_is_not_quoted(tasks: Library) -> None:
    assert not tasks.ask("Who is the owner of the Price sheet?").grounded


def test_when_a_customer_renews_is_said_by_its_row(customers: Library) -> None:
    assert customers.ask("When does Delta renew?").text == "Delta Boats – Renewal: 2026-12-31 [1]"
