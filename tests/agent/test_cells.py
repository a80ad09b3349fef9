"""Rows of a table are picked by what stands in a cell."""

import pytest

from agent import cells
from integrations.embedder import Embedder
from tests.agent.library import Library, Page, page, table

PAGES: dict[str, Page] = {
    "The crew": table(
        "| Name | Job | City |",
        "| Ada Wong | Chief baker | Porto |",
        "| Bruno Sá | Pastry baker | Graz |",
        "| Chika Obi | Driver, bakery van | Graz |",
        "| Dana Levi | Accountant | Oslo |",
    ),
    "Ovens": table(
        "| Oven | Fuel | Service |",
        "| Big Bertha | gas | every month |",
        "| Little Tim | electric | never |",
        "| Old Joe | gas | once a year |",
    ),
    "Letters": table(
        "| When | To | What | From |",
        "| 5 May | all shops | price list | Ada Wong |",
        "| 15 May | suppliers | thanks | Dana Levi |",
    ),
    "Leases": table(
        "| Oven shop | Ends | Terms |",
        "| Graz | 5 May 2027 | none |",
        "| Oslo | 5 May 2029 | new floor by 2027 |",
    ),
    "Alarms": table("| Level | Meaning |", "| A1 | Nobody can bake or sell |", "| A2 | One oven is down |"),
    "Plans": page("Ada wants to visit Graz in spring; Bruno hopes that the van is repaired by then."),
    "Holidays": table("| Day | Porto | Graz |", "| 5 May | open | closed |", "| 6 May | closed | open |"),
}


@pytest.fixture(scope="module")
def library(embedder: Embedder) -> Library:
    return Library(embedder, PAGES)


@pytest.mark.parametrize(
    ("question", "firsts"),
    [
        ("Which people work in Graz?", ["Bruno Sá", "Chika Obi"]),
        ("Who works in Oslo?", ["Dana Levi"]),
        ("Which people are bakers?", ["Ada Wong", "Bruno Sá"]),
        ("Where does Bruno work?", ["Bruno Sá"]),
        ("Who is Chika?", ["Chika Obi"]),
        ("What does Dana do?", ["Dana Levi"]),
        ("Who is the chief baker?", ["Ada Wong"]),
        ("Which ovens have gas?", ["Big Bertha", "Old Joe"]),
        ("Which fuel is electric?", ["Little Tim"]),
        ("What is sent on 5 May?", ["5 May"]),
        ("Which leases end in 2027?", ["Graz"]),
        ("Which level means nobody can bake?", ["A1"]),
    ],
)
def test_all_rows_with_the_cell_are_told(library: Library, question: str, firsts: list[str]) -> None:
    found = library.ask(question)

    assert [each.quote.split(" | ")[0].removeprefix("| ") for each in found.citations] == firsts


@pytest.mark.parametrize(
    "question",
    [
        "Who works in Berlin?",
        "Who is Emil?",
        "Where does Emil work?",
        "Where does Ada live?",
        "Which people are drivers in Porto?",
        "Which ovens have no gas?",
        "Which ovens have coal?",
        "What is sent on 25 May?",
        "Who visited Graz?",
        "Which level means nobody can drive?",
    ],
)
def test_rows_without_the_cell_are_not(library: Library, question: str) -> None:
    found = library.ask(question)

    assert not found.grounded, found.text


@pytest.mark.parametrize(
    ("question", "name"),
    [
        ("Who is Ada Wong?", "Ada Wong"),
        ("Which people work in Graz?", "Graz"),
        ("Where does Bruno work?", "Bruno"),
        ("Which ovens have gas?", ""),
        ("How many people work in Graz?", ""),
    ],
)
def test_a_name_is_looked_for_in_other_tables_too(question: str, name: str) -> None:
    assert cells.name_sought(question) == name
