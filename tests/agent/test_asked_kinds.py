"""A sentence answers with the kind of thing that is asked for: an amount, a length of time, a price, a reason."""

import pytest

from agent import amounts
from agent.passages import Passage
from integrations.embedder import Embedder
from tests.agent.library import Library, Page


def page(*texts: str) -> Page:
    return [Passage(f"b{number}", "paragraph", text, ()) for number, text in enumerate(texts)], ()


PAGES: dict[str, Page] = {
    "Restore from backup": page(
        "The restore of a backup takes about 50 minutes.",
        "Backups are kept for 35 days, with every second of the last 7 days reachable.",
        "Restore rehearsal of 4 November: 47 minutes.",
        "A restore is rehearsed every second month.",
    ),
    "Holiday support": page("Support is staffed except 25 December; whoever works gets the day back."),
    "Time off": page("Everyone has 28 days of paid holiday a year."),
    "On call": page("Pay: €180 for each week, plus €60 for each night. In force since 1 October 2026."),
    "Waitlist": page("Since the waitlist trial began in July it fills on average 1.4 of the 2 free places."),
    "Launch sync, 29 Oct": page("The launch sync takes place every Thursday at 15:00. All attendees were there."),
    "All-hands": page(
        "Questions from the box: Will there be a thirteenth salary? Salary is only part of what you get."
    ),
    "E-mail": page("Decision: we stay with Postkutsche.", "Servers elsewhere were refused because of the law."),
    "Security": page(
        "The security audit is made in spring by Kontor Nord.", "Tell Leonie, she keeps the list of keys."
    ),
    "Lisbon": page(
        "In Lisbon we use a hotel where our rate is €82 for the office.", "Keys are in the safe in Hamburg."
    ),
    "Insurance": page("Direct insurance: we add up to €120 a month.", "The old laptop is sold for €180."),
    "Equipment": page("Laptops are replaced after 36 months, phones after 30."),
    "Outage": page("Lucía recognised the pattern within minutes after joining.", "The outage: Lucía heard of it late."),
    "Children": page("The illness of a child counts like your own for up to 10 days a year."),
    "Releases": page("It is the last release before Harbor 6, hence mostly repairs."),
    "Kitchen": page("Coffee with your buddy in the first week.", "The budget was discussed in the meeting on coffee."),
    "Error codes": page("HRB-1403 means that the audience does not match; fix the connection and restart."),
    "Roles": page("The role of a product designer starts in April.", "A deployment is watched by Dmitri Volkov."),
}


@pytest.fixture(scope="module")
def library(embedder: Embedder) -> Library:
    return Library(embedder, PAGES)


@pytest.mark.parametrize(
    "question",
    [
        "Did we pay €1,940?",
        "Can I take a taxi for €50?",
        "What is the waitlist fee?",
        "How much does the waitlist cost?",
        "How many attendees were in the launch sync?",
        "Will we get a thirteenth salary?",
        "Why did we stay with Postkutsche?",
        "When is the next restore rehearsal?",
        "Who leads the security audit?",
        "Who keeps the security audit?",
        "Which role comes first?",
        "How often is a deployment watched?",
        "How long is a deployment watched?",
        "Where is a restore rehearsed?",
        "What is the address of the office in Lisbon?",
        "How many sick days do I get?",
        "When is the next release?",
        "Is there free coffee?",
        "Who is testing the deployment?",
        "What was the budget for coffee?",
        "How much does the travel insurance cost?",
        "How much does an old phone cost?",
        "How long is the warranty on laptops?",
        "When did Lucía join?",
        "Who caused the outage?",
        "Where is the Lisbon office?",
        "What does HRB-4012 mean and how do I fix it?",
    ],
)
def test_what_is_of_another_kind_is_no_answer(library: Library, question: str) -> None:
    found = library.ask(question)

    assert not found.grounded, found.text


@pytest.mark.parametrize(
    ("question", "words"),
    [
        ("How long does it take to restore a backup?", "50 minutes"),
        ("How many minutes does the restore of a backup take?", "50 minutes"),
        ("Are backups kept for 35 days?", "35 days"),
        ("Are backups kept for 30 days?", "35 days"),
        ("Do I get 25 days of paid holiday?", "28 days"),
        ("How much do we pay for each night on call?", "€60"),
        ("How often is a restore rehearsed?", "every second month"),
        ("When was the restore rehearsal?", "4 November"),
        ("Who keeps the list of keys?", "Leonie"),
        ("Why were servers elsewhere refused?", "because of the law"),
        ("Where are the keys?", "in the safe in Hamburg"),
        ("Who is watching the deployment?", "Dmitri"),
    ],
)
def test_what_is_of_the_kind_is_answered(library: Library, question: str, words: str) -> None:
    found = library.ask(question)

    assert words in found.text


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("a taxi for €50", {("50", "€")}),
        ("paid €1,940 and 10.000 Euro", {("1940", "€"), ("10000", "€")}),
        ("$49.50 a month", {("49.50", "$")}),
        ("within 7 working days", {("7", "day")}),
        ("a 30-day trial at 99,5 %", {("30", "day"), ("99.5", "%")}),
        ("25 December, room 12, HRB-4012", set()),
    ],
)
def test_amounts_are_read_with_their_unit(text: str, found: set[tuple[str, str]]) -> None:
    assert amounts.read(text) == found
