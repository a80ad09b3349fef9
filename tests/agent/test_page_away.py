"""What a page answers is answered from it; without that page the others, which speak of nearly the same, do not."""

import pytest

from integrations.embedder import Embedder
from tests.agent.library import Library, Page, page, table

ANSWERING: dict[str, Page] = {
    "Bakers’ rest": page(
        "Every baker has 31 days of paid holiday a year.", "In your first year it is 2.5 days for each full month."
    ),
    "Mill": page("In the mill there are fourteen stones.", "The mill stones are turned every month."),
    "Keeping papers": table(
        "| Papers | Kept for | Then |", "| Delivery notes | 7 years | burnt |", "| Oven logs | 200 days | burnt |"
    ),
    "Fixed hours": page(
        "The bakers’ call is on Mondays at 06:15, the tasting on Fridays at 17:30; the call on flour is at noon."
    ),
    "Orders": page(
        "Cancelled more than 24 hours before pick-up: full refund.", "Later than that: no refund, a voucher."
    ),
    "Guild": page("We have about 260 members, the nine oldest of whom stand in the list below."),
    "Fair": page("Ada is in charge of the fair."),
    "Till keys": page("Keys to the till exist for leads. Losing one: lock the till, then call Bruno."),
    "Cake names": page("A cake name has at most 30 letters.", "No-cut: a cake sold whole."),
    "Ovens abroad": page("The big ovens stand in Graz.", "Oven parts are stored in Linz."),
    "Fire drill": page("The fire drill was cancelled in June."),
    "Wages": page("Wages are paid on the 28th."),
    "Birth leave": page("Birth leave in Austria is 16 weeks, in Italy 20 weeks."),
    "Shop dog": page("On her birthday the shop dog gets a bun."),
    "Guests": page("We answered 40 letters of guests in March."),
    "Shop hours": page("The shop opens at 08:30, on Saturdays at 09:00."),
    "Guest wifi": page("The wifi password for guests is on the board in the kitchen."),
}
NEAR: dict[str, Page] = {
    "Group orders": page("A group holds cakes without payment until 12 days before pick-up; the rest is paid then."),
    "Public holidays": page("The shop is open on holidays except 24 December; whoever bakes gets the day back."),
    "Bakers’ calls": page(
        "Whoever takes a delivery keeps it until the driver has signed.", "Each call is written down."
    ),
    "Tasting": page("The bakers’ call is for all; the fair opens on Sunday, 3 May 2026, at 10:00."),
    "Oven report": page(
        "The oven log was read for two weeks by Ada.", "Guards may look at delivery notes once a year."
    ),
    "Customs": page("Never send oven parts, keys or wages by post.", "The drill is in a drawer in Linz."),
    "Claims": page("Claims that arrive by the 20th are paid with that month’s wages."),
    "Top-up": page(
        "During the first 12 weeks of birth leave in Austria we top up, once you have been here for a year."
    ),
    "Cakes": page("Naming a cake takes about two hours, half of it spent on letters."),
    "Release": page("Released on 9 May 2026 to all members. It is the last list before Guild 7."),
    "Wifi": page("The wifi password is renewed every spring; nobody has written the new one down yet."),
    "Boards": page("The plan of the week is on the board in the hall."),
}
ASKED = [
    ("How many days of paid holiday do I get?", "Bakers’ rest", "31 days"),
    ("How many vacation days does every baker have?", "Bakers’ rest", "31 days"),
    ("How many stones are there in the mill?", "Mill", "fourteen"),
    ("How long do we keep delivery notes?", "Keeping papers", "7 years"),
    ("How long are oven logs kept?", "Keeping papers", "200 days"),
    ("At what time is the tasting?", "Fixed hours", "17:30"),
    ("what time is the bakers’ call", "Fixed hours", "06:15"),
    ("Can I get a refund if I cancel two hours before pick-up?", "Orders", "Later than that"),
    ("What happens if I cancel 3 hours before pick-up?", "Orders", "a voucher"),
    ("Do I get a refund if I cancel 30 hours before pick-up?", "Orders", "full refund"),
    ("How many members do we have?", "Guild", "260"),
    ("Who is responsible for the fair?", "Fair", "Ada"),
    ("What do I do when I lose a key to the till?", "Till keys", "lock the till"),
    ("How long may a cake name be?", "Cake names", "30 letters"),
    ("What is a no-cut?", "Cake names", "sold whole"),
    ("Where are oven parts stored?", "Ovens abroad", "Linz"),
    ("Was the fire drill cancelled?", "Fire drill", "in June"),
    ("When are wages paid?", "Wages", "28th"),
    ("How long is birth leave in Austria?", "Birth leave", "16 weeks"),
    ("What does the shop dog get on her birthday?", "Shop dog", "a bun"),
    ("How many letters of guests did we answer?", "Guests", "40 letters"),
    ("When does the shop open in the morning?", "Shop hours", "08:30"),
    ("Where is the wifi password for guests written?", "Guest wifi", "on the board in the kitchen"),
]


@pytest.fixture(scope="module")
def libraries(embedder: Embedder) -> dict[str, Library]:
    """All pages, and all but the one that is named."""
    whole = ANSWERING | NEAR
    away = {title: {each: text for each, text in whole.items() if each != title} for title in ANSWERING}
    return {name: Library(embedder, pages) for name, pages in {"": whole, **away}.items()}


@pytest.mark.parametrize(("question", "title", "words"), ASKED)
def test_the_page_that_says_it_answers(libraries: dict[str, Library], question: str, title: str, words: str) -> None:
    found = libraries[""].ask(question)

    assert found.grounded, found.text
    assert words in found.text
    assert found.citations[0].page_id == title


@pytest.mark.parametrize(("question", "title", "words"), ASKED)
def test_without_it_nothing_does(libraries: dict[str, Library], question: str, title: str, words: str) -> None:
    found = libraries[title].ask(question)

    assert not found.grounded, found.text
    assert found.citations == ()
