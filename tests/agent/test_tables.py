"""Rows of a table on a page: looked up by their first cell, and listed whole."""

import pytest

from agent.passages import Passage
from integrations.embedder import Embedder
from tests.agent.library import Library, Page, table

PAGES: dict[str, Page] = {
    "Harbor prices": table(
        "| Plan | Monthly fee | Vessels |",
        "| Pier | €49 | 1 |",
        "| Fleet | €390 | up to 15 |",
        "| Fleet Plus | €790 | any |",
    ),
    "Unit economics": ([Passage("u", "paragraph", "A customer costs €11 a month on Pier and €120 on Fleet.", ())], ()),
    "Error codes": table(
        "| Code | Meaning |", "| HRB-4012 | Payment webhook refused |", "| HRB-2207 | Label printed twice |"
    ),
    "Outage": ([Passage("o", "paragraph", "Then check the log for HRB-4012.", ())], ()),
    "Hiring plan": table(
        "| Role | Start |",
        "| Site engineer | February 2027 |",
        "| Support specialist | March 2027 |",
        "| Designer | April 2027 |",
        "| Backend engineer | June 2027 |",
        "| Account executive | September 2027 |",
    ),
    "Launch risks": table(
        "| Risk | Likelihood |",
        "| Terms late | high |",
        "| Fear of higher prices | low |",
        "| Spam | high |",
    ),
    "Fair dangers": table(
        "| Danger | Answer |",
        "| rain | open the fair in the hall |",
        "| no buns | Ada bakes |",
        "| fire | Bruno calls |",
    ),
    "Letters": table("| When | To | From |", "| 3 May | old bakers | Ada Wong |", "| 4 May | everyone | Bruno Sá |"),
    "Spending": table(
        "| Amount | Who may commit it |", "| up to €500 | everyone |", "| up to €25,000 | Maya or Henrik |"
    ),
}
FLEET = "Harbor prices – Plan: Fleet, Monthly fee: €390, Vessels: up to 15 [1]"


@pytest.fixture(scope="module")
def library(embedder: Embedder) -> Library:
    return Library(embedder, PAGES)


@pytest.mark.parametrize(
    ("question", "answer"),
    [
        ("What does Fleet cost?", FLEET),
        ("How many vessels are included in Fleet?", FLEET),
        ("What is the fee of Fleet Plus?", "Harbor prices – Plan: Fleet Plus, Monthly fee: €790, Vessels: any [1]"),
        ("HRB-4012", "Error codes – Code: HRB-4012, Meaning: Payment webhook refused [1]"),
        ("What does HRB-4012 mean?", "Error codes – Code: HRB-4012, Meaning: Payment webhook refused [1]"),
    ],
)
def test_a_row_is_looked_up_by_its_first_cell(library: Library, question: str, answer: str) -> None:
    assert library.ask(question).text == answer


@pytest.mark.parametrize(
    "question",
    [
        "What does Fleet cost per week?",
        "What does the Fleet plan cost per day?",
        "What does Fleet cost in dollars?",
        "What does Pier cost in pounds?",
    ],
)
def test_a_price_of_another_time_or_currency_is_none(library: Library, question: str) -> None:
    assert not library.ask(question).grounded


def test_a_price_a_month_in_euros_is_one(library: Library) -> None:
    assert library.ask("What does Fleet cost per month in euros?").text == FLEET


def test_rows_that_say_less_of_what_is_asked_are_not_listed(library: Library) -> None:
    found = library.ask("Which risks are high?")

    assert [each.quote for each in found.citations] == ["| Terms late | high |", "| Spam | high |"]


def test_another_row_of_the_same_table_is_looked_up_next(library: Library) -> None:
    found = library.ask("And HRB-2207?", earlier=["What does HRB-4012 mean?"])

    assert "Label printed twice" in found.text


def test_all_rows_that_are_asked_for_are_listed(library: Library) -> None:
    found = library.ask("Which roles start in 2027?")

    assert [each.quote.split(" | ")[0] for each in found.citations] == [
        "| Site engineer", "| Support specialist", "| Designer", "| Backend engineer", "| Account executive",
    ]  # fmt: skip


def test_a_row_of_another_amount_is_no_answer(library: Library) -> None:
    assert not library.ask("Who may commit €10,000?").grounded


def test_what_there_are_several_of_is_listed_whole(library: Library) -> None:
    assert len(library.ask("What are the roles of the hiring plan?").citations) == 5


@pytest.mark.parametrize(
    ("question", "rows"),
    [("List the fair dangers", 3), ("Summarise the fair dangers", 3), ("What are the fair dangers?", 3)],
)
def test_a_table_that_is_named_is_told_whole(library: Library, question: str, rows: int) -> None:
    assert len(library.ask(question).citations) == rows


def test_whoever_writes_to_somebody_is_not_told_to_be_them(library: Library) -> None:
    assert not library.ask("Who are the old bakers?").grounded
