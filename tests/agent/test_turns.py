"""Who has the week or day that a question means is read from a table that goes by weeks."""

from datetime import UTC, date, datetime

import pytest

from integrations.embedder import Embedder
from tests.agent.library import Library, Page, page, table

WEDNESDAY = date(2027, 5, 5)
PAGES: dict[str, Page] = {
    "Oven watch": table(
        "| Week from | Baker | Deputy |",
        "| 26 April | Ada Wong | Dana Levi |",
        "| 3 May | Bruno Sá | Dana Levi |",
        "| 10 May (fair) | Chika Obi | Ada Wong |",
    ),
    "Diary": page("A deputy is named for each week beside the baker on oven watch (Eve, from 5 October)."),
    "Guests": page("The mayor visits the bakery on Thursday, 6 May.", "Ada showed the ovens to the school."),
}


@pytest.fixture(scope="module")
def library(embedder: Embedder) -> Library:
    made = Library(embedder, PAGES)
    edited = datetime(2027, 4, 20, tzinfo=UTC)
    made.candidates = [each.model_copy(update={"edited_at": edited}) for each in made.candidates]
    return made


@pytest.mark.parametrize(
    ("question", "today", "name"),
    [
        ("Who is on oven watch this week?", WEDNESDAY, "Bruno"),
        ("Who is on oven watch next week?", WEDNESDAY, "Chika"),
        ("Who was on oven watch last week?", WEDNESDAY, "Ada"),
        ("Who is on oven watch?", WEDNESDAY, "Bruno"),
        ("Who is on oven watch today?", date(2027, 5, 10), "Chika"),
        ("Who is on oven watch tomorrow?", date(2027, 5, 9), "Chika"),
        ("Who is on oven watch this week?", date(2027, 5, 9), "Bruno"),
        ("Who is the baker on oven watch now?", WEDNESDAY, "Bruno"),
    ],
)
def test_the_row_of_the_week_or_day_is_told(library: Library, question: str, today: date, name: str) -> None:
    found = library.ask(question, today=today)

    assert [each.page_id for each in found.citations] == ["Oven watch"]
    assert f"Baker: {name}" in found.text


@pytest.mark.parametrize("question", ["Who is on oven watch this week?", "Who visits the bakery this week?"])
def test_what_is_of_no_such_week_is_no_answer(library: Library, question: str) -> None:
    found = library.ask(question, today=date(2027, 8, 4))

    assert not found.grounded, found.text


def test_a_sentence_with_a_day_of_the_week_answers(library: Library) -> None:
    assert "mayor" in library.ask("Who visits the bakery this week?", today=WEDNESDAY).text
