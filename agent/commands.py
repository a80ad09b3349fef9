"""A prompt that is a plain command about a task: what it asks for, in its own words. Pure.

Whatever does not read as one is a question. Only what a person typed is read here, never a page.
"""

import re
from collections.abc import Callable, Iterator
from datetime import date
from typing import Any, NamedTuple

from agent.dates import resolved

LONGEST = 300
_I = re.IGNORECASE
_SOME_DAY = date(2026, 1, 1)
_POLITE = re.compile(r"(?:please,? |(?P<asked>(?:can|could|would|will) you (?:please )?))", _I)
_QUOTED = re.compile(r"^[\"“„«'‘](.+)[\"”“»'’]$")
_MARKS = re.compile(r"[,;]? (?:due(?: date)?(?: on| by)?:?|by|on|until) ", _I)
# Days that need no word before them.
_BARE = re.compile(
    r",? (today|tomorrow|(?:the )?day after tomorrow|next week|in (?:\w+) (?:days?|weeks?|months?))$", _I
)
_GIVEN = re.compile(
    r",? (?:and )?(?:assign(?:ed)?(?: it)? to|for the attention of) (?P<who>[\w.’'-]+(?: [\w.’'-]+){0,3})$", _I
)
_OF_TASK = re.compile(r"^(?:the |my |our )?(?:(?:task|to-?do)s? )?(?:called |named )?|(?: (?:task|to-?do))$", _I)
_DUE = r"(?:the )?(?:due (?:date|day)|deadline)"
_KIND = r"(?:task|to-?do|reminder)"
_WHAT = r"(?P<task>.+?)"
_TO = r"(?:to|until|till|for|on|by)"
_A_TASK = rf"(?P<task>(?:the|my|our|{_KIND}) .+|[\"“„«].+)"


class Command(NamedTuple):
    """`tool` is a tool of the run's; the arguments are words as they were typed."""

    tool: str
    arguments: dict[str, Any]


Read = Callable[[re.Match[str]], dict[str, Any] | None]


def read(prompt: str) -> Command | None:
    said = " ".join(prompt.split())
    if len(said) > LONGEST or "\n" in prompt.strip():
        return None
    polite = _POLITE.match(said)
    said = said[polite.end() :] if polite else said
    if said.endswith("?") and not (polite and polite["asked"]):
        return None
    said = said.rstrip(" ?.!")
    made = _made(said)
    return Command("create_task", made) if made else _changed(said)


# -- making one

_REMIND = re.compile(r"remind me (?:(?P<when>.{3,30}?) )??(?:to|about|that) (?P<title>.+)", _I)
_MAKE = re.compile(
    rf"(?:(?:create|add|make|open|note)(?: me)?(?: an?| the| another)?(?: new)?|new) {_KIND}"
    rf"(?: for (?P<who>[\w.’'-]+(?: [A-Z][\w.’'-]+)?)(?= to\b))?"
    r"(?::| called| named| titled|,? to(?= )|,)? (?P<title>.+)",
    _I,
)


def _made(said: str) -> dict[str, Any] | None:
    found = _REMIND.fullmatch(said)
    if found:
        when = re.sub(r"^(?:on|by) ", "", found["when"] or "", flags=_I)
        if when and not _is_day(when):
            return None
        return _new(found["title"], when, "")
    found = _MAKE.fullmatch(said)
    return _new(found["title"], "", found["who"] or "") if found else None


def _new(title: str, when: str, who: str) -> dict[str, Any] | None:
    given = _GIVEN.search(title)
    if given and not who:
        title, who = title[: given.start()], given["who"]
    if not when:
        title, when = _apart(title)
    if not title:
        return None
    title = _unquoted(title)
    made = {"title": title[:1].upper() + title[1:], "due": when, "assignee": who}
    return {name: value for name, value in made.items() if value}


def _apart(text: str) -> tuple[str, str]:
    """What stands before a day at its end, and that day. Nothing in quotation marks is one."""
    for mark in _MARKS.finditer(text):
        if _is_day(text[mark.end() :]) and not _in_quotes(text, mark.start()):
            return text[: mark.start()], text[mark.end() :]
    bare = _BARE.search(text)
    if bare and _is_day(bare[1]):
        return text[: bare.start()], bare[1]
    return text, ""


def _in_quotes(text: str, at: int) -> bool:
    return len(re.findall(r"[\"“”„]", text[:at])) % 2 == 1


# -- changing one


def _done(is_done: bool) -> Read:
    return lambda found: {"done": is_done}


def _day(found: re.Match[str]) -> dict[str, Any] | None:
    return {"due": found["when"]} if _is_day(found["when"]) else None


def _word(name: str) -> Read:
    return lambda found: {name: _unquoted(found["value"])}


_FORMS: tuple[tuple[re.Pattern[str], Read], ...] = tuple(
    (re.compile(form, _I), reads)
    for form, reads in (
        (rf"mark {_WHAT} (?:as )?(?:not done|undone|not finished|incomplete|open(?: again)?)", _done(False)),
        (r"re-?open (?P<task>.+)", _done(False)),
        (rf"(?:mark|tick|check|set) {_WHAT} (?:off )?(?:as |to )?(?:done|completed?|finished)", _done(True)),
        (rf"(?:complete|finish|close|tick off|check off) {_A_TASK}", _done(True)),
        (rf"(?:set|change|move) (?:the )?status of {_WHAT} to (?P<value>.+)", _word("status")),
        (rf"(?:set|change) (?:the )?priority of {_WHAT} to (?P<value>.+)", _word("priority")),
        (rf"(?:set|change|move) {_DUE} (?:of|for) {_WHAT} to (?P<when>.+)", _day),
        (
            r"(?:remove|clear|delete) (?:the )?(?:due (?:date|day)|deadline) (?:of|from) (?P<task>.+)",
            lambda _: {"due": "none"},
        ),
        (rf"(?:make|set) {_WHAT} due (?:on |by |to )?(?P<when>.+)", _day),
        (
            rf"(?:move|re-?schedule|postpone|push|delay|shift) {_WHAT} (?:back )?{_TO} (?P<when>.+)",
            _day,
        ),
        (rf"(?:rename|retitle|change the title of) {_WHAT} (?:to|as) (?P<value>.+)", _word("title")),
        (rf"(?:re-?assign|assign) {_WHAT} to (?P<value>.+)", _word("assignee")),
        (rf"(?:give|hand(?: over)?) {_A_TASK} (?:over )?to (?P<value>.+)", _word("assignee")),
        (r"make (?P<value>.+?) the (?:owner|assignee) of (?P<task>.+)", _word("assignee")),
        (rf"make {_WHAT} (?P<value>[\w-]+) priority", _word("priority")),
        (rf"mark {_WHAT} as (?P<value>.+)", _word("status")),
    )
)


def _changed(said: str) -> Command | None:
    for arguments in _readings(said):
        return Command("change_task", arguments)
    return None


def _readings(said: str) -> Iterator[dict[str, Any]]:
    for form, reads in _FORMS:
        found = form.fullmatch(said)
        change = reads(found) if found else None
        task = _unquoted(_OF_TASK.sub("", found["task"])) if found else ""
        if change and task:
            yield {"task": task, **change}


def _is_day(words: str) -> bool:
    return resolved(words, today=_SOME_DAY) is not None


def _unquoted(text: str) -> str:
    found = _QUOTED.match(text.strip())
    return found[1].strip() if found else text.strip(" ,;")
