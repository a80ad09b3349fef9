"""An earlier question helps where the new one has no subject of its own, and is no answer to it."""

import pytest

from agent.follow_ups import in_context
from agent.passages import Passage
from integrations.embedder import Embedder
from tests.agent.library import Library, Page

HOLIDAY = "How many days of paid holiday do we have?"


def page(*texts: str) -> Page:
    return [Passage(f"b{number}", "paragraph", text, ()) for number, text in enumerate(texts)], ()


SUPPORT = page("Support is staffed on all of them except 25 December; whoever works gets the day back plus half a day.")
TIME_OFF = page(
    "Everyone has 28 days of paid holiday a year.", "In Germany everyone has 30 days of paid holiday a year."
)
PAGES: dict[str, Page] = {
    "Time off": TIME_OFF,
    "Public holidays": SUPPORT,
    "Children": page("Parental leave is 120 days for each parent."),
}


@pytest.fixture(scope="module")
def library(embedder: Embedder) -> Library:
    return Library(embedder, PAGES)


@pytest.fixture(scope="module")
def without_time_off(embedder: Embedder) -> Library:
    return Library(embedder, {title: PAGES[title] for title in ("Public holidays", "Children")})


@pytest.fixture(scope="module")
def tasks(embedder: Embedder) -> Library:
    rows: dict[str, Page] = {
        "Pricing page": ([], (("Status", "Blocked"), ("Owner", "Tom Reyes"))),
        "Load test": ([], (("Status", "Blocked"), ("Priority", "Urgent"))),
        "Video": ([], (("Status", "Done"), ("Owner", "Tom Reyes"))),
    }
    return Library(embedder, rows, place="Launch plan")


@pytest.mark.parametrize(
    "question",
    [
        "And how long is parental leave?",
        "Also, who approves a holiday?",
        "Then when is the trial period over?",
        "How old may an expense claim be before it is refused?",
        "How long does it take to restore a backup?",
        "What does the office dog get on her birthday?",
        "What should a purser do with his phone?",
        "What does each baker bring to his tasting?",
    ],
)
def test_a_whole_question_is_asked_alone(question: str) -> None:
    assert in_context(question, [HOLIDAY]) == question


@pytest.mark.parametrize(
    "question",
    [
        "And in Germany?",
        "What about Germany?",
        "And when?",
        "And how long is it?",
        "And how early must I apply?",
        "And how early must I tell Priya?",
        "And what about sick days?",
        "Is there a deadline for it?",
    ],
)
def test_what_has_no_subject_goes_on_with_the_one_before(question: str) -> None:
    assert in_context(question, [HOLIDAY]) == f"{HOLIDAY} {question}"


def test_another_subject_has_its_own_answer(library: Library) -> None:
    found = library.ask("And how long is parental leave?", earlier=[HOLIDAY])

    assert found.text == "Parental leave is 120 days for each parent. [1]"


def test_what_the_follow_up_brings_is_in_its_answer(library: Library) -> None:
    assert library.ask("And in Germany?", earlier=[HOLIDAY]).text == (
        "In Germany everyone has 30 days of paid holiday a year. [1]"
    )


@pytest.mark.parametrize("question", ["What about sick days?", "And in Portugal?", "How about the notice period?"])
def test_the_answer_before_is_none_to_a_follow_up_about_something_else(library: Library, question: str) -> None:
    found = library.ask(question, earlier=[HOLIDAY])

    assert not found.grounded, found.text


def test_days_of_something_else_are_not_counted(library: Library, without_time_off: Library) -> None:
    assert "28 days" in library.ask(HOLIDAY).text
    assert not without_time_off.ask(HOLIDAY).grounded


@pytest.mark.parametrize(
    ("earlier", "question", "rows"),
    [
        ("How many tasks are blocked?", "And done?", {"Video"}),
        ("How many tasks are done?", "What about not done?", {"Load test", "Pricing page"}),
        ("How many tasks are blocked?", "Which of them are assigned to Tom?", {"Pricing page"}),
        ("How many tasks are blocked?", "And which are assigned to Tom?", {"Pricing page"}),
        ("Which tasks are blocked?", "Which ones are urgent?", {"Load test"}),
        ("Which tasks are blocked?", "Which of them are assigned to Ana?", set()),
        ("Which tasks does Tom own?", "Which are blocked?", {"Pricing page"}),
        ("Which tasks are blocked?", "Are any of them urgent?", {"Load test"}),
        ("How many tasks are assigned to Tom?", "And done?", {"Video"}),
        ("How many tasks are assigned to Tom and blocked?", "And done?", {"Video"}),
        ("How many tasks are assigned to Tom?", "Which of them are assigned to Ana?", set()),
    ],
)
def test_rows_are_picked_among_those_before(tasks: Library, earlier: str, question: str, rows: set[str]) -> None:
    found = tasks.ask(question, earlier=[earlier])

    assert {each.page_id for each in found.citations} == rows
    assert found.text.startswith(f"{len(rows)} found in “Launch plan”:") == ("many" in earlier and bool(rows))


@pytest.mark.parametrize(
    ("earlier", "question", "whole"),
    [
        (["Who owns the pricing page copy?"], "When is it due?", "When is the pricing page copy due?"),
        (["Who owns the pricing page copy?"], "Why is it blocked?", "Why is the pricing page copy blocked?"),
        (["Why is the copy blocked?"], "What is its status?", "What is the copy’s status?"),
        (["Who owns the copy?", "When is it due?"], "Is it done?", "Is the copy done?"),
        (["Is the copy done?"], "Who owns it?", "Who owns the copy?"),
    ],
)
def test_what_is_asked_of_it_is_asked_of_its_subject(earlier: list[str], question: str, whole: str) -> None:
    assert in_context(question, earlier) == whole


@pytest.mark.parametrize(
    ("earlier", "question", "whole"),
    [
        ("What is the Quay plan from December?", "And Fleet?", "What is the plan from December? And Fleet?"),
        ("Which lines of Delta sail in Portugal?", "And in Spain?", "Which lines of Delta sail in And in Spain?"),
        ("Which tasks of Tom are due in December?", "And in March?", "Which tasks of Tom are due in And in March?"),
        ("Which plan is for Lago Azzurro?", "And for Delta?", "Which plan is for And for Delta?"),
        ("Which tasks are in review?", "Which of his are due in December, urgent and labelled legal?", "="),
        ("Which tasks are blocked and urgent?", "What about done?", "Which tasks are done and urgent?"),
        ("How many high priority tasks are blocked?", "Done?", "How many high priority tasks are Done?"),
        ("How many days off are there in Spain?", "In Germany?", "How many days off are there in In Germany?"),
        ("How many tasks are done and of Tom?", "And blocked?", "How many tasks are blocked and of Tom?"),
    ],
)
def test_only_what_is_replaced_is_left_out(earlier: str, question: str, whole: str) -> None:
    assert in_context(question, [earlier]) == whole.replace("=", f"{earlier} {question}")


@pytest.mark.parametrize(
    ("earlier", "question"),
    [
        (["How many tasks are done?", "Which of them are assigned to Tom?"], "And overdue?"),
        (["Which tasks are blocked or done?"], "What about waiting?"),
        (["Which tasks are blocked?"], "And overdue?"),
        (["How many tasks are not done?"], "And not blocked?"),
        (["Which tasks are blocked?"], "And high priority?"),
        (["Which tasks are not of Tom and done?"], "And blocked?"),
        (["How many tasks aren't done?"], "And blocked?"),
        (["Who owns the pricing page copy?"], "And done?"),
        (["Which tasks of Tom are labelled Legal?"], "And Priya?"),
    ],
)
def test_it_is_not_guessed_what_a_follow_up_keeps(earlier: list[str], question: str) -> None:
    assert in_context(question, earlier) == ""


@pytest.mark.parametrize(
    ("asked", "whole"),
    [
        (["How long do we keep books?", "And maps?", "And globes?"], "How long do we keep books? And globes?"),
        (["What does the Graz shop cost?", "And Oslo?", "And Porto?"], "What does the shop cost? And Porto?"),
        (["How long is leave in Porto?", "And in Graz?", "And in Oslo?"], "How long is leave in And in Oslo?"),
        (
            ["How long is leave in Porto?", "And how early must I apply?", "And in Graz?"],
            "How long is leave in And how early must I apply? And in Graz?",
        ),
        (
            ["How long is leave in Porto?", "And in Graz?", "And for cooks?"],
            "How long is leave in And in Graz? And for cooks?",
        ),
    ],
)
def test_another_one_takes_the_place_of_the_one_before(asked: list[str], whole: str) -> None:
    assert in_context(asked[-1], asked[:-1]) == whole
