"""Of pages that say different things about the same, the newest is told first, and a replaced one not at all."""

from datetime import UTC, datetime

import pytest

from agent.composing import Answer
from agent.passages import Passage
from integrations.embedder import Embedder
from tests.agent.library import Library, Page, page, table

FUEL = [
    Passage("f0", "table", "| What | Limit |\n| --- | --- |", ()),
    Passage("f1", "table", "| Fuel while driving | $70 a day |", ()),
    Passage("f2", "table", "| Parking | $20 a day |", ()),
]
OLD, NEW = datetime(2025, 3, 9, tzinfo=UTC), datetime(2026, 8, 2, tzinfo=UTC)
PAGES: dict[str, tuple[datetime, Page]] = {
    "Bakery rules": (OLD, page("Bakers on the night shift get $30 for each night.")),
    "Night shift": (NEW, page("Bonus: $45 for each night, paid in cash.", "Two bakers share a night.")),
    "Driving": (OLD, page("The daily allowance for fuel is $55.")),
    "Limits": (NEW, (FUEL, ())),
    "Library card": (NEW, page("This page is superseded by the reading room guide.", "Books are lent for 21 days.")),
    "Reading room guide": (OLD, page("Books are lent for 28 days.")),
    "Returns (old)": (NEW, page("Shoes can be returned within 10 days.")),
    "Returns": (OLD, page("Shoes can be returned within 40 days.")),
    "Dogs": (NEW, page("A dog in the shop needs a leash of two metres.", "Dogs are washed every 3 weeks.")),
    "Bun fair (draft)": (OLD, page("Fair day: Monday, 3 May 2027.", "Freeze: three days before the fair.")),
    "Bun fair": (NEW, page("The fair goes on until noon.", "The bun fair is on Thursday, 6 May 2027, in the hall.")),
    "Cats": (OLD, page("Cats are washed every 9 weeks.")),
    "Oven lease": (NEW, page("The oven lease ends after 4 years unless somebody gives notice 90 days before.")),
    "Flour lease": (OLD, page("The flour lease ends after 2 years, with notice 90 days before.")),
    "Mixer check": (NEW, page("The mixer check is passed when the probe runs for five minutes.")),
    "Mixer test": (OLD, page("The mixer test runs for nine minutes on each day.")),
    "Tray prices 2027": (NEW, table("| Tray | Price | Deposit |", "| Large | €9 | €40 |")),
    "Tray prices 2026": (OLD, table("| Tray | Price | Deposit |", "| Large | €7 | €40 |")),
    "Racks 2027": (NEW, table("| Rack | Price | Shelves |", "| Tall | €9 | 6 |")),
    "Racks 2026": (OLD, table("| Rack | Price | Shelves |", "| Tall | €7 | 6 |")),
    "Choir night": (NEW, page("The choir sings in May, with the hall of Kontor Nord, for €1,450.")),
    "Choir budget": (OLD, table("| Item | 2026 | 2027 |", "| Lamps and choir | €3,100 | €4,800 |")),
    "Stall": (NEW, page("The stall goes live on Monday, 7 June 2027.", "The stall was painted on 2 May 2027.")),
    "Stall minutes": (OLD, page("The day of the launch was argued over until the evening of 3 March.")),
}


@pytest.fixture(scope="module")
def library(embedder: Embedder) -> Library:
    made = Library(embedder, {title: page for title, (_, page) in PAGES.items()})
    made.candidates = [each.model_copy(update={"edited_at": PAGES[each.title][0]}) for each in made.candidates]
    return made


def cited(found: Answer) -> list[str]:
    return [each.page_id for each in found.citations]


@pytest.mark.parametrize(
    ("question", "pages"),
    [
        ("When is the bun fair?", ["Bun fair", "Bun fair (draft)"]),
        ("Is the bun fair on 3 May?", ["Bun fair", "Bun fair (draft)"]),
        ("How much do bakers get for a night shift?", ["Night shift", "Bakery rules"]),
        ("How much is the daily fuel allowance when driving?", ["Limits", "Driving"]),
        ("What is the price of a large tray?", ["Tray prices 2027", "Tray prices 2026"]),
    ],
)
def test_both_are_told_with_their_days_and_the_newest_first(library: Library, question: str, pages: list[str]) -> None:
    found = library.ask(question)

    assert cited(found) == pages
    assert found.text.startswith("The pages differ. The newest one was edited on 2 August 2026:")
    assert "edited 9 March 2025" in found.text.splitlines()[-1]


@pytest.mark.parametrize(
    ("question", "pages"),
    [
        ("For how many days are books lent?", ["Reading room guide"]),
        ("Within how many days can shoes be returned?", ["Returns"]),
        ("How often are dogs washed?", ["Dogs"]),
        ("How often are cats washed?", ["Cats"]),
        ("What happens on the night shift?", ["Bakery rules"]),
    ],
)
def test_what_was_replaced_or_is_about_another_is_left_out(library: Library, question: str, pages: list[str]) -> None:
    found = library.ask(question)

    assert cited(found) == pages
    assert "differ" not in found.text


@pytest.mark.parametrize(
    "question",
    [
        # Prices differ, shelves do not.
        "How many shelves has a tall rack?",
        # Both say 90 days; how long they last is not asked.
        "How many days notice ends the lease?",
        # Lamps and choir together cost another amount than the choir.
        "choir cost",
        # No page speaks of a suite.
        "How long does the mixer suite run?",
    ],
)
def test_amounts_that_are_not_asked_for_do_not_differ(library: Library, question: str) -> None:
    assert "differ" not in library.ask(question).text


@pytest.mark.parametrize(
    "question", ["When is the launch of the stall?", "Stall launch date?", "When do we launch the stall?"]
)
def test_a_day_is_told_by_what_says_that_something_is_on_it(library: Library, question: str) -> None:
    found = library.ask(question)

    assert cited(found) == ["Stall"]
    assert "7 June 2027" in found.text
    assert "painted" not in found.text


def test_without_days_none_is_called_the_newest(embedder: Embedder) -> None:
    both: dict[str, Page] = {
        "One": page("The gate closes after 8 hours."),
        "Two": page("The gate closes after 12 hours."),
    }

    found = Library(embedder, both).ask("After how many hours does the gate close?")

    assert len(found.citations) == 2
    assert found.text.startswith("The pages differ:")
