"""What waits for what is read from the side that is asked about."""

import pytest

from agent.passages import Passage
from integrations.embedder import Embedder
from tests.agent.library import Library, Page

WHY = [Passage("w", "paragraph", "Needs the staging database on version 16. It is watched by two people.", ())]
TASKS: dict[str, Page] = {
    "Legal review of new terms": ([], (("Status", "In review"),)),
    "Pricing page copy": ([], (("Status", "Blocked"), ("Blocked by", "Legal review of new terms"))),
    "Price page in six languages": ([], (("Status", "Not started"), ("Blocked by", "Pricing page copy"))),
    "Billing e-mails": ([], (("Status", "Blocked"), ("Blocked by", "Legal review of new terms, Vendor contract"))),
    "Load test of sign-up": (WHY, (("Status", "Blocked"),)),
    "Release sign-off": ([], (("Status", "Not started"), ("Blocked by", "Load test of sign-up"))),
}


@pytest.fixture(scope="module")
def tasks(embedder: Embedder) -> Library:
    return Library(embedder, TASKS, place="Launch plan")


@pytest.mark.parametrize(
    "question",
    [
        "What blocks the pricing page copy?",
        "What is the pricing page copy blocked by?",
        "What is the pricing page copy waiting for?",
        "What does the pricing page copy depend on?",
        "Which task is blocking the pricing page copy?",
        "Which tasks block the pricing page copy?",
    ],
)
def test_what_holds_a_row_up_is_said_by_itself(tasks: Library, question: str) -> None:
    assert tasks.ask(question).text == "Pricing page copy – Blocked by: Legal review of new terms [1]"


@pytest.mark.parametrize(
    "question",
    [
        "What does the pricing page copy block?",
        "What waits for the pricing page copy?",
        "What is blocked by the pricing page copy?",
        "Which tasks are waiting for the pricing page copy?",
    ],
)
def test_what_a_row_holds_up_is_said_by_the_others(tasks: Library, question: str) -> None:
    assert "Price page in six languages – Blocked by: Pricing page copy" in tasks.ask(question).text
    assert len(tasks.ask(question).citations) == 1


def test_what_is_waited_for_may_be_called_by_a_part_of_its_title(tasks: Library) -> None:
    assert tasks.ask("What does the load test block?").text == "Release sign-off – Blocked by: Load test of sign-up [1]"


def test_it_is_what_the_question_before_was_about(tasks: Library) -> None:
    before = ["What is the status of Pricing page copy?"]

    assert tasks.ask("What waits for it?", earlier=before).text.startswith("Price page in six languages – Blocked by:")
    assert tasks.ask("What blocks it?", earlier=[*before, "When is it due?"]).text.startswith("Pricing page copy –")
    assert tasks.ask("And Billing e-mails?", earlier=before).text == "Billing e-mails – Status: Blocked [1]"


def test_of_several_that_are_held_up_all_are_told(tasks: Library) -> None:
    found = tasks.ask("What waits for the legal review of new terms?")

    assert {each.page_id for each in found.citations} == {"Pricing page copy", "Billing e-mails"}


def test_where_no_property_says_it_the_page_of_the_row_may(tasks: Library) -> None:
    assert tasks.ask("What is the load test of sign-up waiting for?").text.startswith("Needs the staging database")


@pytest.mark.parametrize("question", ["What blocks the legal review?", "What blocks the launch?"])
def test_what_waits_for_nothing_has_no_answer(tasks: Library, question: str) -> None:
    assert not tasks.ask(question).grounded
