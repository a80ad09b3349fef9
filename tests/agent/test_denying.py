"""A question that denies something is answered by what denies it too."""

import pytest

from agent import denying
from agent.passages import Passage
from integrations.embedder import Embedder
from tests.agent.library import Library, Page


def page(*texts: str) -> Page:
    return [Passage(f"b{number}", "paragraph", text, ()) for number, text in enumerate(texts)], ()


PAGES: dict[str, Page] = {
    "On call": page("Kwame Mensah and Jonas Weber are on call in launch week."),
    "Security": page("We use the password manager Vaultwise.", "Servers in Virginia are not acceptable for mail."),
    "Time off": (
        [
            Passage("t0", "paragraph", "Everyone has 28 days of paid holiday a year.", ()),
            Passage("t1", "list", "1. Your lead answers a holiday request within three days. No answer means yes.", ()),
        ],
        (),
    ),
    "Pricing copy": (
        [Passage("p0", "paragraph", "Cannot publish before terms are approved, because the footnotes quote them.", ())],
        (("Status", "Blocked"), ("Owner", "Tom Reyes")),
    ),
    "Design review": page("To be decided in the design review: the colour of the scan button."),
    "Demand pricing": page("Demand pricing was withdrawn because passengers felt cheated."),
    "Runbook: texts do not arrive": page("If Tondo reports trouble, switch to the second provider: brieftaube."),
    "Willkommen": page("Mittwochs bis zwölf Uhr wird nicht telefoniert."),
    "Investors": page("We take no investor, because two offers came with a wish for cruise ships."),
}


@pytest.fixture(scope="module")
def library(embedder: Embedder) -> Library:
    return Library(embedder, PAGES)


@pytest.mark.parametrize(
    "question",
    [
        "Who is not on call in launch week?",
        "Who isn't on call in launch week?",
        "Which password manager do we not use?",
        "Which password manager don’t we use?",
        "Which password manager do we never use?",
        "Who does not own the pricing copy?",
        "How many days of unpaid holiday does everyone have?",
        "How many days of holiday without pay does everyone have?",
        "How many days of non-paid holiday does everyone have?",
        "What was not decided in the design review?",
        "Why was demand pricing not withdrawn?",
        "Which password manager do we use not?",
        "Welches Passwort verwendet Vaultwise nicht?",
    ],
)
def test_what_is_said_without_a_not_is_no_answer(library: Library, question: str) -> None:
    found = library.ask(question)

    assert not found.grounded, found.text


@pytest.mark.parametrize(
    ("question", "words"),
    [
        ("Who is on call in launch week?", "Kwame"),
        ("How many days of paid holiday does everyone have?", "28 days"),
        ("Why was demand pricing withdrawn?", "felt cheated"),
        ("Which servers are not acceptable?", "Virginia"),
        ("What happens if my lead does not answer my holiday request?", "No answer means yes"),
        ("Why can the pricing copy not be published?", "Cannot publish"),
        ("Why can't the pricing copy be published?", "Cannot publish"),
        ("Which provider do we switch to when texts do not arrive?", "brieftaube"),
        ("Wann wird nicht telefoniert?", "bis zwölf Uhr"),
        ("Why do we not take an investor?", "cruise ships"),
    ],
)
def test_what_denies_the_same_is(library: Library, question: str, words: str) -> None:
    found = library.ask(question)

    assert found.grounded
    assert words in found.text


def test_a_denied_question_goes_on_denied(library: Library) -> None:
    assert not library.ask("And who is not?", earlier=["Who is on call in launch week?"]).grounded
    assert not library.ask("And in launch week?", earlier=["Who is not on call?"]).grounded


@pytest.mark.parametrize(
    ("question", "sentence", "known"),
    [
        ("Which users were not invited?", "Uninvited users see nothing.", True),
        ("Which leave is unpaid?", "A sabbatical is not paid.", True),
        ("Which leave is unpaid?", "A sabbatical is unpaid.", True),
        ("Which leave is unpaid?", "A holiday is paid.", False),
        ("When is it unavailable?", "It is open on weekends.", False),
        ("Who is ineligible?", "Everybody is eligible.", False),
        ("Which invoice is indexed?", "The bill is there.", True),
        ("Which leave is not paid?", "If you are not here, paid holiday ends.", False),
        ("Who must never approve spending?", "Nobody may approve spending alone.", True),
        ("Is it open or not?", "It is open.", True),
        ("What is under the unit price?", "The unit price is under the table.", True),
        ("Who cannot sign?", "Leads can sign.", False),
        ("Who cant sign?", "Leads can sign.", False),
        ("Which rooms have no window?", "The cellar has no window.", True),
        ("Which rooms have no window?", "The kitchen has a window.", False),
        ("Why not?", "Because.", False),
    ],
)
def test_a_not_belongs_to_the_word_beside_it(question: str, sentence: str, known: bool) -> None:
    stems = frozenset(("paid", "derstand", "it", "der"))

    assert denying.denies([sentence], denying.denied(question), stems) == known
