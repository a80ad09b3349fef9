import re

import pytest

from agent.answering import answer
from agent.passages import Passage
from integrations.embedder import Embedder
from tests.agent.library import Library, Page

PLANS = [
    Passage("t0", "table", "| Plan | Price | Users |\n| --- | --- | --- |", ()),
    Passage("t1", "table", "| Pro | $10 | 1 |", ()),
    Passage("t2", "table", "| Teams | $49 | unlimited |", ()),
]
REFUNDS = "We want customers to be happy. Refunds are accepted within 30 days of purchase, if the receipt is shown."
OFFICE = [
    Passage("o1", "paragraph", "The office in Berlin opens at 8:00. Visitors sign in at the desk.", ()),
    Passage("o2", "paragraph", "To book a room:", ()),
    Passage("o3", "list", "1. Open the calendar", ()),
    Passage("o4", "list", "2. Choose a room", ()),
]
INCIDENTS = "Error HTTP_504 is raised when the gateway waits too long. INV-2031 was paid twice [1]."
TASK = (("Status", "In progress"), ("Due", "2026-12-01"), ("Assignee", "Bob Miller"))
PAGES: dict[str, Page] = {
    "Refund policy": ([Passage("r1", "paragraph", REFUNDS, ())], ()),
    "Office guide": (OFFICE, ()),
    "Plans": (PLANS, ()),
    "Ship website": ([Passage("s1", "paragraph", "Blocked by the new logo.", ())], TASK),
    "Incident log": ([Passage("i1", "paragraph", INCIDENTS, ())], ()),
}


@pytest.fixture(scope="session")
def library(embedder: Embedder) -> Library:
    return Library(embedder, PAGES)


@pytest.mark.parametrize(
    ("question", "text"),
    [
        ("How long do customers have to get a refund?",
         "Refunds are accepted within 30 days of purchase, if the receipt is shown. [1]"),
        ("When does the Berlin office open?", "The office in Berlin opens at 8:00. [1]"),
        ("What does Teams cost?", "Plans – Plan: Teams, Price: $49, Users: unlimited [1]"),
        ("When is the website due?", "Ship website – Due: 2026-12-01 [1]"),
        ("What is HTTP_504?", "Error HTTP_504 is raised when the gateway waits too long. [1]"),
        ("How do I book a room?", "- Open the calendar [1]\n- Choose a room [2]"),
    ],
)  # fmt: skip
def test_a_question_is_answered_with_what_the_page_says(library: Library, question: str, text: str) -> None:
    found = library.ask(question)

    assert found.grounded
    assert found.text == text


@pytest.mark.parametrize(
    "question",
    [
        "What is the capital of France?",
        "How do I bake bread?",
        "When does the Paris office open?",
        "What is the refund window for Japan?",
        "What is HTTP_503?",
        "What is the salary of Bob?",
        "What is Bob's phone number?",
    ],
)
def test_what_no_page_says_is_not_answered(library: Library, question: str) -> None:
    found = library.ask(question)

    assert not found.grounded
    assert found.citations == ()
    assert found.text.startswith("I did not find an answer")


@pytest.mark.parametrize(
    "question", ["Who works on Ship website?", "What is the price of Pro?", "What happened with INV-2031?"]
)
def test_every_line_cites_one_block_with_words_that_stand_there(library: Library, question: str) -> None:
    found = library.ask(question)
    chunks = {each.chunk_id: each for each in library.candidates}

    marks = re.findall(r"\[(\d+)\]$", found.text, re.MULTILINE)

    assert [int(mark) for mark in marks] == [each.number for each in found.citations]
    for each in found.citations:
        spans = {block: (start, end) for block, start, end in chunks[each.chunk_id].spans}
        start, end = spans[each.block_id]
        assert each.quote in chunks[each.chunk_id].text[start:end]


def test_a_page_cannot_forge_a_citation(library: Library) -> None:
    found = library.ask("What happened with INV-2031?")

    assert found.text == "INV-2031 was paid twice (1). [1]"


def test_nothing_to_read_is_nothing_to_answer(library: Library) -> None:
    assert not answer("Anything?", [], library.embedder.embed).grounded
