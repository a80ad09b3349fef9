"""A line answers only what it is about, and not what stands near to it on its page."""

import pytest

from agent.passages import Passage
from integrations.embedder import Embedder
from tests.agent.library import Library, Page, page

BENEFITS = [
    Passage("h1", "heading", "## Pension and insurance", ("Pension and insurance",)),
    Passage("b1", "list", "- Austria: a plan with Alpina, €70 a month from us.", ("Pension and insurance",)),
    Passage("h2", "heading", "## Health", ("Health",)),
    Passage(
        "b2",
        "paragraph",
        "In Austria we pay for private doctors. In Norway, where the state pays, we give €60 a month towards sport.",
        ("Health",),
    ),
]
RULES = [
    Passage("r1", "list", "- Passwords have at least 14 characters and are never changed on a schedule.", ()),
    Passage("r2", "list", "- Service accounts have an owner, and keys that live for 90 days at most.", ()),
]
PAGES: dict[str, Page] = {
    "Benefits and pension": (BENEFITS, ()),
    "Access and password rules": (RULES, ()),
    "Ovens": page("The oven check is passed when the probe runs for five minutes."),
    "Letters": page("If a guest writes to us, we forward the request to the shop within two working days."),
    "Rooms": page("The Graz lease ends in May; the owner offers five more years at plus 6 %."),
    "Reading budget": page("Each of us has €300 a year for reading.", "It does not roll over."),
    "First days": page("Shoes are paid from the tool budget, not from your own reading budget."),
    "Meetings": page(
        "After the retrospective three of us had no holiday in the summer. All rest before Midsummer Day."
    ),
    "Parents": page("In the first 12 weeks the shop adds to what the city pays, up to 90 % of your net wage."),
    "Claims": page("Claims that arrive by the 20th are paid with that month’s wages."),
    "Talks with guests": page("Ask before recording, and start the tape only after a clear yes."),
    "Tapes": page("Recordings in the shop are erased after 50 days."),
    "Closing days": page("On 25 December the shops are closed for a holiday."),
}


@pytest.fixture(scope="module")
def library(embedder: Embedder) -> Library:
    return Library(embedder, PAGES)


@pytest.mark.parametrize(
    "question",
    [
        # Its title speaks of passwords, and another of its lines is about them.
        "passwords every 90 days",
        "Must passwords be changed every 90 days?",
        # No suite is spoken of.
        "How long does the oven suite run?",
        "oven suite",
        # What goes to a shop is not done by one.
        "requests by a shop",
        # A rise is no price.
        "Graz lease cost",
        "What does the Graz lease cost?",
        # A share of it is another thing.
        "When do we pay wages?",
        "On which day are wages paid?",
        # That is a deed.
        "recordings of talks",
        # Another sentence names the day.
        "Is Midsummer Day a holiday?",
    ],
)
def test_what_is_about_something_else_is_no_answer(library: Library, question: str) -> None:
    found = library.ask(question)

    assert not found.grounded, found.text


@pytest.mark.parametrize(
    ("question", "words"),
    [
        ("Pension in Austria", "Alpina"),
        ("What do we pay for health in Norway?", "€60"),
        ("Reading budget", "€300"),
        ("recordings in the shop", "50 days"),
        ("Is Christmas Day a holiday?", "25 December"),
        ("How many characters must passwords have?", "14"),
        ("When does the Graz lease end?", "May"),
    ],
)
def test_what_is_about_it_is_told_alone(library: Library, question: str, words: str) -> None:
    found = library.ask(question)

    assert words in found.text
    assert len(found.citations) == 1, found.text


def test_a_feast_that_pages_call_by_its_name_is_left_so(embedder: Embedder) -> None:
    library = Library(embedder, {"Closing days": page("On Boxing Day the shops are closed for a holiday.")})

    assert "Boxing Day" in library.ask("Is Boxing Day a holiday?").text
