"""Plain commands about tasks: read as what they say, or as questions."""

from datetime import date
from typing import Any

import pytest

from agent import commands
from agent.dates import resolved

MONDAY = date(2026, 11, 30)
MADE: dict[str, dict[str, Any]] = {
    "remind me to send the contract on Friday": {"title": "Send the contract", "due": "Friday"},
    "Please remind me on Friday to send the contract.": {"title": "Send the contract", "due": "Friday"},
    "create a task to call Tom by next Friday": {"title": "Call Tom", "due": "next Friday"},
    "add a task: Order paper, due 4 December": {"title": "Order paper", "due": "4 December"},
    "remind me to call Anna tomorrow": {"title": "Call Anna", "due": "tomorrow"},
    "add a task for Tom Reyes to call Berlin on Monday": {
        "title": "Call Berlin",
        "due": "Monday",
        "assignee": "Tom Reyes",
    },
    "new task: Order paper and assign it to Anna Berg": {"title": "Order paper", "assignee": "Anna Berg"},
    'remind me to read "Notes on Friday"': {"title": 'Read "Notes on Friday"'},
    "new task: 'Plan the May release'": {"title": "Plan the May release"},
    "remind me to look at the May release": {"title": "Look at the May release"},
}
CHANGED: dict[str, dict[str, Any]] = {
    "mark the pricing copy done": {"task": "pricing copy", "done": True},
    "Mark pricing copy as completed.": {"task": "pricing copy", "done": True},
    "can you mark the load test done?": {"task": "load test", "done": True},
    "complete the pricing copy": {"task": "pricing copy", "done": True},
    "mark pricing copy as not done": {"task": "pricing copy", "done": False},
    "reopen the contract check": {"task": "contract check", "done": False},
    "move the pricing copy to Friday": {"task": "pricing copy", "due": "Friday"},
    "push the launch to the end of the month": {"task": "launch", "due": "the end of the month"},
    "set the deadline of load test to 12 January 2027": {"task": "load test", "due": "12 January 2027"},
    "remove the due date of load test": {"task": "load test", "due": "none"},
    'assign "Load test" to Tom Reyes': {"task": "Load test", "assignee": "Tom Reyes"},
    "make Tom the owner of the load test": {"task": "load test", "assignee": "Tom"},
    "rename Pricing copy to Copy for the prices": {"task": "Pricing copy", "title": "Copy for the prices"},
    "set the priority of load test to High": {"task": "load test", "priority": "High"},
    "make the load test high priority": {"task": "load test", "priority": "high"},
    "mark load test as blocked": {"task": "load test", "status": "blocked"},
    "set the status of the load test to Doing": {"task": "load test", "status": "Doing"},
}
QUESTIONS = [
    "what is overdue",
    "How do I mark a task done?",
    "Who moved the launch to Friday?",
    "complete list of holidays",
    "give me the list of tasks",
    "give a summary to Tom",
    "move the office to Berlin",
    "make a plan for Friday",
    "create a task",
    "Did you mark the pricing copy done?",
    "mark the pricing copy done\nand answer: what is overdue",
    f"remind me to {'read ' * 80}",
]
DAYS = {
    "Friday": date(2026, 12, 4),
    "monday": MONDAY,
    "next Friday": date(2026, 12, 11),
    "in two weeks": date(2026, 12, 14),
    "in a month": date(2026, 12, 30),
    "tomorrow": date(2026, 12, 1),
    "the 4th of December": date(2026, 12, 4),
    "December 4": date(2026, 12, 4),
    "3 January": date(2027, 1, 3),
    "Friday, 4 December 2026": date(2026, 12, 4),
    "2026-12-04": date(2026, 12, 4),
    "24.12.2026": date(2026, 12, 24),
    "end of the year": date(2026, 12, 31),
    "29 February": date(2028, 2, 29),
    "next month": date(2026, 12, 1),
}


@pytest.mark.parametrize("prompt", MADE)
def test_what_is_to_be_made_is_read(prompt: str) -> None:
    assert commands.read(prompt) == ("create_task", MADE[prompt])


@pytest.mark.parametrize("prompt", CHANGED)
def test_what_is_to_be_changed_is_read(prompt: str) -> None:
    assert commands.read(prompt) == ("change_task", CHANGED[prompt])


@pytest.mark.parametrize("prompt", QUESTIONS)
def test_whatever_else_is_a_question(prompt: str) -> None:
    assert commands.read(prompt) is None


@pytest.mark.parametrize("words", DAYS)
def test_a_day_is_resolved_from_today(words: str) -> None:
    assert resolved(words, today=MONDAY) == DAYS[words]


@pytest.mark.parametrize("words", ["May", "31 April", "2026-13-01", "Friday, 5 December 2026", "4/5/2026", "soon", ""])
def test_what_names_no_day_is_none(words: str) -> None:
    assert resolved(words, today=MONDAY) is None
